"""Answering: what a fitted model of a table can be asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, TypeAlias, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.backends import Backend
from tabwidget.callbacks import Callback, as_list, close, notify, predicting
from tabwidget.config import GenerationConfig
from tabwidget.errors import ConfigError, EvidenceError, NotFittedError
from tabwidget.events import Event, TrainingState
from tabwidget.inference.admissible import sample_within
from tabwidget.inference.calibration import reliability
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.evidence import Evidence, Range
from tabwidget.inference.formula import parse
from tabwidget.inference.joint import JointDistribution, joint_of
from tabwidget.inference.marginalize import WeightedRows, marginalize
from tabwidget.inference.query import Query
from tabwidget.inference.sampling import draw
from tabwidget.table import Column, Table, TableSchema
from tabwidget.table.dtypes import as_dtype
from tabwidget.table.values import is_missing, plain

__all__ = ["Answering"]

Known: TypeAlias = Mapping[str, Evidence]

ORDERS = 2  # column orders that an answer is averaged over, one a member if those are more
DRAW_ORDERS = 1  # the same for a draw, whose own chance is larger than what more would mend


class Answering:
    """Every question to a fitted backend; who learns sets the attributes below."""

    callbacks: Callback | Sequence[Callback] | None
    state: TrainingState

    backend_: Backend
    table_: Table | None
    _schema: TableSchema
    _like: pd.DataFrame  # no rows: the dtypes that cells are given back in
    _rng: np.random.Generator

    @property
    def ready(self) -> bool:
        """Whether it can be asked: after `fit`, and already while it runs."""
        return hasattr(self, "backend_") and self.backend_.ready

    @property
    def schema(self) -> TableSchema:
        """The columns that were learned."""
        self._check_ready()
        return self._schema

    @overload
    def conditional(self, target: str, given: Known | None = None) -> Distribution: ...

    @overload
    def conditional(
        self, target: Query | Sequence[str], given: Known | None = None
    ) -> Distribution | JointDistribution: ...

    def conditional(
        self, target: str | Query | Sequence[str], given: Known | None = None
    ) -> Distribution | JointDistribution:
        """Return p(target | given).

        Parameters
        ----------
        target : str, Query or list of str
            A column, or a whole question such as ``"species | island=Dream"``. Of several columns
            the answer is their joint distribution.
        given : mapping of str to evidence, optional
            What is known: values, `OneOf`, `NoneOf`, `Between`, `Above`, `Below`. A set or a
            range is summed over exactly; numbers within it at the resolution of the support.

        Raises
        ------
        NotFittedError, ColumnError, EvidenceError, FormulaError
            If it cannot be asked.
        """
        query = self._question(target, given)
        if len(query.targets) > 1:
            return self._joint(query)
        name = query.targets[0]
        probabilities, spread = self._probabilities([query.given], name)
        return Distribution(self.schema[name], probabilities[0], spread[0])

    def _joint(self, query: Query) -> JointDistribution:
        columns = [self.schema[name] for name in query.targets]
        indices = [self.schema.targets.index(name) for name in query.targets]
        return joint_of(columns, indices, self._contexts([query.given]), self._predict)

    def survey(self, given: Known | None = None) -> dict[str, Distribution]:
        """Return p(column | given) of every column that is not given, in one pass."""
        given = self._question_of_none(given)
        contexts = self._contexts([given])
        names = self.schema.targets
        asked = [i for i, name in enumerate(names) if name not in given]
        if not asked:
            return {}
        rows = np.tile(contexts.rows, (len(asked), 1))
        targets = np.repeat(asked, len(contexts.rows))
        found = self.backend_.predict(rows, targets, ORDERS)
        each = zip(
            asked,
            np.split(found.probabilities, len(asked)),
            np.split(found.spread, len(asked)),
            strict=True,
        )
        return {
            names[i]: Distribution(
                self.schema[names[i]],
                contexts.total(p)[0, : len(self.schema[names[i]].support)],
                float(contexts.total(spread)[0]),
            )
            for i, p, spread in each
        }

    def predict_proba(
        self, known: Known, target: str, candidates: Sequence[object] | None = None
    ) -> Floats:
        """Return the probabilities of `candidates` (all of the support by default) for one row."""
        return self.predict_proba_many([known], target, candidates)[0]

    def predict_proba_many(
        self,
        knowns: Sequence[Known] | pd.DataFrame,
        target: str,
        candidates: Sequence[object] | None = None,
        generation: GenerationConfig | None = None,
    ) -> Floats:
        """Return the probabilities of one column for many rows.

        Parameters
        ----------
        knowns : sequence of mapping, or DataFrame
            What is known in each row; None and NaN are not. The target's own column in a
            DataFrame is not looked at.
        target : str
            The column asked for.
        candidates : sequence, optional
            Values to choose among; the column's support by default.
        generation : GenerationConfig, optional
            Not used by backends that answer exactly; it is there for those that sample.

        Returns
        -------
        ndarray of shape (n_rows, n_candidates)
            Rows sum to one.
        """
        column = self.schema.target_column(target)
        if len(knowns) == 0:
            return np.empty((0, len(column.support if candidates is None else candidates)))
        with self._telling("predict_proba", len(knowns)) as done:
            if isinstance(knowns, pd.DataFrame):
                rows = self.schema.rows(knowns, without=[target])
                index = np.full(len(rows), self.schema.targets.index(target))
                found = self._predict(rows, index)
                probabilities = found[:, : len(column.support)]
            else:
                questions = [
                    Query((target,), _present(known)).check(self.schema).given for known in knowns
                ]
                probabilities, _ = self._probabilities(questions, target)
            done(len(knowns))
        return probabilities if candidates is None else _among(probabilities, column, candidates)

    def complete(
        self, known: Known, targets: Sequence[str], generation: GenerationConfig | None = None
    ) -> dict[str, Any]:
        """Draw the columns `targets` in turn, each given all that is known or drawn before.

        Parameters
        ----------
        known : mapping of str to evidence
            What is known.
        targets : sequence of str
            What to draw.
        generation : GenerationConfig, optional
            Temperature and truncation; exact draws (temperature 1) by default.

        Returns
        -------
        dict
            The known and the drawn cells.
        """
        return self.complete_many([known], [targets], generation)[0]

    def complete_many(
        self,
        knowns: Sequence[Known],
        targets: Sequence[str] | Sequence[Sequence[str]],
        generation: GenerationConfig | None = None,
        *,
        random_state: int | None = None,
    ) -> list[dict[str, Any]]:
        """Draw the columns `targets` of many rows; one list for all rows, or a list a row.

        `random_state` is for the same draws at every call, as in `sample`.
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
            raise ConfigError(f"{len(knowns)} rows are known, but targets of {len(each)} are given")
        questions = [
            Query(tuple(wanted), _present(known)).check(self.schema).given
            for wanted, known in zip(each, knowns, strict=True)
        ]
        rng = self._rng if random_state is None else np.random.default_rng(random_state)
        rows = self._contexts(questions).draw(rng)
        for i, question in enumerate(questions):
            self._place(rows[i : i + 1], question, rng)
        # Evidence that admits everything leaves its own column to be drawn too.
        names = self.schema.targets
        unknown = [set(compress(names, row)) for row in np.isnan(rows).tolist()]
        each = [
            [*wanted, *(name for name in question if name in left)]
            for wanted, question, left in zip(each, questions, unknown, strict=True)
        ]
        with self._telling("complete", len(rows)) as done:
            rows = self._drawn(rows, each, generation, rng)
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
        given: Known | None = None,
        *,
        generation: GenerationConfig | None = None,
        random_state: int | None = None,
    ) -> pd.DataFrame:
        """Draw whole rows from the joint distribution.

        Parameters
        ----------
        n : int, default 1
            How many.
        given : mapping of str to evidence, optional
            What all of them have; a set or a range is drawn from too.
        generation : GenerationConfig, optional
            Temperature and truncation; exact draws (temperature 1) by default.
        random_state : int, optional
            For the same rows at every call; by default each call goes on where the last ended,
            from the model's own seed.

        Returns
        -------
        DataFrame of shape (n, n_columns)
            With the table's dtypes, no cell missing.
        """
        if n < 0:
            raise ConfigError(f"a number of rows to draw is at least 0, not {n}")
        question = self._question_of_none(given)
        schema, like = self.schema, self._like
        rng = self._rng if random_state is None else np.random.default_rng(random_state)
        contexts = self._contexts([question])
        # A new order for each row would be as right; one for all keeps every step one batch.
        unknown = np.flatnonzero(np.isnan(contexts.rows).any(axis=0))
        absent = [schema.targets[index] for index in unknown if index < len(schema.targets)]
        wanted = [str(name) for name in rng.permutation(absent)]
        start = contexts.rows[rng.choice(len(contexts.rows), size=n, p=contexts.weights)]
        self._place(start, question, rng)
        with self._telling("sample", n) as done:
            rows = self._drawn(start, [wanted] * n, generation, rng)
            done(n)
        drawn = {
            name: as_dtype(schema[name].restore(rows[:, i]), like[name].dtype, schema[name])
            for i, name in enumerate(schema.targets)
        }
        return pd.DataFrame(drawn)

    @overload
    def log_likelihood(self, frame: pd.DataFrame) -> Floats: ...

    @overload
    def log_likelihood(self, frame: pd.DataFrame, *, per_cell: bool) -> Floats | pd.DataFrame: ...

    def log_likelihood(
        self, frame: pd.DataFrame, *, per_cell: bool = False
    ) -> Floats | pd.DataFrame:
        """Return the log-probability of each row's present cells, in nats.

        A number counts with the probability of the value, or bin, of the support that it falls
        on, so that rows can be compared whatever the units. Free text does not count; it tells of
        single cells.

        Parameters
        ----------
        frame : DataFrame
            Rows; columns may be missing.
        per_cell : bool, default False
            Of each cell given the rest of its row instead, to find odd cells by.

        Returns
        -------
        ndarray of shape (n_rows,), or DataFrame of shape (n_rows, n_columns)
            NaN where a cell is absent, minus infinity for a value never seen in training.
        """
        rows = self.schema.rows(frame)
        if not per_cell:
            rows[:, len(self.schema.targets) :] = np.nan
            return self.backend_.chain(rows).sum(1)
        cells = {
            name: self._cell_log_likelihood(rows, index)
            for index, name in enumerate(self.schema.targets)
        }
        return pd.DataFrame(cells, index=frame.index)

    def calibration(self, target: str, frame: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return how far what is said of a column, given all others, comes true.

        Parameters
        ----------
        target : str
            A column.
        frame : DataFrame, optional
            Rows that the model has not learned; those held out of the last fit by default.

        Returns
        -------
        DataFrame
            Of levels, answers binned by the probability of the likeliest level: ``predicted``, its
            mean, ``observed``, how often it was right, and ``n``. Of numbers, for each ``share``
            how often the truth lay within the middle share of the probability, ``observed``, and
            ``n``. ``attrs["ece"]`` is the expected calibration error, the mean distance of the two.

        Raises
        ------
        ConfigError
            Without a frame, if the model was loaded: its rows are not saved.
        """
        column = self.schema.target_column(target)
        index = self.schema.targets.index(target)
        if frame is not None:
            rows = self.schema.rows(frame)
            rows = rows[np.isfinite(rows[:, index])]
            asked = np.full(len(rows), index)
            found = self._predict(rows, asked)
            truth = rows[:, index]
        else:
            if self.table_ is None:
                raise ConfigError(
                    "a loaded model knows no validation rows: give calibration a frame"
                )
            rows = self.schema.rows(self.table_.frame)
            numbers, found = self.backend_.validation_predictions(rows, index)
            truth = rows[numbers, index]
        if not len(truth):
            raise EvidenceError(f"column {target!r}: no row to judge by has a value")
        return reliability(column, found[:, : len(column.support)], truth)

    def _cell_log_likelihood(self, rows: Floats, index: int) -> Floats:
        column = self.schema[self.schema.targets[index]]
        out = np.full(len(rows), np.nan)
        present = np.flatnonzero(np.isfinite(rows[:, index]))
        if len(present):
            asked = np.full(len(present), index)
            found = self._predict(rows[present], asked)
            cells = column.codes(rows[present, index])
            likely = np.where(cells >= 0, found[np.arange(len(present)), cells], 0.0)
            with np.errstate(divide="ignore"):
                out[present] = np.log(likely)
        return out

    def _check_ready(self) -> None:
        if not self.ready:
            raise NotFittedError("the model has learned nothing yet: call fit(frame) first")

    def _question(self, target: str | Query | Sequence[str], given: Known | None) -> Query:
        """Return the question with values as the schema has them."""
        schema = self.schema
        if isinstance(target, str) and given is None and target not in schema:
            return parse(target, schema)
        if isinstance(target, Query):
            if given is not None:
                raise ConfigError("the question already says what is given: leave `given` out")
            return target.check(schema)
        targets = (target,) if isinstance(target, str) else tuple(target)
        if not targets or len(set(targets)) < len(targets):
            raise ConfigError(f"a question asks for columns, each of them once, not {target!r}")
        return Query(targets, _given(given)).check(schema)

    def _question_of_none(self, given: Known | None) -> dict[str, Evidence]:
        return Query((), _given(given)).check(self.schema).given

    def _contexts(self, questions: Sequence[Known]) -> WeightedRows:
        return marginalize(questions, self.schema, self._predict)

    def _predict(self, rows: Floats, columns: NDArray[np.int64]) -> Floats:
        return self.backend_.predict(rows, columns, ORDERS).probabilities

    def _probabilities(self, questions: Sequence[Known], target: str) -> tuple[Floats, Floats]:
        """Return the distribution of one column for each question, and their order spreads."""
        contexts = self._contexts(questions)
        index = np.full(len(contexts.rows), self.schema.targets.index(target))
        found = self.backend_.predict(contexts.rows, index, ORDERS)
        probabilities = contexts.total(found.probabilities)[:, : len(self.schema[target].support)]
        return probabilities, contexts.total(found.spread)

    @contextlib.contextmanager
    def _telling(self, kind: str, n_rows: int) -> Iterator[Callable[[int], None]]:
        """Tell the callbacks, if there are any, that so many rows are asked and answered."""
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

    def _place(self, rows: Floats, question: Known, rng: np.random.Generator) -> None:
        """Move what was drawn of ranges, where it is known, to anywhere in their bins' parts."""
        for name, evidence in question.items():
            if isinstance(evidence, Range):
                index = self.schema.targets.index(name)
                known = np.isfinite(rows[:, index])
                rows[known, index] = sample_within(
                    evidence, self.schema[name], rows[known, index], rng
                )

    def _drawn(
        self,
        rows: Floats,
        targets: Sequence[Sequence[str]],
        generation: GenerationConfig | None,
        rng: np.random.Generator,
    ) -> Floats:
        """Draw each row's targets into it, one after the other, all rows at once."""
        if generation is not None:
            generation.validate()
        schema, names = self.schema, self.schema.targets
        for place in range(max((len(wanted) for wanted in targets), default=0)):
            at = np.array([i for i, wanted in enumerate(targets) if len(wanted) > place])
            asked = np.array([names.index(targets[i][place]) for i in at])
            found = self.backend_.predict(rows[at], asked, DRAW_ORDERS).probabilities
            for index in np.unique(asked):
                mine = asked == index
                rows[at[mine], index] = draw(found[mine], schema[names[index]], rng, generation)
        return rows


def _given(known: Known | None) -> dict[str, Evidence]:
    try:
        return {} if known is None else dict(known)
    except (TypeError, ValueError):
        raise ConfigError(
            f'what is known is a mapping such as {{"column": 1.5}}, not {known!r}'
        ) from None


def _present(known: Known) -> dict[str, Evidence]:
    """Return the cells of a row that are there: in a row, unlike in a question, some are not."""
    return {name: value for name, value in _given(known).items() if not is_missing(value)}


def _among(probabilities: Floats, column: Column, candidates: Sequence[object]) -> Floats:
    """Return the probabilities of candidates, those of numbers by density, summing to one."""
    if len(candidates) == 0:
        raise EvidenceError(f"column {column.name!r}: there are no candidates to choose among")
    cells = column.codes(column.numbers(list(candidates)))
    if (cells < 0).any():
        wrong = candidates[int(np.flatnonzero(cells < 0)[0])]
        raise EvidenceError(
            f"column {column.name!r} never has the value {plain(wrong)!r}: "
            "give candidates out of its support"
        )
    chosen = probabilities[:, cells] / column.widths[cells]
    # Candidates that are all held for impossible count alike.
    chosen[chosen.sum(1) <= 0] = 1.0
    return chosen / chosen.sum(1, keepdims=True)
