"""PoolValidation: what the members predict for rows that none of them has seen.

The fitted network keeps validation rows for each of its own members; these are the folds. The
pretrained model answers them from contexts that lack the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.backends.minilm import MiniLMBackend
from tabwidget.backends.pool.forests import Forests
from tabwidget.backends.pool.weights import KNOWN_SHARES, PoolWeights, best_weights, log_loss
from tabwidget.backends.pretrained import PretrainedBackend
from tabwidget.table import Column, Table

__all__ = ["N_MEMBERS", "PoolValidation"]

MAX_ROWS = 200  # per fold
MAX_FOLDS = 4
MAX_CONTEXT_ROWS = 384  # of the contexts that are measured, so that more columns are
N_MEMBERS = 3  # pretrained model, network, forest


@dataclass(frozen=True)
class Measured:
    """The pretrained model's predictions of one column in one fold.

    Attributes
    ----------
    fold : int
        Number of the fold.
    rows : list of ndarray
        The evidence, for each of `KNOWN_SHARES`.
    places : ndarray of int
        Position of each row among the stored rows; -1 for none.
    codes : ndarray of int
        Support index of the true values.
    predictions : list of ndarray of shape (n, S)
        Probabilities, for each of `KNOWN_SHARES`.
    """

    fold: int
    rows: list[Floats]
    places: Ints
    codes: Ints
    predictions: list[Floats]


class PoolValidation:
    """Predictions of validation rows, measured one column and fold at a time.

    Parameters
    ----------
    table : Table
        The fitted table.
    targets : sequence of str
        Columns to measure first.
    pretrained : PretrainedBackend
        Has the table's rows.
    network : MiniLMBackend
        Has begun its fit.
    seed : int
        Seed of the samples of rows and of the hidden cells.

    Attributes
    ----------
    seconds : float
        Time spent in `measure`.
    """

    def __init__(
        self,
        table: Table,
        targets: Sequence[str],
        pretrained: PretrainedBackend,
        network: MiniLMBackend,
        seed: int,
    ) -> None:
        self.pretrained, self.network = pretrained, network
        self.columns: tuple[Column, ...] = table.schema.inputs
        rng = np.random.default_rng([seed, 1])
        self._numbers = [
            rows if len(rows) <= MAX_ROWS else np.sort(rng.choice(rows, MAX_ROWS, replace=False))
            for rows in network.validation_rows[:MAX_FOLDS]
        ]
        self._rows = [table.schema.rows(table.frame.iloc[numbers]) for numbers in self._numbers]
        stored = {number: place for place, number in enumerate(pretrained.numbers.tolist())}
        self._places = [
            np.array([stored.get(number, -1) for number in numbers.tolist()])
            for numbers in self._numbers
        ]
        self._hidden = [rng.random((len(rows), len(self.columns))) for rows in self._rows]
        self._owner = np.repeat(
            np.arange(len(self.columns)), [column.width for column in self.columns]
        )
        self.measured: dict[int, list[Measured]] = {}
        self.seconds = 0.0
        names = table.schema.targets
        order = sorted(range(len(names)), key=lambda i: names[i] not in targets)
        self._todo = iter([(fold, i) for fold in range(len(self._numbers)) for i in order])

    def measure(self) -> bool:
        """Measure the next column; return False once there is none."""
        began = time.perf_counter()
        following = next(self._todo, None)
        if following is None:
            return False
        fold, target = following
        rows = self._rows[fold]
        there = np.flatnonzero(np.isfinite(rows[:, target]))
        if len(there):
            column = self.columns[target]
            evidence = [self._evidence(fold, there, target, share) for share in KNOWN_SHARES]
            both = np.concatenate(evidence)
            found = self.pretrained.predictions_without(
                self._numbers[fold], both, target, MAX_CONTEXT_ROWS
            )
            codes = np.maximum(column.codes(rows[there, target]), 0)
            parts = np.split(found, len(evidence))
            places = self._places[fold][there]
            measured = Measured(fold, evidence, places, codes, parts)
            self.measured.setdefault(target, []).append(measured)
        self.seconds += time.perf_counter() - began
        return True

    def weights(
        self, forests: Forests, done: Callable[[int, int], None] | None = None
    ) -> tuple[PoolWeights, dict[int, float]]:
        """Return the pool weights by what is measured, and each column's gain in nats.

        A column that is not measured gets the mean weights of the others of its kind.

        Parameters
        ----------
        forests : Forests
            What is grown so far.
        done : callable, optional
            Called with the number of columns weighed so far, and of those to weigh.
        """
        n_columns = len(self.columns)
        at = np.zeros((len(KNOWN_SHARES), n_columns, N_MEMBERS))
        gains = {}
        measured = self._by_network()
        for number, (target, found) in enumerate(measured.items()):
            if done is not None:
                done(number, len(measured))
            column = self.columns[target]
            distances = np.diff(column.grid) if column.is_number else None
            codes = np.concatenate([m.codes for m, _ in found])
            for level in range(len(KNOWN_SHARES)):
                members = [
                    np.concatenate([m.predictions[level] for m, _ in found]),
                    np.concatenate([by_network[level] for _, by_network in found]),
                ]
                if target in forests:
                    parts = [forests.at_places(m.rows[level], target, m.places) for m, _ in found]
                    members.append(np.concatenate(parts))
                chosen = best_weights(members, codes, distances)
                at[level, target] = np.pad(chosen, (0, N_MEMBERS - len(chosen)))
            pooled = np.einsum("m,mns->ns", chosen, np.stack(members))
            gains[target] = log_loss(members[0], codes) - log_loss(pooled, codes)
        weights = PoolWeights.of_first(n_columns, N_MEMBERS)
        for target, column in enumerate(self.columns):
            alike = [i for i in gains if self.columns[i].is_number == column.is_number]
            if target in gains:
                weights.at[:, target] = at[:, target]
            elif alike:
                weights.at[:, target] = at[:, alike].mean(1)
        return weights, gains

    def _by_network(self) -> dict[int, list[tuple[Measured, list[Floats]]]]:
        """Return what the network predicts where the pretrained model is measured, by target."""
        found: dict[int, list[tuple[Measured, list[Floats]]]] = {}
        for fold in range(min(len(self._rows), self.network.n_members)):
            of_fold = [
                (target, m) for target, ms in self.measured.items() for m in ms if m.fold == fold
            ]
            if not of_fold:
                continue
            # One batch for all columns.
            rows = [part for _, m in of_fold for part in m.rows]
            targets = np.repeat(
                [target for target, m in of_fold for _ in m.rows], [len(part) for part in rows]
            )
            p = self.network.predict_by_member(fold, np.concatenate(rows), targets)
            parts = iter(np.split(p, np.cumsum([len(part) for part in rows])[:-1]))
            for target, m in of_fold:
                size = len(self.columns[target].support)
                answers = [next(parts)[:, :size] for _ in m.rows]
                found.setdefault(target, []).append((m, answers))
        return found

    def _evidence(self, fold: int, there: Ints, target: int, share: float) -> Floats:
        """Return rows without the target, with this share of the other cells."""
        rows, keys = self._rows[fold][there], self._hidden[fold][there].copy()
        keys[:, target] = 2.0
        place = keys.argsort(1).argsort(1)
        n_known = int(np.ceil(share * (len(self.columns) - 1)))
        return np.where((place < n_known)[:, self._owner], rows, np.nan)
