"""Events of fits and predictions, and the state that they add up to.

Losses are mean nats per cell, weighted as in training; memory is in bytes; rows are numbered from
0 in the given frame. Every event carries ``seconds`` since the start of the fit or prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict, get_args

__all__ = [
    "EvalReport",
    "Event",
    "FitEnd",
    "FitStart",
    "Generation",
    "Memory",
    "Phase",
    "PhaseReport",
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
    "to_dict",
]

Reason = Literal["budget", "stopped", "converged", "epochs", "steps", "failed"]

# Of these a fit has those that its backend needs: the model or torch is loaded, rows are encoded,
# closed forms are computed, weights are trained, temperatures or thresholds are chosen on
# validation rows, forests are grown, and the members of a pool are weighed.
Phase = Literal["loading", "reading", "moments", "learning", "calibrating", "forests", "weighing"]

# More points make no visible difference in a plot.
MAX_POINTS = 2000


class Point(TypedDict):
    """One point of a loss curve."""

    seconds: float
    step: int
    loss: float
    split: Literal["train", "validation"]


@dataclass(frozen=True)
class FitStart:
    """Start of a fit: the sizes of the table and the model, and the limits."""

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
class PhaseReport:
    """Phase of a fit, which takes about `seconds_left` more; None if that is unknown.

    A long phase is reported again with a better estimate.
    """

    seconds: float
    phase: Phase
    seconds_left: float | None = None


@dataclass(frozen=True)
class TrainExamples:
    """Some of the current training rows, as the serializer writes them."""

    seconds: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class TrainReport:
    """Mean training loss since the last report."""

    seconds: float
    step: int
    epoch: int
    loss: float
    learning_rate: float
    rows_per_second: float


@dataclass(frozen=True)
class EvalReport:
    """Validation loss, with `best` set if it is the lowest so far.

    `metrics` holds other validation metrics, such as ``f1_micro``; they may be nested.
    """

    seconds: float
    step: int
    loss: float
    column_losses: dict[str, float]
    best: bool
    metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Memory:
    """Bytes in use: resident memory on the "cpu", allocated memory on another `device`."""

    seconds: float
    used: int
    device: str = "cpu"


@dataclass(frozen=True)
class FitEnd:
    """End of a fit, and its reason."""

    seconds: float
    step: int
    reason: Reason
    best_step: int
    best_loss: float


@dataclass(frozen=True)
class PredictStart:
    """Start of a prediction of `n_rows` rows; `kind` is its method, such as "predict_proba"."""

    seconds: float
    kind: str
    n_rows: int


@dataclass(frozen=True)
class RowEnd:
    """`rows_done` rows are predicted so far; emitted once per batch."""

    seconds: float
    rows_done: int


@dataclass(frozen=True)
class PredictEnd:
    """End of a prediction: the number of rows predicted, and whether it succeeded."""

    seconds: float
    rows_done: int
    reason: Literal["done", "failed"]


@dataclass(frozen=True)
class Generation:
    """A text backend generated `text` for the cells of `columns` in a row, after `prompt`.

    Part of the documented set of events; no backend emits it yet.
    """

    seconds: float
    row: int
    columns: tuple[str, ...]
    prompt: str
    text: str


@dataclass(frozen=True)
class Score:
    """A text backend scored the candidate values of a cell; the probabilities sum to 1.

    Part of the documented set of events; no backend emits it yet.
    """

    seconds: float
    row: int
    column: str
    candidates: tuple[Any, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Retry:
    """The generated `text` could not be parsed, and attempt number `attempt` follows.

    Part of the documented set of events; no backend emits it yet.
    """

    seconds: float
    row: int
    columns: tuple[str, ...]
    text: str
    attempt: int


FitEvent: TypeAlias = FitStart | PhaseReport | TrainExamples | TrainReport | EvalReport | FitEnd
PredictEvent: TypeAlias = PredictStart | RowEnd | PredictEnd | Generation | Score | Retry
Event: TypeAlias = FitEvent | PredictEvent | Memory


def from_dict(fields: Mapping[str, Any]) -> Event:
    """Return the event with the payload ``{"event": "TrainReport", "seconds": …}``.

    `tabwidget.minilm.Trainer` and `JSONLCallback` write such payloads.

    Examples
    --------
    >>> from_dict({"event": "TrainExamples", "seconds": 0.5, "examples": ["a text"]})
    TrainExamples(seconds=0.5, examples=('a text',))
    """
    kinds = {kind.__name__: kind for kind in get_args(Event)}
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    event: Event = kinds[values.pop("event")](**values)
    return event


def to_dict(event: Event) -> dict[str, Any]:
    """Return the payload of an event, which `from_dict` restores.

    Examples
    --------
    >>> to_dict(RowEnd(0.5, 20))
    {'event': 'RowEnd', 'seconds': 0.5, 'rows_done': 20}
    """
    return {"event": type(event).__name__, **asdict(event)}


@dataclass
class TrainingState:
    """State of a fit and of a prediction, updated by folding in each event.

    Attributes
    ----------
    start : FitStart or None
        Start event of the fit.
    seconds, step, epoch, learning_rate, rows_per_second, loss
        Values of the latest `TrainReport`.
    eval_loss : float or None
        Latest validation loss.
    best_step, best_loss
        Step and value of the lowest validation loss.
    column_losses : dict of str to float
        Validation loss of each column at `best_step`, in nats per cell.
    metrics : dict
        Latest other validation metrics.
    phase : PhaseReport or None
        Latest phase of the fit.
    reason : str or None
        Why the fit ended; None while it runs.
    curve : list of dict
        Points ``{"seconds", "step", "loss", "split"}`` with split "train" or "validation"; thinned
        to at most 2,000.
    peak_memory : int or None
        Largest memory use reported, in bytes.
    kind : str or None
        Method of the latest prediction, such as "predict_proba".
    predicting : bool
        Whether that prediction is running.
    n_rows, rows_done : int
        Rows to predict, and rows predicted so far.
    predict_seconds : float
        Its duration so far.
    retries : int
        Number of its `Retry` events.
    stopping : bool
        Whether `stop` was called.

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
    phase: PhaseReport | None = None
    reason: Reason | None = None
    curve: list[Point] = field(default_factory=list)
    peak_memory: int | None = None
    kind: str | None = None
    predicting: bool = False
    n_rows: int = 0
    rows_done: int = 0
    predict_seconds: float = 0.0
    retries: int = 0
    stopping: bool = False

    def stop(self) -> None:
        """Request that the fit ends at its next step with the best weights; thread-safe.

        To abort a prediction, raise from a callback instead.
        """
        self.stopping = True

    def fold(self, event: Event) -> None:
        """Update the state with the next event."""
        if isinstance(event, Memory):
            self.peak_memory = max(event.used, self.peak_memory or 0)
        elif isinstance(event, FitEvent):
            self._fold_fit(event)
        else:
            self._fold_prediction(event)

    def _fold_fit(self, event: FitEvent) -> None:
        self.seconds = event.seconds
        if isinstance(event, FitStart):
            self.start = event
        elif isinstance(event, PhaseReport):
            self.phase = event
        elif isinstance(event, TrainReport):
            self.step, self.epoch, self.loss = event.step, event.epoch, event.loss
            self.learning_rate = event.learning_rate
            self.rows_per_second = event.rows_per_second
            self._add_point(event.seconds, event.step, event.loss, "train")
        elif isinstance(event, EvalReport):
            self.step, self.eval_loss, self.metrics = event.step, event.loss, event.metrics
            if event.best:
                self.best_step, self.best_loss = event.step, event.loss
                self.column_losses = event.column_losses
            self._add_point(event.seconds, event.step, event.loss, "validation")
        elif isinstance(event, FitEnd):
            self.step, self.reason = event.step, event.reason

    def _fold_prediction(self, event: PredictEvent) -> None:
        self.predict_seconds = event.seconds
        if isinstance(event, PredictStart):
            self.kind, self.n_rows, self.predicting = event.kind, event.n_rows, True
            self.rows_done = self.retries = 0
        elif isinstance(event, RowEnd):
            self.rows_done = event.rows_done
        elif isinstance(event, PredictEnd):
            self.rows_done, self.predicting = event.rows_done, False
        elif isinstance(event, Retry):
            self.retries += 1

    @property
    def progress(self) -> float | None:
        """Used share of the nearest limit, from 0 to 1; 1 after the end, None without a limit."""
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
        """Seconds to the nearest limit at the current pace; 0 after the end, None if unknown."""
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

    def _add_point(
        self, seconds: float, step: int, loss: float, split: Literal["train", "validation"]
    ) -> None:
        self.curve.append({"seconds": seconds, "step": step, "loss": loss, "split": split})
        if len(self.curve) > MAX_POINTS:
            splits = [[p for p in self.curve if p["split"] == s] for s in ("train", "validation")]
            dropped = {id(point) for point in max(splits, key=len)[1:-1:2]}
            self.curve = [point for point in self.curve if id(point) not in dropped]
