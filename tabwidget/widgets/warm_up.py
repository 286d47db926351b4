"""Warm-up: import what answers and training need while the user still looks at the workbench."""

from __future__ import annotations

import functools
import threading

from tabwidget.session import background

__all__ = ["warm_up", "warm_up_training"]

QUIET_SECONDS = 1.5  # without a question


@functools.cache
def warm_up() -> threading.Thread:
    """Import the default backend on a thread, once in a process.

    Returns
    -------
    Thread
        Ends when the backend is imported. Not a daemon: one killed inside torch would abort the
        interpreter at exit.

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
    from tabwidget.config import TrainingConfig

    TrainingConfig().validate()  # pydantic builds its validators at the first use
    resolve("auto")


@functools.cache
def warm_up_training() -> threading.Thread:
    """Import what training and its curve need, after the backend, once in a process.

    Returns
    -------
    Thread
        Ends when all is imported, in quiet moments.

    Examples
    --------
    >>> warm_up_training() is warm_up_training()
    True
    """
    thread = threading.Thread(target=_import_training, name="tabwidget-warm-up-training")
    thread.start()
    return thread


def _import_training() -> None:
    warm_up().join()
    background.asked()  # the first question is about to come
    # Seconds of work that no first answer needs, but a fit and its loss curve do: torch's compiler
    # comes with the first optimizer, and Altair parses links as it is imported.
    with background.turn(threading.Event(), quiet=QUIET_SECONDS):
        from tabwidget import charts  # noqa: F401
    with background.turn(threading.Event(), quiet=QUIET_SECONDS):
        from tabwidget.minilm import optimizer

        optimizer.warm_up()
