"""MLXBackend: any causal language model that mlx-lm loads, tuned on a table's rows as text."""

from tabwidget.backends.mlx.backend import MLXBackend

__all__ = ["MLXBackend"]
