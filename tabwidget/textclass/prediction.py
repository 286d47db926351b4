"""Prediction: the rows of a CSV answered by a run, one line of JSON a row, however many rows."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tabwidget.errors import DataFileError
from tabwidget.textclass.config import TextClassConfig
from tabwidget.textclass.data import iter_rows
from tabwidget.textclass.loading import BATCHES
from tabwidget.textclass.metrics import decide
from tabwidget.textclass.runs import RunModel, best_run, load_run

__all__ = ["predict"]

Row = tuple[str, str]  # id and text


def predict(
    config: TextClassConfig,
    input_csv: str | Path,
    output_jsonl: str | Path,
    run: str | Path | None = None,
) -> int:
    """Write the probabilities and the labels of the rows of a CSV.

    Each line of the output is ``{"id": …, "probs": {label: probability}, "labels": [label]}``, in
    the order of the rows. An output that is there already is gone on with: what it holds is not
    computed again, and a last line that was cut off is written anew.

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
    path = Path(output_jsonl)
    rows = iter_rows(input_csv, config.data)
    model = load_run(folder, config.model.device, config.model.hf_token)
    size = config.train.eval_batch_size
    n_rows = 0
    if path.exists():
        n_rows, rows = _skip(path, rows, model, size * BATCHES)
    path.parent.mkdir(parents=True, exist_ok=True)
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


def _skip(path: Path, rows: Iterator[Row], run: RunModel, block: int) -> tuple[int, Iterator[Row]]:
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
            # One row computed again tells whether it was this run that wrote.
            if n_rows + len(since) == 0 and not _agree(written, next(_answers(run, [row], 1))):
                raise DataFileError(
                    f"{str(path)!r} holds predictions of another run: delete the file, or give "
                    "another output"
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


def _agree(written: dict[str, Any], computed: dict[str, Any]) -> bool:
    before, now = written.get("probs"), computed["probs"]
    if not isinstance(before, dict) or list(before) != list(now):
        return False
    return bool(np.allclose(list(before.values()), list(now.values()), atol=1e-3))
