"""The protocol of tasks: a new task is one file in the folder, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tabwidget.session import Session, tasks
from tabwidget.widgets import Workbench

COUNTING = """
from tabwidget.backends.cost import Cost, ModelSize, cost_of
from tabwidget.session.results import RowPreview
from tabwidget.session.tasks.base import Applied, Task


class CountingTask(Task):
    names = ("counting",)
    kind = "counting"
    panel = "query"
    settings = form = ("column",)
    hint = "Press Train: it counts."
    column = "g"
    count = None

    def choose(self, checked):
        changed = tuple(key for key in checked if checked[key] != getattr(self, key))
        vars(self).update(checked)
        return Applied(changed)

    @property
    def ready(self):
        return self.count is not None

    @property
    def result(self):
        return self.count

    def start(self, run, resume):
        def work():
            self.count = self.session.loaded().frame[self.column].nunique()
        return work

    def cost(self):
        raise NotImplementedError

    def preview(self, row, draw):
        cell = str(self.session.loaded().frame[self.column].iloc[row])
        return RowPreview(cell, (), (), None, len(cell))

    def python(self):
        return f"{self.session.source}[{self.column!r}].nunique()"

    def snapshot(self):
        return {"settings": {"column": self.column}, "offers": {}, "roles": {self.column: "count"}}
"""


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a task into a folder of its own, beside those of the package."""
    (tmp_path / "counting.py").write_text(COUNTING, encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    tasks.task_classes.cache_clear()
    yield
    tasks.task_classes.cache_clear()


def test_a_new_task_is_one_file(counting: None) -> None:
    frame = pd.DataFrame({"g": ["a", "b", "a", "c"], "x": [1.0, 2.0, 3.0, 4.0]})
    bench = Workbench(frame)
    session = bench.session
    assert "counting" in bench.slices["task"]["tasks"]
    change = session.choose(task="counting", column="x")
    assert change.changed == ("column", "task")
    assert session.preview(1).text == "2.0"
    assert session.python() == "table['x'].nunique()"
    assert session.fit() == 4
    assert "train again" in session.choose(column="g").message
    assert session.fit() == 3
    slices = bench._feed.refresh()
    assert slices["task"]["kind"] == "counting"
    assert slices["task"]["roles"] == {"g": "count"}
    assert slices["train"]["ready"]
    bench.close()
    assert not Session(frame).tasks["counting"].ready
