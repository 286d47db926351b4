"""TextAnswers: distributions of columns given cells, as a text language model has them."""

from __future__ import annotations

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.backends.text.rows import RowTokens
from tabwidget.backends.text.scoring import TokenScorer, log_probabilities
from tabwidget.backends.text.support import TextSupport
from tabwidget.table.column_orders import column_orders

__all__ = ["TextAnswers"]


class TextAnswers:
    """Asks a model for whole distributions; what it says of a row depends on that row alone.

    Parameters
    ----------
    tokens : RowTokens
        Writes the questions.
    scorer : Model
        The model.
    seed : int
        Of the column orders that the cells known are read in.
    """

    def __init__(self, tokens: RowTokens, scorer: TokenScorer, seed: int) -> None:
        self.tokens, self.scorer, self.seed = tokens, scorer, seed
        self._supports: dict[int, TextSupport] = {}

    def support(self, index: int) -> TextSupport:
        """Return the values that a column is answered on."""
        if index not in self._supports:
            self._supports[index] = TextSupport.of(self.tokens, index)
        return self._supports[index]

    def predict(self, contexts: Floats, targets: Ints, orders: int) -> tuple[Floats, Floats]:
        """Return probabilities and spread, as `tabwidget.backends.Prediction` has them.

        Parameters
        ----------
        contexts : ndarray of shape (n_rows, n_columns)
            Known cells; NaN where absent. The target's own cell is not looked at.
        targets : ndarray of int of shape (n_rows,)
            The column asked in each row.
        orders : int
            Column orders to average over, at most.
        """
        columns = len(self.tokens.columns)
        # The same orders for every row: an answer does not depend on the rows beside it. Each with
        # its reverse: few known cells may stand alike in two orders, but not in these.
        drawn = column_orders((max(1, orders) + 1) // 2, columns, seed=self.seed, epoch=0)
        drawn = np.concatenate((drawn, drawn[:, ::-1]))[: max(1, orders)]
        each = len(drawn)
        found = self._answers(
            np.tile(contexts, (each, 1)),
            np.tile(targets, each),
            np.repeat(drawn, len(contexts), axis=0),
        ).reshape(each, len(contexts), -1)
        mean = found.mean(axis=0)
        return mean, np.abs(found - mean).sum(axis=2).mean(axis=0) / 2

    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given those before it in an order drawn for its row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            NaN where absent.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            In nats, 0 where absent, minus infinity for a value that the support lacks.
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
            found = self._answers(
                np.where(before, rows[at], np.nan), np.full(len(at), index), orders[at]
            )
            cells = column.codes(rows[at, index])
            likely = np.where(cells >= 0, found[np.arange(len(at)), cells], 0.0)
            with np.errstate(divide="ignore"):
                out[at, index] = np.log(likely)
        return out

    def _answers(self, contexts: Floats, targets: Ints, orders: Ints) -> Floats:
        """Return the distribution of each row's target, its cells read in the row's order."""
        most = max(len(column.support) for column in self.tokens.columns)
        out = np.zeros((len(contexts), most))
        for target in np.unique(targets).tolist():
            at = np.flatnonzero(targets == target)
            prompts = [self.tokens.prompt(contexts[i], orders[i], target) for i in at]
            support = self.support(target)
            found = log_probabilities(self.scorer, prompts, support.sequences)
            out[at, : support.size] = support.probabilities(found)
        return out
