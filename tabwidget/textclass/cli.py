"""The command line: ``tabwidget text train``, ``predict`` and ``split``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

__all__ = ["app"]

app = typer.Typer(
    name="text",
    help="Text classification: tune a pretrained model on a CSV, and answer CSVs with it.",
    no_args_is_help=True,
    add_completion=False,
)

QUIET_SECONDS = 10.0  # between two lines on the training loss

Config = Annotated[Path, typer.Option("--config", help="The YAML config.", show_default=False)]


@app.command()
def train(config: Config) -> None:
    """Make one run for each seed of the config; print the tables of the figures."""
    from tabwidget.textclass.config import TextClassConfig
    from tabwidget.textclass.runs import train

    summary = train(TextClassConfig.read(config), _Lines())
    print(summary.to_markdown())
    print(f"best: {summary.folder / summary.best['run']}")


@app.command()
def predict(
    config: Config,
    input_csv: Annotated[
        Path,
        typer.Option("--input-csv", "--input_csv", help="The rows to answer.", show_default=False),
    ],
    output_jsonl: Annotated[
        Path,
        typer.Option(
            "--output-jsonl",
            "--output_jsonl",
            help="Where to write; what is there is gone on with.",
            show_default=False,
        ),
    ],
    # typer reads the annotation while the program runs, and not every version knows `X | None`.
    run: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of a run; the best of the config by default."),
    ] = None,
) -> None:
    """Answer the rows of a CSV, one line of JSON each, by the best run of the config."""
    from tabwidget.textclass.config import TextClassConfig
    from tabwidget.textclass.prediction import predict

    n_rows = predict(TextClassConfig.read(config), input_csv, output_jsonl, run)
    print(f"{n_rows} rows in {output_jsonl}")


@app.command()
def split(
    csv: Annotated[Path, typer.Option("--csv", help="The rows to part.", show_default=False)],
    config: Config,
    out: Annotated[Path, typer.Option(help="Folder for the parts.", show_default=False)],
    fractions: Annotated[
        tuple[float, float, float], typer.Option(help="Shares of train, val and test.")
    ] = (0.8, 0.1, 0.1),
    seed: Annotated[int, typer.Option(help="Of the chance.")] = 0,
) -> None:
    """Part a CSV into train.csv, val.csv and test.csv, with the same share of each label."""
    from tabwidget.textclass.config import TextClassConfig
    from tabwidget.textclass.splitting import split

    paths = split(csv, TextClassConfig.read(config).data, out, fractions, seed)
    for part, path in paths.items():
        print(f"{part}: {path}")


class _Lines:
    """Prints what is worth a line: where a run begins, how well it does, and why it ends."""

    def __init__(self) -> None:
        self._printed = 0.0

    def __call__(self, event: Mapping[str, Any]) -> None:
        kind, seconds, line = event["event"], event["seconds"], ""
        if kind == "FitStart":
            line = f"run on {event['n_train']} texts, {event['n_validation']} to validate"
        elif kind == "EvalReport":
            best = ", the best so far" if event["best"] else ""
            line = f"step {event['step']}: validation loss {event['loss']:.4f}{best}"
        elif kind == "FitEnd":
            line = f"end ({event['reason']}), best at step {event['best_step']}"
        elif seconds >= self._printed + QUIET_SECONDS:
            line = f"step {event['step']}: loss {event['loss']:.4f}"
        if line:
            print(f"{seconds:7.1f} s  {line}", flush=True)
            self._printed = seconds
