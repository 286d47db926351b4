"""Classification metrics, and thresholds tuned for F1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from tabwidget.textclass.config import TrainSection
from tabwidget.textclass.data import Labels

__all__ = [
    "SCORES",
    "best_thresholds",
    "decide",
    "metrics_of",
    "selection_score",
    "thresholds_for",
    "tuned_thresholds",
]

RESAMPLES = 50
MAX_CELLS = 2e7  # of all resamples; with more rows, resampling adds nothing
TIE_WEIGHT = 1e-7  # of the loss, to break ties of a metric
SCORES = ("f1_micro", "f1_macro", "accuracy")  # the scalar metrics of `metrics_of`


def decide(
    probabilities: NDArray[np.floating[Any]],
    thresholds: NDArray[np.floating[Any]] | None,
    labels: Labels,
) -> NDArray[np.bool_]:
    """Return the labels assigned to each row.

    Parameters
    ----------
    probabilities : ndarray, (n, k)
        Probability of each label.
    thresholds : ndarray, (k,), or None
        A label is assigned from this probability on; None means 0.5. Ignored for single labels,
        where the most likely one is assigned.
    labels : Labels
        The k labels.

    Examples
    --------
    >>> p = np.array([[0.6, 0.3], [0.2, 0.1]])
    >>> decide(p, np.array([0.5, 0.3]), Labels(("a", "b"), multi=True))
    array([[ True,  True],
           [False, False]])
    >>> decide(p, None, Labels(("a", "b"), multi=False))
    array([[ True, False],
           [ True, False]])
    """
    if not labels.multi:
        return np.arange(len(labels.names)) == probabilities.argmax(axis=1)[:, None]
    return np.asarray(probabilities >= (0.5 if thresholds is None else thresholds))


def metrics_of(
    targets: NDArray[np.bool_],
    probabilities: NDArray[np.floating[Any]],
    thresholds: NDArray[np.floating[Any]] | None,
    labels: Labels,
) -> dict[str, Any]:
    """Return the metrics of predictions in plain JSON types.

    Parameters
    ----------
    targets : ndarray of bool, (n, k)
        The true labels.
    probabilities, thresholds, labels
        As `decide` takes them.

    Returns
    -------
    dict
        ``f1_micro`` (over all decisions; equal to the accuracy for single labels), ``f1_macro``
        (mean F1 of the labels), ``accuracy`` (share of rows with all labels correct), and
        ``per_class``: precision, recall, f1, support and threshold of each label (threshold None
        for single labels). Divisions by zero give 0.

    Examples
    --------
    >>> y = np.array([[True, False], [False, True], [True, True]])
    >>> p = np.array([[0.9, 0.2], [0.1, 0.8], [0.7, 0.4]])
    >>> found = metrics_of(y, p, None, Labels(("a", "b"), multi=True))
    >>> round(found["f1_micro"], 3), round(found["accuracy"], 3)
    (0.857, 0.667)
    >>> found["per_class"]["b"]["recall"]
    0.5
    """
    chosen = decide(probabilities, thresholds, labels)
    # scikit-learn treats a single column as binary and would score the zeros as a class.
    none = np.zeros((len(targets), 1), dtype=bool)
    precision, recall, f1, support = precision_recall_fscore_support(
        np.hstack([targets, none]),
        np.hstack([chosen, none]),
        labels=range(len(labels.names)),
        zero_division=0,
    )
    used: list[float | None] = [None] * len(labels.names)
    if labels.multi:
        used = np.broadcast_to(0.5 if thresholds is None else thresholds, len(used)).tolist()
    return {
        "f1_micro": float(f1_score(targets.ravel(), chosen.ravel(), zero_division=0)),
        "f1_macro": float(f1.mean()),
        "accuracy": float(accuracy_score(targets, chosen)),
        "per_class": {
            name: {
                "precision": float(precision[k]),
                "recall": float(recall[k]),
                "f1": float(f1[k]),
                "support": int(support[k]),
                "threshold": used[k],
            }
            for k, name in enumerate(labels.names)
        },
    }


def best_thresholds(
    targets: NDArray[np.bool_],
    probabilities: NDArray[np.floating[Any]],
    average: Literal["micro", "macro"] = "micro",
) -> NDArray[np.float64]:
    """Return the multi-label thresholds with the highest F1 on these rows.

    The maximum over [0, 1] is exact [1]_, so the F1 is never below that of 0.5. Among equally good
    thresholds, each label gets the one nearest to 0.5.

    Parameters
    ----------
    targets : ndarray of bool, (n, k)
        The true labels.
    probabilities : ndarray, (n, k)
        Probability of each label.
    average : {"micro", "macro"}, default "micro"
        F1 over all decisions, or the mean F1 of the labels.

    Returns
    -------
    ndarray, (k,)
        In [0, 1].

    References
    ----------
    .. [1] Dinkelbach, "On Nonlinear Fractional Programming", Management Science 13(7), 1967.

    Examples
    --------
    >>> y = np.array([[True], [True], [False]])
    >>> best_thresholds(y, np.array([[0.9], [0.3], [0.1]]))
    array([0.2])
    """
    cuts = [_Cuts(targets[:, k], probabilities[:, k]) for k in range(targets.shape[1])]
    groups = [cuts] if average == "micro" else [[cut] for cut in cuts]
    return np.array([threshold for group in groups for threshold in _best(group)])


def tuned_thresholds(
    targets: NDArray[np.bool_],
    probabilities: NDArray[np.floating[Any]],
    average: Literal["micro", "macro"] = "micro",
) -> NDArray[np.float64]:
    """Return multi-label thresholds with a high F1 that generalize to other rows.

    The best thresholds on few rows overfit. Bagging [1]_ averages the best thresholds of bootstrap
    resamples; their F1 on the rows themselves is never below that of 0.5.

    Parameters
    ----------
    targets, probabilities, average
        As `best_thresholds` takes them.

    Returns
    -------
    ndarray, (k,)
        In [0, 1].

    References
    ----------
    .. [1] Breiman, "Bagging Predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.random((200, 1)) < 0.2
    >>> p = (0.4 * y + 0.4 * rng.random((200, 1))).clip(0, 1)
    >>> bool(0.35 < tuned_thresholds(y, p)[0] < 0.45)
    True
    """
    best = best_thresholds(targets, probabilities, average)
    if not targets.any() or RESAMPLES * targets.size > MAX_CELLS:
        return best
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(targets), size=(RESAMPLES, len(targets)))
    found = [best_thresholds(targets[rows], probabilities[rows], average) for rows in drawn]
    mean = np.mean(found, axis=0)
    labels = Labels(tuple(map(str, range(targets.shape[1]))), multi=True)
    at_mean, at_half = (
        metrics_of(targets, probabilities, thresholds, labels)[f"f1_{average}"]
        for thresholds in (mean, None)
    )
    return mean if at_mean >= at_half else best


def thresholds_for(
    targets: NDArray[np.bool_] | None,
    probabilities: NDArray[np.floating[Any]],
    labels: Labels,
    config: TrainSection,
) -> NDArray[np.float64]:
    """Return the thresholds according to a config: tuned on these rows, or 0.5.

    Examples
    --------
    >>> y, p = np.array([[True], [False]]), np.array([[0.3], [0.1]])
    >>> thresholds_for(y, p, Labels(("a",), multi=True), TrainSection(tune_thresholds=False))
    array([0.5])
    """
    if not (labels.multi and config.tune_thresholds):
        return np.full(len(labels.names), 0.5)
    assert targets is not None
    return tuned_thresholds(targets, probabilities, config.average)


def selection_score(metrics: Mapping[str, Any], loss: float, metric: str) -> float:
    """Return a score for model selection, higher is better: the metric, with ties broken by loss.

    ``score = metric - 1e-7 * min(loss, 10)``. Ties are common on few validation rows.

    Examples
    --------
    >>> metrics = {"accuracy": 0.5}
    >>> selection_score(metrics, 0.7, "accuracy") > selection_score(metrics, 0.8, "accuracy")
    True
    """
    return (-loss if metric == "loss" else metrics[metric]) - TIE_WEIGHT * min(loss, 10)


class _Cuts:
    """Distinct outcomes of a threshold on one label, ordered by distance from 0.5."""

    def __init__(self, target: NDArray[np.bool_], probability: NDArray[np.floating[Any]]) -> None:
        values, place = np.unique(np.asarray(probability, dtype=np.float64), return_inverse=True)
        # A threshold in (low, high] selects the rows with probability >= high.
        low, high = np.append(0.0, values), np.append(values, 1.0)
        middle = (low + high) / 2
        threshold = np.where(middle > low, middle, high)
        threshold[(low < 0.5) & (high >= 0.5)] = 0.5
        selected = np.append(_reverse_cumsum(np.bincount(place)), 0)
        hits = np.append(_reverse_cumsum(np.bincount(place[target], minlength=len(values))), 0)
        # No threshold lies above a probability of 1.
        order = np.argsort(np.abs(threshold - 0.5)[: len(values) + (values[-1] < 1)], kind="stable")
        self.thresholds = threshold[order]
        self.selected = selected[order]
        self.hits = hits[order]
        self.positives = int(target.sum())
        self.half = int(np.argmax(self.selected == (probability >= 0.5).sum()))


def _reverse_cumsum(counts: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    return counts[::-1].cumsum()[::-1]


def _best(cuts: list[_Cuts]) -> list[float]:
    """Return the thresholds with the highest F1 over all decisions on these labels.

    Dinkelbach's iteration for F1 = 2 hits / (positives + selected).
    """
    positives = sum(cut.positives for cut in cuts)
    picks = [cut.half for cut in cuts]
    if not positives:
        return [0.5] * len(cuts)
    while True:
        # F1 = twice / total; in integers, so that ties are exact.
        twice = 2 * sum(int(cut.hits[pick]) for cut, pick in zip(cuts, picks, strict=True))
        total = positives + sum(
            int(cut.selected[pick]) for cut, pick in zip(cuts, picks, strict=True)
        )
        gains = [2 * total * cut.hits - twice * cut.selected for cut in cuts]
        picks = [int(gain.argmax()) for gain in gains]
        gained = sum(int(gain[pick]) for gain, pick in zip(gains, picks, strict=True))
        if gained == twice * positives:
            return [float(cut.thresholds[pick]) for cut, pick in zip(cuts, picks, strict=True)]
