"""The default backend: small models of cells, trained from scratch in seconds."""

from tabwidget.backends.minilm.backend import MiniLMBackend

__all__ = ["MiniLMBackend"]
