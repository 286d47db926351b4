"""Warm-up: import what the first answer needs while the user still looks at the workbench."""

from __future__ import annotations

import functools
import threading

__all__ = ["warm_up"]


@functools.cache
def warm_up() -> threading.Thread:
    """Import the default backend and the charts on a thread, once in a process.

    Returns
    -------
    Thread
        Not a daemon: one killed inside torch would abort the interpreter at exit.

    Examples
    --------
    >>> warm_up().join()
    >>> warm_up() is warm_up()
    True
    """
    thread = threading.Thread(target=_import, name="tabwidget-warm-up")
    thread.start()
    return thread


def _import() -> None:
    from tabwidget.backends import resolve

    resolve("auto")
    from tabwidget import charts  # noqa: F401
