"""Leave-one-out attribution of a label's probability to the words of a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["WordAttribution", "word_attributions"]

# In scripts written without spaces, each character counts as a word.
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\s{_SIGNS}]+")


@dataclass(frozen=True)
class WordAttribution:
    """The attribution of one word, or of several adjacent words.

    Attributes
    ----------
    start, end : int
        Position in the text, in code points.
    without : float
        The probability of the label without the word.
    effect : float
        ``logit(p) - logit(without)`` in nats: positive for evidence for the label, negative for
        evidence against it.
    n_words : int
        Number of words.
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
    max_pieces: int = 100,
) -> tuple[float, list[WordAttribution]]:
    """Return the probability of a label for a text, and the attribution of each word.

    Each word is left out in turn [1]_, in one batch. A long text is split into pieces of several
    words; call again with `within` to resolve a piece.

    Parameters
    ----------
    probabilities : callable
        Maps texts to the probability of the label for each.
    text : str
        The text.
    within : (int, int), optional
        The part of the text to attribute to; all of it by default.
    max_pieces : int, default 100
        Maximum number of pieces; each costs one evaluation.

    References
    ----------
    .. [1] Li, Monroe & Jurafsky, "Understanding Neural Networks through Representation Erasure",
       arXiv:1612.08220, 2016.

    Examples
    --------
    >>> def p_sports(texts):
    ...     return np.array([0.9 if "goal" in text else 0.2 for text in texts])
    >>> whole, words = word_attributions(p_sports, "a late goal")
    >>> whole, [(word.start, word.without, round(word.effect, 2)) for word in words]
    (0.9, [(0, 0.9, 0.0), (2, 0.9, 0.0), (7, 0.2, 3.58)])
    """
    start, end = (0, len(text)) if within is None else within
    words = [found.span() for found in _WORD.finditer(text, start, end)]
    size = -(-len(words) // max_pieces) or 1
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
    # Remove one of the two surrounding spaces.
    return before + (after[1:] if before[-1:].isspace() and after[:1].isspace() else after)


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # Single precision does not resolve probabilities closer to 0 or 1.
    p = np.clip(probabilities, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p) - np.log1p(-p))
