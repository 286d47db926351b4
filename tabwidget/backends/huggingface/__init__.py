"""HFBackend: any causal language model that transformers loads, tuned on a table's rows as text."""

from tabwidget.backends.huggingface.backend import HFBackend

__all__ = ["HFBackend"]
