"""Forest: a random forest of one column whose leaves hold distributions over the support.

The probability of a value is the mean over the trees of its share in the leaf that a row falls into
(Meinshausen, "Quantile Regression Forests", 2006). scikit-learn grows the trees; their nodes are
kept as flat arrays, which are saved without pickle and walked for all trees at once.

Shapes: n rows, F features, T trees, N nodes of all trees, S support.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from tabwidget._typing import Bools, Floats, Ints

__all__ = ["TREES_PER_STEP", "Forest"]

TREES_PER_STEP = 4
MIN_LEAF = 2  # rows
PRIOR_ROWS = 0.5  # rows' worth of the column's shares in each leaf


@dataclass(frozen=True)
class Forest:
    """The trees of one target.

    Attributes
    ----------
    roots : int64 ndarray of shape (T,)
        Node of each tree's root.
    feature : int64 ndarray of shape (N,)
        Feature that a node splits by; negative for a leaf.
    threshold : ndarray of shape (N,)
        Rows up to it go left.
    missing_left : bool ndarray of shape (N,)
        Whether rows with an unknown cell go left.
    left, right : int64 ndarray of shape (N,)
        Nodes below.
    shares : float32 ndarray of shape (N, S)
        Distribution of the target in each leaf; zero for other nodes.
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    missing_left: Bools
    left: Ints
    right: Ints
    shares: NDArray[np.float32]

    @classmethod
    def grow(
        cls,
        x: Floats,
        codes: Ints,
        order: Floats | None,
        size: int,
        seed: int,
        *,
        max_trees: int,
        seconds: float,
    ) -> tuple[Forest, NDArray[np.bool_]]:
        """Grow trees until the time is up.

        Parameters
        ----------
        x : ndarray of shape (n, F)
            Evidence, NaN where unknown.
        codes : ndarray of int of shape (n,)
            Support index of the target.
        order : ndarray of shape (n,) or None
            The target as a number, to split by its variance; None for levels.
        size : int
            Size of the support.
        seed : int
            Seed of the trees.
        max_trees : int
            Most trees.
        seconds : float
            Time limit; at least `TREES_PER_STEP` trees are grown.

        Returns
        -------
        Forest
            The trees.
        bool ndarray of shape (n, T)
            Which rows each tree was not grown on.

        Examples
        --------
        >>> x = np.arange(40.0)[:, None]
        >>> codes, limits = (x[:, 0] > 20).astype(int), {"max_trees": 4, "seconds": 1.0}
        >>> forest, unseen = Forest.grow(x, codes, None, 2, seed=0, **limits)
        >>> forest.predict(np.array([[3.0], [33.0]])).argmax(1).tolist()
        [0, 1]
        """
        kind = RandomForestClassifier if order is None else RandomForestRegressor
        model = kind(
            TREES_PER_STEP,
            min_samples_leaf=MIN_LEAF,
            max_features="sqrt" if order is None else 0.5,
            random_state=seed,
            warm_start=True,
            n_jobs=1,
        )
        began = time.perf_counter()
        y = codes if order is None else order
        model.fit(x, y)
        while len(model.estimators_) < max_trees and time.perf_counter() - began < seconds:
            model.n_estimators += TREES_PER_STEP
            model.fit(x, y)
        marginal = (np.bincount(codes, minlength=size) + 0.5 / size) / (len(codes) + 0.5)
        parts, unseen, start = [], np.ones((len(x), len(model.estimators_)), dtype=bool), 0
        roots = []
        for number, (tree, rows) in enumerate(
            zip(model.estimators_, model.estimators_samples_, strict=True)
        ):
            unseen[rows, number] = False
            nodes = tree.tree_
            leaves = nodes.apply(x[rows].astype(np.float32))
            counts = np.zeros((nodes.node_count, size), dtype=np.float32)
            np.add.at(counts, (leaves, codes[rows]), 1.0)
            is_leaf = nodes.children_left < 0
            counts[is_leaf] += PRIOR_ROWS * marginal
            counts[is_leaf] /= counts[is_leaf].sum(1, keepdims=True)
            parts.append(
                (
                    nodes.feature,
                    nodes.threshold,
                    nodes.missing_go_to_left.astype(bool),
                    nodes.children_left + start,
                    nodes.children_right + start,
                    counts,
                )
            )
            roots.append(start)
            start += nodes.node_count
        return cls(np.array(roots), *map(np.concatenate, zip(*parts, strict=True))), unseen

    def predict(self, x: Floats, among: Bools | None = None) -> Floats:
        """Return the probabilities of the support, shape ``(n, S)``.

        Parameters
        ----------
        x : ndarray of shape (n, F)
            Evidence, NaN where unknown.
        among : bool ndarray of shape (n, T), optional
            The trees that count for each row; all by default, and where there would be none.
        """
        node = np.tile(self.roots, (len(x), 1))
        # scikit-learn grows the trees on float32.
        x = x.astype(np.float32)
        rows = np.arange(len(x))[:, None]
        while (inner := self.feature[node] >= 0).any():
            values = x[rows, np.maximum(self.feature[node], 0)]
            left = np.where(
                np.isnan(values), self.missing_left[node], values <= self.threshold[node]
            )
            node = np.where(inner, np.where(left, self.left[node], self.right[node]), node)
        found = self.shares[node]
        if among is None:
            mean: Floats = found.mean(1, dtype=np.float64)
            return mean
        counted = np.where(among.any(1, keepdims=True), among, True).astype(np.float64)
        return np.einsum("nts,nt->ns", found, counted / counted.sum(1, keepdims=True))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, to be saved."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        """Return the forest of saved arrays."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})
