"""HFBackend: causal language models of transformers, fine-tuned on a table's rows as text."""

from tabwidget.backends.huggingface.backend import HFBackend

__all__ = ["HFBackend"]
