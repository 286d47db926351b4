"""The tasks of rows: their default, their settings, and a target that alone is learned last."""

from __future__ import annotations

import pandas as pd
import pytest

from tabwidget.config import TrainingConfig
from tabwidget.session import Session
from tabwidget.session.tasks.rows import default_task
from tabwidget.table import Table


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["a", "b"] * 20, "classification"),
        ([0, 1] * 20, "classification"),
        ([x / 7 for x in range(40)], "regression"),
        (list(range(40)), "regression"),
        ([True, False] * 20, "classification"),
    ],
)
def test_the_default_task_suits_the_column(cells: list[object], task: str) -> None:
    assert default_task(Table(pd.DataFrame({"y": cells})).schema["y"]) == task


def test_a_target_that_alone_is_learned_is_written_last() -> None:
    session = Session("iris", target="species", training=TrainingConfig(loss_on_target_only=True))
    for draw in range(10):
        assert session.preview(0, draw).spans[-1].column == "species"


def test_another_backend_discards_the_model() -> None:
    session = Session("iris", training=TrainingConfig(max_steps=2))
    session.fit()
    change = session.choose(backend="minilm-text")
    assert change.invalidates == ("model", "answer")
    assert session.model is None
    assert "trained anew" in change.message


def test_the_form_of_a_pretrained_backend_becomes_one_model_config() -> None:
    task = Session("iris").tasks["classification"]
    found = task.from_form({"backend": "huggingface", "model": " a/b ", "rank": 4})
    assert set(found) == {"backend", "model_config"}
    assert (found["model_config"].model, found["model_config"].lora.rank) == ("a/b", 4)
    assert task.from_form({"backend": "minilm"})["model_config"] is None
