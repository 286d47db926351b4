"""predict: reproducible probabilities, and resuming only for the same rows and run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tabwidget.errors import ConfigError, DataFileError
from tabwidget.textclass import loading, runs
from tabwidget.textclass.config import TextClassConfig
from tabwidget.textclass.loading import LabelModel
from tabwidget.textclass.prediction import predict
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import WORDS, toy_config, toy_texts, write_csv


class TwoRuns:
    """Two runs of one config, and the model of the second one from training."""

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
def trained(tmp_path_factory: pytest.TempPathFactory) -> TwoRuns:
    return TwoRuns(tmp_path_factory.mktemp("trained"))


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_new_process_gives_the_probabilities_of_the_training_process(
    trained: TwoRuns, tmp_path: Path
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


def test_labels_are_assigned_by_their_thresholds(trained: TwoRuns, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out.jsonl"
    assert predict(trained.config, trained.csv, out, trained.run) == 150
    thresholds = json.loads((trained.run / "thresholds.json").read_text())
    for line in lines(out):
        assert list(line) == ["id", "probs", "labels"]
        probs = line["probs"]
        assert isinstance(probs, dict)
        assert tuple(probs) == WORDS
        assert line["labels"] == [name for name in WORDS if probs[name] >= thresholds[name]]


def test_the_best_run_is_the_default(trained: TwoRuns, tmp_path: Path) -> None:
    best, named = tmp_path / "best.jsonl", tmp_path / "named.jsonl"
    predict(trained.config, trained.csv, best)
    predict(trained.config, trained.csv, named, runs.best_run(trained.config))
    assert best.read_bytes() == named.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99, 1.0])
def test_interrupted_prediction_is_resumed(trained: TwoRuns, tmp_path: Path, share: float) -> None:
    out = tmp_path / "out.jsonl"
    predict(trained.config, trained.csv, out, trained.run)
    whole = out.read_bytes()
    out.write_bytes(whole[: int(len(whole) * share)])
    assert predict(trained.config, trained.csv, out, trained.run) == 150
    assert out.read_bytes() == whole


def test_written_rows_are_not_computed_again(
    trained: TwoRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    # Resumed after the last whole block of 64.
    assert computed == [22]


def assert_rejected(trained: TwoRuns, out: Path, csv: Path, run: Path, message: str) -> None:
    """Assert that an output is rejected and left unchanged."""
    before = out.read_bytes()
    with pytest.raises(DataFileError, match=message) as caught:
        predict(trained.config, csv, out, run)
    assert "delete the file, or give another output" in str(caught.value)
    assert out.read_bytes() == before


def test_output_of_another_run_is_rejected(trained: TwoRuns, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    predict(trained.config, trained.csv, out, trained.summary.folder / "run_0")
    assert_rejected(trained, out, trained.csv, trained.run, "predictions of another run,")


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "thresholds.json", "labels.json"])
def test_a_slightly_changed_run_is_another_run(trained: TwoRuns, tmp_path: Path, name: str) -> None:
    run, out = tmp_path / "run", tmp_path / "out.jsonl"
    shutil.copytree(trained.run, run)
    predict(trained.config, trained.csv, out, trained.run)
    whole = out.read_bytes()
    predict(trained.config, trained.csv, out, run)  # a copy is the same run
    if name.endswith(".json"):
        (run / name).write_text((run / name).read_text() + " ")
    else:
        tensors = load_file(run / name)
        save_file({key: tensor * 1.00001 for key, tensor in tensors.items()}, run / name)
    assert_rejected(trained, out, trained.csv, run, "another run, or the run has changed")
    assert predict(trained.config, trained.csv, out, trained.run) == 150
    assert out.read_bytes() == whole


def test_output_of_other_texts_is_rejected(trained: TwoRuns, tmp_path: Path) -> None:
    out, csv = tmp_path / "out.jsonl", tmp_path / "rows.csv"
    shutil.copy(trained.csv, csv)
    predict(trained.config, csv, out, trained.run)
    # Same ids, same number of rows, same first row.
    texts = [*trained.texts.texts[:-1], "a cloud, corrected"]
    write_csv(csv, replace(trained.texts, texts=texts))
    assert_rejected(trained, out, csv, trained.run, r"predictions of other rows \(the CSV or")
    assert_rejected(
        trained, out, csv, trained.summary.folder / "run_0", "other rows.* and of another run"
    )


@pytest.mark.parametrize(
    "keys", [{"id_column": None}, {"target_text_column": "apple"}, {"text_fields": ["uid", "text"]}]
)
def test_output_of_other_columns_is_rejected(
    trained: TwoRuns, tmp_path: Path, keys: dict[str, object]
) -> None:
    out = tmp_path / "out.jsonl"
    data = trained.config.data.model_copy(update={"label_columns": None, **keys})
    predict(trained.config.model_copy(update={"data": data}), trained.csv, out, trained.run)
    assert_rejected(trained, out, trained.csv, trained.run, r"the columns have changed\): delete")


def test_unrelated_settings_may_differ(trained: TwoRuns, tmp_path: Path) -> None:
    out, other = tmp_path / "out.jsonl", tmp_path / "other" / "rows.csv"
    predict(trained.config, trained.csv, out, trained.run)
    other.parent.mkdir()
    shutil.copy(trained.csv, other)
    keys = {"text_separator": " / ", "dataset_name": "other", "max_length": 3}
    data = trained.config.data.model_copy(update=keys)
    config = trained.config.model_copy(update={"data": data})
    assert predict(config, other, out, trained.run) == 150


@pytest.mark.parametrize("text", ["a note of mine\n", "a line cut o", '{"id": "r0"}\n'])
def test_output_without_a_manifest_is_rejected(trained: TwoRuns, tmp_path: Path, text: str) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text(text)
    assert_rejected(trained, out, trained.csv, trained.run, "has no manifest .*, so its run is")
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_output_is_started_anew(trained: TwoRuns, tmp_path: Path) -> None:
    out, manifest = tmp_path / "out.jsonl", tmp_path / "out.jsonl.json"
    out.touch()
    assert predict(trained.config, trained.csv, out, trained.run) == 150
    # The earlier manifest does not count.
    out.unlink()
    before = manifest.read_bytes()
    predict(trained.config, trained.csv, out, trained.summary.folder / "run_0")
    assert manifest.read_bytes() != before
    assert len(lines(out)) == 150


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"names": ["a", "b"]}'])
def test_a_foreign_manifest_is_not_overwritten(trained: TwoRuns, tmp_path: Path, text: str) -> None:
    manifest = tmp_path / "out.jsonl.json"
    manifest.write_text(text)
    with pytest.raises(DataFileError, match=r"out\.jsonl\.json' is not a manifest of predictions"):
        predict(trained.config, trained.csv, tmp_path / "out.jsonl", trained.run)
    assert [(path, path.read_text()) for path in tmp_path.iterdir()] == [(manifest, text)]


def test_the_manifest_is_written_before_the_first_line(
    trained: TwoRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    predict(trained.config, trained.csv, whole, trained.run)
    original = LabelModel.probabilities

    def probabilities(self: LabelModel, texts: list[str], batch_size: int) -> object:
        assert sorted(tmp_path.glob("out*")) == [out, tmp_path / "out.jsonl.json"]
        if out.stat().st_size:
            raise KeyboardInterrupt
        return original(self, texts, batch_size)

    with monkeypatch.context() as patch:
        patch.setattr(LabelModel, "probabilities", probabilities)
        with pytest.raises(KeyboardInterrupt):
            predict(trained.config, trained.csv, out, trained.run)
    assert 0 < len(lines(out)) < 150
    assert predict(trained.config, trained.csv, out, trained.run) == 150
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("text", ["a note of mine\n", '{"id": "r9", "probs": {}}\n', "[1]\n"])
def test_edited_output_is_rejected(trained: TwoRuns, tmp_path: Path, text: str) -> None:
    out = tmp_path / "out.jsonl"
    predict(trained.config, trained.csv, out, trained.run)
    with out.open("a") as file:
        file.write(text)
    assert_rejected(trained, out, trained.csv, trained.run, "line 151 does not match the row")
    out.write_text(text)
    assert_rejected(trained, out, trained.csv, trained.run, "line 1 does not match the row")


def test_labels_are_not_needed(trained: TwoRuns, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("uid,text\nx,an apple\n")
    predict(trained.config, rows, tmp_path / "out.jsonl", trained.run)
    [line] = lines(tmp_path / "out.jsonl")
    assert line["id"] == "x"


def test_a_missing_csv_is_reported(trained: TwoRuns, tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="there is no file"):
        predict(trained.config, tmp_path / "none.csv", tmp_path / "out.jsonl", trained.run)
    assert not list(tmp_path.iterdir())


def test_a_missing_run_is_reported(tmp_path: Path) -> None:
    config: TextClassConfig = toy_config(tmp_path, tmp_path / "tiny")
    with pytest.raises(ConfigError, match="train it first"):
        predict(config, config.data.train_csv, tmp_path / "out.jsonl")
    with pytest.raises(ConfigError, match="holds no finished run: train it first"):
        predict(config, config.data.train_csv, tmp_path / "out.jsonl", tmp_path / "none")
