"""The default backend: small cell models, trained from scratch in seconds."""

from tabwidget.backends.minilm.backend import MiniLMBackend

__all__ = ["MiniLMBackend"]
