"""Command line of pretraining: ``python -m tabwidget.backends.pretrained.train --help``.

Writes into a folder: `weights.safetensors` (the moving average of the weights, as float16),
`checkpoint.safetensors` (float32, to go on from) and `log.jsonl` (losses, and a validation before
and after).

From new weights, on a GPU::

    python -m tabwidget.backends.pretrained.train --device cuda --seconds 3600 --batch-rows 49152
        --max-rows 1024 --max-columns 60 --queries 128 --matrix-learning-rate 0.014

The normal component of the package's weights, trained on one core with the body as it was; its log
is tests/benchmarks/results/pretraining.jsonl::

    python -m tabwidget.backends.pretrained.train --from WEIGHTS --out FOLDER --threads 1 --seed 1
        --normal-seconds 110 --seconds 0

An interrupted run goes on with ``--resume FOLDER`` and the same settings.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from tabwidget.backends.pretrained.model import InContextModel
from tabwidget.backends.pretrained.normal_head import fit_normal_head
from tabwidget.backends.pretrained.pretraining import Pretraining, PretrainingConfig, validate
from tabwidget.backends.pretrained.weights import load_model, save_model
from tabwidget.minilm.files import read_tensors

__all__ = ["main"]

SIZE = {"width": 192, "layers": 10, "heads": 6, "hidden": 384, "cell_width": 128}
WEIGHTS, CHECKPOINT, LOG = "weights.safetensors", "checkpoint.safetensors", "log.jsonl"


def main(arguments: Sequence[str] | None = None) -> None:
    """Pretrain a model as the command line says."""
    chosen = _parser().parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    names = PretrainingConfig.__dataclass_fields__
    config = PretrainingConfig(
        **{name: vars(chosen)[name] for name in names if name in vars(chosen)}
    )
    chosen.out.mkdir(parents=True, exist_ok=True)
    resumed = (
        chosen.resume / CHECKPOINT if chosen.resume and chosen.resume.is_dir() else chosen.resume
    )
    model = _model(chosen, resumed).to(chosen.device)
    run = Pretraining(model, config, _reporter(chosen.out / LOG))
    run.report({"event": "start", "model": model.config, "pretraining": asdict(config)})
    if resumed:
        run.load(resumed)
    elif chosen.start:
        _validated(run, chosen)
        if chosen.normal_seconds:
            fitted = fit_normal_head(model, config, chosen.normal_seconds)
            run.report({"event": "normal head", **fitted})
            run = Pretraining(model, config, run.report)
            _validated(run, chosen)
    run.run(chosen.out / CHECKPOINT)
    model.load_state_dict(run.averaged())
    _validated(run, chosen)
    save_model(chosen.out / WEIGHTS, model)


def _validated(run: Pretraining, chosen: argparse.Namespace) -> None:
    """Report the validation of the weights as they are."""
    found = validate(run.model, chosen.device, chosen.validation_tables, chosen.validation_sizes)
    run.report({"event": "validation", **run.progress(), **found})


def _model(chosen: argparse.Namespace, resumed: Path | None) -> InContextModel:
    """Return a new model, or one of the size and weights of a file."""
    if resumed:
        # Its weights come with the rest of the run.
        return InContextModel(**read_tensors(resumed)[1]["model"])
    if chosen.start:
        return load_model(chosen.start)
    return InContextModel(**{name: vars(chosen)[name] for name in SIZE})


def _reporter(path: Path) -> Any:
    """Return a function that prints an event, and appends it to a file of JSON lines."""
    start = time.monotonic()

    def report(event: dict[str, Any]) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
        figures = " ".join(f"{name} {value}" for name, value in event.items() if name != "event")
        print(f"{time.monotonic() - start:6.0f} s {event['event']}: {figures}", flush=True)

    return report


def _parser() -> argparse.ArgumentParser:
    """Return the parser; options named as the fields of `PretrainingConfig` set them."""
    parser = argparse.ArgumentParser(description="Pretrain the in-context model.")
    add = parser.add_argument
    add("--out", type=Path, default=Path("pretraining"), help="folder of the results")
    add("--device", default="cpu", help="cpu or cuda")
    add("--threads", type=int, default=0, help="threads of the CPU")
    add("--resume", type=Path, help="a folder or checkpoint to go on from")
    add("--from", dest="start", type=Path, help="weights to start from")
    add("--normal-seconds", type=float, default=0, help="to fit the normal head alone before")
    add("--validation-tables", type=int, default=8, help="of each size and kind")
    add("--validation-sizes", type=int, default=20)
    size = parser.add_argument_group("size of a new model")
    for name, value in SIZE.items():
        size.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    settings = parser.add_argument_group("pretraining")
    for name, value in asdict(PretrainingConfig()).items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            settings.add_argument(option, action=argparse.BooleanOptionalAction, default=value)
        else:
            kind = int if value is None else type(value)
            settings.add_argument(option, type=kind, default=value)
    return parser


if __name__ == "__main__":
    main()
