"""TabularLanguageModel: one fitted object that answers any column from any subset of the others."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from tabwidget.backends import Backend, FitRequest, resolve
from tabwidget.callbacks import Callback
from tabwidget.column import is_missing
from tabwidget.config import GenerationConfig, ModelConfig, TrainingConfig
from tabwidget.contexts import Contexts, contexts_of, rows_of
from tabwidget.distribution import Distribution
from tabwidget.errors import ConfigError, EvidenceError, NotFittedError
from tabwidget.events import Event, TrainingState
from tabwidget.evidence import Evidence
from tabwidget.formula import parse
from tabwidget.query import Query
from tabwidget.sampling import draw
from tabwidget.serialize import Serializer, resolve_serializer
from tabwidget.table import Column, Table, TableSchema, as_table, plain

__all__ = ["TabularLanguageModel"]

Floats = NDArray[np.float64]
Known: TypeAlias = Mapping[str, Evidence]

ORDERS = 4  # column orders that an answer is averaged over
DRAW_ORDERS = 1  # the same for a draw, whose own chance is larger than what more would mend


class TabularLanguageModel(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A language model of a table.

    Parameters
    ----------
    backend : str or Backend, default "minilm"
        The engine; "minilm" trains from scratch in seconds.
    serializer : str or Serializer, default "json"
        How a row is written as text: "json", "key-value" or "bracket".
    training : TrainingConfig, optional
        How long to train; until the loss on held-out rows no longer falls by default.
    model_config : ModelConfig, optional
        Size of the model.
    callbacks : list of Callback, optional
        Told of every event of a fit.
    random_state : int, optional
        Seed of everything random; drawn anew for each fit by default.

    Attributes
    ----------
    schema : TableSchema
        The columns that were learned.
    state : TrainingState
        Losses and figures of the last fit.

    Examples
    --------
    >>> from tabwidget import datasets
    >>> lm = TabularLanguageModel(training=TrainingConfig(max_steps=40), random_state=0)
    >>> lm = lm.fit(datasets.load("iris"))
    >>> lm.conditional("species", {"petal length (cm)": 1.4}).mode()
    'setosa'
    """

    def __init__(
        self,
        backend: str | Backend = "minilm",
        serializer: str | Serializer = "json",
        training: TrainingConfig | None = None,
        model_config: ModelConfig | None = None,
        callbacks: Sequence[Callback] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.backend = backend
        self.serializer = serializer
        self.training = training
        self.model_config = model_config
        self.callbacks = callbacks
        self.random_state = random_state

    def fit(
        self,
        frame: pd.DataFrame | Table | str | Path,
        *,
        target_cols: Sequence[str] = (),
        resume: bool = False,
        stop: threading.Event | None = None,
    ) -> TabularLanguageModel:
        """Learn a table.

        Parameters
        ----------
        frame : DataFrame, Table, path or sample name
            The table; missing cells are simply absent.
        target_cols : sequence of str, optional
            Columns that matter most. All others can be asked for as well.
        resume : bool, default False
            Go on from the weights of the last fit.
        stop : threading.Event, optional
            Once set, training ends at the next step and keeps the best weights so far.

        Returns
        -------
        TabularLanguageModel
            Itself.

        Raises
        ------
        TableError, ColumnError, ConfigError
            For a table, a target or a setting that cannot be used.
        """
        table = as_table(frame)
        targets = (target_cols,) if isinstance(target_cols, str) else tuple(target_cols)
        for name in targets:
            table.schema.known(name)
        training = self._training()
        serializer = resolve_serializer(self.serializer)
        resume = resume and self.ready
        if resume and not _same_answers(self.schema, table.schema):
            raise ConfigError("only a fit of the same columns and values can be resumed: fit anew")
        if not resume:
            if self.model_config is not None:
                self.model_config.validate()
            self.backend_: Backend = resolve(self.backend, self.model_config)
        seed = self.random_state
        if seed is not None and seed < 0:
            raise ConfigError(f"random_state={seed} is negative: give 0, a larger one, or None")
        self.seed_ = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self._rng = np.random.default_rng(self.seed_)
        self.table_ = table
        self.state = TrainingState()
        stopped = threading.Event() if stop is None else stop
        self.backend_.fit(
            FitRequest(
                table=table,
                targets=targets,
                training=training,
                serializer=serializer,
                seed=self.seed_,
                resume=resume,
                emit=self._tell,
                stopped=stopped.is_set,
            )
        )
        if not self.ready:
            raise ConfigError("training diverged, no loss was finite: lower the learning_rate")
        return self

    @property
    def ready(self) -> bool:
        """Whether it can be asked: after `fit`, and already while it runs."""
        return hasattr(self, "backend_") and self.backend_.ready

    @property
    def schema(self) -> TableSchema:
        """The columns that were learned."""
        self._check_ready()
        return self.table_.schema

    def conditional(self, target: str | Query, given: Known | None = None) -> Distribution:
        """Return p(target | given).

        Parameters
        ----------
        target : str or Query
            A column, or a whole question such as ``"species | island=Dream"``.
        given : mapping of str to evidence, optional
            What is known: values, `OneOf`, `NoneOf`, `Between`, `Above`, `Below`. A set or a
            range is summed over exactly; numbers within it at the resolution of the support.

        Raises
        ------
        NotFittedError, ColumnError, EvidenceError, FormulaError
            If it cannot be asked.
        """
        query = self._question(target, given)
        if len(query.targets) != 1:
            raise ConfigError(
                "a distribution is of one column: ask for one at a time, "
                "or draw several together with complete()"
            )
        name = query.targets[0]
        probabilities, spread = self._probabilities([query.given], name)
        return Distribution(self.schema[name], probabilities[0], spread[0])

    def survey(self, given: Known | None = None) -> dict[str, Distribution]:
        """Return p(column | given) of every column that is not given, in one pass."""
        given = self._question_of_none(given)
        contexts = self._contexts([given])
        names = self.schema.active
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
            Not used by engines that answer exactly; it is there for those that sample.

        Returns
        -------
        ndarray of shape (n_rows, n_candidates)
            Rows sum to one.
        """
        column = self.schema.known(target)
        if len(knowns) == 0:
            return np.empty((0, len(column.support if candidates is None else candidates)))
        if isinstance(knowns, pd.DataFrame):
            rows = rows_of(knowns, self.schema, without=[target])
            index = np.full(len(rows), self.schema.active.index(target))
            found = self.backend_.predict(rows, index, ORDERS).probabilities
            probabilities = found[:, : len(column.support)]
        else:
            questions = [
                Query((target,), _present(known)).check(self.schema).given for known in knowns
            ]
            probabilities, _ = self._probabilities(questions, target)
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
    ) -> list[dict[str, Any]]:
        """Draw the columns `targets` of many rows; one list for all rows, or a list a row."""
        if len(knowns) == 0:
            return []
        targets = [targets] if isinstance(targets, str) else targets
        each: list[list[str]] = [
            [target] if isinstance(target, str) else list(target) for target in targets
        ]
        if all(isinstance(target, str) for target in targets):
            each = [[target for [target] in each]] * len(knowns)
        if len(each) != len(knowns):
            raise ConfigError(f"{len(knowns)} rows are known, but targets of {len(each)} are given")
        questions = [
            Query(tuple(wanted), _present(known)).check(self.schema).given
            for wanted, known in zip(each, knowns, strict=True)
        ]
        rng = self._rng
        rows = self._drawn(self._contexts(questions).draw(rng), each, generation, rng)
        completed: list[dict[str, Any]] = [
            dict.fromkeys([*question, *wanted])
            for question, wanted in zip(questions, each, strict=True)
        ]
        for index, name in enumerate(self.schema.active):
            at = np.flatnonzero(np.isfinite(rows[:, index]))
            values = self.schema[name].restore(rows[at, index]).tolist()
            for row, value in zip(at, values, strict=True):
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
        schema, frame = self.schema, self.table_.frame
        rng = self._rng if random_state is None else np.random.default_rng(random_state)
        # A new order for each row would be as right; one for all keeps every step one batch.
        absent = [name for name in schema.active if name not in question]
        wanted = [str(name) for name in rng.permutation(absent)]
        contexts = self._contexts([question])
        start = contexts.rows[rng.choice(len(contexts.rows), size=n, p=contexts.weights)]
        rows = self._drawn(start, [wanted] * n, generation, rng)
        drawn = {name: schema[name].restore(rows[:, i]) for i, name in enumerate(schema.active)}
        return pd.DataFrame({name: _as_dtype(cells, frame[name]) for name, cells in drawn.items()})

    def log_likelihood(self, frame: pd.DataFrame) -> Floats:
        """Return the log-probability of each row's present cells, in nats.

        A number counts with the probability of the value, or bin, of the support that it falls
        on, so that rows can be compared whatever the units.

        Parameters
        ----------
        frame : DataFrame
            Rows; columns may be missing.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        rows = rows_of(frame, self.schema)
        return self.backend_.chain(rows).sum(1)

    def _training(self) -> TrainingConfig:
        """Return a validated copy: what is set later changes no fit in progress."""
        if self.training is None:
            return TrainingConfig()
        if not isinstance(self.training, TrainingConfig):
            name = type(self.training).__name__
            raise ConfigError(f"training is a TrainingConfig, not {name}")
        training: TrainingConfig = clone(self.training)
        training.validate()
        return training

    def _tell(self, event: Event) -> None:
        self.state.fold(event)
        for callback in self.callbacks or ():
            callback.on_event(self.state, event)

    def _check_ready(self) -> None:
        if not self.ready:
            raise NotFittedError("the model has learned nothing yet: call fit(frame) first")

    def _question(self, target: str | Query, given: Known | None) -> Query:
        """Return the question with values as the schema has them."""
        schema = self.schema
        if isinstance(target, str) and given is None and target not in schema:
            return parse(target, schema)
        if not isinstance(target, (str, Query)):
            raise ConfigError(
                f"a distribution is of one column, not {target!r}: ask for one at a time, "
                "or draw several together with complete()"
            )
        if isinstance(target, Query):
            if given is not None:
                raise ConfigError("the question already says what is given: leave `given` out")
            return target.check(schema)
        return Query((target,), _given(given)).check(schema)

    def _question_of_none(self, given: Known | None) -> dict[str, Evidence]:
        return Query((), _given(given)).check(self.schema).given

    def _contexts(self, questions: Sequence[Known]) -> Contexts:
        def predict(rows: Floats, columns: NDArray[np.int64]) -> Floats:
            return self.backend_.predict(rows, columns, ORDERS).probabilities

        return contexts_of(questions, self.schema, predict)

    def _probabilities(self, questions: Sequence[Known], target: str) -> tuple[Floats, Floats]:
        """Return the distribution of one column for each question, and their order spreads."""
        contexts = self._contexts(questions)
        index = np.full(len(contexts.rows), self.schema.active.index(target))
        found = self.backend_.predict(contexts.rows, index, ORDERS)
        probabilities = contexts.total(found.probabilities)[:, : len(self.schema[target].support)]
        return probabilities, contexts.total(found.spread)

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
        schema, names = self.schema, self.schema.active
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


def _same_answers(learned: TableSchema, other: TableSchema) -> bool:
    """Return whether weights learned on one table fit the columns and supports of another."""
    return learned.active == other.active and all(
        learned[name].kind == other[name].kind
        and np.array_equal(learned[name].support, other[name].support)
        and np.array_equal(learned[name].edges, other[name].edges)  # type: ignore[arg-type]
        for name in learned.active
    )


def _among(probabilities: Floats, column: Column, candidates: Sequence[object]) -> Floats:
    """Return the probabilities of candidates, those of numbers by density, summing to one."""
    if len(candidates) == 0:
        raise EvidenceError(f"column {column.name!r}: there are no candidates to choose among")
    cells = column.cells(column.numbers(list(candidates)))
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


def _as_dtype(cells: NDArray[Any], like: pd.Series) -> pd.Series:
    """Return drawn cells with the dtype of the column they stand for."""
    series = pd.Series(cells)
    try:
        return series.astype(like.dtype)
    except (TypeError, ValueError):
        return series
