"""Training runs, one per seed, each with a folder, and their summary."""

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
# Settings that do not affect the trained model, so that runs may differ in them.
IGNORED = {"model": ("device", "hf_token"), "train": ("eval_batch_size", "report_to")}

# Column titles of the first table, with the key in a result and the number format.
RUN_COLUMNS = {
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
# Column titles of the second table; "at_half" exists only with several labels per text.
SCORE_COLUMNS = {
    "Validation F1 at 0.5": ("validation_at_half", "f1_micro"),
    "Validation F1 (micro)": ("validation", "f1_micro"),
    "Test F1 at 0.5": ("test_at_half", "f1_micro"),
    "Test F1 (micro)": ("test", "f1_micro"),
    "Test F1 (macro)": ("test", "f1_macro"),
    "Test accuracy": ("test", "accuracy"),
}


@dataclass(frozen=True)
class Summary:
    """Results of the runs of a config.

    Attributes
    ----------
    folder : Path
        Parent folder of the runs.
    runs : list of dict
        Result of each run: ``run``, ``seed``, the fields of
        `tabwidget.textclass.training_log.TrainingResult`, ``f1_micro`` and ``f1_macro`` of the
        validation rows at threshold 0.5, and the `metrics_of` the ``validation`` and ``test`` rows.
        With several labels per text these use the tuned thresholds, and ``validation_at_half`` and
        ``test_at_half`` use 0.5.
    metric : str
        Validation metric that selects the best run.
    """

    folder: Path
    runs: list[dict[str, Any]]
    metric: str

    @property
    def best(self) -> dict[str, Any]:
        """The run with the best validation score."""
        return max(self.runs, key=lambda run: _score(run, self.metric))

    @property
    def average(self) -> dict[str, float]:
        """Mean of each metric over the runs."""
        names = [name for name, _ in RUN_COLUMNS.values()]
        return {name: float(np.mean([run[name] for run in self.runs])) for name in names}

    def to_markdown(self) -> str:
        """Return tables of the metrics of each run and their averages."""
        runs = [(str(run["run"]), run) for run in self.runs]
        metrics = {
            name: [format(run[key], form) for _, run in [*runs, ("", self.average)]]
            for name, (key, form) in RUN_COLUMNS.items()
        }
        names = [name for name, _ in runs] + ["Average"]
        scores = {
            title: [run[part][key] for _, run in runs]
            for title, (part, key) in SCORE_COLUMNS.items()
            if all(part in run for _, run in runs)
        }
        formatted = {
            title: [f"{value:.3f}" for value in [*values, float(np.mean(values))]]
            for title, values in scores.items()
        }
        return "\n".join([*_table(names, metrics), "", *_table(names, formatted), ""])

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
    """The model of a finished run.

    Attributes
    ----------
    model : LabelModel
        The model with its best weights.
    labels : Labels
        Labels in the order of its outputs.
    thresholds : ndarray of shape (k,)
        Threshold of each label; ignored for single labels.
    """

    model: LabelModel
    labels: Labels
    thresholds: NDArray[np.float64]


def train(config: TextClassConfig, on_event: Notify | None = None) -> Summary:
    """Train one run per seed and summarize them; finished runs of the same config are reused.

    An interrupted run resumes from its last checkpoint. The folder of a run,
    ``<output_root>/<model>/<dataset>/run_<i>/``, holds the adapters and the head, the tokenizer,
    ``config.yaml``, ``versions.json``, ``labels.json``, ``thresholds.json``, ``metrics.jsonl``,
    ``result.json`` and TensorBoard logs.

    Parameters
    ----------
    config : TextClassConfig
        The config.
    on_event : callable, optional
        Receives event payloads, which `tabwidget.events.from_dict` restores.

    Returns
    -------
    Summary
        Also written as ``summary.json`` and ``summary.md``.
    """
    data = config.data
    labels = Labels.of(data.train_csv, data, config.model.problem_type)
    texts = read_texts(data.train_csv, data, labels)
    if data.val_csv is None:
        # The same validation rows for each seed keep the runs comparable.
        texts, validation = train_validation_split(texts, data.val_fraction, seed=0)
    else:
        validation = read_texts(data.val_csv, data, labels)
    test = None if data.test_csv is None else read_texts(data.test_csv, data, labels)
    parent, files = folder_of(config), _files(config)
    runs = []
    for seed in config.exp.seeds:
        seeded = config.model_copy(update={"exp": config.exp.model_copy(update={"seeds": (seed,)})})
        folder = _run_folder(parent, seeded, files)
        if not (folder / RESULT).is_file():
            _run(seeded, seed, folder, labels, texts, validation, test, on_event)
        runs.append({"run": folder.name, **_read_json(folder / RESULT)})
    summary = Summary(parent, runs, config.train.metric_for_best_model)
    summary.write()
    return summary


def folder_of(config: TextClassConfig) -> Path:
    """Return the folder that holds the runs of a config: ``<output_root>/<model>/<dataset>``."""
    name = config.model.model_name.replace("\\", "/").rstrip("/")
    if Path(name).expanduser().exists() or name.lower().endswith(".gguf"):
        name = Path(name).expanduser().resolve().name
    return config.exp.output_root / name.replace("/", "__") / config.data.dataset_name


def best_run(config: TextClassConfig) -> Path:
    """Return the folder of the run of a config with the best validation score.

    Raises
    ------
    ConfigError
        If no run is finished.
    """
    parent, metric = folder_of(config), config.train.metric_for_best_model
    done = {}
    for folder in _folders(parent):
        if (folder / RESULT).is_file():
            before = TextClassConfig.read(folder / "config.yaml")
            [seed] = before.exp.seeds
            named = before.exp.run_name == config.exp.run_name
            if named and seed in config.exp.seeds and _same(before, config):
                done[seed] = folder  # the newest run of a seed, in case its rows have changed
    if not done:
        raise ConfigError(
            f"there is no finished run of this config in {str(parent)!r}: train it first, or give "
            "the folder of a run"
        )
    return max(done.values(), key=lambda folder: _score(_read_json(folder / RESULT), metric))


def load_run(folder: Path, device: str = "auto", hf_token: str | None = None) -> RunModel:
    """Load the model of a finished run.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    device : str, default "auto"
        Device to compute on.
    hf_token : str, optional
        Token for a gated base model.
    """
    read_result(folder)
    config = TextClassConfig.read(folder / "config.yaml")
    section = config.model.model_copy(update={"device": device, "hf_token": hf_token})
    labels = Labels.from_json(_read_json(folder / "labels.json"))
    model = restore(folder, section, labels, max_length=config.data.max_length)
    thresholds = _read_json(folder / "thresholds.json")
    return RunModel(model, labels, np.array([thresholds[name] for name in labels.names]))


def save_run(folder: Path, run: RunModel, result: Mapping[str, Any]) -> None:
    """Write the model of a run; its result comes last and marks the run as finished.

    Parameters
    ----------
    folder : Path
        Folder of the run, with the config already in it.
    run : RunModel
        The model.
    result : mapping
        The result, in strict JSON types.
    """
    named = dict(zip(run.labels.names, run.thresholds.tolist(), strict=True))
    write_json(folder / "labels.json", run.labels.to_json())
    write_json(folder / "thresholds.json", named)
    run.model.save(folder)
    write_json(folder / RESULT, result)


def read_result(folder: Path) -> dict[str, Any]:
    """Return the result of a finished run."""
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
    """Train one run and write its result last."""
    folder.mkdir(parents=True, exist_ok=True)
    config.write(folder / "config.yaml")
    write_json(folder / "versions.json", {"packages": _versions(), "files": _files(config)})
    model = load(config.model, labels, max_length=config.data.max_length, seed=seed)
    from tabwidget.textclass.training import (
        fit,  # needs transformers, which `load` has checked
    )

    training = fit(
        model, config.train, texts, validation, seed=seed, folder=folder, on_event=on_event
    )
    parts = {"validation": validation} if test is None else {"validation": validation, "test": test}
    size = config.train.eval_batch_size
    found = {part: model.probabilities(some.texts, size) for part, some in parts.items()}
    thresholds = thresholds_for(validation.targets, found["validation"], labels, config.train)
    result: dict[str, Any] = {"seed": seed, **asdict(training)}
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


def _run_folder(parent: Path, config: TextClassConfig, files: Mapping[str, str]) -> Path:
    """Return the folder of the run of this config and these files, or a new one."""
    existing = _folders(parent)
    for folder in existing:
        if (folder / "versions.json").is_file():
            same_files = _read_json(folder / "versions.json")["files"] == files
            before = TextClassConfig.read(folder / "config.yaml")
            if same_files and _same(before, config) and before.exp == config.exp:
                return folder
    name = config.exp.run_name or "run"
    number = 1 + max((int(folder.name.rpartition("_")[2]) for folder in existing), default=-1)
    return parent / f"{name}_{number}"


def _folders(parent: Path) -> list[Path]:
    """Return the folders of the runs in a folder, ordered by number."""
    numbered = [p for p in parent.glob("*_*") if p.is_dir() and p.name.rpartition("_")[2].isdigit()]
    return sorted(numbered, key=lambda folder: int(folder.name.rpartition("_")[2]))


def _same(one: TextClassConfig, other: TextClassConfig) -> bool:
    """Return whether two configs train the same model, up to the seeds."""

    def relevant(config: TextClassConfig) -> dict[str, Any]:
        values = config.model_dump(mode="json", exclude={"exp"})
        return {
            section: {key: v for key, v in keys.items() if key not in IGNORED.get(section, ())}
            for section, keys in values.items()
        }

    return relevant(one) == relevant(other)


def _score(result: Mapping[str, Any], metric: str) -> float:
    return selection_score(result["validation"], result["eval_loss"], metric)


def _files(config: TextClassConfig) -> dict[str, str]:
    """Return the digest of each CSV of a config; a changed file requires a new run."""
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
