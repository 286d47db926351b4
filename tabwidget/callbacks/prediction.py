"""Events of a prediction: start, rows done, end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Literal

from tabwidget.events import Event, PredictEnd, PredictStart, RowEnd

__all__ = ["predicting"]


@contextlib.contextmanager
def predicting(
    emit: Callable[[Event], None], kind: str, n_rows: int
) -> Iterator[Callable[[int], None]]:
    """Emit the events of a prediction, including its end if it fails.

    Parameters
    ----------
    emit : callable
        Receives each event.
    kind : str
        Name of the method, such as "predict_proba".
    n_rows : int
        Rows to predict.

    Yields
    ------
    callable
        Call it with the number of rows completed since the last call.

    Examples
    --------
    >>> with predicting(print, "sample", 2) as done:
    ...     done(2)  # doctest: +ELLIPSIS
    PredictStart(seconds=0.0, kind='sample', n_rows=2)
    RowEnd(seconds=..., rows_done=2)
    PredictEnd(seconds=..., rows_done=2, reason='done')
    """
    began, rows_done = time.perf_counter(), 0

    def done(n: int) -> None:
        nonlocal rows_done
        rows_done += n
        emit(RowEnd(time.perf_counter() - began, rows_done))

    emit(PredictStart(0.0, kind, n_rows))
    reason: Literal["done", "failed"] = "failed"
    try:
        yield done
        reason = "done"
    finally:
        emit(PredictEnd(time.perf_counter() - began, rows_done, reason))
