"""LanguageModelRegressor: the number column, given all others."""

from __future__ import annotations

from typing import Any, ClassVar, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import check_X_y

from tabwidget._typing import Floats
from tabwidget.config import DiscretizationConfig
from tabwidget.errors import ConfigError, EvidenceError
from tabwidget.estimators.base import LanguageModelEstimator, check_config, check_labels_present
from tabwidget.estimators.candidates import nearest_shares, variance_within
from tabwidget.estimators.discretization import candidates, collapsed
from tabwidget.estimators.parameters import SharedParameters, with_parameters
from tabwidget.inference.distribution import Distribution, quantiles
from tabwidget.model import TabularLanguageModel
from tabwidget.params import Config
from tabwidget.table.column import Column

__all__ = ["LanguageModelRegressor"]


@with_parameters
class RegressorParameters(SharedParameters):
    """Parameters of a `LanguageModelRegressor`, which explains them."""

    discretization: DiscretizationConfig | None = None


class LanguageModelRegressor(RegressorMixin, RegressorParameters, LanguageModelEstimator):  # type: ignore[misc]
    """Predict a number, and how sure it is, from its exact distribution given all other columns.

    Constructor as in `LanguageModelEstimator`, and `discretization`. Of `generation` nothing has
    an effect with a backend that answers exactly: the mean is read off, not averaged over draws.

    Parameters
    ----------
    discretization : DiscretizationConfig, optional
        Let `predict` answer on a few observed values of the target. The probability of a candidate
        is that of all numbers that are nearest to it. Quantiles, intervals and distributions are
        those of the undivided answer.

    Attributes
    ----------
    target_ : str
        Name of the number's column in `lm_`: that of `y`, or "target".
    candidates_ : ndarray of float, or None
        The observed values that `predict` answers on, with `discretization`.
    lm_ : TabularLanguageModel
        What answers; it can be asked anything else too.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from tabwidget import ModelConfig, TrainingConfig
    >>> X = np.linspace(0, 1, 100)[:, None]
    >>> regressor = LanguageModelRegressor(
    ...     training=TrainingConfig(max_steps=40),
    ...     model_config=ModelConfig(members=1),
    ...     random_state=0,
    ... )
    >>> mean, std = regressor.fit(X, 3 * X[:, 0]).predict([[0.5]], return_std=True)
    >>> bool(1.2 < mean[0] < 1.8), regressor.predict_interval([[0.5]], level=0.5).shape
    (True, (1, 2))
    """

    _nested: ClassVar[dict[str, type[Config]]] = {
        **LanguageModelEstimator._nested,
        "discretization": DiscretizationConfig,
    }

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, target: str, **params: Any) -> Self:
        """Return a fitted regressor of a column that a model has learned already.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted model.
        target : str
            A column of numbers.
        **params
            Of the constructor.

        Raises
        ------
        ColumnError
            If there is no such column.
        ConfigError
            If it holds no numbers, or the model is not fitted. Also for `discretization` of a
            model that was loaded, which has no observed values.
        """
        found = cls(prefit=lm, **params)
        column = _number_column(lm, target)
        observed = None if lm.table_ is None else column.numbers(lm.table_.frame[target])
        found.candidates_, found.target_ = found._candidates(observed), target
        found._adopt(lm, target)
        return found

    def fit(self, X: Any, y: Any) -> Self:
        """Learn to predict a number.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows; cells may be missing.
        y : array-like of shape (n_samples,)
            Numbers, none of them missing or infinite. One column: scikit-learn's
            ``MultiOutputRegressor`` takes several.

        Returns
        -------
        LanguageModelRegressor
            Itself.
        """
        frame, name = self._rows(X, y)
        check_labels_present(y)
        _check_numbers(y)
        _, numbers = check_X_y(
            np.zeros((len(frame), 1)), y, dtype=None, y_numeric=True, estimator=self
        )
        numbers = numbers.astype(np.float64)
        chosen = self._candidates(numbers)
        if self.prefit is None:
            frame[name] = numbers
        else:
            _number_column(self.prefit, name)
        lm = self._learn(frame, targets=[name])
        self.candidates_, self.target_, self.lm_ = chosen, name, lm
        return self

    @overload
    def predict(self, X: Any) -> Floats: ...

    @overload
    def predict(self, X: Any, return_std: bool) -> Floats | tuple[Floats, Floats]: ...

    def predict(self, X: Any, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the mean of the number in each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        return_std : bool, default False
            Return its standard deviation too.

        Returns
        -------
        ndarray of shape (n_samples,), or two of them
            In the units of `y`. With `discretization` the mean, or the likeliest, of its
            candidates, and their standard deviation.
        """
        probabilities, column = self._answers(X)
        if self.discretization is None or self.candidates_ is None:
            grid, within = column.grid, variance_within(column)
            mean = collapsed(probabilities, grid)
        else:
            grid, within = self.candidates_, np.zeros(len(self.candidates_))
            probabilities = probabilities @ nearest_shares(column, grid)
            mean = collapsed(probabilities, grid, self.discretization.estimate)
        if not return_std:
            return mean
        # From the middle of the grid: squares of what lies far from zero lose their digits.
        centred = grid - grid.mean()
        variance = probabilities @ (centred**2 + within) - (probabilities @ centred) ** 2
        return mean, np.sqrt(variance.clip(0))

    def predict_quantiles(self, X: Any, q: ArrayLike) -> Floats:
        """Return for each row the numbers that shares `q` of the probability lie below or at.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        q : float or array-like of shape (n_quantiles,)
            From 0 to 1.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            In the units of `y`.

        Raises
        ------
        EvidenceError
            For a share outside 0 to 1.
        """
        shares = np.atleast_1d(np.asarray(q, dtype=np.float64))
        if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
            raise EvidenceError(f"quantiles are asked with shares from 0 to 1, not {q!r}")
        probabilities, column = self._answers(X)
        found = [quantiles(column, probabilities, share) for share in shares]
        numbers = np.reshape(found, (len(shares), len(probabilities))).T
        return np.round(numbers) if column.integer else numbers

    def predict_interval(self, X: Any, level: float = 0.9) -> Floats:
        """Return the ends of the middle `level` of each row's probability.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        level : float, default 0.9
            How much of the probability lies between the ends, 0 to 1.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Lower and upper ends, in the units of `y`.
        """
        if not 0 <= level <= 1:
            raise EvidenceError(f"level={level!r} is no share from 0 to 1")
        return self.predict_quantiles(X, [(1 - level) / 2, (1 + level) / 2])

    def predict_distribution(self, X: Any) -> list[Distribution]:
        """Return the whole distribution of each row's number."""
        probabilities, column = self._answers(X)
        return [Distribution(column, row) for row in probabilities]

    def _answers(self, X: Any) -> tuple[Floats, Column]:
        rows = self._asked(X)
        return self.lm_.predict_proba_many(rows, self.target_), self.lm_.schema[self.target_]

    def _candidates(self, numbers: Floats | None) -> Floats | None:
        """Return what `predict` answers on; None for the undivided answer."""
        check_config(self.discretization, DiscretizationConfig, "discretization")
        if self.discretization is None or not self.discretization.bins:
            return None
        if numbers is None:
            raise ConfigError(
                "discretization needs the observed values, which a loaded model does not have: "
                "give the model to prefit= and call fit(X, y)"
            )
        return candidates(numbers, self.discretization)


def _number_column(lm: TabularLanguageModel, target: str) -> Column:
    column = lm.schema.target_column(target)
    if column.kind != "numeric":
        raise ConfigError(
            f"column {target!r} is {column.kind}, not numeric: use LanguageModelClassifier"
        )
    return column


def _check_numbers(y: Any) -> None:
    values = np.asarray(y)
    if values.dtype.kind in "mM":
        raise ConfigError(
            "y holds dates or durations: make them numbers first, for example with "
            "(y - y.min()).dt.total_seconds()"
        )
    first = next((value for value in values.ravel() if isinstance(value, str)), None)
    if first is not None:
        raise ConfigError(
            f"y holds texts, such as {str(first)!r}: LanguageModelClassifier tells labels apart"
        )
