"""Texts: where free text lies in a space of some dimensions, by its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

__all__ = ["TextSpace"]

N_AXES = 256
MAX_WORDS = 2_000  # the most frequent ones
MAX_TEXTS = 20_000  # that the axes are of
MIN_SPREAD = 1e-6  # of texts along an axis, all of length one


@dataclass(frozen=True, eq=False)
class TextSpace:
    """Latent semantic analysis of some texts (Deerwester et al. 1990), by scikit-learn.

    A text is its words, rare ones counting more (tf-idf), projected on the axes along which the
    texts differ most.

    Attributes
    ----------
    words : ndarray of str
        The words that count.
    weights : ndarray of float, shape (n_words,)
        Inverse document frequency of each.
    axes : ndarray of float32, shape (n_axes, n_words)
        Directions in the space of words.

    Examples
    --------
    >>> space = TextSpace.of(["a red fox", "a red hen", "the blue sea", "the blue sky"])
    >>> red, blue, both = space.places(["red", "blue", "red blue"])
    >>> bool(red @ blue < red @ both)
    True
    """

    words: NDArray[np.object_]
    weights: NDArray[np.float64]
    axes: NDArray[np.float32]

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextSpace | None:
        """Return the space of some texts; None if there are no words that tell them apart."""
        texts = texts[:: max(1, len(texts) // MAX_TEXTS)]
        vectorizer = TfidfVectorizer(min_df=2, max_features=MAX_WORDS, sublinear_tf=True)
        try:
            found = vectorizer.fit_transform(texts)
        except ValueError:  # no word stands in two texts
            return None
        n_axes = min(N_AXES, *(size - 1 for size in found.shape))
        if n_axes < 1:
            return None
        svd = TruncatedSVD(n_axes, random_state=0)
        with np.errstate(invalid="ignore"):  # of texts that are all alike
            varied = svd.fit_transform(found).std(axis=0) > MIN_SPREAD
        if not varied.any():
            return None
        words = np.array(vectorizer.get_feature_names_out(), dtype=object)
        return cls(words, vectorizer.idf_, svd.components_[varied].astype(np.float32))

    def places(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return where texts lie, shape ``(n_texts, n_axes)``; the origin without a known word."""
        places: NDArray[np.float64] = self._counted(texts) @ self.axes.T
        return places

    def counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return in how many texts each word stands."""
        return np.asarray((self._counted(texts) > 0).sum(axis=0), dtype=np.int64).ravel()

    def _counted(self, texts: Sequence[str]) -> csr_matrix:
        vectorizer = TfidfVectorizer(vocabulary=list(self.words), sublinear_tf=True)
        vectorizer.idf_ = self.weights
        return vectorizer.transform(texts)
