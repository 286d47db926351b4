"""TextEmbedding: free text as vectors, by latent semantic analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tabwidget._typing import Floats, Ints

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

__all__ = ["TextEmbedding"]

MAX_DIMENSIONS = 256
MAX_WORDS = 2_000  # the most frequent ones
MAX_TEXTS = 20_000  # that an embedding is fitted to
MIN_SPREAD = 1e-6  # standard deviation of unit-length texts along a component


@dataclass(frozen=True, eq=False)
class TextEmbedding:
    """Latent semantic analysis (Deerwester et al. 1990): tf-idf, then a truncated SVD.

    A text t is the vector tfidf(t) @ components.T.

    Attributes
    ----------
    words : ndarray of str
        The vocabulary.
    idf : ndarray of float
        Inverse document frequency of each word.
    components : ndarray of float32, shape (n_dimensions, n_words)
        Right singular vectors of the tf-idf matrix.

    Examples
    --------
    >>> texts = ["a red fox", "a red hen", "the blue sea", "the blue sky"]
    >>> red, blue, both = TextEmbedding.fit(texts).embed(["red", "blue", "red blue"])
    >>> bool(red @ blue < red @ both)
    True
    """

    words: NDArray[np.object_]
    idf: Floats
    components: NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> TextEmbedding | None:
        """Return an embedding fitted to texts; None if no words distinguish them."""
        from sklearn.decomposition import TruncatedSVD  # slow to import

        texts = texts[:: max(1, len(texts) // MAX_TEXTS)]
        vectorizer = _vectorizer(min_df=2, max_features=MAX_WORDS)
        try:
            tfidf = vectorizer.fit_transform(texts)
        except ValueError:  # no word appears in two texts
            return None
        n_dimensions = min(MAX_DIMENSIONS, *(size - 1 for size in tfidf.shape))
        if n_dimensions < 1:
            return None
        svd = TruncatedSVD(n_dimensions, random_state=0)
        with np.errstate(invalid="ignore"):  # from texts that are all alike
            varied = svd.fit_transform(tfidf).std(axis=0) > MIN_SPREAD
        if not varied.any():
            return None
        words = np.array(vectorizer.get_feature_names_out(), dtype=object)
        return cls(words, vectorizer.idf_, svd.components_[varied].astype(np.float32))

    @property
    def n_dimensions(self) -> int:
        """Length of an embedded text."""
        return len(self.components)

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return shape ``(n_texts, n_dimensions)``; zeros for a text without known words."""
        vectors: Floats = self._tfidf(texts) @ self.components.T
        return vectors

    def document_counts(self, texts: Sequence[str]) -> Ints:
        """Return the number of texts that contain each word."""
        return np.asarray((self._tfidf(texts) > 0).sum(axis=0), dtype=np.int64).ravel()

    def _tfidf(self, texts: Sequence[str]) -> csr_matrix:
        vectorizer = _vectorizer(vocabulary=list(self.words))
        vectorizer.idf_ = self.idf
        return vectorizer.transform(texts)


def _vectorizer(**settings: Any) -> TfidfVectorizer:
    from sklearn.feature_extraction.text import TfidfVectorizer  # slow to import

    return TfidfVectorizer(sublinear_tf=True, **settings)
