"""MLXBackend: causal language models of mlx-lm, fine-tuned on a table's rows as text."""

from tabwidget.backends.mlx.backend import MLXBackend

__all__ = ["MLXBackend"]
