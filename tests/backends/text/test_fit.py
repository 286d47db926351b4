"""The training loop, with steps that change nothing and losses that are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.text.fit import LoopFit
from tabwidget.backends.text.fit_data import Batch
from tabwidget.errors import ConfigError
from tabwidget.events import EvalReport, Event, FitEnd
from tests.backends.text.fakes import FakeScoringModel, mixed, request_of, row_tokens_of

TABLE = mixed(40)


class FakeModel(FakeScoringModel):
    """Has one weight, the number of steps, and a validation loss given for each evaluation."""

    n_parameters = 1

    def __init__(self, losses: Sequence[float]) -> None:
        super().__init__()
        self.losses, self.n_evals, self.weight = losses, 0, 0.0

    def token_log_probabilities(self, ids: Any, at: Any, tokens: Any) -> Any:
        loss = self.losses[min(self.n_evals, len(self.losses) - 1)]
        return np.full(len(at), -loss)

    def trained_weights(self) -> dict[str, Any]:
        return {"weight": np.array(self.weight)}

    def load_weights(self, weights: Any) -> None:
        self.weight = float(weights["weight"])


class FakeFit(LoopFit):
    scorer: FakeModel

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.rates: list[float] = []

    def step(self, batches: Sequence[Batch], rate: float) -> float:
        self.scorer.weight += 1
        self.rates.append(rate)
        if self.scorer.weight == 7:
            self.on_step_seven()
        return 1.0

    def on_step_seven(self) -> None:
        """Do nothing."""

    def evaluate(self) -> None:
        super().evaluate()
        self.scorer.n_evals += 1


def fit_of(
    losses: Sequence[float], kind: type[FakeFit] = FakeFit, **request: Any
) -> tuple[FakeFit, list[Event]]:
    events: list[Event] = []
    asked = request_of(table=TABLE, **{"emit": events.append, "max_steps": 20, **request})
    fit = kind(asked, "fake", FakeModel(losses), row_tokens_of(TABLE), FairLock())
    return fit, events


def end_of(events: list[Event]) -> FitEnd:
    assert isinstance(events[-1], FitEnd)
    return events[-1]


def test_the_weights_of_the_lowest_loss_are_restored() -> None:
    fit, events = fit_of([5.0, 4.0, 2.0, 3.0])
    fit.run()
    reports = [event for event in events if isinstance(event, EvalReport)]
    assert [report.step for report in reports] == [0, 5, 10, 15, 20]
    assert [report.best for report in reports] == [True, True, True, False, False]
    assert fit.scorer.weight == 10
    assert (end_of(events).best_step, end_of(events).reason) == (10, "steps")


def test_auto_ends_after_evaluations_without_a_gain() -> None:
    fit, events = fit_of([5.0, 4.0], max_steps=None)
    fit.run()
    assert end_of(events).reason == "converged"
    assert end_of(events).step == 30  # five evaluations after that at step 5
    fit, events = fit_of([5.0, 4.0], max_steps=50, lr_scheduler="linear")
    fit.run()
    assert end_of(events).reason == "steps"


def test_a_stopped_fit_evaluates_only_if_nothing_was_kept() -> None:
    for stop, evaluations in ((3, 2), (7, 2)):
        calls = iter(range(1, 100))
        fit, events = fit_of([5.0, 4.0], stopped=lambda calls=calls, n=stop: next(calls) == n)
        fit.run()
        assert (end_of(events).reason, end_of(events).step) == ("stopped", stop)
        assert fit.scorer.n_evals == evaluations


def test_a_failed_fit_restores_the_best_weights() -> None:
    class Failing(FakeFit):
        def on_step_seven(self) -> None:
            raise RuntimeError("out of memory")

    fit, events = fit_of([5.0, 4.0], Failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        fit.run()
    assert end_of(events).reason == "failed"
    assert fit.scorer.weight == 5


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [("linear", 0.75), ("cosine", 0.5 * (1 + np.cos(np.pi / 4))), ("constant", 1.0)],
)
def test_schedules_follow_the_progress(scheduler: str, expected: float) -> None:
    fit, _ = fit_of([1.0], lr_scheduler=scheduler, warmup_steps=10)
    assert fit.rate(0) == pytest.approx(0.1)
    fit.progress = 0.25
    assert fit.rate(100) == pytest.approx(expected)


def test_rates_scale_with_the_peak() -> None:
    fit, _ = fit_of([1.0], learning_rate=0.5, lr_scheduler="constant", warmup_steps=1, max_steps=2)
    fit.run()
    assert fit.rates == [0.5, 0.5]


def test_events_are_emitted_without_the_lock() -> None:
    lock, held = FairLock(), list[bool]()
    request = request_of(table=TABLE, emit=lambda event: held.append(lock._lock.locked()))
    FakeFit(request, "fake", FakeModel([1.0]), row_tokens_of(TABLE), lock).run()
    assert held
    assert not any(held)


def test_too_long_rows_are_an_error() -> None:
    with pytest.raises(ConfigError, match="tokens, more than max_seq_length=4"):
        fit_of([1.0], max_seq_length=4)

    class Short(FakeModel):
        max_length = 5

    with pytest.raises(ConfigError, match="the model accepts at most 5"):
        FakeFit(request_of(table=TABLE), "fake", Short([1.0]), row_tokens_of(TABLE), FairLock())
