"""LanguageModelSynthesizer: new rows of a table, under conditions and constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from tabwidget.errors import ConfigError
from tabwidget.estimators.base import LanguageModelEstimator, check_count, warn_of_columns
from tabwidget.estimators.constraints import Constraint, Constraints, evidence_of
from tabwidget.estimators.memorization import Memorization, memorization
from tabwidget.estimators.parameters import SharedParameters, with_parameters
from tabwidget.inference.evidence import Evidence
from tabwidget.model import TabularLanguageModel

__all__ = ["LanguageModelSynthesizer"]

MIN_ROWS = 100  # that `max_attempts` is multiplied by


@with_parameters
class SynthesizerParameters(SharedParameters):
    """Parameters of `LanguageModelSynthesizer`, which documents them."""

    constraints: Sequence[Constraint] = ()
    max_attempts: int = 100


class LanguageModelSynthesizer(SynthesizerParameters, LanguageModelEstimator):
    """Sample new rows from the joint distribution of a table's columns.

    Rows have the table's dtypes and no missing cells. A column that cannot be sampled, such as an
    identifier or free text, is left out, with a warning at `fit`.

    The other parameters are those of `LanguageModelEstimator`.

    Parameters
    ----------
    constraints : sequence of constraint, default ()
        What every row satisfies. A mapping of columns to evidence (``{"mass": Above(3000),
        "island": "Dream"}``) or the same as a formula (``"mass>3000, island=Dream"``) is sampled
        from exactly. A function from a DataFrame to a boolean per row, and `FixedCombinations`,
        which allows the observed combinations, reject rows, and others are sampled.
    max_attempts : int, default 100
        Maximum rows sampled per row returned.
    generation : GenerationConfig, optional
        Temperature and truncation; by default, the model's distribution is sampled unchanged.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        The fitted language model.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str
        Their names, if `X` was a DataFrame that has them.

    Examples
    --------
    >>> from tabwidget.config import TrainingConfig
    >>> frame = pd.DataFrame({"x": [1, 2, 3, 4] * 10, "y": ["a", "a", "b", "b"] * 10})
    >>> synthesizer = LanguageModelSynthesizer(
    ...     constraints=["x > 1"], training=TrainingConfig(max_steps=20), random_state=0
    ... )
    >>> rows = synthesizer.fit(frame).sample(5, {"y": "a"})
    >>> sorted(set(rows["y"])), bool((rows["x"] > 1).all()), len(rows)
    (['a'], True, 5)
    """

    _supported_generation: ClassVar[frozenset[str]] = frozenset({"temperature", "top_k", "top_p"})

    _labels: dict[str, Any]  # the column labels of the rows returned
    _training_rows: pd.DataFrame | None

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, **params: Any) -> Self:
        """Return a synthesizer that samples from a fitted model; nothing is trained.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted model.
        **params
            Parameters of the constructor.
        """
        synthesizer = cls._over(lm, **params)
        rows = None if lm.table_ is None else lm.table_.frame
        synthesizer._rules(lm, rows)
        synthesizer._training_rows = rows
        synthesizer._labels = dict(zip(lm.schema, lm.schema, strict=True))
        return synthesizer

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit a language model to a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows; cells may be missing.
        y : None
            Ignored.

        Raises
        ------
        ConfigError, ColumnError, EvidenceError, FormulaError
            For a constraint that the table cannot satisfy.
        """
        frame = self._frame(X, reset=True)
        lm = self._learn(frame)
        schema = lm.schema
        left = [name for name in self._names if name not in schema.targets]
        warn_of_columns(
            "columns that cannot be sampled are left out of new rows",
            {name: schema[name].note if name in schema else "no values" for name in left},
            stacklevel=3,
        )
        self._rules(lm, frame)  # raises for an invalid constraint
        self._training_rows = frame
        labels = X.columns if isinstance(X, pd.DataFrame) else self._names
        self._labels = dict(zip(self._names, labels, strict=True))
        self.lm_ = lm
        return self

    def sample(
        self,
        n: int = 1,
        condition: Mapping[str, Evidence] | str | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> pd.DataFrame:
        """Sample rows.

        Parameters
        ----------
        n : int, default 1
            Number of rows.
        condition : mapping of str to evidence, or str, optional
            Evidence, in addition to the constraints: values, `OneOf`, `NoneOf`, `Between`,
            `Above`, `Below`, or a formula such as ``"island in {Dream}, body_mass_g>4000"``.
        random_state : int or RandomState, optional
            Seed of this call. By default, calls continue the random sequence of the constructor's
            seed.

        Returns
        -------
        DataFrame of shape (n, n_columns)
            With the table's dtypes and no missing cells.

        Raises
        ------
        ConstraintError
            If too few sampled rows satisfy the constraints; names the strictest.
        ColumnError, EvidenceError, FormulaError
            For an invalid condition.
        """
        check_is_fitted(self)
        if not isinstance(n, (int, np.integer)) or n < 0:
            raise ConfigError(f"the number of rows must be an integer >= 0, not {n!r}")
        rng = None if random_state is None else _generator(random_state)

        def draw(count: int, given: dict[str, Evidence]) -> pd.DataFrame:
            seed = None if rng is None else int(rng.integers(np.iinfo(np.int32).max))
            return self.lm_.sample(count, given, generation=self.generation, random_state=seed)

        given = evidence_of(condition, self.lm_.schema)
        tries = self.max_attempts * max(n, MIN_ROWS)
        rules = self._rules(self.lm_, self._training_rows)
        rows = rules.draw(n, draw, given, max_tries=tries)
        return rows.rename(columns=self._labels)

    def memorization(
        self,
        validation: Any = None,
        *,
        n: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Memorization:
        """Return the distances of sampled rows to the training rows, against those of other rows.

        Parameters
        ----------
        validation : DataFrame or array-like, optional
            Rows outside the training data; by default, the training rows among themselves.
        n : int, optional
            Rows to sample; by default, as many as the training rows.
        random_state : int or RandomState, optional
            As in `sample`.

        Raises
        ------
        ConfigError
            If the model was loaded: the training rows are not saved.
        """
        check_is_fitted(self)
        if self._training_rows is None:
            raise ConfigError("a loaded model does not have its training rows: fit it again")
        others = None if validation is None else self._frame(validation, reset=False)
        drawn = self.sample(len(self._training_rows) if n is None else n, random_state=random_state)
        names = {label: name for name, label in self._labels.items()}
        schema = self.lm_.schema
        return memorization(drawn.rename(columns=names), self._training_rows, others, schema=schema)

    def _rules(self, lm: TabularLanguageModel, rows: pd.DataFrame | None) -> Constraints:
        check_count(self.max_attempts, "max_attempts")
        return Constraints(self.constraints, lm.schema, rows)


def _generator(random_state: int | np.random.RandomState) -> np.random.Generator:
    if isinstance(random_state, np.random.RandomState):
        random_state = int(random_state.randint(np.iinfo(np.int32).max))
    return np.random.default_rng(random_state)
