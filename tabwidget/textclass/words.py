"""Words: what each word of a text says for or against a label."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Word", "word_effects"]

MOST_PIECES = 100  # of a text; of a longer one, several words at a time are left out

# Scripts written without spaces: each sign for itself.
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\s{_SIGNS}]+")


@dataclass(frozen=True)
class Word:
    """A word, or a few of a long text, and what the text is without it.

    Attributes
    ----------
    start, end : int
        Its place in the text, in code points.
    without : float
        The probability of the label without it.
    effect : float
        By how much the log-odds of the label fall without it, in nats: above 0 it speaks for the
        label, below 0 against it.
    """

    start: int
    end: int
    without: float
    effect: float


def word_effects(
    probabilities: Callable[[Sequence[str]], NDArray[np.float64]], text: str
) -> tuple[float, list[Word]]:
    """Return the probability of a label of a text, and what each word does to it.

    Each word is left out in turn [1]_, in one batch.

    Parameters
    ----------
    probabilities : callable
        Takes texts, and returns the probability of the label for each.
    text : str
        The text.

    References
    ----------
    .. [1] Li, Monroe & Jurafsky, "Understanding Neural Networks through Representation Erasure",
       arXiv:1612.08220, 2016.

    Examples
    --------
    >>> def goals(texts):
    ...     return np.array([0.9 if "goal" in text else 0.2 for text in texts])
    >>> whole, words = word_effects(goals, "a late goal")
    >>> whole, [(word.start, word.without, round(word.effect, 2)) for word in words]
    (0.9, [(0, 0.9, 0.0), (2, 0.9, 0.0), (7, 0.2, 3.58)])
    """
    places = _pieces(text)
    found = probabilities([text, *(_without(text, start, end) for start, end in places)])
    odds = _log_odds(found)
    return float(found[0]), [
        Word(start, end, float(found[i]), float(odds[0] - odds[i]))
        for i, (start, end) in enumerate(places, start=1)
    ]


def _pieces(text: str) -> list[tuple[int, int]]:
    """Return where the words are; of a long text, some that stand together are one piece."""
    words = [found.span() for found in _WORD.finditer(text)]
    size = -(-len(words) // MOST_PIECES) or 1
    runs = [words[i : i + size] for i in range(0, len(words), size)]
    return [(run[0][0], run[-1][1]) for run in runs]


def _without(text: str, start: int, end: int) -> str:
    before, after = text[:start], text[end:]
    # One space of the two that were around it.
    return before + (after[1:] if before[-1:].isspace() and after[:1].isspace() else after)


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # Nearer to 0 and 1 lies only what single precision cannot tell apart.
    p = np.clip(probabilities, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p) - np.log1p(-p))
