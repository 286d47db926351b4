"""Session: the one object that every panel shows and every line of Python can drive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import clone

from tabwidget.backends import Backend, resolve
from tabwidget.backends.cost import Cost, cost_of
from tabwidget.backends.text.tokens import Token
from tabwidget.callbacks import Callback
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.events import Event, TrainingState
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.evidence import Evidence
from tabwidget.inference.formula import parse
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers.base import SerializedRow, Serializer, resolve_serializer
from tabwidget.session.codegen import fitting_code, source_code
from tabwidget.session.results import Answer, Change
from tabwidget.session.run import Notify, Run
from tabwidget.session.settings import checked_choices
from tabwidget.session.tasks.base import TEXT_LABELS, task_of
from tabwidget.session.tasks.text_labels import Labelling
from tabwidget.table import Table, as_table
from tabwidget.table.column_orders import column_orders
from tabwidget.table.label_columns import check_columns, likely_target

__all__ = ["Run", "Session"]

MAX_HISTORY = 500
STOP_SECONDS = 5.0  # to wait for a step in progress

_log = logging.getLogger(__name__)


class Session:
    """A table, the choices made for it, its fit and the questions asked of it.

    Parameters
    ----------
    source : DataFrame, Table, path or sample name, optional
        What to load.
    name : str, optional
        What to call a DataFrame.
    target : str, optional
        The column that matters most; the first with few levels by default.
    serializer : str or Serializer, default "json"
        How rows are written: "json", "key-value", "bracket" or an instance.
    backend : str, default "minilm"
        The backend; "auto" goes by `model_config`, see `tabwidget.backends.choose`.
    model_config : ModelConfig, optional
        The model: its size, or which pretrained one, tuned how.
    training : TrainingConfig, optional
        Ten seconds by default.
    random_state : int, default 0
        Seed of everything random.

    Attributes
    ----------
    lock : threading.RLock
        Held by every method that reads or changes more than one thing.
    table, target, task, serializer, backend, model_config, training
        The choices; change them with `load` and `choose`.
    run : Run or None
        The newest fit.
    model : TabularLanguageModel or None
        What can be asked, be it while it is still trained.
    labeling : Labelling
        What is chosen, learned and asked in the task "text labels".
    question : Query or None
        What is asked now.
    answer : Answer or None
        The newest answer.
    history : list of Answer
        The last 500 questions and answers.

    Examples
    --------
    >>> session = Session("iris", training=TrainingConfig(max_steps=40))
    >>> model = session.fit()
    >>> print(session.ask("species | `petal length (cm)`=1.4").python)
    lm.conditional("species", {"petal length (cm)": 1.4})
    """

    def __init__(
        self,
        source: pd.DataFrame | Table | str | Path | None = None,
        *,
        name: str | None = None,
        target: str | None = None,
        serializer: str | Serializer = "json",
        backend: str = "minilm",
        model_config: ModelConfig | None = None,
        training: TrainingConfig | None = None,
        random_state: int = 0,
    ) -> None:
        self.lock = threading.RLock()
        self.table: Table | None = None
        self.target: str | None = None
        self.task = "synthesis"
        self.serializer: str | Serializer = "json"
        self.backend = "minilm"
        self.model_config: ModelConfig | None = None
        self.training = TrainingConfig(max_seconds=10.0)
        self.random_state = random_state
        self.run: Run | None = None
        self.model: TabularLanguageModel | None = None
        self.labeling = Labelling()
        self.question: Query | None = None
        self.answer: Answer | None = None
        self.history: list[Answer] = []
        self._subscribers: list[Callable[[str], None]] = []
        self._source = "frame"
        self._looked_at: Backend | None = None
        if source is not None:
            self.load(source, name=name)
        choices: dict[str, Any] = {
            "serializer": serializer,
            "backend": backend,
            "model_config": model_config,
        }
        if training is not None:
            choices["training"] = training
        if target is not None:
            choices["target"] = target
        self.choose(**choices)

    def load(self, source: pd.DataFrame | Table | str | Path, name: str | None = None) -> Change:
        """Load another table; a fit that is running is stopped.

        Parameters
        ----------
        source : DataFrame, Table, path or sample name
            What to load.
        name : str, optional
            What to call it.
        """
        table = as_table(source)
        if name is not None:
            table.name = name
        self.stop()
        with self.lock:
            had = tuple(what for what in ("run", "model", "answer") if getattr(self, what))
            self.table, self._source = table, source_code(source, table.name)
            self.run = self.model = self.answer = self._looked_at = None
            self.history = []
            self.target = likely_target(table)
            self.task = task_of(table.schema[self.target])
            self.question = Query((self.target,))
            self.labeling = Labelling(table)
        self._tell("table")
        shape = f"{len(table)} rows, {len(table.schema)} columns"
        return Change(("table", "target", "task"), had, f"Loaded {table.name}: {shape}.")

    def choose(self, **choices: Any) -> Change:
        """Change choices, all of them or none.

        Parameters
        ----------
        **choices
            ``target``, ``task``, ``serializer``, ``backend``, ``model_config``, ``training``,
            ``max_seconds`` or ``labeling``, a dict of what `Labelling.choose` takes.

        Raises
        ------
        ConfigError, ColumnError
            If one of them cannot be.
        """
        with self.lock:
            labeling = choices.pop("labeling", {})
            checked = checked_choices(
                choices, vars(self), None if self.table is None else self.table.schema
            )
            labeled: tuple[str, ...] = ()
            if labeling or checked.get("task") == TEXT_LABELS:
                labeled = self.labeling.choose(self._loaded(), **labeling)
            changed = tuple(k for k, value in checked.items() if value != getattr(self, k))
            for key in changed:
                setattr(self, key, checked[key])
            if "target" in changed:
                self.question, self.answer = Query((str(self.target),)), None
            other_model = not {"backend", "model_config"}.isdisjoint(changed)
            if other_model:
                self._looked_at = None
            invalidates: tuple[str, ...] = ()
            message = f"Changed {', '.join([*changed, *labeled])}." if changed or labeled else ""
            if self.model is not None and other_model:
                self.model = self.answer = None
                invalidates = ("model", "answer")
                message += " Another backend or model has to be trained anew."
            elif (labeled and self.labeling.ready) or (changed and self.model is not None):
                message += " The model can still be asked; train again to learn with it."
        if changed or labeled:
            self._tell("choices")
        return Change((*changed, *labeled), invalidates, message)

    def preview(self, row: int = 0, draw: int = 0) -> SerializedRow:
        """Return a row as the serializer writes it, in another column order for each `draw`.

        Parameters
        ----------
        row : int, default 0
            Place of the row in the table.
        draw : int, default 0
            The order depends on this number and on `random_state` alone.
        """
        with self.lock:
            return resolve_serializer(self.serializer).serialize(self._cells(row, draw))

    def shown(self, row: int = 0) -> tuple[str, tuple[str, ...]]:
        """Return the text of a row as a model of labels reads it, and the row's labels.

        Parameters
        ----------
        row : int, default 0
            Place of the row in the table.
        """
        with self.lock:
            return self.labeling.shown(self._loaded(), self._row(row))

    def tokens(self, row: int = 0, draw: int = 0) -> tuple[Token, ...]:
        """Return the tokens of `preview`, and which of them are learned.

        Parameters
        ----------
        row, draw : int, default 0
            As in `preview`.

        Returns
        -------
        tuple of Token
            Empty if the backend reads cells, not text, or the tokenizer of the pretrained model is
            not on this machine yet.
        """
        with self.lock:
            table, cells, backend = self._loaded(), self._cells(row, draw), self._untrained()
            if not hasattr(backend, "tokens"):
                return ()
            names = table.schema.targets
            order = [names.index(name) for name in cells if name in names]
            only = self.training.loss_on_target_only and self._targets()
            serializer = resolve_serializer(self.serializer)
            found: tuple[Token, ...] = backend.tokens(table, serializer, row, order, only or names)
            return found

    def cost(self) -> Cost:
        """Return what a fit would take in time and memory, about; nothing is trained or loaded.

        Examples
        --------
        >>> cost = Session("iris").cost()
        >>> cost.size.n_trained == cost.size.n_parameters, cost.advice
        (True, '')
        """
        with self.lock:
            table, training = self._loaded(), self.training
            if self.task == TEXT_LABELS:
                return self.labeling.cost(table, training.max_seconds)
            serializer = resolve_serializer(self.serializer)
            size = self._untrained().size(table, serializer, training)
        return cost_of(size, len(table), training.max_seconds)

    def start(self, resume: bool = False) -> Run:
        """Train on a thread of its own.

        Parameters
        ----------
        resume : bool, default False
            Go on from the weights there are.

        Returns
        -------
        Run
            To look at, wait for or stop.

        Raises
        ------
        ConfigError
            Without a table, or while a fit is running.
        """
        with self.lock:
            table = self._loaded()
            self._check_idle()
            labels = self.task == TEXT_LABELS
            if resume and not (self.labeling.ready if labels else self.model):
                raise ConfigError("there is no fit to go on from: start one")
            run = self.run = Run()
            learn = self._label_work if labels else self._model_work
            work = learn(run, table, resume)
        return self._begin(run, work)

    def follow(self, work: Callable[[Notify], object]) -> Run:
        """Do work that is no fit of the table on a thread of its own, and show its events.

        A `TrainPanel` over this session then shows the training of a text model as it shows a
        fit, and its Stop ends it.

        Parameters
        ----------
        work : callable
            ``work(on_event)``, where ``on_event`` takes events as dicts; to end the work, it
            raises out of it.

        Returns
        -------
        Run
            To look at, wait for or stop.

        Examples
        --------
        >>> session = Session()
        >>> event = {"event": "TrainReport", "seconds": 0.1, "step": 1, "epoch": 0, "loss": 2.0,
        ...          "learning_rate": 0.1, "rows_per_second": 50.0}
        >>> run = session.follow(lambda on_event: on_event(event))
        >>> run.wait(), run.state.loss
        (True, 2.0)
        """
        with self.lock:
            self._check_idle()
            run = self.run = Run()
        return self._begin(run, lambda: run.watch(work))

    def stop(self) -> None:
        """End the fit that is running, if any, at its next step, and keep its best weights."""
        run = self.run
        if run is not None and run.status == "running":
            run.stop()
            run.wait(STOP_SECONDS)

    def fit(self, resume: bool = False) -> TabularLanguageModel:
        """Train, and wait for the end.

        Returns
        -------
        TabularLanguageModel
            The fitted model.
        """
        if self.task == TEXT_LABELS:
            raise ConfigError(
                "fit returns a model of the rows: for the labels of texts take "
                "session.start().wait() and session.labeling, or a TextClassifier"
            )
        run = self.start(resume)
        try:
            run.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        if run.exception is not None:
            raise run.exception
        assert self.model is not None
        return self.model

    def ask(self, query: str | Query) -> Answer:
        """Ask a question, and remember it with its answer.

        Parameters
        ----------
        query : str or Query
            For example ``"species | bill_length_mm=39.1, island in {Dream, Biscoe}"``.

        Raises
        ------
        NotFittedError
            Before training.
        FormulaError, ColumnError, EvidenceError, ConfigError
            For a question that cannot be asked.
        """
        with self.lock:
            schema, model = self._loaded().schema, self._fitted()
            query = parse(query, schema) if isinstance(query, str) else query.check(schema)
            began = time.perf_counter()
            if len(query.targets) != 1:
                raise ConfigError(
                    "a session asks for one column at a time: for several together take "
                    f"session.model.conditional({[*query.targets]!r}, …)"
                )
            distribution = model.conditional(query.targets[0], query.given)
            seconds = time.perf_counter() - began
            answer = Answer(query, distribution, seconds, query.to_python())
            self.question, self.answer = query, answer
            # The same question again, as while training, is one entry with the newest answer.
            if self.history and self.history[-1].query == query:
                self.history.pop()
            self.history = [*self.history, answer][-MAX_HISTORY:]
        self._tell("answer")
        return answer

    def survey(self, given: Mapping[str, Evidence] | None = None) -> dict[str, Distribution]:
        """Return the distribution of every column that is not given, in one pass."""
        with self.lock:
            return self._fitted().survey(given)

    def subscribe(self, fn: Callable[[str], None]) -> Callable[[], None]:
        """Call `fn` with "table", "choices", "run" or "answer" whenever that changed.

        It is called on the thread that made the change, and must return at once.

        Returns
        -------
        callable
            Ends the subscription.
        """

        def subscriber(topic: str) -> None:
            fn(topic)

        def unsubscribe() -> None:
            with self.lock:
                self._subscribers = [s for s in self._subscribers if s is not subscriber]

        # Wrapped, so that a function that subscribes twice can end one of the two.
        with self.lock:
            self._subscribers = [*self._subscribers, subscriber]

        return unsubscribe

    def python(self) -> str:
        """Return the Python that loads, fits and asks the same without a session."""
        with self.lock:
            n_rows = len(self._loaded())
            if self.task == TEXT_LABELS:
                seconds, seed = self.training.max_seconds, self.random_state
                return self.labeling.python(
                    self._source, n_rows, max_seconds=seconds, random_state=seed
                )
            return fitting_code(
                self._source,
                backend=self.backend,
                model_config=self.model_config,
                serializer=self.serializer,
                training=self.training,
                random_state=self.random_state,
                targets=self._targets(),
                asked=None if self.answer is None else self.answer.query,
            )

    def _loaded(self) -> Table:
        if self.table is None:
            raise ConfigError("there is no table yet: load one first")
        return self.table

    def _fitted(self) -> TabularLanguageModel:
        if self.model is None:
            raise NotFittedError("there is no model to ask yet: train it first (start or fit)")
        return self.model

    def _new_model(self) -> TabularLanguageModel:
        return TabularLanguageModel(
            backend=self.backend,
            # A copy: what is chosen later is not this model's.
            model_config=None if self.model_config is None else clone(self.model_config),
            random_state=self.random_state,
        )

    def _cells(self, row: int, draw: int) -> dict[str, Any]:
        """Return a row's cells in the column order of a draw."""
        table = self._loaded()
        if draw < 0:
            raise ConfigError(f"draws are numbered from 0: there is no draw {draw}")
        cells = table.row(self._row(row))
        names = list(cells)
        [order] = column_orders(1, len(names), seed=self.random_state, epoch=draw)
        # What alone is learned is learned given all others.
        last = self._targets() if self.training.loss_on_target_only else ()
        drawn = sorted((names[i] for i in order), key=lambda name: name in last)
        return {name: cells[name] for name in drawn}

    def _untrained(self) -> Backend:
        """Return the backend that a fit would take; it is kept, for it keeps its tokenizer."""
        if self._looked_at is None:
            self._looked_at = resolve(self.backend, self.model_config)
        return self._looked_at

    def _row(self, row: int) -> int:
        """Return the place of a row there is."""
        n_rows = len(self._loaded())
        if not 0 <= row < n_rows:
            raise ConfigError(f"there is no row {row}: the table has rows 0 to {n_rows - 1}")
        return row

    def _model_work(self, run: Run, table: Table, resume: bool) -> Callable[[], object]:
        """Return the fit of a model of the rows."""
        model = self.model if resume and self.model is not None else self._new_model()
        model.set_params(
            serializer=self.serializer,
            training=clone(self.training),
            callbacks=[run, _Publisher(self, run, model)],
        )
        targets = self._targets()

        def work() -> None:
            try:
                model.fit(table, target_cols=targets, resume=resume, stop=run.stopping)
            finally:
                # A run has locks, and a model that is done must be free to be copied.
                model.set_params(callbacks=None)

        return work

    def _label_work(self, run: Run, table: Table, resume: bool) -> Callable[[], object]:
        """Return the fit of a model of the labels of texts."""
        labeling, max_seconds = self.labeling, self.training.max_seconds
        check_columns(table, labeling.texts, labeling.labels, labeling.delimiter)
        return lambda: labeling.fit(
            table,
            max_seconds=max_seconds,
            random_state=self.random_state,
            on_event=run.tell,
            stop=run.stopping,
            resume=resume,
        )

    def _targets(self) -> tuple[str, ...]:
        return (
            () if self.task in ("synthesis", TEXT_LABELS) or self.target is None else (self.target,)
        )

    def _check_idle(self) -> None:
        if self.run is not None and self.run.status == "running":
            raise ConfigError("a fit is running: stop it first, or wait for its end")

    def _begin(self, run: Run, work: Callable[[], object]) -> Run:
        run.start(work, ended=lambda: self._tell("run"))
        self._tell("run")
        return run

    def _publish(self, run: Run, model: TabularLanguageModel) -> None:
        """Let a model that is still trained be asked, as soon as it has any weights."""
        with self.lock:
            if self.run is not run or self.model is model:
                return
            self.model = model
        self._tell("run")

    def _tell(self, topic: str) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(topic)
            except Exception:
                # One deaf listener must not keep the others, or a fit, from going on.
                _log.exception("a subscriber failed on %r", topic)


class _Publisher(Callback):
    """Makes the model known to the session once it has weights."""

    def __init__(self, session: Session, run: Run, model: TabularLanguageModel) -> None:
        self.session, self.run, self.model = session, run, model

    def on_event(self, state: TrainingState, event: Event) -> None:
        if self.model.ready:
            self.session._publish(self.run, self.model)
