"""Callbacks: consumers of a fit's events."""

from tabwidget.callbacks.base import Callback
from tabwidget.callbacks.jsonl import JSONLCallback
from tabwidget.callbacks.logger import LoggingCallback
from tabwidget.callbacks.progress import TqdmCallback

__all__ = ["Callback", "JSONLCallback", "LoggingCallback", "TqdmCallback"]
