"""What happens while a model is fitted: one small dataclass an event, and the state they add up to.

Losses are mean nats per cell, weighted as in training. Every event carries ``seconds`` since the
fit began.
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
    "Point",
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
    split: Literal["train", "hold-out"]


@dataclass(frozen=True)
class FitStart:
    """A fit begins: the size of the table and of the model, and the limits set."""

    seconds: float
    n_rows: int
    n_columns: int
    n_train: int
    n_holdout: int
    n_parameters: int
    engine: str
    budget_seconds: float | None
    total_steps: int | None


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
    """The loss on the rows held out; `best` if there was none lower before."""

    seconds: float
    step: int
    loss: float
    column_losses: dict[str, float]
    best: bool


@dataclass(frozen=True)
class FitEnd:
    """A fit is over, and why."""

    seconds: float
    step: int
    reason: Reason
    best_step: int
    best_loss: float


Event: TypeAlias = FitStart | TrainExamples | TrainReport | EvalReport | FitEnd


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
    """Where a fit stands: all events so far, folded into a few figures.

    Attributes
    ----------
    start : FitStart or None
        The first event.
    seconds, step, epoch, learning_rate, rows_per_second, loss
        As in the newest `TrainReport`.
    eval_loss : float or None
        The newest loss on the rows held out.
    best_step, best_loss
        Where that loss was lowest.
    column_losses : dict of str to float
        Nats per cell of each column on the rows held out, at `best_step`.
    reason : str or None
        Why the fit ended; None before.
    curve : list of dict
        Points ``{"seconds", "step", "loss", "split"}`` with split "train" or "hold-out"; thinned
        to at most 2,000.

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
    reason: Reason | None = None
    curve: list[Point] = field(default_factory=list)

    def fold(self, event: Event) -> None:
        """Take one more event into account."""
        self.seconds = event.seconds
        if isinstance(event, FitStart):
            self.start = event
        elif isinstance(event, TrainReport):
            self.step, self.epoch, self.loss = event.step, event.epoch, event.loss
            self.learning_rate = event.learning_rate
            self.rows_per_second = event.rows_per_second
            self._draw(event.seconds, event.step, event.loss, "train")
        elif isinstance(event, EvalReport):
            self.step, self.eval_loss = event.step, event.loss
            if event.best:
                self.best_step, self.best_loss = event.step, event.loss
                self.column_losses = event.column_losses
            self._draw(event.seconds, event.step, event.loss, "hold-out")
        elif isinstance(event, FitEnd):
            self.step, self.reason = event.step, event.reason

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the limit of time, or of steps at the pace so far; 0 once ended."""
        if self.reason is not None:
            return 0.0
        if self.start is None:
            return None
        if self.start.budget_seconds is not None:
            return max(0.0, self.start.budget_seconds - self.seconds)
        if self.start.total_steps is None or not self.step:
            return None
        return max(0.0, self.seconds * (self.start.total_steps / self.step - 1))

    def _draw(
        self, seconds: float, step: int, loss: float, split: Literal["train", "hold-out"]
    ) -> None:
        self.curve.append({"seconds": seconds, "step": step, "loss": loss, "split": split})
        if len(self.curve) > MAX_POINTS:
            splits = [[p for p in self.curve if p["split"] == s] for s in ("train", "hold-out")]
            dropped = {id(point) for point in max(splits, key=len)[1:-1:2]}
            self.curve = [point for point in self.curve if id(point) not in dropped]
