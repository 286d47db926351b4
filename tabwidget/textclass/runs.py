"""Runs: one training run for each seed, each with its folder, and a summary over them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tabwidget import __version__
from tabwidget._files import write_json
from tabwidget.errors import ConfigError
from tabwidget.textclass.config import TextClassConfig
from tabwidget.textclass.data import Labels, Texts, read_texts
from tabwidget.textclass.loading import LabelModel, load, restore
from tabwidget.textclass.metrics import metrics_of, selection_score, thresholds_for
from tabwidget.textclass.splitting import train_validation_split

if TYPE_CHECKING:
    from tabwidget.textclass.training_log import Notify

__all__ = [
    "RunModel",
    "Summary",
    "best_run",
    "folder_of",
    "load_run",
    "read_result",
    "save_run",
    "train",
]

PACKAGES = ("torch", "transformers", "peft", "hqq", "bitsandbytes", "scikit-learn")
RESULT = "result.json"
# What may differ without another run: none of it changes what is learned.
FREE = {"model": ("device", "hf_token"), "train": ("eval_batch_size", "report_to")}

# As the tables name them, and where a result has them.
COLUMNS = {
    "Epochs": ("epochs", "g"),
    "Train Loss": ("train_loss", ".3f"),
    "Eval Loss": ("eval_loss", ".3f"),
    "F1 (micro)": ("f1_micro", ".3f"),
    "F1 (macro)": ("f1_macro", ".3f"),
    "Train Time (s)": ("train_seconds", ".1f"),
    "Train steps/s": ("steps_per_second", ".3f"),
    "Train samples/s": ("samples_per_second", ".3f"),
    "Eval Time (s)": ("eval_seconds", ".1f"),
}
# Only where a text may have several labels do thresholds decide.
DECIDED = {
    "Validation F1 at 0.5": ("validation_at_half", "f1_micro"),
    "Validation F1 (micro)": ("validation", "f1_micro"),
    "Test F1 at 0.5": ("test_at_half", "f1_micro"),
    "Test F1 (micro)": ("test", "f1_micro"),
    "Test F1 (macro)": ("test", "f1_macro"),
    "Test accuracy": ("test", "accuracy"),
}


@dataclass(frozen=True)
class Summary:
    """The runs of a config.

    Attributes
    ----------
    folder : Path
        Holds the runs.
    runs : list of dict
        What each run took and reached: ``run``, ``seed``, the figures of
        `tabwidget.textclass.training_log.Trained`, ``f1_micro`` and ``f1_macro`` on the validation
        rows as in training, and under ``validation`` and ``test`` all figures of `metrics_of`;
        where a text may have several labels these are with the tuned thresholds, and
        ``validation_at_half`` and ``test_at_half`` with 0.5.
    metric : str
        The figure of the validation rows that the best run is chosen by.
    """

    folder: Path
    runs: list[dict[str, Any]]
    metric: str

    @property
    def best(self) -> dict[str, Any]:
        """The run that is best on the validation rows."""
        return max(self.runs, key=lambda run: _score(run, self.metric))

    @property
    def average(self) -> dict[str, float]:
        """The mean of each figure over the runs."""
        names = [name for name, _ in COLUMNS.values()]
        return {name: float(np.mean([run[name] for run in self.runs])) for name in names}

    def to_markdown(self) -> str:
        """Return the figures of each run and their averages as tables."""
        runs = [(str(run["run"]), run) for run in self.runs]
        figures = {
            name: [format(run[key], form) for _, run in [*runs, ("", self.average)]]
            for name, (key, form) in COLUMNS.items()
        }
        names = [name for name, _ in runs] + ["Average"]
        shown = {
            title: [run[part][key] for _, run in runs]
            for title, (part, key) in DECIDED.items()
            if all(part in run for _, run in runs)
        }
        decided = {
            title: [f"{value:.3f}" for value in [*values, float(np.mean(values))]]
            for title, values in shown.items()
        }
        return "\n".join([*_table(names, figures), "", *_table(names, decided), ""])

    def write(self) -> None:
        """Write ``summary.json`` and ``summary.md`` beside the runs."""
        values = {
            "metric": self.metric,
            "best": self.best["run"],
            "average": self.average,
            "runs": self.runs,
        }
        write_json(self.folder / "summary.json", values)
        (self.folder / "summary.md").write_text(self.to_markdown(), encoding="utf-8")


@dataclass(frozen=True)
class RunModel:
    """What a finished run learned.

    Attributes
    ----------
    model : LabelModel
        With its best weights.
    labels : Labels
        In the order of its outputs.
    thresholds : ndarray of shape (k,)
        From which probability on a text has each label; not used where it has exactly one.
    """

    model: LabelModel
    labels: Labels
    thresholds: NDArray[np.float64]


def train(config: TextClassConfig, on_event: Notify | None = None) -> Summary:
    """Make one run for each seed, and sum them up; runs of the same config that are done are kept.

    A run that was killed goes on from its last checkpoint. Each has its folder
    ``<output_root>/<model>/<dataset>/run_<i>/``, with the adapter and the head, the tokenizer,
    ``config.yaml``, ``versions.json``, ``labels.json``, ``thresholds.json``, ``metrics.jsonl``,
    ``result.json`` and the logs for TensorBoard.

    Parameters
    ----------
    config : TextClassConfig
        What to do.
    on_event : callable, optional
        Takes events as dicts, as `tabwidget.events.from_dict` reads them.

    Returns
    -------
    Summary
        Also written as ``summary.json`` and, as tables, ``summary.md``.
    """
    data = config.data
    labels = Labels.of(data.train_csv, data, config.model.problem_type)
    texts = read_texts(data.train_csv, data, labels)
    if data.val_csv is None:
        # The same rows for each seed, or the runs could not be compared.
        texts, validation = train_validation_split(texts, data.val_fraction, seed=0)
    else:
        validation = read_texts(data.val_csv, data, labels)
    test = None if data.test_csv is None else read_texts(data.test_csv, data, labels)
    above, files = folder_of(config), _files(config)
    runs = []
    for seed in config.exp.seeds:
        one = config.model_copy(update={"exp": config.exp.model_copy(update={"seeds": (seed,)})})
        folder = _run_folder(above, one, files)
        if not (folder / RESULT).is_file():
            _run(one, seed, folder, labels, texts, validation, test, on_event)
        runs.append({"run": folder.name, **_read_json(folder / RESULT)})
    summary = Summary(above, runs, config.train.metric_for_best_model)
    summary.write()
    return summary


def folder_of(config: TextClassConfig) -> Path:
    """Return the folder that holds the runs of a config: ``<output_root>/<model>/<dataset>``."""
    name = config.model.model_name.replace("\\", "/").rstrip("/")
    if Path(name).expanduser().exists() or name.lower().endswith(".gguf"):
        name = Path(name).expanduser().resolve().name
    return config.exp.output_root / name.replace("/", "__") / config.data.dataset_name


def best_run(config: TextClassConfig) -> Path:
    """Return the folder of the run of a config that is best on its validation rows.

    Raises
    ------
    ConfigError
        If none is finished.
    """
    above, metric = folder_of(config), config.train.metric_for_best_model
    done = {}
    for folder in _folders(above):
        if (folder / RESULT).is_file():
            before = TextClassConfig.read(folder / "config.yaml")
            [seed] = before.exp.seeds
            named = before.exp.run_name == config.exp.run_name
            if named and seed in config.exp.seeds and _same(before, config):
                done[seed] = folder  # of one seed the newest, if its rows have changed since
    if not done:
        raise ConfigError(
            f"there is no finished run of this config in {str(above)!r}: train it first, or name "
            "the folder of a run"
        )
    return max(done.values(), key=lambda folder: _score(_read_json(folder / RESULT), metric))


def load_run(folder: Path, device: str = "auto", hf_token: str | None = None) -> RunModel:
    """Return what a finished run learned.

    Parameters
    ----------
    folder : Path
        Of the run.
    device : str, default "auto"
        Where to compute.
    hf_token : str, optional
        To read a gated base model with.
    """
    read_result(folder)
    config = TextClassConfig.read(folder / "config.yaml")
    section = config.model.model_copy(update={"device": device, "hf_token": hf_token})
    labels = Labels.from_json(_read_json(folder / "labels.json"))
    model = restore(folder, section, labels, max_length=config.data.max_length)
    thresholds = _read_json(folder / "thresholds.json")
    return RunModel(model, labels, np.array([thresholds[name] for name in labels.names]))


def save_run(folder: Path, run: RunModel, result: Mapping[str, Any]) -> None:
    """Write what a run learned; its result, which tells that it is whole, last of all.

    Parameters
    ----------
    folder : Path
        Of the run; it holds the config.
    run : RunModel
        What it learned.
    result : mapping
        What it took and reached, as strict JSON holds it.
    """
    named = dict(zip(run.labels.names, run.thresholds.tolist(), strict=True))
    write_json(folder / "labels.json", run.labels.to_json())
    write_json(folder / "thresholds.json", named)
    run.model.save(folder)
    write_json(folder / RESULT, result)


def read_result(folder: Path) -> dict[str, Any]:
    """Return what a finished run took and reached."""
    if not (folder / RESULT).is_file():
        raise ConfigError(f"{str(folder)!r} holds no finished run: train it first")
    return _read_json(folder / RESULT)


def _run(
    config: TextClassConfig,
    seed: int,
    folder: Path,
    labels: Labels,
    texts: Texts,
    validation: Texts,
    test: Texts | None,
    on_event: Notify | None,
) -> None:
    """Make one run; its result is written last of all."""
    folder.mkdir(parents=True, exist_ok=True)
    config.write(folder / "config.yaml")
    write_json(folder / "versions.json", {"packages": _versions(), "files": _files(config)})
    model = load(config.model, labels, max_length=config.data.max_length, seed=seed)
    from tabwidget.textclass.training import fit  # transformers is installed, or `load` tells

    trained = fit(
        model, config.train, texts, validation, seed=seed, folder=folder, on_event=on_event
    )
    parts = {"validation": validation} if test is None else {"validation": validation, "test": test}
    size = config.train.eval_batch_size
    found = {part: model.probabilities(some.texts, size) for part, some in parts.items()}
    thresholds = thresholds_for(validation.targets, found["validation"], labels, config.train)
    result: dict[str, Any] = {"seed": seed, **asdict(trained)}
    for part, some in parts.items():
        assert some.targets is not None
        at_half = metrics_of(some.targets, found[part], None, labels)
        if part == "validation":
            result |= {name: at_half[name] for name in ("f1_micro", "f1_macro")}
        if labels.multi:
            result[f"{part}_at_half"] = at_half
        result[part] = metrics_of(some.targets, found[part], thresholds, labels)
    save_run(folder, RunModel(model, labels, thresholds), result)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _run_folder(above: Path, config: TextClassConfig, files: Mapping[str, str]) -> Path:
    """Return the folder of a run of this config and these files; a new one if there is none."""
    taken = _folders(above)
    for folder in taken:
        if (folder / "versions.json").is_file():
            same_files = _read_json(folder / "versions.json")["files"] == files
            before = TextClassConfig.read(folder / "config.yaml")
            if same_files and _same(before, config) and before.exp == config.exp:
                return folder
    name = config.exp.run_name or "run"
    number = 1 + max((int(folder.name.rpartition("_")[2]) for folder in taken), default=-1)
    return above / f"{name}_{number}"


def _folders(above: Path) -> list[Path]:
    """Return the folders of runs in a folder, by number."""
    numbered = [p for p in above.glob("*_*") if p.is_dir() and p.name.rpartition("_")[2].isdigit()]
    return sorted(numbered, key=lambda folder: int(folder.name.rpartition("_")[2]))


def _same(one: TextClassConfig, other: TextClassConfig) -> bool:
    """Return whether two configs learn the same, whatever their seeds."""

    def learned(config: TextClassConfig) -> dict[str, Any]:
        values = config.model_dump(mode="json", exclude={"exp"})
        return {
            section: {key: v for key, v in keys.items() if key not in FREE.get(section, ())}
            for section, keys in values.items()
        }

    return learned(one) == learned(other)


def _score(result: Mapping[str, Any], metric: str) -> float:
    return selection_score(result["validation"], result["eval_loss"], metric)


def _files(config: TextClassConfig) -> dict[str, str]:
    """Return the digest of each CSV of a config: of a changed one, a run is another."""
    data = config.data
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ("train_csv", "val_csv", "test_csv")
        if (path := getattr(data, name)) is not None
    }


def _versions() -> dict[str, str]:
    found = {"tabwidget": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _table(names: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    rows = [list(row) for row in zip(names, *columns.values(), strict=True)]
    lines = [["Run", *columns], [":---", *("---:" for _ in columns)], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _read_json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values
