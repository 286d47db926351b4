"""TextAnswers: distributions of columns given evidence, by a scoring model."""

from __future__ import annotations

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.backends.text.rows import RowTokens
from tabwidget.backends.text.scoring import log_probabilities
from tabwidget.backends.text.scoring_model import ScoringModel
from tabwidget.backends.text.support import TextSupport
from tabwidget.table.column_orders import column_orders

__all__ = ["TextAnswers"]


class TextAnswers:
    """Computes p(column | cells) of rows; each row is independent of the others in its batch.

    Parameters
    ----------
    tokens : RowTokens
        Encodes the prompts.
    scorer : ScoringModel
        The model.
    seed : int
        Seed of the column orders in which cells are encoded.
    """

    def __init__(self, tokens: RowTokens, scorer: ScoringModel, seed: int) -> None:
        self.tokens, self.scorer, self.seed = tokens, scorer, seed
        self._supports: dict[int, TextSupport] = {}

    def support(self, index: int) -> TextSupport:
        """Return the support of a column as token sequences."""
        if index not in self._supports:
            self._supports[index] = TextSupport.of(self.tokens, index)
        return self._supports[index]

    def predict(self, contexts: Floats, targets: Ints, orders: int) -> tuple[Floats, Floats]:
        """Return probabilities and spread, see `tabwidget.backends.Prediction`.

        Parameters
        ----------
        contexts : ndarray of shape (n_rows, n_columns)
            Evidence; NaN where absent. The target's own cell is ignored.
        targets : ndarray of int of shape (n_rows,)
            The target column of each row.
        orders : int
            Number of column orders to average over.
        """
        columns = len(self.tokens.columns)
        # All rows share the orders, so that a row's answer does not depend on its batch. Orders
        # come with their reverses: two drawn ones may order a few given cells alike.
        drawn = column_orders((max(1, orders) + 1) // 2, columns, seed=self.seed, epoch=0)
        drawn = np.concatenate((drawn, drawn[:, ::-1]))[: max(1, orders)]
        n_orders = len(drawn)
        found = self._distributions(
            np.tile(contexts, (n_orders, 1)),
            np.tile(targets, n_orders),
            np.repeat(drawn, len(contexts), axis=0),
        ).reshape(n_orders, len(contexts), -1)
        mean = found.mean(axis=0)
        return mean, np.abs(found - mean).sum(axis=2).mean(axis=0) / 2

    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells before it, in an order per row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            NaN where absent.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            In nats; 0 where absent, minus infinity for a value outside the support.
        """
        columns = self.tokens.columns
        orders = column_orders(len(rows), len(columns), seed=self.seed, epoch=0)
        rank = orders.argsort(axis=1)
        out = np.zeros((len(rows), len(columns)))
        for index, column in enumerate(columns):
            at = np.flatnonzero(np.isfinite(rows[:, index]))
            if not len(at):
                continue
            before = rank[at] < rank[at, index][:, None]
            found = self._distributions(
                np.where(before, rows[at], np.nan), np.full(len(at), index), orders[at]
            )
            codes = column.codes(rows[at, index])
            p = np.where(codes >= 0, found[np.arange(len(at)), codes], 0.0)
            with np.errstate(divide="ignore"):
                out[at, index] = np.log(p)
        return out

    def _distributions(self, contexts: Floats, targets: Ints, orders: Ints) -> Floats:
        """Return the distribution of each row's target, its cells encoded in the row's order."""
        width = max(len(column.support) for column in self.tokens.columns)
        out = np.zeros((len(contexts), width))
        for target in np.unique(targets).tolist():
            at = np.flatnonzero(targets == target)
            prompts = [self.tokens.prompt(contexts[i], orders[i], target) for i in at]
            support = self.support(target)
            scores = log_probabilities(self.scorer, prompts, support.sequences)
            out[at, : support.size] = support.probabilities(scores)
        return out
