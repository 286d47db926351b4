"""RowTask: a language model of the table's rows, for classification, regression and synthesis."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from sklearn.base import clone

from tabwidget.backends import BACKENDS, Backend, Entry, choose, resolve
from tabwidget.backends.cost import Cost, cost_of
from tabwidget.callbacks import Callback
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig, TrainingConfig
from tabwidget.errors import ConfigError, TabwidgetError
from tabwidget.events import Event, TrainingState
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers import SERIALIZERS, resolve_serializer
from tabwidget.session.codegen import fitting_code
from tabwidget.session.results import RowPreview
from tabwidget.session.run import Run
from tabwidget.session.tasks.base import Applied, Task
from tabwidget.table import Column
from tabwidget.table.column_orders import column_orders

if TYPE_CHECKING:
    from tabwidget.session.session import Session

__all__ = ["RowTask", "default_task"]

MAX_LABELS = 10

_log = logging.getLogger(__name__)


class RowTask(Task):
    """Learn all columns of the rows together; the target, if any, counts most.

    The settings are attributes of the session: `target`, `serializer`, `backend`, `model_config`.
    """

    names = ("classification", "regression", "synthesis")
    kind = "rows"
    panel = "query"
    settings = ("target", "serializer", "backend", "model_config")
    form = ("target", "serializer", "backend", "model", "rank", "quantization")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._unfitted: Backend | None = None

    def check(self, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return valid settings; see `Task.check`."""
        session, checked = self.session, dict[str, Any]()
        if "serializer" in settings:
            resolve_serializer(settings["serializer"])
            checked["serializer"] = settings["serializer"]
        if "model_config" in settings:
            checked["model_config"] = _checked_model(settings["model_config"])
        if "backend" in settings:
            model = checked.get("model_config", session.model_config)
            checked["backend"] = choose(settings["backend"], model).name
        if session.table is not None:
            target = settings.get("target", session.target)
            column = session.table.schema.target_column(target)
            _check_target(name, column)
            checked["target"] = column.name
        elif "target" in settings:
            raise ConfigError("there is no table yet: load one first")
        return checked

    def name_for(self, settings: Mapping[str, Any]) -> str:
        """Return the task that suits the target, where the settings or no task name one."""
        session = self.session
        if session.task in self.names and "target" not in settings:
            return session.task
        target = settings.get("target", session.target)
        return default_task(session.loaded().schema.target_column(target))

    def from_form(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings from the fields of the front end's form; see `Task.from_form`."""
        model = {"model", "rank", "quantization"}
        settings = {key: value for key, value in fields.items() if key not in model}
        if {"backend", *model} & set(fields):
            settings["model_config"] = self._model_config(fields)
        return settings

    def choose(self, checked: Mapping[str, Any]) -> Applied:
        """Apply settings that `check` returned."""
        session = self.session
        changed = tuple(key for key, value in checked.items() if value != getattr(session, key))
        for key in changed:
            setattr(session, key, checked[key])
        if "target" in changed:
            session.reset_question()
        if {"backend", "model_config"}.isdisjoint(changed):
            return Applied(changed)
        self._unfitted = None
        invalidates = () if session.current_model is None else ("model", "answer")
        session.model = session.answer = None
        session.defer()
        return Applied(changed, invalidates)

    @property
    def hint(self) -> str:
        """What to expect of training."""
        if not self.trains:
            return "This backend only reads the table: to train on it, choose another one."
        if self._entry.untrained:
            return (
                "The answers come from a pretrained model that has read your table. "
                "Press Train to improve the answers on your table."
            )
        return "Press Train: the model answers from the first second on."

    @property
    def ready(self) -> bool:
        """Whether there is a model, also while it is still trained, or to be made at a question."""
        return self.session.unprepared or self.session.current_model is not None

    @property
    def trained(self) -> bool:
        """Whether the answers use a network trained on the table."""
        model = self.session.current_model
        return model is not None and model.trained

    @property
    def trains(self) -> bool:
        """Whether a fit of the backend trains anything."""
        return self._entry.trains

    @property
    def sources(self) -> tuple[str, ...]:
        """What the answers come from, in words."""
        if not self.ready:
            return ()
        if self._entry.pretrained:
            return ("fine-tuned on your table",)
        pretrained = ("pretrained",) * self._entry.untrained
        return (*pretrained, "trained on your table") if self.trained else pretrained

    @property
    def gains(self) -> dict[str, float]:
        """By column, the nats per validation cell that training added."""
        model = self.session.current_model
        found = {} if model is None else model.gains
        names = self.session.loaded().schema if found else ()
        return {name: found[name] for name in names if name in found}

    @property
    def prepares(self) -> bool:
        """Whether the backend answers from the rows of the table alone."""
        return self.session.table is not None and self._entry.untrained

    def prepare(self) -> None:
        """Make a model that answers from the rows alone, if the backend can; a matter of ms."""
        session = self.session
        if session.table is None or not self.prepares:
            return
        # The sizes of a network have no effect yet.
        model = TabularLanguageModel(
            backend=session.backend,
            serializer=session.serializer,
            training=TrainingConfig(max_seconds=0),
            random_state=session.random_state,
        )
        try:
            session.model = model.fit(session.table)
        except TabwidgetError as error:
            # The table stays loaded: a fit raises the same where the user sees it.
            _log.info("no answers before training: %s", error)

    @property
    def result(self) -> TabularLanguageModel | None:
        """The fitted model."""
        return self.session.model

    def start(self, run: Run, resume: bool) -> Callable[[], object]:
        """Return the fit of a model of the rows."""
        session, table, targets = self.session, self.session.loaded(), self._targets()
        model = session.model if resume and session.model is not None else self._new_model()
        publisher = _Publisher(session, run, model)
        model.set_params(
            serializer=session.serializer,
            training=clone(session.training),
            callbacks=[run, publisher],
        )

        def work() -> None:
            try:
                model.fit(table, target_cols=targets, resume=resume, stop=run.stopping)
                publisher.publish()
            finally:
                # A run holds locks; without it a fitted model can be copied.
                model.set_params(callbacks=None)

        return work

    def cost(self) -> Cost:
        """Return an estimate of a fit's time and memory; nothing is trained or loaded."""
        table, training = self.session.loaded(), self.session.training
        serializer = resolve_serializer(self.session.serializer)
        size = self._backend().size(table, serializer, training)
        return cost_of(size, len(table), training.max_seconds)

    def preview(self, row: int, draw: int) -> RowPreview:
        """Return a row as the serializer writes it, in another column order for each `draw`.

        Text backends add the tokens, and which of them enter the loss.
        """
        session, table = self.session, self.session.loaded()
        cells = self._cells(row, draw)
        serializer = resolve_serializer(session.serializer)
        written, backend, tokens = serializer.serialize(cells), self._backend(), ()
        if hasattr(backend, "tokens"):
            names = table.schema.targets
            order = [names.index(name) for name in cells if name in names]
            learned = (session.training.loss_on_target_only and self._targets()) or names
            tokens = backend.tokens(table, serializer, row, order, learned)
        return RowPreview(written.text, written.spans, tokens, None, len(written.text))

    def python(self) -> str:
        """Return the Python that fits and queries the same without a session."""
        session = self.session
        return fitting_code(
            session.source,
            backend=session.backend,
            model_config=session.model_config,
            serializer=session.serializer,
            training=session.training,
            trained=self.trained or not self.ready or not self.trains,
            random_state=session.random_state,
            targets=self._targets(),
            asked=None if session.answer is None else session.answer.query,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the settings and what can be chosen; see `Task.snapshot`."""
        session, config = self.session, self.session.model_config
        lora, quantization = (None, None) if config is None else (config.lora, config.quantization)
        if isinstance(quantization, QuantizationConfig):
            quantization = f"{quantization.bits}bit"
        serializer = session.serializer
        return {
            "settings": {
                "target": session.target,
                "serializer": (
                    serializer if isinstance(serializer, str) else type(serializer).__name__
                ),
                "backend": session.backend,
                "model": "" if config is None or config.model is None else str(config.model),
                "rank": None if lora is None else lora.rank,
                "quantization": quantization,
            },
            "offers": {"serializers": list(SERIALIZERS), "backends": _backends()},
            "roles": {} if session.target is None else {session.target: "target"},
        }

    def refresh(self) -> None:
        """Ask the session's question again."""
        if self.ready and self.session.question is not None:
            self.session.ask(self.session.question)

    @property
    def _entry(self) -> Entry:
        return BACKENDS[self.session.backend]

    def _model_config(self, fields: Mapping[str, Any]) -> ModelConfig | None:
        """Return the model that the form describes; None for one trained from scratch."""
        entry = BACKENDS.get(str(fields.get("backend", self.session.backend)))
        if entry is None or not entry.pretrained:
            return None
        # Adapters by default: a laptop can train them.
        config: ModelConfig = clone(self.session.model_config or ModelConfig(lora=LoRAConfig()))
        if "model" in fields:
            config.model = str(fields["model"]).strip() or None
        if "rank" in fields:
            rank = fields["rank"]
            config.lora = None if rank is None else LoRAConfig(rank=int(rank), alpha=2 * int(rank))
        if "quantization" in fields:
            config.quantization = fields["quantization"]
        return config

    def _new_model(self) -> TabularLanguageModel:
        config = self.session.model_config
        return TabularLanguageModel(
            backend=self.session.backend,
            # A copy: later changes of the session do not reach this model.
            model_config=None if config is None else clone(config),
            random_state=self.session.random_state,
        )

    def _backend(self) -> Backend:
        """Return an unfitted backend; it is kept, because it keeps its tokenizer."""
        if self._unfitted is None:
            self._unfitted = resolve(self.session.backend, self.session.model_config)
        return self._unfitted

    def _targets(self) -> tuple[str, ...]:
        session = self.session
        if session.task == "synthesis" or session.target is None:
            return ()
        return (session.target,)

    def _cells(self, row: int, draw: int) -> dict[str, Any]:
        """Return a row's cells in the column order of a draw."""
        session = self.session
        cells = session.loaded().row(row)
        names = list(cells)
        [order] = column_orders(1, len(names), seed=session.random_state, epoch=draw)
        # A target that alone enters the loss is learned given all other columns.
        last = self._targets() if session.training.loss_on_target_only else ()
        drawn = sorted((names[i] for i in order), key=lambda name: name in last)
        return {name: cells[name] for name in drawn}


class _Publisher(Callback):
    """Gives the session its model as soon as it answers as well as the session's last one.

    A model that is still untrained replaces no other: those before it know as much or more, and
    have answers in their cache.
    """

    def __init__(self, session: Session, run: Run, model: TabularLanguageModel) -> None:
        self.session, self.run, self.model = session, run, model

    def on_event(self, state: TrainingState, event: Event) -> None:
        self.publish()

    def publish(self) -> None:
        """Publish the model, if it is worth it."""
        session, model = self.session, self.model
        worth = model.ready and (session.current_model is None or model.trained)
        if worth and session.wants(self.run, model):
            self._warm_up()
            session.publish(self.run, model)

    def _warm_up(self) -> None:
        """Answer the session's question once, so that the first answer is as fast as the next."""
        question = self.session.question
        if question is not None:
            # An error is shown to the user at the next question.
            with contextlib.suppress(TabwidgetError):
                self.model.conditional(question.resolve(self.model.schema))


def default_task(column: Column) -> str:
    """Return the task that suits a column as the target."""
    # A few whole numbers are labels (0 and 1, digits) more often than amounts.
    labels = column.integer and column.edges is None and column.n_unique <= MAX_LABELS
    return "regression" if column.is_number and not labels else "classification"


def _check_target(task: str, column: Column) -> None:
    if task == "regression" and not column.is_number:
        raise ConfigError(
            f"column {column.name!r} has levels, not numbers: "
            "choose the task 'classification', or a target that is a number"
        )
    if task == "classification" and column.edges is not None:
        raise ConfigError(
            f"column {column.name!r} is a number with {column.n_unique} values: "
            "choose the task 'regression', or a target with levels"
        )


def _checked_model(config: ModelConfig | None) -> ModelConfig | None:
    if config is None:
        return None
    if not isinstance(config, ModelConfig):
        raise ConfigError(f"model_config must be a ModelConfig, not {type(config).__name__}")
    config = cast(ModelConfig, clone(config))
    config.validate()
    return config


def _backends() -> list[dict[str, Any]]:
    """Return the backends, each with the pip command for what is missing."""
    return [
        {
            "name": name,
            "title": entry.title,
            "pretrained": entry.pretrained,
            "text": entry.text,
            "standard": entry.standard,
            "command": "" if entry.installed else f"pip install 'tabwidget[{entry.extra}]'",
        }
        for name, entry in BACKENDS.items()
    ]
