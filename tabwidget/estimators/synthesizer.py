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

FEWEST_TRIES = 100  # rows, times `max_attempts`, however few are asked for


@with_parameters
class SynthesizerParameters(SharedParameters):
    """Parameters of a `LanguageModelSynthesizer`, which explains them."""

    constraints: Sequence[Constraint] = ()
    max_attempts: int = 100


class LanguageModelSynthesizer(SynthesizerParameters, LanguageModelEstimator):
    """Draw new rows from the joint distribution of a table's columns.

    Rows have the table's dtypes and no missing cell. A column that cannot be drawn, such
    as an identifier or free text, is left out, with a warning at `fit`.

    Parameters that are not listed here are those of `LanguageModelEstimator`.

    Parameters
    ----------
    constraints : sequence of constraint, default ()
        What every row fulfils. A mapping of columns to evidence (``{"mass": Above(3000), "island":
        "Dream"}``) or the same as a formula (``"mass>3000, island=Dream"``) is drawn from exactly.
        A function of a DataFrame, which returns for each row whether it is allowed, and
        `FixedCombinations`, which allows the combinations seen, reject rows, and others are drawn.
    max_attempts : int, default 100
        Rows drawn for each row asked for, at most.
    generation : GenerationConfig, optional
        Temperature and truncation; the plain distribution by default.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        What draws.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Their names, if they have them.

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

    _draws_by: ClassVar[frozenset[str]] = frozenset({"temperature", "top_k", "top_p"})

    _labels: dict[str, Any]  # what each column is called in the rows returned
    _learned: pd.DataFrame | None

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, **params: Any) -> Self:
        """Return a synthesizer that draws from a fitted model; nothing is trained.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted one.
        **params
            Of the constructor.
        """
        synthesizer = cls(prefit=lm, **params)
        learned = None if lm.table_ is None else lm.table_.frame
        synthesizer._rules(lm, learned)
        synthesizer._learned = learned
        synthesizer._labels = dict(zip(lm.schema, lm.schema, strict=True))
        synthesizer._adopt(lm)
        return synthesizer

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows; cells may be missing.
        y : None
            Not used.

        Raises
        ------
        ConfigError, ColumnError, EvidenceError, FormulaError
            For a constraint that the table cannot fulfil.
        """
        frame = self._frame(X, reset=True)
        lm = self._learn(frame)
        schema = lm.schema
        left = [name for name in self._names if name not in schema.targets]
        warn_of_columns(
            "rows come without the columns that cannot be drawn",
            {name: schema[name].note if name in schema else "no values" for name in left},
            stacklevel=3,
        )
        self._rules(lm, frame)  # says what is wrong with them
        self._learned = frame
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
        """Draw rows.

        Parameters
        ----------
        n : int, default 1
            How many.
        condition : mapping of str to evidence, or str, optional
            What all of them have, beside the constraints: values, `OneOf`, `NoneOf`, `Between`,
            `Above`, `Below`, or a formula such as ``"island in {Dream}, body_mass_g>4000"``.
        random_state : int or RandomState, optional
            For the same rows at every call; by default each call goes on where the last ended,
            from the seed of the constructor.

        Returns
        -------
        DataFrame of shape (n, n_columns)
            With the table's dtypes, no cell missing.

        Raises
        ------
        ConstraintError
            If too few of the rows drawn fulfil the constraints; names the strictest.
        ColumnError, EvidenceError, FormulaError
            For a condition that the columns cannot have.
        """
        check_is_fitted(self)
        if not isinstance(n, (int, np.integer)) or n < 0:
            raise ConfigError(f"a number of rows to draw is a whole one from 0 on, not {n!r}")
        rng = None if random_state is None else _generator(random_state)

        def draw(count: int, given: dict[str, Evidence]) -> pd.DataFrame:
            seed = None if rng is None else int(rng.integers(np.iinfo(np.int32).max))
            return self.lm_.sample(count, given, generation=self.generation, random_state=seed)

        given = evidence_of(condition, self.lm_.schema)
        tries = self.max_attempts * max(n, FEWEST_TRIES)
        rules = self._rules(self.lm_, self._learned)
        rows = rules.draw(n, draw, given, max_tries=tries)
        return rows.rename(columns=self._labels)

    def memorization(
        self,
        holdout: Any = None,
        *,
        n: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Memorization:
        """Return how near drawn rows come to the rows learned, beside rows that were not.

        Parameters
        ----------
        holdout : DataFrame or array-like, optional
            Rows that were not learned; the rows learned among themselves by default.
        n : int, optional
            Rows to draw; as many as were learned by default.
        random_state : int or RandomState, optional
            As in `sample`.

        Raises
        ------
        ConfigError
            If the model was loaded: its rows are not saved.
        """
        check_is_fitted(self)
        if self._learned is None:
            raise ConfigError("a loaded model does not have the rows that it learned: fit anew")
        beside = None if holdout is None else self._frame(holdout, reset=False)
        drawn = self.sample(len(self._learned) if n is None else n, random_state=random_state)
        names = {label: name for name, label in self._labels.items()}
        schema = self.lm_.schema
        return memorization(drawn.rename(columns=names), self._learned, beside, schema=schema)

    def _rules(self, lm: TabularLanguageModel, rows: pd.DataFrame | None) -> Constraints:
        check_count(self.max_attempts, "max_attempts")
        return Constraints(self.constraints, lm.schema, rows)


def _generator(random_state: int | np.random.RandomState) -> np.random.Generator:
    if isinstance(random_state, np.random.RandomState):
        random_state = int(random_state.randint(np.iinfo(np.int32).max))
    return np.random.default_rng(random_state)
