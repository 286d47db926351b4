"""Words: what each word of a text says for or against a label."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["WordAttribution", "word_attributions"]

# Scripts written without spaces: each sign for itself.
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\s{_SIGNS}]+")


@dataclass(frozen=True)
class WordAttribution:
    """A word, or some that stand together, and what the text is without it.

    Attributes
    ----------
    start, end : int
        Its place in the text, in code points.
    without : float
        The probability of the label without it.
    effect : float
        By how much the log-odds of the label fall without it, in nats: above 0 it speaks for the
        label, below 0 against it.
    n_words : int
        How many words it is.
    """

    start: int
    end: int
    without: float
    effect: float
    n_words: int


def word_attributions(
    probabilities: Callable[[Sequence[str]], NDArray[np.float64]],
    text: str,
    *,
    within: tuple[int, int] | None = None,
    most: int = 100,
) -> tuple[float, list[WordAttribution]]:
    """Return the probability of a label of a text, and what each word does to it.

    Each word is left out in turn [1]_, in one batch. Of a long text it is some words at a time;
    which of those it is, tells the same question within their place.

    Parameters
    ----------
    probabilities : callable
        Takes texts, and returns the probability of the label for each.
    text : str
        The text.
    within : (int, int), optional
        The part of the text whose words are asked for; all of it by default.
    most : int, default 100
        How many texts to ask for, beside the whole one.

    References
    ----------
    .. [1] Li, Monroe & Jurafsky, "Understanding Neural Networks through Representation Erasure",
       arXiv:1612.08220, 2016.

    Examples
    --------
    >>> def goals(texts):
    ...     return np.array([0.9 if "goal" in text else 0.2 for text in texts])
    >>> whole, words = word_attributions(goals, "a late goal")
    >>> whole, [(word.start, word.without, round(word.effect, 2)) for word in words]
    (0.9, [(0, 0.9, 0.0), (2, 0.9, 0.0), (7, 0.2, 3.58)])
    """
    start, end = (0, len(text)) if within is None else within
    words = [found.span() for found in _WORD.finditer(text, start, end)]
    size = -(-len(words) // most) or 1
    runs = [words[i : i + size] for i in range(0, len(words), size)]
    places = [(run[0][0], run[-1][1]) for run in runs]
    found = probabilities([text, *(_without(text, *place) for place in places)])
    odds = _log_odds(found)
    return float(found[0]), [
        WordAttribution(*place, float(found[i]), float(odds[0] - odds[i]), len(run))
        for i, (place, run) in enumerate(zip(places, runs, strict=True), start=1)
    ]


def _without(text: str, start: int, end: int) -> str:
    before, after = text[:start], text[end:]
    # One space of the two that were around it.
    return before + (after[1:] if before[-1:].isspace() and after[:1].isspace() else after)


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # Nearer to 0 and 1 lies only what single precision cannot tell apart.
    p = np.clip(probabilities, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p) - np.log1p(-p))
