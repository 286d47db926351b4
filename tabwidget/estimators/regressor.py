"""LanguageModelRegressor: p(number | all other columns)."""

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
    """Parameters of `LanguageModelRegressor`, which documents them."""

    discretization: DiscretizationConfig | None = None


class LanguageModelRegressor(RegressorMixin, RegressorParameters, LanguageModelEstimator):  # type: ignore[misc]
    """Predict a number and its uncertainty, from its exact distribution given all other columns.

    The other parameters are those of `LanguageModelEstimator`. `generation` has no effect: the
    mean is that of the distribution, not an average of draws.

    Parameters
    ----------
    discretization : DiscretizationConfig, optional
        Restrict `predict` to a few observed values of the target, the candidates. The probability
        of a candidate is that of all numbers nearest to it. Quantiles, intervals and distributions
        are not affected.

    Attributes
    ----------
    target_ : str
        Name of the number's column in `lm_`: that of `y`, or "target".
    candidates_ : ndarray of float, or None
        The candidates of `discretization`.
    lm_ : TabularLanguageModel
        The fitted language model, for any other query too.
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
        """Return a fitted regressor of one column of a fitted model; nothing is trained.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted model.
        target : str
            A numeric column.
        **params
            Parameters of the constructor.

        Raises
        ------
        ColumnError
            If there is no such column.
        ConfigError
            If the column is not numeric, or the model is not fitted; also for `discretization`
            with a loaded model, which has no observed values.
        """
        found = cls._over(lm, target, **params)
        column = _number_column(lm, target)
        observed = None if lm.table_ is None else column.numbers(lm.table_.frame[target])
        found.candidates_, found.target_ = found._candidates(observed), target
        return found

    def fit(self, X: Any, y: Any) -> Self:
        """Fit a language model to the rows and their numbers.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows; cells may be missing.
        y : array-like of shape (n_samples,)
            Numbers, none of them missing or infinite. For several columns, use scikit-learn's
            ``MultiOutputRegressor``.

        Returns
        -------
        LanguageModelRegressor
            The fitted regressor.
        """
        frame, name = self._rows(X, y)
        check_labels_present(y)
        _check_numbers(y)
        _, numbers = check_X_y(
            np.zeros((len(frame), 1)), y, dtype=None, y_numeric=True, estimator=self
        )
        numbers = numbers.astype(np.float64)
        chosen = self._candidates(numbers)
        if self._fitted_lm is None:
            frame[name] = numbers
        else:
            _number_column(self._fitted_lm, name)
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
            Also return its standard deviation.

        Returns
        -------
        ndarray of shape (n_samples,), or two of them
            In the units of `y`. With `discretization`, the mean or the most likely of the
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
        # Centered: squares of numbers far from zero lose digits.
        centered = grid - grid.mean()
        variance = probabilities @ (centered**2 + within) - (probabilities @ centered) ** 2
        return mean, np.sqrt(variance.clip(0))

    def predict_quantiles(self, X: Any, q: ArrayLike) -> Floats:
        """Return the quantiles `q` of the number in each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        q : float or array-like of shape (n_quantiles,)
            Probabilities from 0 to 1.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            In the units of `y`.

        Raises
        ------
        EvidenceError
            For a `q` outside 0 to 1.
        """
        shares = np.atleast_1d(np.asarray(q, dtype=np.float64))
        if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
            raise EvidenceError(f"q must be from 0 to 1, not {q!r}")
        probabilities, column = self._answers(X)
        found = [quantiles(column, probabilities, share) for share in shares]
        numbers = np.reshape(found, (len(shares), len(probabilities))).T
        return np.round(numbers) if column.integer else numbers

    def predict_interval(self, X: Any, level: float = 0.9) -> Floats:
        """Return the central interval of each row's number with probability `level`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        level : float, default 0.9
            Probability of the interval, from 0 to 1.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Lower and upper end, in the units of `y`.
        """
        if not 0 <= level <= 1:
            raise EvidenceError(f"level must be from 0 to 1, not {level!r}")
        return self.predict_quantiles(X, [(1 - level) / 2, (1 + level) / 2])

    def predict_distribution(self, X: Any) -> list[Distribution]:
        """Return the distribution of each row's number."""
        probabilities, column = self._answers(X)
        return [Distribution(column, row) for row in probabilities]

    def _answers(self, X: Any) -> tuple[Floats, Column]:
        rows = self._evidence(X)
        return self.lm_.predict_proba_many(rows, self.target_), self.lm_.schema[self.target_]

    def _candidates(self, numbers: Floats | None) -> Floats | None:
        """Return the candidates of `discretization`; None without it."""
        check_config(self.discretization, DiscretizationConfig, "discretization")
        if self.discretization is None or not self.discretization.bins:
            return None
        if numbers is None:
            raise ConfigError(
                "discretization needs the observed values, which a loaded model does not have: "
                "set it with set_params after from_fitted, then call fit(X, y)"
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
            "y holds dates or durations: convert them to numbers, for example with "
            "(y - y.min()).dt.total_seconds()"
        )
    first = next((value for value in values.ravel() if isinstance(value, str)), None)
    if first is not None:
        raise ConfigError(
            f"y holds strings, such as {str(first)!r}: use LanguageModelClassifier for labels"
        )
