"""The commands train, predict and split of `tabwidget text`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tabwidget.errors import ConfigError, DataFileError, MissingExtraError
from tabwidget.textclass.cli import app
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import toy_config, toy_texts, write_csv


def run(*arguments: object) -> str:
    """Run a command and return its output."""
    done = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    tiny = save_tiny(tmp_path / "tiny")
    toy_config(tmp_path, tiny, train={"max_steps": 2}, exp={"seeds": [1, 2]}).write(path)
    return path


def test_documented_commands(config: Path, tmp_path: Path) -> None:
    printed = run("train", "--config", config)
    assert "| Run | Epochs | Train Loss |" in printed
    assert "| Average |" in printed
    assert printed.count("36 training and 12 validation texts") == 2
    out = tmp_path / "preds.jsonl"
    # The documented options have underscores.
    options = ["--input_csv", tmp_path / "test.csv", "--output_jsonl", out]
    assert run("predict", "--config", config, *options) == f"20 rows in {out}\n"
    assert len(out.read_text().splitlines()) == 20


def test_predict_with_a_given_run(config: Path, tmp_path: Path) -> None:
    run("train", "--config", config)
    folder = tmp_path / "outputs" / "tiny" / "toy" / "run_1"
    options = ["--input-csv", tmp_path / "test.csv", "--output-jsonl", tmp_path / "out.jsonl"]
    run("predict", "--config", config, *options, "--run", folder)
    named = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    run("predict", "--config", config, *options, "--run", folder)
    again = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert named == again


def test_split_makes_the_three_files(config: Path, tmp_path: Path) -> None:
    csv = write_csv(tmp_path / "all.csv", toy_texts(50))
    out = tmp_path / "parts"
    options = ["--out", out, "--fractions", 0.6, 0.2, 0.2, "--seed", 3]
    printed = run("split", "--csv", csv, "--config", config, *options)
    assert [line.split(":")[0] for line in printed.splitlines()] == ["train", "val", "test"]
    rows = {path.stem: len(path.read_text().splitlines()) - 1 for path in out.glob("*.csv")}
    assert sum(rows.values()) == 50
    assert rows["train"] == pytest.approx(30, abs=3)


def test_errors_have_the_types_of_the_package(config: Path, tmp_path: Path) -> None:
    with pytest.raises(DataFileError):
        run("train", "--config", tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="train it first"):
        run("predict", "--config", config, "--input-csv", "in.csv", "--output-jsonl", "out.jsonl")


def test_missing_extra_is_reported(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match=r"tabwidget\[textclass\]"):
        run("train", "--config", config)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from tabwidget.textclass import cli; "
        "cli.app(['--help'], standalone_mode=False); "
        "print(*{'torch', 'transformers', 'sklearn', 'pydantic', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert done.stdout.splitlines()[-1] == ""
