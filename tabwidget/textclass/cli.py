"""The commands ``tabwidget text train``, ``predict`` and ``split``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

__all__ = ["app"]

app = typer.Typer(
    name="text",
    help="Text classification: fine-tune a pretrained model on a CSV and classify CSVs with it.",
    no_args_is_help=True,
    add_completion=False,
)

REPORT_SECONDS = 10.0  # between two lines with the training loss

Config = Annotated[Path, typer.Option("--config", help="The YAML config.", show_default=False)]


@app.command()
def train(config: Config) -> None:
    """Train one run per seed of the config and print tables of the metrics."""
    from tabwidget.textclass.config import TextClassConfig
    from tabwidget.textclass.runs import train

    summary = train(TextClassConfig.read(config), _ProgressPrinter())
    print(summary.to_markdown())
    print(f"best: {summary.folder / summary.best['run']}")


@app.command()
def predict(
    config: Config,
    input_csv: Annotated[
        Path,
        typer.Option("--input-csv", "--input_csv", help="The CSV to classify.", show_default=False),
    ],
    output_jsonl: Annotated[
        Path,
        typer.Option(
            "--output-jsonl",
            "--output_jsonl",
            help="Output file; an existing one is resumed.",
            show_default=False,
        ),
    ],
    # typer evaluates the annotation at run time, and not every version supports `X | None`.
    run: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of a run; the best run of the config by default."),
    ] = None,
) -> None:
    """Classify the rows of a CSV with the best run of the config, one JSON line per row."""
    from tabwidget.textclass.config import TextClassConfig
    from tabwidget.textclass.prediction import predict

    n_rows = predict(TextClassConfig.read(config), input_csv, output_jsonl, run)
    print(f"{n_rows} rows in {output_jsonl}")


@app.command()
def split(
    csv: Annotated[Path, typer.Option("--csv", help="The CSV to split.", show_default=False)],
    config: Config,
    out: Annotated[Path, typer.Option(help="Output folder.", show_default=False)],
    fractions: Annotated[
        tuple[float, float, float], typer.Option(help="Fractions for train, val and test.")
    ] = (0.8, 0.1, 0.1),
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
) -> None:
    """Split a CSV into train.csv, val.csv and test.csv, stratified by label."""
    from tabwidget.textclass.config import TextClassConfig
    from tabwidget.textclass.splitting import split

    paths = split(csv, TextClassConfig.read(config).data, out, fractions, seed)
    for part, path in paths.items():
        print(f"{part}: {path}")


class _ProgressPrinter:
    """Prints a line for the start, the end and each evaluation of a run, and some losses."""

    def __init__(self) -> None:
        self._printed = 0.0

    def __call__(self, event: Mapping[str, Any]) -> None:
        kind, seconds, line = event["event"], event["seconds"], ""
        if kind == "FitStart":
            line = (
                f"run with {event['n_train']} training and {event['n_validation']} validation texts"
            )
        elif kind == "EvalReport":
            best = " (best)" if event["best"] else ""
            line = f"step {event['step']}: validation loss {event['loss']:.4f}{best}"
        elif kind == "FitEnd":
            line = f"end ({event['reason']}), best at step {event['best_step']}"
        elif seconds >= self._printed + REPORT_SECONDS:
            line = f"step {event['step']}: loss {event['loss']:.4f}"
        if line:
            print(f"{seconds:7.1f} s  {line}", flush=True)
            self._printed = seconds
