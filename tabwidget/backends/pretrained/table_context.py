"""TableContext: the rows of a table as context, with a cached context for each target.

Shapes: R stored rows, B query rows, C columns, F features, S the largest support of a column.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.pretrained.context import TargetContext, ask, kinds_of
from tabwidget.backends.pretrained.encoding import TableEncoding
from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.lru_cache import LRUCache
from tabwidget.backends.pretrained.model import InContextModel
from tabwidget.backends.pretrained.weights import pretrained_model
from tabwidget.table import Column

__all__ = ["N_FOLDS", "TableContext"]

MAX_CONTEXT_ROWS = 2_000
MIN_CONTEXT_ROWS = 256  # even where the contexts of all targets exceed `MAX_CACHE_BYTES`
MAX_CACHE_BYTES = 384 * 2**20
MAX_FOLD_CACHE_BYTES = 256 * 2**20  # all folds of a target, or of every target of a small table
CACHED_SHARE = 0.9  # of the cache, for keys and values
MIN_LEVEL_ROWS = 8  # of each level that a sample of rows keeps
MAX_QUERY_ROWS = 256  # per batch, so that its activations stay in a core's cache
N_FOLDS = 5
IN_NO_FOLD = -1

# Rows, the key of their context (target, kind, member, fold), and the weight of the answer.
Question = tuple[Ints, tuple[int, Kind, int, int], float]


class TableContext:
    """The rows of a table as context.

    Parameters
    ----------
    model : InContextModel
        The pretrained model.
    columns : sequence of Column
        The inputs of the table's schema.
    rows : ndarray of shape (R, F)
        The table's rows, or a sample of them, as `TableSchema.rows` returns them.
    counts : callable
        ``counts(target)`` returns the number of the table's rows of each support value.
    seed : int
        Seed of everything random.

    Attributes
    ----------
    folds : ndarray of int of shape (R,)
        Fold of each row.
    """

    def __init__(
        self,
        model: InContextModel,
        columns: Sequence[Column],
        rows: Floats,
        counts: Callable[[int], Floats],
        seed: int,
    ) -> None:
        self.model, self.seed = model, seed
        self.encoding = TableEncoding(columns, rows)
        self._count, self._counts = counts, dict[int, Floats]()
        self.folds = np.random.default_rng(seed).permutation(len(rows)) % N_FOLDS
        self._cache: LRUCache[TargetContext] = LRUCache(MAX_CACHE_BYTES)
        self._fold_cache: LRUCache[TargetContext] = LRUCache(MAX_FOLD_CACHE_BYTES)
        self._sampled: dict[int, set[bytes]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the pretrained weights, which every copy shares."""
        return {**self.__dict__, "model": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, model=pretrained_model())

    def counts(self, target: int) -> Floats:
        """Return the number of the table's rows of each support value of a target."""
        if target not in self._counts:
            self._counts[target] = self._count(target)
        return self._counts[target]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The inputs of the table's schema."""
        return self.encoding.columns

    @property
    def rows(self) -> Floats:
        """The stored rows."""
        return self.encoding.rows

    @functools.cached_property
    def targets(self) -> list[int]:
        """Columns that can be targets."""
        return [i for i, column in enumerate(self.columns) if column.role == "feature"]

    @functools.cached_property
    def max_rows(self) -> int:
        """Most rows per context: so many that the contexts of all targets fit into the cache."""
        config = self.model.config
        per_row = 4 * config["width"] * (2 * config["layers"] + 1)
        n_contexts = sum(len(kinds_of(self.encoding, target)) for target in self.targets)
        # The rest is for their statistics.
        fitting = int(CACHED_SHARE * MAX_CACHE_BYTES) // (per_row * max(1, n_contexts))
        return int(np.clip(fitting, MIN_CONTEXT_ROWS, MAX_CONTEXT_ROWS))

    def shares(self, target: int) -> Floats:
        """Return the table's shares of a target's support, smoothed by half a row."""
        counts = self.counts(target)
        shares: Floats = (counts + 0.5 / len(counts)) / (counts.sum() + 0.5)
        return shares

    def predict(
        self, rows: Floats, targets: Ints, n_members: int = 1, folds: Ints | None = None
    ) -> tuple[Floats, Floats]:
        """Return the distribution of one target for each row, and the members' disagreement.

        Parameters
        ----------
        rows : ndarray of shape (B, F)
            Evidence, NaN where unknown; the target's own cell is ignored.
        targets : ndarray of int of shape (B,)
            Target column of each row.
        n_members : int, default 1
            Contexts that differ in what is random.
        folds : ndarray of int of shape (B,), optional
            Fold that the context of each row lacks; -1 for none.

        Returns
        -------
        ndarray of shape (B, largest support)
            Probabilities.
        ndarray of shape (B,)
            Mean total variation distance of the members from their mean.
        """
        folds = np.full(len(rows), IN_NO_FOLD) if folds is None else folds
        cells = self.encoding.encode(rows)
        sizes = [len(self.columns[target].support) for target in np.unique(targets)]
        each = np.zeros((n_members, len(rows), max(sizes, default=0)))
        questions = []
        for target, fold in np.unique(np.stack([targets, folds], 1), axis=0).tolist():
            at = np.flatnonzero((targets == target) & (folds == fold))
            kinds = kinds_of(self.encoding, target)
            for part in (at[rows] for rows in _slices(len(at))):
                for kind, member in itertools.product(kinds, range(n_members)):
                    questions.append((part, (target, kind, member, fold), 1 / len(kinds)))
        for batch in _batched(questions):
            contexts = [self._context(*key) for _, key, _ in batch]
            asked = [cells.rows(torch.from_numpy(at)) for at, _, _ in batch]
            answers = ask(self.model, contexts, asked)
            for (at, (_, _, member, _), weight), p in zip(batch, answers, strict=True):
                each[member, at, : p.shape[1]] += weight * p
        mean = each.mean(0)
        return mean, np.abs(each - mean).sum(2).mean(0) / 2

    def predict_without(
        self, left_out: Ints, rows: Floats, target: int, max_rows: int | None = None
    ) -> Floats:
        """Return the distribution of a target from a context without some of the stored rows.

        Parameters
        ----------
        left_out : ndarray of int
            Positions of the stored rows that are left out.
        rows : ndarray of shape (B, F)
            Evidence.
        target : int
            The target column.
        max_rows : int, optional
            Most rows of the context, fewer than usual.
        """
        kept = np.ones(len(self.rows), dtype=bool)
        kept[left_out] = False
        cells, kinds = self.encoding.encode(rows), kinds_of(self.encoding, target)
        contexts = [self._made(target, kind, 0, kept, max_rows) for kind in kinds]
        parts = [
            np.mean(ask(self.model, contexts, [cells.rows(part)] * len(kinds)), axis=0)
            for part in _slices(len(rows))
        ]
        return np.concatenate(parts)

    def folds_of(self, rows: Floats) -> Ints:
        """Return the fold of each row; -1 for rows that are not among the stored ones."""
        places = self.places_of(rows)
        return np.where(places >= 0, self.folds[places], IN_NO_FOLD)

    def folds_without(self, rows: Floats, targets: Ints) -> Ints:
        """Return the fold whose context lacks each row; -1 where that of all rows does, too.

        The context of a long table is a sample of its rows.
        """
        folds = self.folds_of(rows)
        for target in np.unique(targets[folds != IN_NO_FOLD]).tolist():
            at = np.flatnonzero((targets == target) & (folds != IN_NO_FOLD))
            sampled = self._sampled_rows(target)
            if sampled is not None:
                folds[at[[_key(row) not in sampled for row in rows[at]]]] = IN_NO_FOLD
        return folds

    def _sampled_rows(self, target: int) -> set[bytes] | None:
        """Return the rows of a target's context; None if these are all rows."""
        if len(self.rows) <= self.max_rows:
            return None
        if target not in self._sampled:
            rows = self.rows[self._context_rows(target, 0)]
            self._sampled[target] = {_key(row) for row in rows}
        return self._sampled[target]

    def places_of(self, rows: Floats) -> Ints:
        """Return the position of each row among the stored ones; -1 if it is not there."""
        place = self._place_of_row
        return np.array([place.get(_key(row), -1) for row in rows], dtype=np.int64)

    @functools.cached_property
    def _place_of_row(self) -> dict[bytes, int]:
        return {_key(row): place for place, row in reversed(list(enumerate(self.rows)))}

    def _context(self, target: int, kind: Kind, member: int, fold: int) -> TargetContext:
        """Return a context, from a cache; those that lack a fold never displace the others."""
        make = functools.partial(self._made, target, kind, member)
        if fold != IN_NO_FOLD:
            make = functools.partial(make, self.folds != fold)
            return self._fold_cache.get((target, kind, member, fold), make)
        return self._cache.get((target, kind, member), make)

    def _made(
        self,
        target: int,
        kind: Kind,
        member: int,
        kept: Bools | None = None,
        max_rows: int | None = None,
    ) -> TargetContext:
        return TargetContext(
            self.model,
            self.encoding,
            target,
            self._context_rows(target, member, kept, max_rows),
            kind,
            self.shares(target),
            self.seed * 1_000 + member,
        )

    def _context_rows(
        self, target: int, member: int, kept: Bools | None = None, max_rows: int | None = None
    ) -> Ints:
        """Return the positions of the rows of a context: all, or a sample where they are many."""
        rng = np.random.default_rng([self.seed, self.encoding.seeds[target], member])
        there = self.encoding.known[:, target]
        rows = np.flatnonzero(there if kept is None else there & kept)
        if not len(rows):  # rather one fold's leak than no context
            rows = np.flatnonzero(there)
        size = self.max_rows if max_rows is None else min(max_rows, self.max_rows)
        if len(rows) > size:
            column = self.columns[target]
            levels = None if column.is_number else self.rows[rows, target].astype(np.int64)
            rows = rows[_sampled(len(rows), size, levels, rng)]
        return rows


def _slices(n_rows: int) -> list[slice]:
    starts = range(0, max(1, n_rows), MAX_QUERY_ROWS)
    return [slice(start, start + MAX_QUERY_ROWS) for start in starts]


def _batched(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """Yield batches of questions of about `MAX_QUERY_ROWS` rows."""
    batch: list[Question] = []
    n_rows = 0
    for question in questions:
        if batch and n_rows + len(question[0]) > MAX_QUERY_ROWS:
            yield batch
            batch, n_rows = [], 0
        batch.append(question)
        n_rows += len(question[0])
    if batch:
        yield batch


def _key(row: Floats) -> bytes:
    # One zero and one NaN, whatever their bits.
    return bytes(np.where(np.isnan(row), np.nan, row + 0.0).tobytes())


def _sampled(n_rows: int, size: int, levels: Ints | None, rng: np.random.Generator) -> Ints:
    """Return a sample of row positions, in order, that keeps some rows of every level."""
    keys = rng.random(n_rows)
    if levels is not None:
        # Place of each row within its level, in the random order.
        order = np.lexsort((keys, levels))
        starts = np.flatnonzero(np.diff(levels[order], prepend=-1))
        place = np.empty(n_rows, dtype=np.int64)
        lengths = np.diff(np.append(starts, n_rows))
        place[order] = np.arange(n_rows) - np.repeat(starts, lengths)
        keys = np.where(place < MIN_LEVEL_ROWS, keys - 1, keys)
    return np.sort(np.argsort(keys)[:size])
