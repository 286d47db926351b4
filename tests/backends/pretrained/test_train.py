"""The command line of pretraining, with a model of a few thousand weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tabwidget.backends.pretrained.train import main
from tabwidget.backends.pretrained.weights import load_model

MODEL = ["--width", "16", "--layers", "1", "--heads", "2", "--hidden", "16", "--cell-width", "8"]
TINY = ["--batch-rows", "200", "--max-rows", "60", "--max-columns", "4", "--queries", "16"]
TINY += ["--validation-tables", "1", "--validation-sizes", "1"]


def events(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_run_writes_weights_a_checkpoint_and_a_log(tmp_path: Path) -> None:
    main([*MODEL, *TINY, "--out", str(tmp_path), "--steps", "2"])
    model = load_model(tmp_path / "weights.safetensors")
    assert model.config["width"] == 16
    kinds = [event["event"] for event in events(tmp_path)]
    assert kinds == ["start", "training", "validation"]
    last = events(tmp_path)[-1]
    assert last["step"] == 2
    assert {"gain_number", "gain_levels"} <= set(last)


def test_a_folder_is_resumed(tmp_path: Path) -> None:
    main([*MODEL, *TINY, "--out", str(tmp_path), "--steps", "2"])
    main([*TINY, "--out", str(tmp_path), "--steps", "5", "--resume", str(tmp_path)])
    assert events(tmp_path)[-1]["step"] == 5


def test_weights_are_gone_on_from_with_the_normal_head_first(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    main([*MODEL, *TINY, "--out", str(first), "--steps", "1"])
    start = first / "weights.safetensors"
    option = ["--from", str(start), "--normal-seconds", "0.1", "--seconds", "0"]
    main([*TINY, "--out", str(second), *option])
    kinds = [event["event"] for event in events(second)]
    assert kinds == ["start", "validation", "normal head", "validation", "validation"]
    before, after = load_model(start), load_model(second / "weights.safetensors")
    assert not torch.equal(before.normal.weight, after.normal.weight)
    assert torch.equal(before.cell_output.weight, after.cell_output.weight)


def test_help_names_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--matrix-learning-rate" in capsys.readouterr().out
