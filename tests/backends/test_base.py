"""Tests of the Backend protocol and of FitRequest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends import Backend, FitRequest, MiniLMBackend
from tabwidget.config import TrainingConfig
from tabwidget.errors import NotFittedError
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table
from tests.backends.fakes import FakeBackend


@pytest.mark.parametrize("backend", [MiniLMBackend(), FakeBackend()])
def test_every_backend_implements_the_protocol(backend: Backend) -> None:
    assert isinstance(backend, Backend)
    assert not backend.ready


def test_a_backend_without_weights_cannot_predict() -> None:
    with pytest.raises(NotFittedError, match=r"call fit\(\) first"):
        MiniLMBackend().predict(np.full((1, 2), np.nan), [0])


def test_a_request_serializes_the_present_cells_in_an_order() -> None:
    table = Table(pd.DataFrame({"a": [1.5, 2.5], "b": ["x", None], "c": [True, False]}))
    request = FitRequest(
        table, (), TrainingConfig(), JSONSerializer(), 0, False, lambda event: None, lambda: False
    )
    assert request.serialize(0, ["c", "a", "b"]) == '{"c": true, "a": 1.5, "b": "x"}'
    assert list(JSONSerializer().parse(request.serialize(1, ["b", "a"]))) == ["a"]
