"""Training examples to display, with control characters escaped."""

from __future__ import annotations

from numbers import Integral

from tabwidget.errors import ConfigError
from tabwidget.events import Event, FitStart, TrainExamples

__all__ = ["Preview", "visible"]


class Preview:
    """Selects the first training examples of each fit.

    Parameters
    ----------
    n_train_examples : int
        Rows to show per fit.

    Examples
    --------
    >>> preview = Preview(2)
    >>> [preview.take(TrainExamples(0.1, ("a", "b", "c"))) for _ in range(2)]
    [['a', 'b'], []]
    """

    def __init__(self, n_train_examples: int) -> None:
        count = n_train_examples
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 0:
            raise ConfigError(f"n_train_examples is {count!r}: give a number of rows, 0 or more")
        self.n_train_examples: int = int(count)
        self._left: int = self.n_train_examples

    def take(self, event: Event) -> list[str]:
        """Return the rows of an event to display."""
        if isinstance(event, FitStart):
            self._left = self.n_train_examples
        if not isinstance(event, TrainExamples):
            return []
        rows = [visible(text) for text in event.examples[: self._left]]
        self._left -= len(rows)
        return rows


def visible(text: str) -> str:
    r"""Return a text on one line, with control characters escaped.

    Examples
    --------
    >>> print(visible("a\x1b[2Jb\n"))
    a\x1b[2Jb\n
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
