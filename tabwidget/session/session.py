"""Session: the one object that every panel shows and every line of Python can drive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tabwidget.backends.cost import Cost
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.evidence import Evidence
from tabwidget.inference.formula import resolve_formula
from tabwidget.inference.joint import JointDistribution
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers import Serializer
from tabwidget.session import background
from tabwidget.session.codegen import declared_code, source_code
from tabwidget.session.results import Answer, Change, RowPreview
from tabwidget.session.row_methods import RowMethods
from tabwidget.session.run import Notify, Run
from tabwidget.session.settings import checked_training, task_for
from tabwidget.session.tasks import Task, task_classes
from tabwidget.session.tasks.rows import default_task
from tabwidget.table import Table, as_table
from tabwidget.table.label_columns import likely_target

__all__ = ["Run", "Session"]

MAX_HISTORY = 500
MAX_TARGETS = 2
STOP_SECONDS = 5.0  # to wait for a step in progress

_log = logging.getLogger(__name__)


class Session(RowMethods):
    """A table, the settings for it, its fit and the questions asked of it.

    Parameters
    ----------
    source : DataFrame, Table, path or sample name, optional
        The table.
    name : str, optional
        Name of a DataFrame.
    target : str, optional
        The column that matters most; the first with few levels by default.
    serializer : str or Serializer, default "json"
        Format of a row as text: "json", "key-value", "bracket" or an instance.
    backend : str, default "auto"
        The backend, see `tabwidget.backends.choose`. One that answers from the rows alone does so
        as soon as a table is loaded.
    model_config : ModelConfig, optional
        The model: its size, or a pretrained one and its tuning.
    training : TrainingConfig, optional
        Ten seconds by default.
    random_state : int, default 0
        Seed of everything random.

    Attributes
    ----------
    lock : threading.RLock
        Held by every method that reads or changes more than one thing.
    table, target, task, serializer, backend, model_config, training
        The settings; change them with `load` and `choose`.
    tasks : dict of str to Task
        The tasks by name, each with its own settings and results; see `tabwidget.session.tasks`.
    run : Run or None
        The newest fit.
    model : TabularLanguageModel or None
        The model of the rows, also before and while it is trained.
    question : Query or None
        The current question.
    answer : Answer or None
        The newest answer.
    history : list of Answer
        The last 500 questions and answers.

    Examples
    --------
    >>> session = Session("iris", backend="pretrained")
    >>> session.stage
    'pretrained'
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
        backend: str = "auto",
        model_config: ModelConfig | None = None,
        training: TrainingConfig | None = None,
        random_state: int = 0,
    ) -> None:
        self.lock = threading.RLock()
        self.table: Table | None = None
        self.target: str | None = None
        self.task = "synthesis"
        self.serializer: str | Serializer = "json"
        self.backend = "auto"
        self.model_config: ModelConfig | None = None
        self.training = TrainingConfig(max_seconds=10.0)
        self.random_state = random_state
        self.run: Run | None = None
        self._model: TabularLanguageModel | None = None
        self._unprepared = False
        self.question: Query | None = None
        self.answer: Answer | None = None
        self.history: list[Answer] = []
        self.source = "frame"  # the table as a Python expression
        self._forget_rows()
        self._subscribers: list[Callable[[str], None]] = []
        self._reset_tasks()
        # Before the table is loaded: a backend may read it at once.
        self.choose(serializer=serializer, backend=backend, model_config=model_config)
        if source is not None:
            self.load(source, name=name)
        if target is not None:
            self.choose(target=target)
        if training is not None:
            self.choose(training=training)

    @property
    def current_task(self) -> Task:
        """The task that is chosen."""
        return self.tasks[self.task]

    @property
    def model(self) -> TabularLanguageModel | None:
        """The model of the rows, also before and while it is trained."""
        self.prepare()
        return self._model

    @model.setter
    def model(self, model: TabularLanguageModel | None) -> None:
        self._model, self._unprepared = model, False

    @property
    def current_model(self) -> TabularLanguageModel | None:
        """The model as far as it is there: None while it is not prepared."""
        return self._model

    @property
    def unprepared(self) -> bool:
        """Whether a model that answers before training is still to be made, see `prepare`."""
        return self._unprepared

    def prepare(self) -> None:
        """Make the model that answers before training, if the backend has one.

        It takes a moment, and the first time in a process seconds, so that it is made when it is
        first needed, and a panel makes it on a thread.
        """
        with self.lock:
            if self._unprepared:
                self._unprepared = False
                self.current_task.prepare()

    def defer(self) -> None:
        """Have the model that answers before training made when it is first needed."""
        self._unprepared = self.current_task.prepares

    @property
    def stage(self) -> str:
        """How far the task's model is: "" cannot answer yet, "pretrained", or "trained"."""
        with self.lock:
            self.prepare()
            task = self.current_task
            return "" if not task.ready else "trained" if task.trained else "pretrained"

    def load(self, source: pd.DataFrame | Table | str | Path, name: str | None = None) -> Change:
        """Load another table; a running fit is stopped.

        With a backend that answers from the rows alone, questions can be asked at once.

        Parameters
        ----------
        source : DataFrame, Table, path or sample name
            The table.
        name : str, optional
            Its name.
        """
        table = as_table(source)
        if name is not None:
            table.name = name
        self.stop()
        with self.lock:
            had = self._adopt(table, source_code(source, table.name))
            self.target = likely_target(table)
            self.task = default_task(table.schema[self.target])
            self.reset_question()
            self._reset_tasks()
            self.defer()
        self._notify("table")
        shape = f"{len(table)} rows, {len(table.schema)} columns"
        return Change(("table", "target", "task"), had, f"Loaded {table.name}: {shape}.")

    def declare(self, column: str, *, kind: str | None = None, used: bool | None = None) -> Change:
        """Say what kind a column is, or whether it is used; a running fit is stopped.

        Parameters
        ----------
        column : str
            The column.
        kind : {"numeric", "categorical", "boolean", "datetime", "text"}, optional
            Its kind; cells that cannot be converted are an error that names one.
        used : bool, optional
            False leaves the column out, True uses it even if it looks like an identifier.

        Raises
        ------
        ColumnError, TableError
            If there is no such column or kind, or no column would be left.

        Examples
        --------
        >>> session = Session("penguins", target="species", backend="pretrained")
        >>> session.declare("year", kind="categorical").message
        "Column 'year' is categorical now."
        >>> session.declare("island", used=False).message
        "Column 'island' is left out now."
        """
        table = self.loaded().declare(column, kind=kind, used=used)
        self.stop()
        with self.lock:
            had = self._adopt(table, declared_code(self.source, column, kind, used))
            target = self.target
            if target is None or table.schema[target].role != "feature":
                target = likely_target(table)
            if target != self.target or (target == column and kind is not None):
                self.target = target
                if self.task != "synthesis":
                    self.task = default_task(table.schema[target])
            self._drop_evidence_on(column)
            self.defer()
        self._notify("table")
        what = [f"{kind} now"] if kind else []
        what += [] if used is None else ["used now" if used else "left out now"]
        return Change(("table",), had, f"Column {column!r} is {' and '.join(what)}.")

    def choose(self, **settings: Any) -> Change:
        """Change settings, all of them or none.

        Parameters
        ----------
        **settings
            ``task``, ``training``, ``max_seconds``, and the settings of the task: for tasks of
            rows ``target``, ``serializer``, ``backend`` and ``model_config``; for "text labels"
            those of `tabwidget.session.tasks.text_labels.TextLabelTask`. Without ``task``, it
            follows from the other settings.

        Raises
        ------
        ConfigError, ColumnError
            If one of them is not valid.
        """
        with self.lock:
            name = task_for(settings, self.tasks, self.task)
            task = self.tasks[name]
            training = checked_training(settings, self.training)
            own = {key: value for key, value in settings.items() if key in task.settings}
            checked = task.check(name, own)
            other_task, other_training = name != self.task, training != self.training
            self.task, self.training = name, training
            applied = task.choose(checked)
            changed = applied.changed
            changed += ("task",) * other_task + ("training",) * other_training
            message = f"Changed {', '.join(changed)}." if changed else ""
            if applied.invalidates:
                self.prepare()
                message += (
                    " Another backend or model has to be trained anew."
                    if not task.ready
                    else " The pretrained model answers until you train."
                    if task.trains
                    else " The pretrained model answers."
                )
            elif changed and task.trained:
                message += " The model can still be queried; train again to learn with it."
        if changed:
            self._notify("choices")
        return Change(changed, applied.invalidates, message)

    def preview(self, row: int = 0, draw: int = 0) -> RowPreview:
        """Return a row of the table as the model reads it.

        Parameters
        ----------
        row : int, default 0
            Position of the row in the table.
        draw : int, default 0
            Selects another random column order; depends on `random_state` too.
        """
        with self.lock:
            n_rows = len(self.loaded())
            if not 0 <= row < n_rows:
                raise ConfigError(f"there is no row {row}: the table has rows 0 to {n_rows - 1}")
            if draw < 0:
                raise ConfigError(f"draws are numbered from 0: there is no draw {draw}")
            return self.current_task.preview(row, draw)

    def cost(self) -> Cost:
        """Return an estimate of a fit's time and memory; nothing is trained or loaded.

        Examples
        --------
        >>> cost = Session("iris").cost()
        >>> cost.size.n_trained == cost.size.n_parameters, cost.advice
        (True, '')
        """
        with self.lock:
            self.loaded()
            return self.current_task.cost()

    def start(self, resume: bool = False) -> Run:
        """Train on a background thread.

        Parameters
        ----------
        resume : bool, default False
            Continue from the current weights.

        Returns
        -------
        Run
            To observe, wait for or stop.

        Raises
        ------
        ConfigError
            Without a table, or while a fit is running.
        """
        with self.lock:
            self.loaded()
            self._check_idle()
            if resume and not self.current_task.trained:
                raise ConfigError("there is no fit to resume: start one")
            run = self.run = Run()
            work = self.current_task.start(run, resume)
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
            To observe, wait for or stop.

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

    def fit(self, resume: bool = False) -> Any:
        """Train, and wait for the end.

        Returns
        -------
        TabularLanguageModel or TextClassifier
            The fitted model of the task.
        """
        task = self.current_task
        run = self.start(resume)
        try:
            run.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        if run.exception is not None:
            raise run.exception
        return task.result

    def ask(self, query: str | Query) -> Answer:
        """Ask a question, and remember it with its answer.

        Parameters
        ----------
        query : str or Query
            For example ``"species | bill_length_mm=39.1, island in {Dream, Biscoe}"``. Two
            targets, as in ``"species, sex | island=Dream"``, are answered by their joint
            distribution.

        Raises
        ------
        NotFittedError
            Before training, with a backend that needs it.
        FormulaError, ColumnError, EvidenceError, ConfigError
            For a question that cannot be asked.
        """
        background.asked()
        with self.lock:
            schema, model = self.loaded().schema, self._fitted()
            resolved = (
                resolve_formula(query, schema) if isinstance(query, str) else query.resolve(schema)
            )
            query = resolved.query
            began = time.perf_counter()
            if not 1 <= len(query.targets) <= MAX_TARGETS:
                raise ConfigError(
                    "a session asks for one column, or for two together: for more take "
                    f"session.model.conditional({[*query.targets]!r}, …)"
                )
            distribution = model.conditional(resolved)
            seconds = time.perf_counter() - began
            columns = (
                distribution.columns
                if isinstance(distribution, JointDistribution)
                else (distribution.column,)
            )
            matching = self._matcher().count(columns, schema, resolved.evidence)
            answer = Answer(query, distribution, seconds, query.to_python(), matching)
            self.question, self.answer = query, answer
            # The same question again, as while training, is one entry with the newest answer.
            if self.history and self.history[-1].query == query:
                self.history.pop()
            self.history = [*self.history, answer][-MAX_HISTORY:]
        self._notify("answer")
        return answer

    def survey(
        self, given: Mapping[str, Evidence] | None = None, columns: Sequence[str] | None = None
    ) -> dict[str, Distribution]:
        """Return the distribution of every column that is not given, or of some of them."""
        background.asked()
        with self.lock:
            return self._fitted().survey(given, columns)

    def subscribe(self, fn: Callable[[str], None]) -> Callable[[], None]:
        """Call `fn` with a topic whenever that changed.

        The topics are "table", "choices", "run", "answer", "rows", "selection" and "cells".

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
        """Return the Python that loads, fits and queries the same without a session."""
        with self.lock:
            self.loaded()
            return self.current_task.python()

    def loaded(self) -> Table:
        """Return the table; `ConfigError` if there is none."""
        if self.table is None:
            raise ConfigError("there is no table yet: load one first")
        return self.table

    def reset_question(self) -> None:
        """Ask for the target given nothing, and drop the answer."""
        self.question = None if self.target is None else Query((self.target,))
        self.answer = None

    def wants(self, run: Run, model: TabularLanguageModel) -> bool:
        """Whether a run's model is of the backend and model chosen now, and not queried yet."""
        with self.lock:
            chosen = (model.backend, model.model_config) == (self.backend, self.model_config)
            return chosen and self.run is run and self._model is not model

    def publish(self, run: Run, model: TabularLanguageModel) -> None:
        """Make a model that is still trained the one that is queried, if it is wanted still."""
        with self.lock:
            if not self.wants(run, model):
                return
            self.model = model
        self._notify("run")

    def _adopt(self, table: Table, source: str) -> tuple[str, ...]:
        """Take a table, forget what was made of the last one, and return what that was."""
        made = {"run": self.run, "model": self._model, "answer": self.answer}
        had = tuple(what for what, thing in made.items() if thing)
        self.table, self.source = table, source
        self.run = self.model = self.answer = None
        self.history = []
        self._forget_rows()
        return had

    def _drop_evidence_on(self, column: str) -> None:
        """Keep the question without a column that has changed; start over if it was asked for."""
        question = self.question
        if question is None or column in question.targets:
            self.reset_question()
            return
        given = {name: value for name, value in question.given.items() if name != column}
        self.question = Query(question.targets, given)

    def _fitted(self) -> TabularLanguageModel:
        if self.model is None:
            raise NotFittedError("there is no model to query yet: train it first (start or fit)")
        return self.model

    def _reset_tasks(self) -> None:
        made = {kind: kind(self) for kind in dict.fromkeys(task_classes().values())}
        self.tasks = {name: made[kind] for name, kind in task_classes().items()}

    def _check_idle(self) -> None:
        if self.run is not None and self.run.status == "running":
            raise ConfigError("a fit is running: stop it first, or wait for its end")

    def _begin(self, run: Run, work: Callable[[], object]) -> Run:
        run.start(work, ended=lambda: self._notify("run"))
        self._notify("run")
        return run

    def _notify(self, topic: str) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(topic)
            except Exception:
                # One failing subscriber must not block the others, or a fit.
                _log.exception("a subscriber failed on %r", topic)
