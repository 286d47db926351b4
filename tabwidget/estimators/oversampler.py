"""LanguageModelOverSampler: new rows of the rare classes, p(features | class)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from tabwidget.estimators.base import LanguageModelEstimator, array_dtype, warn_of_columns
from tabwidget.estimators.parameters import SharedParameters, with_parameters
from tabwidget.model import TabularLanguageModel

__all__ = ["LanguageModelOverSampler"]

Strategy: TypeAlias = str | float | Mapping[Any, int] | Callable[[Any], Mapping[Any, int]]


@with_parameters
class OverSamplerParameters(SharedParameters):
    """Parameters of `LanguageModelOverSampler`, which documents them."""

    sampling_strategy: Strategy = "auto"


class LanguageModelOverSampler(OverSamplerParameters, LanguageModelEstimator, BaseOverSampler):  # type: ignore[misc]
    """Append rows of the rare classes, each sampled jointly given its class.

    Sampled cells have the dtype of their column. In a new row, the same cells are missing as in
    a random row of its class, since complete rows would be recognizable as new. A column that
    cannot be sampled, such as an identifier or free text, is copied from that row, with a warning.

    The other parameters are those of `LanguageModelEstimator`.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default "auto"
        The number of rows per class, as in imbalanced-learn: "auto" is as many of each class as
        of the most frequent.
    generation : GenerationConfig, optional
        Temperature and truncation; by default, the model's distribution is sampled unchanged.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        The fitted language model.
    target_ : str
        Name of the label column in `lm_`: that of `y`, or "target".
    sampling_strategy_ : dict
        New rows per class.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str
        Their names, if `X` was a DataFrame that has them.

    Examples
    --------
    >>> from tabwidget.config import TrainingConfig
    >>> X = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 5, "y": [True, False] * 10})
    >>> y = pd.Series(["rare"] * 4 + ["common"] * 16)
    >>> sampler = LanguageModelOverSampler(training=TrainingConfig(max_steps=20), random_state=0)
    >>> X_res, y_res = sampler.fit_resample(X, y)
    >>> y_res.value_counts().to_dict(), X_res["y"].dtype
    ({'rare': 16, 'common': 16}, dtype('bool'))
    """

    _supported_generation: ClassVar[frozenset[str]] = frozenset({"temperature", "top_k", "top_p"})

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, target: str, **params: Any) -> Self:
        """Return an oversampler whose `fit_resample` samples from a fitted model.

        Parameters
        ----------
        lm : TabularLanguageModel
            A model fitted to the features and the labels.
        target : str
            The label column.
        **params
            Parameters of the constructor.
        """
        sampler = cls._over(lm, target, **params)
        lm.schema.target_column(target)
        sampler.target_ = target
        return sampler

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> tuple[Any, Any, bool]:
        labels, binarize_y = check_target_type(y, indicate_one_vs_all=True)
        frame = self._frame(X, reset=True)
        check_consistent_length(frame, labels)
        self.target_ = self._target_of(y)
        # The output has the labels and the dtype of the input.
        self._labels = list(X.columns) if isinstance(X, pd.DataFrame) else None
        self._dtype = array_dtype(X)
        return frame, labels, binarize_y

    def _target_of(self, y: Any) -> str:
        if self._fitted_target is not None:
            return self._fitted_target
        name = getattr(y, "name", None)
        name = "target" if name is None else str(name)
        while name in self._names:
            name += "_"
        return name

    def _fit_resample(self, X: pd.DataFrame, y: NDArray[Any], **params: Any) -> tuple[Any, Any]:
        # Numeric classes are categories too.
        table = X.assign(**{self.target_: pd.Categorical(y)})
        # Bins of the balanced rows, so that a rare class is not confined to a few bins.
        self.lm_ = self._learn(table, levels=[self.target_], binned_by=_balanced(y))
        schema = self.lm_.schema
        left = [name for name in self._names if name in schema and name not in schema.targets]
        warn_of_columns(
            "cells are copied where a column cannot be sampled",
            {name: schema[name].note for name in left},
            stacklevel=4,
        )
        rng = self._rng()
        parts, labels = [X.reset_index(drop=True)], [y]
        for label, n in self.sampling_strategy_.items():
            if n:
                parts.append(self._new_rows(X, np.flatnonzero(y == label), label, n, rng))
                labels.append(np.full(n, label, dtype=y.dtype))
        out = pd.concat(parts, ignore_index=True)
        if self._labels is not None:
            return out.set_axis(self._labels, axis=1), np.concatenate(labels)
        return out.to_numpy(dtype=self._dtype), np.concatenate(labels)

    def _new_rows(
        self,
        X: pd.DataFrame,
        members: NDArray[np.int64],
        label: Any,
        n: int,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Sample rows of one class with the columns and dtypes of `X`."""
        drawn = self.lm_.sample(
            n,
            {self.target_: label},
            generation=self.generation,
            random_state=int(rng.integers(np.iinfo(np.int32).max)),
        )
        like = X.iloc[rng.choice(members, size=n)].reset_index(drop=True)
        columns = {}
        for name in self._names:
            cells = drawn[name] if name in drawn else like[name]
            gaps = like[name].isna()
            if gaps.any():
                cells = cells.astype(X[name].dtype).mask(gaps)
            columns[name] = cells.astype(X[name].dtype)
        return pd.DataFrame(columns)


def _balanced(y: NDArray[Any]) -> NDArray[np.int64]:
    """Return row numbers, repeated so that all classes are equally frequent."""
    members = [np.flatnonzero(y == label) for label in np.unique(y)]
    most = max(len(each) for each in members)
    return np.concatenate([np.resize(each, most) for each in members])
