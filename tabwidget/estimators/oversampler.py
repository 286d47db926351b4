"""LanguageModelOverSampler: new rows of the rare classes, drawn given the class."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from tabwidget.backends import Backend
from tabwidget.callbacks import Callback
from tabwidget.config import (
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    TrainingConfig,
)
from tabwidget.errors import ConfigError
from tabwidget.estimators.base import LanguageModelEstimator
from tabwidget.model import TabularLanguageModel
from tabwidget.serialize import Serializer

__all__ = ["LanguageModelOverSampler"]

Strategy: TypeAlias = str | float | Mapping[Any, int] | Callable[[Any], Mapping[Any, int]]


class LanguageModelOverSampler(LanguageModelEstimator, BaseOverSampler):  # type: ignore[misc]
    """Append rows of the rare classes, each drawn jointly given its class.

    Numbers, levels, truth values and dates are drawn as the columns hold them. A new row lacks the
    cells that a row of its class, taken at random, lacks: rows without gaps would tell the new ones
    from the old. A column that cannot be drawn, such as an identifier or free text, is copied from
    that row, with a warning.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default "auto"
        How many rows of which class there are to be, as everywhere in imbalanced-learn: "auto" is
        as many of each as of the most frequent.
    target : str, optional
        What the labels are called in `prefit`; the name of `y` by default.
    backend, serializer, max_decimals, training, model_config, model, lora, quantization, \
precision, device, tokenizer, trust_remote_code, attn_implementation, callbacks, prefit, \
random_state
        As in `LanguageModelEstimator`.
    generation : GenerationConfig, optional
        Temperature and truncation; the plain distribution by default.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        What drew the rows.
    target_ : str
        What the labels are called in it.
    sampling_strategy_ : dict
        New rows for each class.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Their names, if they have them.

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

    _draws_by: ClassVar[frozenset[str]] = frozenset({"temperature", "top_k", "top_p"})

    def __init__(
        self,
        *,
        sampling_strategy: Strategy = "auto",
        target: str | None = None,
        backend: str | Backend = "minilm",
        serializer: str | Serializer = "json",
        max_decimals: int | None = 3,
        training: TrainingConfig | None = None,
        generation: GenerationConfig | None = None,
        model_config: ModelConfig | None = None,
        model: Any = None,
        lora: LoRAConfig | None = None,
        quantization: str | QuantizationConfig | None = None,
        precision: str = "auto",
        device: str = "auto",
        tokenizer: Any = None,
        trust_remote_code: bool = False,
        attn_implementation: str | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
        prefit: TabularLanguageModel | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(
            backend=backend,
            serializer=serializer,
            max_decimals=max_decimals,
            training=training,
            generation=generation,
            model_config=model_config,
            model=model,
            lora=lora,
            quantization=quantization,
            precision=precision,
            device=device,
            tokenizer=tokenizer,
            trust_remote_code=trust_remote_code,
            attn_implementation=attn_implementation,
            callbacks=callbacks,
            prefit=prefit,
            random_state=random_state,
        )
        self.sampling_strategy = sampling_strategy
        self.target = target

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, target: str, **params: Any) -> Self:
        """Return an oversampler that draws from a fitted model; nothing is trained.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted one, of the features and the labels.
        target : str
            The column of the labels.
        **params
            Of the constructor.
        """
        sampler = cls(prefit=lm, target=target, **params)
        lm.schema.known(target)
        sampler._adopt(lm, [name for name in lm.schema if name != target])
        sampler.target_ = target
        return sampler

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> tuple[Any, Any, bool]:
        labels, binarize_y = check_target_type(y, indicate_one_vs_all=True)
        names = None
        if self.prefit is not None:
            target = self._target_of(y, ())
            names = [name for name in self.prefit.schema if name != target]
        frame = self._frame(X, reset=True, names=names)
        check_consistent_length(frame, labels)
        self.target_ = self._target_of(y, self._names)
        # How the rows came, and thus go.
        self._labels = list(X.columns) if isinstance(X, pd.DataFrame) else None
        self._dtype = getattr(X, "dtype", None) if self._labels is None else None
        return frame, labels, binarize_y

    def _target_of(self, y: Any, taken: Sequence[Any]) -> str:
        name = getattr(y, "name", None) if self.target is None else self.target
        if self.prefit is not None:
            if name is None:
                raise ConfigError("with prefit, target names the model's column of the labels")
            return str(name)
        name = "target" if name is None else str(name)
        while name in taken:
            name += "_"
        return name

    def _fit_resample(self, X: pd.DataFrame, y: NDArray[Any], **params: Any) -> tuple[Any, Any]:
        # Classes, also numbered ones, do not lie on a line.
        table = X.assign(**{self.target_: pd.Categorical(y)})
        # Bins as every class needs them: a rare one must not lie in a few of them.
        self.lm_ = self._learn(table, levels=[self.target_], binned_by=_balanced(y))
        self._warn_of_copies()
        rng = np.random.default_rng(self._seed())
        parts, labels = [X.reset_index(drop=True)], [y]
        for label, n in self.sampling_strategy_.items():
            if n:
                parts.append(self._new_rows(X, np.flatnonzero(y == label), label, n, rng))
                labels.append(np.full(n, label, dtype=y.dtype))
        out = pd.concat(parts, ignore_index=True)
        if self._labels is not None:
            return out.set_axis(self._labels, axis=1), np.concatenate(labels)
        texts = self._dtype is not None and self._dtype.kind == "U"
        return out.to_numpy(dtype=None if texts else self._dtype), np.concatenate(labels)

    def _new_rows(
        self,
        X: pd.DataFrame,
        members: NDArray[np.int64],
        label: Any,
        n: int,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Draw rows of one class, as wide as `X` and with its dtypes."""
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

    def _warn_of_copies(self) -> None:
        schema = self.lm_.schema
        left = [name for name in self._names if name in schema and name not in schema.active]
        if left:
            notes = "; ".join(f"column {name!r}: {schema[name].note}" for name in left)
            warnings.warn(
                f"cells are copied where a column cannot be drawn ({notes})",
                UserWarning,
                stacklevel=4,
            )


def _balanced(y: NDArray[Any]) -> NDArray[np.int64]:
    """Return row numbers among which all classes are as frequent as the most frequent."""
    members = [np.flatnonzero(y == label) for label in np.unique(y)]
    most = max(len(each) for each in members)
    return np.concatenate([np.resize(each, most) for each in members])
