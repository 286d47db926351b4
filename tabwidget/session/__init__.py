"""Session: the one object that every panel shows and every line of Python can drive."""

from tabwidget.session.run import Run
from tabwidget.session.session import Session

__all__ = ["Run", "Session"]
