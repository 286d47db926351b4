"""Resumable prediction for a CSV of any length, one JSON line per row."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tabwidget._files import write_json
from tabwidget.errors import DataFileError
from tabwidget.textclass.config import DataSection, TextClassConfig
from tabwidget.textclass.data import iter_rows
from tabwidget.textclass.loading import BATCHES
from tabwidget.textclass.metrics import decide
from tabwidget.textclass.runs import RESULT, RunModel, best_run, load_run, read_result

__all__ = ["predict"]

Row = tuple[str, str]  # id and text
Manifest = dict[str, dict[str, Any]]

# Suffixes of the files that define a model; the result file does not affect predictions.
MODEL_FILES = (".json", ".safetensors", ".yaml")


def predict(
    config: TextClassConfig,
    input_csv: str | Path,
    output_jsonl: str | Path,
    run: str | Path | None = None,
) -> int:
    """Write the probabilities and labels of the rows of a CSV.

    Each output line is ``{"id": …, "probs": {label: probability}, "labels": [label]}``, in the
    order of the rows. An existing output is resumed: its rows are not computed again, and an
    incomplete last line is rewritten. The manifest ``<output>.json`` holds digests of the CSV and
    the run; resuming requires the same digests.

    Parameters
    ----------
    config : TextClassConfig
        Its ``data`` section names the columns, and ``model.device`` the device.
    input_csv : str or Path
        The rows; label columns are not needed.
    output_jsonl : str or Path
        Path of the output.
    run : str or Path, optional
        Folder of a run; the best run of the config by default.

    Returns
    -------
    int
        Number of rows in the output.

    Raises
    ------
    ConfigError
        If there is no finished run.
    DataFileError
        If the output holds anything but predictions of these rows by this run.
    """
    folder = best_run(config) if run is None else Path(run)
    read_result(folder)  # raises if the run is not finished
    path = Path(output_jsonl)
    manifest_path = path.with_name(f"{path.name}.json")
    rows = iter_rows(input_csv, config.data)
    manifest: Manifest = {
        "rows": _rows_entry(input_csv, config.data),
        "run": _run_entry(folder),
    }
    resuming = path.exists() and path.stat().st_size > 0
    _check(path, manifest_path, resuming, manifest)
    model = load_run(folder, config.model.device, config.model.hf_token)
    size = config.train.eval_batch_size
    n_rows = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    if resuming:
        n_rows, rows = _resume(path, rows, size * BATCHES)
    else:
        write_json(manifest_path, manifest)
    with path.open("a", encoding="utf-8") as file:
        while block := list(itertools.islice(rows, size * BATCHES)):
            for line in _predictions(model, block, size):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            n_rows += len(block)
    return n_rows


def _predictions(run: RunModel, rows: list[Row], size: int) -> Iterator[dict[str, Any]]:
    found = run.model.probabilities([text for _, text in rows], size)
    chosen = decide(found, run.thresholds, run.labels)
    names = run.labels.names
    for (name, _), probabilities, decided in zip(rows, found.tolist(), chosen, strict=True):
        yield {
            "id": name,
            "probs": dict(zip(names, probabilities, strict=True)),
            "labels": [names[i] for i in np.flatnonzero(decided)],
        }


def _rows_entry(csv: str | Path, data: DataSection) -> dict[str, Any]:
    """Return what determines the rows: the digest of the file and the settings to read it."""
    columns = data.text_columns
    return {
        "sha256": _sha256(Path(os.path.expanduser(csv))),
        "encoding": data.encoding,
        "id_column": data.id_column,
        "text_columns": list(columns),
        "text_separator": data.text_separator if len(columns) > 1 else None,
    }


def _run_entry(folder: Path) -> dict[str, str]:
    """Return the digest of each file that affects the predictions of a run."""
    files = sorted(p for p in folder.iterdir() if p.suffix in MODEL_FILES and p.name != RESULT)
    return {path.name: _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, manifest_path: Path, resuming: bool, manifest: Manifest) -> None:
    """Raise `DataFileError` if an existing output has other rows or another run."""
    before = None
    if manifest_path.exists():
        before = _parsed(manifest_path.read_bytes())
        if before is None or before.keys() != manifest.keys():
            raise DataFileError(
                f"{str(manifest_path)!r} is not a manifest of predictions: move it, or give "
                "another output"
            )
    if not resuming:
        return
    fix = "delete the file, or give another output"
    if before is None:
        raise DataFileError(
            f"{str(path)!r} has no manifest {manifest_path.name!r}, so its run is unknown: {fix}"
        )
    reasons = {
        "rows": "of other rows (the CSV or the columns have changed)",
        "run": "of another run, or the run has changed",
    }
    found = [reason for part, reason in reasons.items() if before[part] != manifest[part]]
    if found:
        raise DataFileError(f"{str(path)!r} holds predictions {' and '.join(found)}: {fix}")


def _resume(path: Path, rows: Iterator[Row], block: int) -> tuple[int, Iterator[Row]]:
    """Truncate an output to whole blocks; return their number of rows, and the remaining rows.

    The rows of a block are computed together: in other batches their last digits could differ.
    """
    n_rows = kept = 0
    pending: list[Row] = []
    with path.open("r+b") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            row = next(rows, None)
            written = _parsed(line)
            if row is None or written is None or str(written.get("id")) != row[0]:
                raise DataFileError(
                    f"{str(path)!r}, line {n_rows + len(pending) + 1} does not match the row of "
                    "the input: delete the file, or give another output"
                )
            pending.append(row)
            if len(pending) == block:
                n_rows, kept, pending = n_rows + block, file.tell(), []
        file.truncate(kept)
    return n_rows, itertools.chain(pending, rows)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
