"""Warm-up: import what the first answer needs while the user still looks at the workbench."""

from __future__ import annotations

import functools
import threading

from tabwidget.session import background

__all__ = ["warm_up"]

QUIET_SECONDS = 1.5  # without a question


@functools.cache
def warm_up() -> threading.Thread:
    """Import the default backend on a thread, and then the charts, once in a process.

    Returns
    -------
    Thread
        Ends when the backend is imported; the charts follow in a quiet moment. Not a daemon: one
        killed inside torch would abort the interpreter at exit.

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
    background.asked()  # the first question is about to come
    threading.Thread(target=_import_charts, name="tabwidget-charts").start()


def _import_charts() -> None:
    # Seconds of work that no first answer needs, but the loss curve does: Altair's parser of links.
    with background.turn(threading.Event(), quiet=QUIET_SECONDS):
        from tabwidget import charts  # noqa: F401
