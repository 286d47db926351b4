"""Callbacks: consumers of the events of fits and predictions."""

from tabwidget.callbacks.base import Callback, Stop, as_list, close, notify
from tabwidget.callbacks.dashboard import RichCallback
from tabwidget.callbacks.jsonl import JSONLCallback
from tabwidget.callbacks.logger import LoggingCallback
from tabwidget.callbacks.memory import memory_of_process
from tabwidget.callbacks.prediction import predicting
from tabwidget.callbacks.progress import TqdmCallback

__all__ = [
    "Callback",
    "JSONLCallback",
    "LoggingCallback",
    "RichCallback",
    "Stop",
    "TqdmCallback",
    "as_list",
    "close",
    "memory_of_process",
    "notify",
    "predicting",
]
