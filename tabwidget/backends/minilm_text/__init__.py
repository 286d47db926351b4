"""MiniLMTextBackend: a small language model of rows as text, trained from scratch."""

from tabwidget.backends.minilm_text.backend import MiniLMTextBackend

__all__ = ["MiniLMTextBackend"]
