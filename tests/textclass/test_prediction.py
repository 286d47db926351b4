from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tabwidget.errors import ConfigError, DataFileError
from tabwidget.textclass import loading, runs
from tabwidget.textclass.config import TextClassConfig
from tabwidget.textclass.loading import LabelModel
from tabwidget.textclass.prediction import predict
from tests.textclass.toys import WORDS, toy_config, toy_texts, write_csv
from tests.textlm.tiny import save_tiny


class Trained:
    """Two runs of one config, and the model of the second as it was in training."""

    def __init__(self, folder: Path) -> None:
        self.config = toy_config(
            folder, save_tiny(folder / "tiny"), train={"max_steps": 4}, exp={"seeds": [1, 2]}
        )
        models: list[LabelModel] = []

        def load(*args: object, **kwargs: object) -> LabelModel:
            models.append(original(*args, **kwargs))  # type: ignore[arg-type]
            return models[-1]

        original = loading.load
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "load", load)
            self.summary = runs.train(self.config)
        self.model = models[-1]
        self.run = self.summary.folder / "run_1"
        self.texts = toy_texts(150, seed=5)
        self.csv = write_csv(folder / "new.csv", self.texts)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("trained"))


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_new_process_gives_the_probabilities_of_the_training_process(
    trained: Trained, tmp_path: Path
) -> None:
    config, out = tmp_path / "config.yaml", tmp_path / "out.jsonl"
    trained.config.write(config)
    script = (
        "import sys; from tabwidget.textclass import TextClassConfig, predict; "
        "predict(TextClassConfig.read(sys.argv[1]), *sys.argv[2:])"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(config), str(trained.csv), str(out), str(trained.run)],
        check=True,
    )
    found = lines(out)
    assert [line["id"] for line in found] == trained.texts.ids
    probabilities = np.array([list(line["probs"].values()) for line in found])  # type: ignore[attr-defined]
    expected = trained.model.probabilities(trained.texts.texts, 8)
    np.testing.assert_allclose(probabilities, expected, atol=1e-7)


def test_labels_are_those_from_their_thresholds_on(trained: Trained, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out.jsonl"
    assert predict(trained.config, trained.csv, out, trained.run) == 150
    thresholds = json.loads((trained.run / "thresholds.json").read_text())
    for line in lines(out):
        assert list(line) == ["id", "probs", "labels"]
        probs = line["probs"]
        assert isinstance(probs, dict)
        assert tuple(probs) == WORDS
        assert line["labels"] == [name for name in WORDS if probs[name] >= thresholds[name]]


def test_best_run_answers_if_none_is_named(trained: Trained, tmp_path: Path) -> None:
    best, named = tmp_path / "best.jsonl", tmp_path / "named.jsonl"
    predict(trained.config, trained.csv, best)
    predict(trained.config, trained.csv, named, runs.best_run(trained.config))
    assert best.read_bytes() == named.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99, 1.0])
def test_killed_prediction_goes_on(trained: Trained, tmp_path: Path, share: float) -> None:
    out = tmp_path / "out.jsonl"
    predict(trained.config, trained.csv, out, trained.run)
    whole = out.read_bytes()
    out.write_bytes(whole[: int(len(whole) * share)])
    assert predict(trained.config, trained.csv, out, trained.run) == 150
    assert out.read_bytes() == whole


def test_what_is_written_is_not_computed_again(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"
    predict(trained.config, trained.csv, out, trained.run)
    out.write_text("".join(out.read_text().splitlines(keepends=True)[:130]))
    computed: list[int] = []
    original = LabelModel.probabilities

    def probabilities(self: LabelModel, texts: list[str], batch_size: int) -> object:
        computed.append(len(texts))
        return original(self, texts, batch_size)

    monkeypatch.setattr(LabelModel, "probabilities", probabilities)
    predict(trained.config, trained.csv, out, trained.run)
    # One to see that it was the same run; then from the last whole block of 64 on.
    assert computed == [1, 22]


def test_output_of_another_run_is_left_alone(trained: Trained, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    predict(trained.config, trained.csv, out, trained.summary.folder / "run_0")
    before = out.read_bytes()
    with pytest.raises(DataFileError, match="another run: delete the file"):
        predict(trained.config, trained.csv, out, trained.run)
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "line"),
    [("a note of mine\n", 1), ('{"id": "r9", "probs": {}}\n', 1), ("[1]\n", 1)],
)
def test_output_that_is_something_else_is_left_alone(
    trained: Trained, tmp_path: Path, text: str, line: int
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text(text)
    with pytest.raises(DataFileError, match=f"line {line} is not of the row"):
        predict(trained.config, trained.csv, out, trained.run)
    assert out.read_text() == text


def test_output_of_more_rows_is_left_alone(trained: Trained, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    predict(trained.config, trained.csv, out, trained.run)
    fewer = write_csv(tmp_path / "fewer.csv", toy_texts(149, seed=5))
    with pytest.raises(DataFileError, match="line 150 is not of the row"):
        predict(trained.config, fewer, out, trained.run)
    assert len(lines(out)) == 150


def test_labels_are_not_needed(trained: Trained, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("uid,text\nx,an apple\n")
    predict(trained.config, rows, tmp_path / "out.jsonl", trained.run)
    [line] = lines(tmp_path / "out.jsonl")
    assert line["id"] == "x"


def test_before_training_it_is_told(tmp_path: Path) -> None:
    config: TextClassConfig = toy_config(tmp_path, tmp_path / "tiny")
    with pytest.raises(ConfigError, match="train it first"):
        predict(config, config.data.train_csv, tmp_path / "out.jsonl")
