"""Prediction: the rows of a CSV answered by a run, one line of JSON a row, however many rows."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tabwidget.errors import DataFileError
from tabwidget.textclass.config import DataSection, TextClassConfig
from tabwidget.textclass.data import iter_rows
from tabwidget.textclass.loading import BATCHES
from tabwidget.textclass.metrics import decide
from tabwidget.textclass.runs import RESULT, RunModel, best_run, load_run, read_result

__all__ = ["predict"]

Row = tuple[str, str]  # id and text
Note = dict[str, dict[str, Any]]

# What a run is loaded from; its result only tells how good it is.
LOADED = (".json", ".safetensors", ".yaml")


def predict(
    config: TextClassConfig,
    input_csv: str | Path,
    output_jsonl: str | Path,
    run: str | Path | None = None,
) -> int:
    """Write the probabilities and the labels of the rows of a CSV.

    Each line of the output is ``{"id": …, "probs": {label: probability}, "labels": [label]}``, in
    the order of the rows. An output that is there already is gone on with: what it holds is not
    computed again, and a last line that was cut off is written anew. ``<output>.json`` beside it
    has the digests of the CSV and of the run that it is of; they must be the same then.

    Parameters
    ----------
    config : TextClassConfig
        Its ``data`` says which columns to read, and its ``model.device`` where to compute.
    input_csv : str or Path
        Labels are not needed.
    output_jsonl : str or Path
        Where to write.
    run : str or Path, optional
        The folder of a run; the best of the config by default.

    Returns
    -------
    int
        How many rows the output has.

    Raises
    ------
    ConfigError
        If no run is finished.
    DataFileError
        If the output holds something else than predictions of these rows by this run.
    """
    folder = best_run(config) if run is None else Path(run)
    read_result(folder)  # or the digests of a run that is not finished would be told
    path = Path(output_jsonl)
    beside = path.with_name(f"{path.name}.json")
    rows = iter_rows(input_csv, config.data)
    note: Note = {"rows": _rows_noted(input_csv, config.data), "run": _run_noted(folder)}
    begun = path.exists() and path.stat().st_size > 0
    _check(path, beside, begun, note)
    model = load_run(folder, config.model.device, config.model.hf_token)
    size = config.train.eval_batch_size
    n_rows = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    if begun:
        n_rows, rows = _skip(path, rows, size * BATCHES)
    else:
        _write(beside, note)
    with path.open("a", encoding="utf-8") as file:
        while some := list(itertools.islice(rows, size * BATCHES)):
            for line in _answers(model, some, size):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            n_rows += len(some)
    return n_rows


def _answers(run: RunModel, rows: list[Row], size: int) -> Iterator[dict[str, Any]]:
    found = run.model.probabilities([text for _, text in rows], size)
    chosen = decide(found, run.thresholds, run.labels)
    names = run.labels.names
    for (name, _), probabilities, decided in zip(rows, found.tolist(), chosen, strict=True):
        yield {
            "id": name,
            "probs": dict(zip(names, probabilities, strict=True)),
            "labels": [names[i] for i in np.flatnonzero(decided)],
        }


def _rows_noted(csv: str | Path, data: DataSection) -> dict[str, Any]:
    """Return what decides the rows: the digest of the file, and how it is read."""
    columns = data.text_columns
    return {
        "sha256": _sha256(Path(os.path.expanduser(csv))),
        "encoding": data.encoding,
        "id_column": data.id_column,
        "text_columns": list(columns),
        "text_separator": data.text_separator if len(columns) > 1 else None,
    }


def _run_noted(folder: Path) -> dict[str, str]:
    """Return the digest of each file that decides what a run answers."""
    files = sorted(p for p in folder.iterdir() if p.suffix in LOADED and p.name != RESULT)
    return {path.name: _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, beside: Path, begun: bool, note: Note) -> None:
    """Refuse an output that is not of these rows by this run."""
    before = None
    if beside.exists():
        before = _parsed(beside.read_bytes())
        if before is None or before.keys() != note.keys():
            raise DataFileError(
                f"{str(beside)!r}, where the rows and the run of the output are noted, is "
                "something else: move it, or give another output"
            )
    if not begun:
        return
    mend = "delete the file, or give another output"
    if before is None:
        raise DataFileError(
            f"{str(path)!r} is not known by which run, since there is no {beside.name!r} beside "
            f"it: {mend}"
        )
    told = {
        "rows": "of other rows: the CSV or the columns to read have changed",
        "run": "of another run, or this one has changed",
    }
    differ = [what for part, what in told.items() if before[part] != note[part]]
    if differ:
        raise DataFileError(f"{str(path)!r} holds predictions {' and '.join(differ)}; {mend}")


def _write(beside: Path, note: Note) -> None:
    """Note what an output is of, whole or not at all."""
    part = beside.with_name(f"{beside.name}.part")
    part.write_text(json.dumps(note, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(beside)


def _skip(path: Path, rows: Iterator[Row], block: int) -> tuple[int, Iterator[Row]]:
    """Keep the whole blocks of an output; return how many rows they have, and the other rows.

    Rows of a block are computed together, and in other company they could differ in a last digit.
    """
    n_rows = kept = 0
    since: list[Row] = []
    with path.open("r+b") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            row = next(rows, None)
            written = _parsed(line)
            if row is None or written is None or str(written.get("id")) != row[0]:
                raise DataFileError(
                    f"{str(path)!r}, line {n_rows + len(since) + 1} is not of the row of the input "
                    "in its place: delete the file, or give another output"
                )
            since.append(row)
            if len(since) == block:
                n_rows, kept, since = n_rows + block, file.tell(), []
        file.truncate(kept)
    return n_rows, itertools.chain(since, rows)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
