"""QueryMethods: conditionals, samples and likelihoods of a fitted model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, TypeAlias, overload

import numpy as np
import pandas as pd

from tabwidget._typing import Floats, Ints
from tabwidget.backends import Backend
from tabwidget.callbacks import Callback, as_list, close, notify, predicting
from tabwidget.config import GenerationConfig
from tabwidget.errors import ConfigError, EvidenceError, NotFittedError
from tabwidget.events import Event, TrainingState
from tabwidget.inference.admissible import sample_within
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.evidence import Evidence, Range
from tabwidget.inference.formula import resolve_formula
from tabwidget.inference.joint import JointDistribution, joint_of
from tabwidget.inference.marginalize import WeightedRows, marginalize
from tabwidget.inference.query import Query, ResolvedQuery
from tabwidget.inference.sampling import draw
from tabwidget.table import Column, Table, TableSchema
from tabwidget.table.dtypes import as_dtype
from tabwidget.table.values import is_missing, plain

__all__ = ["QueryMethods"]

Given: TypeAlias = Mapping[str, Evidence]

# Column orders that a prediction is averaged over; at least one per member.
ORDERS = 2
BLOCK_ROWS = 16  # of a frame
DRAW_ORDERS = 1  # sampling noise exceeds the error that more orders would remove


class QueryMethods:
    """Query methods of `TabularLanguageModel`. `fit` sets the attributes below."""

    callbacks: Callback | Sequence[Callback] | None
    state: TrainingState

    backend_: Backend
    table_: Table | None
    _schema: TableSchema
    _empty: pd.DataFrame  # no rows; the dtypes of samples
    _rng: np.random.Generator

    @property
    def ready(self) -> bool:
        """Whether there is a fitted network to query; True from the first steps of `fit` on."""
        return hasattr(self, "backend_") and self.backend_.ready

    @property
    def trained(self) -> bool:
        """Whether the answers use weights trained on the table, not its rows as context alone."""
        return hasattr(self, "backend_") and self.backend_.trained

    @property
    def gains(self) -> dict[str, float]:
        """What training added to the pretrained answers, in nats per validation cell, by column.

        Empty without training, and for backends without pretrained answers.
        """
        if not self.ready:
            return {}
        names = self._schema.targets
        return {names[target]: gain for target, gain in self.backend_.gains.items()}

    @property
    def schema(self) -> TableSchema:
        """The fitted columns."""
        self._check_ready()
        return self._schema

    @overload
    def conditional(self, target: str, given: Given | None = None) -> Distribution: ...

    @overload
    def conditional(
        self, target: Query | ResolvedQuery | Sequence[str], given: Given | None = None
    ) -> Distribution | JointDistribution: ...

    def conditional(
        self, target: str | Query | ResolvedQuery | Sequence[str], given: Given | None = None
    ) -> Distribution | JointDistribution:
        """Return p(target | given).

        Parameters
        ----------
        target : str, Query, ResolvedQuery or list of str
            A column, or a formula such as ``"species | island=Dream"``. For several columns the
            result is their joint distribution.
        given : mapping of str to evidence, optional
            Values, `OneOf`, `NoneOf`, `Between`, `Above` or `Below` by column. Sets and ranges
            are marginalized exactly, numbers within them at the resolution of the support.

        Raises
        ------
        NotFittedError, ColumnError, EvidenceError, FormulaError, ConfigError
            If the model is not fitted or the query is invalid.
        """
        query = self._resolve(target, given)
        if len(query.targets) > 1:
            return self._joint(query)
        name = query.targets[0]
        probabilities, spread = self._probabilities([query], name)
        return Distribution(self.schema[name], probabilities[0], spread[0])

    def _joint(self, query: ResolvedQuery) -> JointDistribution:
        columns = [self.schema[name] for name in query.targets]
        indices = [self.schema.targets.index(name) for name in query.targets]
        return joint_of(columns, indices, self._weighted_rows([query]), self._predict)

    def survey(
        self, given: Given | None = None, columns: Sequence[str] | None = None
    ) -> dict[str, Distribution]:
        """Return p(column | given) of every column without evidence, in one pass.

        Parameters
        ----------
        given : mapping of str to evidence, optional
            As in `conditional`.
        columns : sequence of str, optional
            Of these columns alone.
        """
        query = self._resolve_evidence(given)
        weighted = self._weighted_rows([query])
        names = self.schema.targets
        chosen = names if columns is None else columns
        wanted = {self.schema.target_column(name).name for name in chosen}
        targets = [i for i, n in enumerate(names) if n in wanted and n not in query.evidence]
        if not targets:
            return {}
        rows = np.tile(weighted.rows, (len(targets), 1))
        found = self.backend_.predict(rows, np.repeat(targets, len(weighted.rows)), ORDERS)
        each = zip(
            targets,
            np.split(found.probabilities, len(targets)),
            np.split(found.spread, len(targets)),
            strict=True,
        )
        return {
            names[i]: Distribution(
                self.schema[names[i]],
                weighted.total(p)[0, : len(self.schema[names[i]].support)],
                float(weighted.total(spread)[0]),
            )
            for i, p, spread in each
        }

    def predict_proba(
        self, known: Given, target: str, candidates: Sequence[object] | None = None
    ) -> Floats:
        """Return the probabilities of `candidates`, by default the whole support, for one row."""
        return self.predict_proba_many([known], target, candidates)[0]

    def predict_proba_many(
        self,
        knowns: Sequence[Given] | pd.DataFrame,
        target: str,
        candidates: Sequence[object] | None = None,
        generation: GenerationConfig | None = None,
    ) -> Floats:
        """Return the probabilities of one column for many rows.

        Parameters
        ----------
        knowns : sequence of mapping, or DataFrame
            Evidence of each row, without None and NaN. The target's own column in a DataFrame is
            ignored.
        target : str
            The target column.
        candidates : sequence, optional
            Values to normalize over; the column's support by default.
        generation : GenerationConfig, optional
            Accepted for backends that sample; exact backends ignore it.

        Returns
        -------
        ndarray of shape (n_rows, n_candidates)
            Rows sum to one.
        """
        column = self.schema.target_column(target)
        if len(knowns) == 0:
            return np.empty((0, len(column.support if candidates is None else candidates)))
        with self._emitting("predict_proba", len(knowns)) as done:
            if isinstance(knowns, pd.DataFrame):
                rows = _in_blocks(self.schema.rows(knowns, without=[target]))
                index = np.full(len(rows), self.schema.targets.index(target))
                found = self._predict(rows, index)
                probabilities = found[: len(knowns), : len(column.support)]
            else:
                queries = [
                    Query((target,), _present(given)).resolve(self.schema) for given in knowns
                ]
                probabilities, _ = self._probabilities(queries, target)
            done(len(knowns))
        if candidates is None:
            return probabilities
        return _normalize_over(candidates, probabilities, column)

    def complete(
        self, known: Given, targets: Sequence[str], generation: GenerationConfig | None = None
    ) -> dict[str, Any]:
        """Sample the columns `targets` in turn, each given `known` and the columns before it.

        Parameters
        ----------
        known : mapping of str to evidence
            The evidence.
        targets : sequence of str
            Columns to sample.
        generation : GenerationConfig, optional
            Temperature and truncation; exact samples (temperature 1) by default.

        Returns
        -------
        dict
            Given and sampled cells.
        """
        return self.complete_many([known], [targets], generation)[0]

    def complete_many(
        self,
        knowns: Sequence[Given],
        targets: Sequence[str] | Sequence[Sequence[str]],
        generation: GenerationConfig | None = None,
        *,
        random_state: int | None = None,
    ) -> list[dict[str, Any]]:
        """Sample the columns `targets` of many rows; one list for all rows, or one per row.

        With a `random_state`, every call returns the same samples.
        """
        if len(knowns) == 0:
            return []
        targets = [targets] if isinstance(targets, str) else targets
        shared = [target for target in targets if isinstance(target, str)]
        if len(shared) == len(targets):
            each = [shared] * len(knowns)
        else:
            each = [[target] if isinstance(target, str) else [*target] for target in targets]
        if len(each) != len(knowns):
            raise ConfigError(
                f"{len(knowns)} rows of evidence and {len(each)} lists of targets: give one list "
                "per row"
            )
        queries = [
            Query(tuple(wanted), _present(given)).resolve(self.schema)
            for wanted, given in zip(each, knowns, strict=True)
        ]
        questions = [query.given for query in queries]
        rng = self._rng if random_state is None else np.random.default_rng(random_state)
        rows = self._weighted_rows(queries).draw(rng)
        for i, question in enumerate(questions):
            self._sample_ranges(rows[i : i + 1], question, rng)
        # A column whose evidence admits everything is sampled too.
        names = self.schema.targets
        unknown = [set(compress(names, row)) for row in np.isnan(rows).tolist()]
        each = [
            [*wanted, *(name for name in question if name in left)]
            for wanted, question, left in zip(each, questions, unknown, strict=True)
        ]
        with self._emitting("complete", len(rows)) as done:
            rows = self._sample_targets(rows, each, generation, rng)
            done(len(rows))
        completed: list[dict[str, Any]] = [
            {**question, **dict.fromkeys(wanted)}
            for question, wanted in zip(questions, each, strict=True)
        ]
        for index, name in enumerate(names):
            at = np.flatnonzero(np.isfinite(rows[:, index]))
            values = self.schema[name].restore(rows[at, index]).tolist()
            for row, value in zip(at.tolist(), values, strict=True):
                completed[row][name] = value
        return completed

    def sample(
        self,
        n: int = 1,
        given: Given | None = None,
        *,
        generation: GenerationConfig | None = None,
        random_state: int | None = None,
    ) -> pd.DataFrame:
        """Sample rows from the joint distribution.

        Parameters
        ----------
        n : int, default 1
            Number of rows.
        given : mapping of str to evidence, optional
            Evidence that all rows satisfy; values of a set or a range are sampled.
        generation : GenerationConfig, optional
            Temperature and truncation; exact samples (temperature 1) by default.
        random_state : int, optional
            Seed for the same rows at every call. By default calls continue one random sequence
            that starts with the model's seed.

        Returns
        -------
        DataFrame of shape (n, n_columns)
            In the table's dtypes, without missing cells.
        """
        if n < 0:
            raise ConfigError(f"n={n} rows cannot be sampled: give 0 or more")
        query = self._resolve_evidence(given)
        schema, empty = self.schema, self._empty
        rng = self._rng if random_state is None else np.random.default_rng(random_state)
        weighted = self._weighted_rows([query])
        # One column order for all rows, so that every step is one batch.
        unknown = np.flatnonzero(np.isnan(weighted.rows).any(axis=0))
        absent = [schema.targets[index] for index in unknown if index < len(schema.targets)]
        wanted = [str(name) for name in rng.permutation(absent)]
        start = weighted.rows[rng.choice(len(weighted.rows), size=n, p=weighted.weights)]
        self._sample_ranges(start, query.given, rng)
        with self._emitting("sample", n) as done:
            rows = self._sample_targets(start, [wanted] * n, generation, rng)
            done(n)
        drawn = {
            name: as_dtype(schema[name].restore(rows[:, i]), empty[name].dtype, schema[name])
            for i, name in enumerate(schema.targets)
        }
        return pd.DataFrame(drawn)

    def _check_ready(self) -> None:
        if not self.ready:
            raise NotFittedError("this model is not fitted yet: call fit() first")

    def _resolve(
        self, target: str | Query | ResolvedQuery | Sequence[str], given: Given | None
    ) -> ResolvedQuery:
        """Return a query resolved against the schema; the only place where it is resolved."""
        schema = self.schema
        if isinstance(target, str) and given is None and target not in schema:
            return resolve_formula(target, schema)
        if isinstance(target, (Query, ResolvedQuery)):
            if given is not None:
                raise ConfigError("the query already has evidence: leave `given` out")
            if isinstance(target, Query):
                return target.resolve(schema)
            return target if target.schema is schema else target.query.resolve(schema)
        targets = (target,) if isinstance(target, str) else tuple(target)
        if not targets or len(set(targets)) < len(targets):
            raise ConfigError(f"targets are one or more distinct columns, not {target!r}")
        return Query(targets, _as_dict(given)).resolve(schema)

    def _resolve_evidence(self, given: Given | None) -> ResolvedQuery:
        """Return a resolved query without targets."""
        return Query((), _as_dict(given)).resolve(self.schema)

    def _weighted_rows(self, queries: Sequence[ResolvedQuery]) -> WeightedRows:
        return marginalize(queries, self.schema, self._predict)

    def _predict(self, rows: Floats, columns: Ints) -> Floats:
        return self.backend_.predict(rows, columns, ORDERS).probabilities

    def _probabilities(
        self, queries: Sequence[ResolvedQuery], target: str
    ) -> tuple[Floats, Floats]:
        """Return the distribution of one column for each query, and their order spreads."""
        weighted = self._weighted_rows(queries)
        index = np.full(len(weighted.rows), self.schema.targets.index(target))
        found = self.backend_.predict(weighted.rows, index, ORDERS)
        probabilities = weighted.total(found.probabilities)[:, : len(self.schema[target].support)]
        return probabilities, weighted.total(found.spread)

    @contextlib.contextmanager
    def _emitting(self, kind: str, n_rows: int) -> Iterator[Callable[[int], None]]:
        """Send the callbacks the start, progress and end of a prediction of `n_rows` rows."""
        callbacks = as_list(self.callbacks)
        if not callbacks:
            yield lambda n: None
            return

        def emit(event: Event) -> None:
            self.state.fold(event)
            notify(callbacks, self.state, event)

        try:
            with predicting(emit, kind, n_rows) as done:
                yield done
        finally:
            close(callbacks)

    def _sample_ranges(self, rows: Floats, given: Given, rng: np.random.Generator) -> None:
        """Resample cells with evidence on a range uniformly from the overlap of bin and range."""
        for name, evidence in given.items():
            if isinstance(evidence, Range):
                index = self.schema.targets.index(name)
                present = np.isfinite(rows[:, index])
                rows[present, index] = sample_within(
                    evidence, self.schema[name], rows[present, index], rng
                )

    def _sample_targets(
        self,
        rows: Floats,
        targets: Sequence[Sequence[str]],
        generation: GenerationConfig | None,
        rng: np.random.Generator,
    ) -> Floats:
        """Sample the targets of each row one after the other, all rows in one batch."""
        if generation is not None:
            generation.validate()
        schema, names = self.schema, self.schema.targets
        for place in range(max((len(wanted) for wanted in targets), default=0)):
            at = np.array([i for i, wanted in enumerate(targets) if len(wanted) > place])
            columns = np.array([names.index(targets[i][place]) for i in at])
            found = self.backend_.predict(rows[at], columns, DRAW_ORDERS).probabilities
            for index in np.unique(columns):
                same = columns == index
                rows[at[same], index] = draw(found[same], schema[names[index]], rng, generation)
        return rows


def _in_blocks(rows: Floats) -> Floats:
    """Return rows with copies of the last one, so that their number is a multiple of a block.

    Sums of float32 differ in their last digits with the shape of a batch; in whole blocks the
    prediction of a row does not depend on how many others there are.
    """
    return np.pad(rows, ((0, -len(rows) % BLOCK_ROWS), (0, 0)), mode="edge")


def _as_dict(given: Given | None) -> dict[str, Evidence]:
    try:
        return {} if given is None else dict(given)
    except (TypeError, ValueError):
        raise ConfigError(
            f'evidence is a mapping such as {{"column": 1.5}}, not {given!r}'
        ) from None


def _present(given: Given) -> dict[str, Evidence]:
    """Return the cells of a row that are not missing."""
    return {name: value for name, value in _as_dict(given).items() if not is_missing(value)}


def _normalize_over(candidates: Sequence[object], probabilities: Floats, column: Column) -> Floats:
    """Return probabilities of candidates that sum to one; binned numbers count by density."""
    if len(candidates) == 0:
        raise EvidenceError(f"column {column.name!r}: the list of candidates is empty")
    codes = column.codes(column.numbers(list(candidates)))
    if (codes < 0).any():
        wrong = candidates[int(np.flatnonzero(codes < 0)[0])]
        raise EvidenceError(
            f"column {column.name!r} never has the value {plain(wrong)!r}: "
            "give candidates from its support"
        )
    chosen = probabilities[:, codes] / column.widths[codes]
    # Candidates that all have probability 0 are equally likely.
    chosen[chosen.sum(1) <= 0] = 1.0
    return chosen / chosen.sum(1, keepdims=True)
