"""Tests of MiniLMFit: the members of an ensemble, their splits and their calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends import FitRequest, MiniLMBackend
from tabwidget.backends.minilm.fit import MiniLMFit
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.events import EvalReport, Event
from tabwidget.minilm.cell_model import CellModel
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table

TINY = ModelConfig(width=16, layers=1, heads=2, members=3)


def request(events: list[Event] | None = None, **training: Any) -> FitRequest:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"letter": rng.choice(list("ab"), 60), "number": rng.normal(size=60)})
    config = TrainingConfig(**{"max_steps": 8, **training})
    emit = (lambda event: None) if events is None else events.append
    return FitRequest(
        Table(frame), ("letter",), config, JSONSerializer(), 0, False, emit, lambda: False
    )


def fit_of(fit_request: FitRequest) -> MiniLMFit:
    return MiniLMFit(fit_request, TINY, fit_request.table.schema.inputs)


def test_members_have_different_validation_rows() -> None:
    fit = fit_of(request(validation_fraction=0.2))
    assert [len(rows) for rows in fit.validation_rows] == [12, 12, 12]
    assert len(set(np.concatenate(fit.validation_rows).tolist())) == 36
    for train, validation in zip(fit.train_rows, fit.validation_rows, strict=True):
        assert sorted([*train, *validation]) == list(range(60))


def test_members_are_different_models_with_a_prior_from_their_own_rows() -> None:
    one, other, _ = (member.model for member in fit_of(request()).members)
    assert one.query.ne(other.query).any()
    assert one.gaussian is not None
    assert other.gaussian is not None
    assert one.gaussian.covariance.ne(other.gaussian.covariance).any()
    assert len(one.gaussian.covariances) == 6  # five folds, and all rows


def test_published_models_are_the_best_and_end_calibrated() -> None:
    events: list[Event] = []
    published: list[tuple[CellModel, ...]] = []
    fit = fit_of(request(events))
    fit.run(published.append)
    improvements = [event for event in events if isinstance(event, EvalReport) and event.best]
    assert len(published) > len(improvements) > 0
    assert published[-1] == tuple(member.best for member in fit.members)
    assert all((member.best.temperature != 1).all() for member in fit.members)


def test_resumed_members_are_copies_with_reset_temperatures() -> None:
    backend, fit_request = MiniLMBackend(TINY), request()
    backend.fit(fit_request)
    before = backend._members
    fit = MiniLMFit(fit_request, TINY, fit_request.table.schema.inputs, before)
    for member, old in zip(fit.members, before, strict=True):
        assert member.model is not old
        assert (member.model.temperature == 1).all()
        assert member.model.query.equal(old.query)


def test_members_without_enough_time_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabwidget.backends.minilm.fit.MIN_STEPS", 1_000_000)
    backend = MiniLMBackend(TINY)
    backend.fit(request(max_steps=None, max_seconds=2.0))
    assert len(backend._members) == 1
    backend.fit(request(max_steps=9))
    assert len(backend._members) == 3
