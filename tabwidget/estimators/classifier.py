"""LanguageModelClassifier: p(label | all other columns)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import check_X_y
from sklearn.utils.multiclass import check_classification_targets

from tabwidget.errors import ConfigError, EvidenceError
from tabwidget.estimators.base import LanguageModelEstimator, check_labels_present
from tabwidget.model import TabularLanguageModel
from tabwidget.table.values import listed

__all__ = ["LanguageModelClassifier"]


class LanguageModelClassifier(ClassifierMixin, LanguageModelEstimator):  # type: ignore[misc]
    """Classify rows by the exact probabilities of the labels given all other columns.

    The constructor is that of `LanguageModelEstimator`. `generation` has no effect: nothing is
    sampled, and the probabilities are averages over column orders already.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    target_ : str
        Name of the label column in `lm_`: that of `y`, or "target".
    lm_ : TabularLanguageModel
        The fitted language model, for any other query too.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabwidget import ModelConfig, TrainingConfig
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> classifier = LanguageModelClassifier(
    ...     training=TrainingConfig(max_steps=60),
    ...     model_config=ModelConfig(members=1),
    ...     random_state=0,
    ... )
    >>> classifier.fit(X, y).predict(X[::50]).tolist()
    [0, 1, 2]
    >>> classifier.lm_.conditional("target", {"petal length (cm)": 1.4}).mode()
    0
    """

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, target: str, **params: Any) -> Self:
        """Return a fitted classifier of one column of a fitted model; nothing is trained.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted model.
        target : str
            A column that is not binned: categorical, or at most 24 distinct numbers.
        **params
            Parameters of the constructor.

        Raises
        ------
        ColumnError
            If there is no such column.
        ConfigError
            If the column is binned, or the model is not fitted.
        """
        found = cls._over(lm, target, **params)
        found.classes_, found.target_ = _classes(lm, target), target
        return found

    def fit(self, X: Any, y: Any) -> Self:
        """Fit a language model to the rows and their labels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows; cells may be missing.
        y : array-like of shape (n_samples,)
            Labels: strings, integers or booleans, none of them missing.

        Returns
        -------
        LanguageModelClassifier
            The fitted classifier.
        """
        frame, name = self._rows(X, y)
        check_labels_present(y)
        _, labels = check_X_y(np.zeros((len(frame), 1)), _plain(y), dtype=None, estimator=self)
        kinds = {type(label) for label in labels.tolist()}
        if len(kinds) > 1 and str in kinds:
            raise ConfigError(
                f"y holds labels of several types, such as {listed(labels, 3)}: convert them to "
                "one, for example with y.astype(str)"
            )
        check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        if self._fitted_lm is not None:
            levels = _classes(self._fitted_lm, name)
            new = classes[~np.isin(classes, levels)]
            if len(new):
                raise EvidenceError(
                    f"column {name!r} of the fitted model has no level {listed(new)}: it has "
                    f"{listed(levels)}"
                )
            classes = levels
        else:
            # As categories, numeric labels keep their dtype.
            frame[name] = pd.Categorical.from_codes(codes, categories=pd.Index(classes))
        lm = self._learn(frame, targets=[name], levels=[name])
        self.classes_, self.target_, self.lm_ = classes, name, lm
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most likely label of each row, shape ``(n_samples,)``."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each label, shape ``(n_samples, n_classes)``.

        The columns are in the order of `classes_`, and each row sums to one.
        """
        rows = self._evidence(X)
        return self.lm_.predict_proba_many(rows, self.target_)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of `predict_proba`; minus infinity where it is zero."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


def _plain(y: Any) -> Any:
    """Return labels in NumPy's dtype if they have a nullable dtype of pandas."""
    if isinstance(y, (pd.Series, np.ndarray)) and y.dtype.kind == "O" and y.ndim == 1:
        y = pd.Series(y).infer_objects()
        return y.to_numpy() if y.dtype == object else y
    dtype = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    if dtype is None or dtype.kind == "O" or y.isna().any():
        return y
    return y.to_numpy(dtype=dtype)


def _classes(lm: TabularLanguageModel, target: str) -> NDArray[Any]:
    """Return a column's support as labels."""
    column = lm.schema.target_column(target)
    if column.edges is not None:
        raise ConfigError(
            f"column {target!r} is a binned number, without labels: use LanguageModelRegressor, "
            "or fit it as a category"
        )
    return np.asarray(pd.Series(column.support.tolist()))
