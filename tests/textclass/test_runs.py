"""train: run folders, summaries, reuse and resuming of runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tabwidget.errors import ConfigError
from tabwidget.textclass.config import TextClassConfig
from tabwidget.textclass.data import read_texts
from tabwidget.textclass.metrics import metrics_of
from tabwidget.textclass.runs import Summary, best_run, folder_of, load_run, train
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import MULTI, toy_config, toy_texts, write_csv


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def trained(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TextClassConfig, Summary]:
    """Return a config and its two runs."""
    folder = tmp_path_factory.mktemp("trained")
    config = toy_config(folder, tiny, exp={"seeds": [1, 3]}, model={"hf_token": "secret"})
    return config, train(config)


def trained_runs(config: TextClassConfig) -> tuple[Summary, int]:
    """Return the summary of a config, and the number of runs trained for it now."""
    starts = []

    def on_event(event: Mapping[str, Any]) -> None:
        if event["event"] == "FitStart":
            starts.append(event)

    return train(config, on_event), len(starts)


def test_content_of_a_run_folder(trained: tuple[TextClassConfig, Summary]) -> None:
    config, summary = trained
    assert summary.folder == config.exp.output_root / "tiny" / "toy"
    assert [run["run"] for run in summary.runs] == ["run_0", "run_1"]
    folder = summary.folder / "run_1"
    there = {path.name for path in folder.iterdir()}
    assert there >= {
        "adapter_config.json",
        "adapter_model.safetensors",
        "config.yaml",
        "labels.json",
        "logs",
        "metrics.jsonl",
        "result.json",
        "thresholds.json",
        "tokenizer.json",
        "versions.json",
    }
    assert "checkpoints" not in there
    assert list((folder / "logs").iterdir())
    assert "secret" not in "".join(
        path.read_text(errors="ignore") for path in folder.rglob("*") if path.is_file()
    )
    resolved = TextClassConfig.read(folder / "config.yaml")
    assert resolved.exp.seeds == (3,)
    assert (resolved.data, resolved.train) == (config.data, config.train)
    versions = json.loads((folder / "versions.json").read_text())
    assert {"tabwidget", "python", "torch", "transformers", "peft"} <= set(versions["packages"])
    assert set(versions["files"]) == {"train_csv", "test_csv"}


def test_summary(trained: tuple[TextClassConfig, Summary]) -> None:
    _, summary = trained
    assert [run["seed"] for run in summary.runs] == [1, 3]
    mean = np.mean([run["f1_micro"] for run in summary.runs])
    assert summary.average["f1_micro"] == pytest.approx(mean)
    scores = [run["validation"]["f1_micro"] for run in summary.runs]
    assert summary.best["validation"]["f1_micro"] == max(scores)
    for run in summary.runs:
        assert run["validation"]["f1_micro"] >= run["validation_at_half"]["f1_micro"]
    written = json.loads((summary.folder / "summary.json").read_text())
    assert written["runs"] == summary.runs
    assert written["best"] == summary.best["run"]
    assert (summary.folder / "summary.md").read_text() == summary.to_markdown()


def test_tables_have_one_line_per_run_and_the_average(
    trained: tuple[TextClassConfig, Summary],
) -> None:
    _, summary = trained
    first, second = summary.to_markdown().strip().split("\n\n")
    assert first.splitlines()[0].startswith("| Run | Epochs | Train Loss | Eval Loss | F1 (micro)")
    assert [line.split(" | ")[0] for line in first.splitlines()[2:]] == [
        "| run_0",
        "| run_1",
        "| Average",
    ]
    assert f" {summary.average['f1_micro']:.3f} " in first.splitlines()[-1]
    at_half = np.mean([run["test_at_half"]["f1_micro"] for run in summary.runs])
    assert "Test F1 at 0.5" in second
    assert f" {at_half:.3f} " in second.splitlines()[-1]


def test_metrics_are_reproduced_by_a_loaded_run(
    trained: tuple[TextClassConfig, Summary],
) -> None:
    config, summary = trained
    run = load_run(summary.folder / "run_0", "cpu")
    assert config.data.test_csv is not None
    test = read_texts(config.data.test_csv, config.data, run.labels)
    assert test.targets is not None
    found = run.model.probabilities(test.texts, config.train.eval_batch_size)
    found_metrics = metrics_of(test.targets, found, run.thresholds, run.labels)
    assert found_metrics == summary.runs[0]["test"]


def test_finished_runs_are_kept_and_further_seeds_added(
    trained: tuple[TextClassConfig, Summary],
) -> None:
    config, summary = trained
    exp = config.exp.model_copy(update={"seeds": (3, 1, 4)})
    again, n_trained = trained_runs(config.model_copy(update={"exp": exp}))
    assert n_trained == 1
    assert [(run["run"], run["seed"]) for run in again.runs] == [
        ("run_1", 3),
        ("run_0", 1),
        ("run_2", 4),
    ]
    assert again.runs[0] == summary.runs[1]


@pytest.mark.parametrize(
    ("section", "keys", "n_new"),
    [
        ("train", {"learning_rate": 0.02}, 1),
        ("train", {"eval_batch_size": 16}, 0),
        ("model", {"hf_token": None, "device": "cpu"}, 0),
        ("exp", {"run_name": "other"}, 1),
    ],
)
def test_relevant_settings_start_another_run(
    tiny: Path, tmp_path: Path, section: str, keys: dict[str, Any], n_new: int
) -> None:
    short = {"max_steps": 1}
    train(toy_config(tmp_path, tiny, train=short))
    changed = {"train": short, section: {**(short if section == "train" else {}), **keys}}
    summary, n_trained = trained_runs(toy_config(tmp_path, tiny, **changed))
    assert n_trained == n_new
    [run] = summary.runs
    assert run["run"] == ("other_1" if section == "exp" else f"run_{n_new}")


def test_changed_rows_start_another_run(tiny: Path, tmp_path: Path) -> None:
    config = toy_config(tmp_path, tiny, train={"max_steps": 1})
    train(config)
    write_csv(config.data.train_csv, toy_texts(50))
    summary, n_trained = trained_runs(config)
    assert (n_trained, summary.runs[0]["run"]) == (1, "run_1")


def test_interrupted_run_resumes_in_its_folder(tiny: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(event: Mapping[str, Any]) -> None:
        if event["event"] == "TrainReport" and event["step"] == 6:
            raise Killed

    config = toy_config(tmp_path, tiny)
    with pytest.raises(Killed):
        train(config, kill)
    with pytest.raises(ConfigError, match="no finished run"):
        best_run(config)
    events: list[Mapping[str, Any]] = []
    summary = train(config, events.append)
    assert next(event["step"] for event in events if event["event"] == "TrainReport") == 6
    assert [run["run"] for run in summary.runs] == ["run_0"]
    assert not (summary.folder / "run_0" / "checkpoints").exists()


def test_single_labels_have_no_thresholds(tiny: Path, tmp_path: Path) -> None:
    config = toy_config(tmp_path, tiny, train={"max_steps": 2})
    for path, n in ((config.data.train_csv, 48), (config.data.test_csv, 20)):
        texts = toy_texts(n, multi=False)
        assert path is not None
        assert texts.targets is not None
        kinds = [MULTI.names[label] for label in texts.targets.argmax(axis=1)]
        rows = [f"{text},{kind}" for text, kind in zip(texts.texts, kinds, strict=True)]
        path.write_text("\n".join(["text,kind", *rows]) + "\n")
    data = config.data.model_copy(update={"id_column": None, "label_columns": ("kind",)})
    [run] = train(config.model_copy(update={"data": data})).runs
    assert "validation_at_half" not in run
    assert 0 <= run["test"]["accuracy"] <= 1


def test_best_run_is_best_on_validation(trained: tuple[TextClassConfig, Summary]) -> None:
    config, summary = trained
    assert best_run(config) == summary.folder / summary.best["run"]
    other = config.train.model_copy(update={"learning_rate": 1.0})
    with pytest.raises(ConfigError, match="no finished run of this config"):
        best_run(config.model_copy(update={"train": other}))


def test_a_folder_without_a_run_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished run"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta-llama/Llama-3.2-1B", "meta-llama__Llama-3.2-1B"),
        ("some/model.Q4.gguf", "model.Q4.gguf"),
    ],
)
def test_folder_is_named_after_the_model(tmp_path: Path, model: str, name: str) -> None:
    config = toy_config(tmp_path, Path(model))
    assert folder_of(config) == tmp_path / "outputs" / name / "toy"
