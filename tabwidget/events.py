"""What happens while a model is fitted or asked: one small dataclass an event, and their state.

Losses are mean nats per cell, weighted as in training; memory is in bytes; rows are numbered from
0 in the frame that was given. Every event carries ``seconds`` since the fit, or since the
prediction, began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict, get_args

__all__ = [
    "EvalReport",
    "Event",
    "FitEnd",
    "FitStart",
    "Generation",
    "Memory",
    "Point",
    "PredictEnd",
    "PredictStart",
    "Retry",
    "RowEnd",
    "Score",
    "TrainExamples",
    "TrainReport",
    "TrainingState",
    "from_dict",
]

Reason = Literal["budget", "stopped", "converged", "epochs", "steps", "failed"]

# A longer curve looks the same on a screen.
MAX_POINTS = 2000


class Point(TypedDict):
    """One point of a loss curve."""

    seconds: float
    step: int
    loss: float
    split: Literal["train", "validation"]


@dataclass(frozen=True)
class FitStart:
    """A fit begins: the size of the table and of the model, and the limits set."""

    seconds: float
    n_rows: int
    n_columns: int
    n_train: int
    n_validation: int
    n_parameters: int
    backend: str
    budget_seconds: float | None
    total_steps: int | None
    total_epochs: int | None = None


@dataclass(frozen=True)
class TrainExamples:
    """Some of the rows now being learned, as the serializer writes them."""

    seconds: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class TrainReport:
    """The training loss since the last report."""

    seconds: float
    step: int
    epoch: int
    loss: float
    learning_rate: float
    rows_per_second: float


@dataclass(frozen=True)
class EvalReport:
    """The loss on the validation rows; `best` if there was none lower before.

    `metrics` are other figures of those rows, such as ``f1_micro``; they may be nested.
    """

    seconds: float
    step: int
    loss: float
    column_losses: dict[str, float]
    best: bool
    metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Memory:
    """Bytes in use: of the process on the "cpu", of what is allocated on another `device`."""

    seconds: float
    used: int
    device: str = "cpu"


@dataclass(frozen=True)
class FitEnd:
    """A fit is over, and why."""

    seconds: float
    step: int
    reason: Reason
    best_step: int
    best_loss: float


@dataclass(frozen=True)
class PredictStart:
    """`n_rows` rows are asked for; `kind` names the method, such as "predict_proba"."""

    seconds: float
    kind: str
    n_rows: int


@dataclass(frozen=True)
class RowEnd:
    """`rows_done` rows are answered by now; a backend that answers in batches tells of each."""

    seconds: float
    rows_done: int


@dataclass(frozen=True)
class PredictEnd:
    """A prediction is over: the rows answered, and whether all went well."""

    seconds: float
    rows_done: int
    reason: Literal["done", "failed"]


@dataclass(frozen=True)
class Generation:
    """A text backend wrote the cells of `columns` in a row: what it was given, what it wrote."""

    seconds: float
    row: int
    columns: tuple[str, ...]
    prompt: str
    text: str


@dataclass(frozen=True)
class Score:
    """A text backend scored the values that a cell may take; the probabilities sum to 1."""

    seconds: float
    row: int
    column: str
    candidates: tuple[Any, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Retry:
    """What was written for a row could not be read, and is written again, for the nth time."""

    seconds: float
    row: int
    columns: tuple[str, ...]
    text: str
    attempt: int


FitEvent: TypeAlias = FitStart | TrainExamples | TrainReport | EvalReport | FitEnd
PredictEvent: TypeAlias = PredictStart | RowEnd | PredictEnd | Generation | Score | Retry
Event: TypeAlias = FitEvent | PredictEvent | Memory


def from_dict(fields: Mapping[str, Any]) -> Event:
    """Return the event that ``{"event": "TrainReport", "seconds": …}`` describes.

    This is how `tabwidget.minilm.Trainer` and `JSONLCallback` write events.

    Examples
    --------
    >>> from_dict({"event": "TrainExamples", "seconds": 0.5, "examples": ["a text"]})
    TrainExamples(seconds=0.5, examples=('a text',))
    """
    kinds = {kind.__name__: kind for kind in get_args(Event)}
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    event: Event = kinds[values.pop("event")](**values)
    return event


@dataclass
class TrainingState:
    """Where a fit or a prediction stands: all events so far, folded into a few figures.

    Attributes
    ----------
    start : FitStart or None
        The first event of the fit.
    seconds, step, epoch, learning_rate, rows_per_second, loss
        As in the newest `TrainReport`.
    eval_loss : float or None
        The newest loss on the validation rows.
    best_step, best_loss
        Where that loss was lowest.
    column_losses : dict of str to float
        Nats per cell of each column on the validation rows, at `best_step`.
    metrics : dict
        Other figures of those rows, the newest.
    reason : str or None
        Why the fit ended; None before.
    curve : list of dict
        Points ``{"seconds", "step", "loss", "split"}`` with split "train" or "validation"; thinned
        to at most 2,000.
    examples : tuple of str
        The newest rows being learned, as text.
    memory, peak_memory : int or None
        Bytes in use, and most of all; None if no backend told.
    kind : str or None
        What the newest prediction answers, such as "predict_proba".
    predicting : bool
        Whether it is still running.
    n_rows, rows_done : int
        Its rows, and how many are answered.
    predict_seconds : float
        How long it has taken.
    generations, scores, retries : int
        How often it wrote, scored and wrote again.
    stopping : bool
        Whether the fit was asked to end.

    Examples
    --------
    >>> state = TrainingState()
    >>> state.fold(TrainReport(0.1, 5, 0, 1.25, 1e-3, 900.0))
    >>> state.step, state.loss
    (5, 1.25)
    """

    start: FitStart | None = None
    seconds: float = 0.0
    step: int = 0
    epoch: int = 0
    learning_rate: float | None = None
    rows_per_second: float | None = None
    loss: float | None = None
    eval_loss: float | None = None
    best_step: int | None = None
    best_loss: float | None = None
    column_losses: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    reason: Reason | None = None
    curve: list[Point] = field(default_factory=list)
    examples: tuple[str, ...] = ()
    memory: int | None = None
    peak_memory: int | None = None
    kind: str | None = None
    predicting: bool = False
    n_rows: int = 0
    rows_done: int = 0
    predict_seconds: float = 0.0
    generations: int = 0
    scores: int = 0
    retries: int = 0
    stopping: bool = False

    def stop(self) -> None:
        """Ask the fit to end at its next step and keep the best weights; from any thread.

        A prediction cannot be ended halfway by it: a callback raises to do that.
        """
        self.stopping = True

    def fold(self, event: Event) -> None:
        """Take one more event into account."""
        if isinstance(event, Memory):
            self.memory = event.used
            self.peak_memory = max(event.used, self.peak_memory or 0)
        elif isinstance(event, FitEvent):
            self._fold_fit(event)
        else:
            self._fold_prediction(event)

    def _fold_fit(self, event: FitEvent) -> None:
        self.seconds = event.seconds
        if isinstance(event, FitStart):
            self.start = event
        elif isinstance(event, TrainExamples):
            self.examples = event.examples
        elif isinstance(event, TrainReport):
            self.step, self.epoch, self.loss = event.step, event.epoch, event.loss
            self.learning_rate = event.learning_rate
            self.rows_per_second = event.rows_per_second
            self._draw(event.seconds, event.step, event.loss, "train")
        elif isinstance(event, EvalReport):
            self.step, self.eval_loss, self.metrics = event.step, event.loss, event.metrics
            if event.best:
                self.best_step, self.best_loss = event.step, event.loss
                self.column_losses = event.column_losses
            self._draw(event.seconds, event.step, event.loss, "validation")
        else:
            self.step, self.reason = event.step, event.reason

    def _fold_prediction(self, event: PredictEvent) -> None:
        self.predict_seconds = event.seconds
        if isinstance(event, PredictStart):
            self.kind, self.n_rows, self.predicting = event.kind, event.n_rows, True
            self.rows_done = self.generations = self.scores = self.retries = 0
        elif isinstance(event, RowEnd):
            self.rows_done = event.rows_done
        elif isinstance(event, PredictEnd):
            self.rows_done, self.predicting = event.rows_done, False
        elif isinstance(event, Generation):
            self.generations += 1
        elif isinstance(event, Score):
            self.scores += 1
        else:
            self.retries += 1

    @property
    def progress(self) -> float | None:
        """Share used of the nearest limit, 0 to 1; 1 once ended, None without a limit."""
        if self.reason is not None:
            return 1.0
        start = self.start
        if start is None:
            return None
        limits = [
            (self.seconds, start.budget_seconds),
            (self.step, start.total_steps),
            (self.epoch, start.total_epochs),
        ]
        shares = [min(1.0, used / limit) for used, limit in limits if limit]
        return max(shares, default=None)

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the nearest limit at the pace so far; 0 once ended, None if not known."""
        if self.reason is not None:
            return 0.0
        if self.start is None:
            return None
        left = []
        if self.start.budget_seconds is not None:
            left.append(max(0.0, self.start.budget_seconds - self.seconds))
        paced = [(self.step, self.start.total_steps), (self.epoch, self.start.total_epochs)]
        left += [max(0.0, self.seconds * (end / at - 1)) for at, end in paced if at and end]
        return min(left, default=None)

    def _draw(
        self, seconds: float, step: int, loss: float, split: Literal["train", "validation"]
    ) -> None:
        self.curve.append({"seconds": seconds, "step": step, "loss": loss, "split": split})
        if len(self.curve) > MAX_POINTS:
            splits = [[p for p in self.curve if p["split"] == s] for s in ("train", "validation")]
            dropped = {id(point) for point in max(splits, key=len)[1:-1:2]}
            self.curve = [point for point in self.curve if id(point) not in dropped]
