"""Text classification: SmolLM2 with LoRA beside TF-IDF and logistic regression.

    python -m tests.benchmarks.text_classes --model FOLDER [--set scipy] [--seeds 1 3 4 5]
        [--seconds 300]

The set "scipy" ships with SciPy: first paragraphs of the docstrings of public functions and
classes, labeled by subpackage. The set "debian" is from Debian's package lists: package summaries,
labeled by the ten most frequent "use" and "works-with" tags, several per package. Split 80/10/10
with `tabwidget text split`, trained with `tabwidget text train` and predicted with
`tabwidget text predict`. The baseline is trained on the same rows, with thresholds tuned on the
same validation rows.
"""

from __future__ import annotations

import collections
import csv
import importlib
import inspect
import json
import random
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from tabwidget.cli import main as tabwidget
from tabwidget.textclass import tuned_thresholds
from tests.benchmarks.report import Report, parser

PARTS = ("stats", "signal", "optimize", "linalg", "ndimage", "special", "interpolate", "sparse")
FACETS = ("use::", "works-with::")
N_TAGS = 10
N_PACKAGES = 2_000

Row = tuple[str, str, list[str]]  # id, text and labels


def scipy_texts() -> list[Row]:
    """Return the first docstring paragraphs of SciPy, with their subpackage."""
    rows = []
    for part in PARTS:
        module = importlib.import_module(f"scipy.{part}")
        for name in sorted(module.__all__):
            text = inspect.getdoc(getattr(module, name)) or ""
            # Some start with their signature.
            text = re.sub(rf"^{re.escape(name)}\(.*?\)\s*", "", text, flags=re.DOTALL)
            text = " ".join(text.split("\n\n")[0].split())
            if len(text.split()) >= 4:
                rows.append((f"{part}.{name}", text, [part]))
    return rows


def debian_texts() -> list[Row]:
    """Return the summaries and tags of Debian packages, from the lists on this machine."""
    listed = subprocess.run(
        ["apt-cache", "dumpavail"], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for block in listed.split("\n\n"):
        fields = dict(
            re.findall(r"^(Package|Description|Tag): ?(.*(?:\n .*)*)", block, re.MULTILINE)
        )
        tags = {tag.strip() for tag in fields.get("Tag", "").split(",")}
        if tags := {tag for tag in tags if tag.startswith(FACETS)}:
            found[fields["Package"]] = (fields["Description"].splitlines()[0], tags)
    counts = collections.Counter(tag for _, tags in found.values() for tag in tags)
    frequent = {tag for tag, _ in counts.most_common(N_TAGS)}
    rows = [
        (name, text, sorted(tags & frequent))
        for name, (text, tags) in sorted(found.items())
        if tags & frequent
    ]
    return random.Random(0).sample(rows, min(N_PACKAGES, len(rows)))


SETS: dict[str, Callable[[], list[Row]]] = {"scipy": scipy_texts, "debian": debian_texts}


def write_texts(path: Path, rows: list[Row]) -> None:
    """Write texts and labels to a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "text", "labels"])
        writer.writerows([uid, text, ";".join(labels)] for uid, text, labels in rows)


def run(*arguments: str) -> None:
    """Run a `tabwidget` command."""
    try:
        tabwidget(arguments)
    except SystemExit as ended:
        if ended.code:
            raise


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--model", required=True, help="folder of a model and its tokenizer")
    options.add_argument("--set", choices=list(SETS), default="scipy", help="set of texts")
    options.add_argument("--seeds", nargs="*", type=int, default=[1, 3, 4, 5])
    options.add_argument("--seconds", type=float, default=300.0, help="seconds per run")
    chosen = options.parse_args()
    report = Report(chosen)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = SETS[chosen.set]()
        multi = any(len(labels) > 1 for _, _, labels in rows)
        write_texts(folder / "all.csv", rows)
        config = {
            "data": {
                "dataset_name": chosen.set,
                "id_column": "uid",
                "max_length": 64,
                "label_columns": ["labels"],
                "label_delimiter": ";" if multi else None,
                **{f"{part}_csv": str(folder / f"{part}.csv") for part in ("train", "val", "test")},
            },
            "model": {"model_name": chosen.model, "lora_r": 16, "lora_alpha": 32},
            "train": {
                "batch_size": 16,
                "gradient_accumulation_steps": 1,
                "num_train_epochs": 8,
                "learning_rate": 1e-3,
                "warmup_ratio": 0.05,
                "max_seconds": chosen.seconds,
                "early_stopping_patience": None,
            },
            "exp": {"output_root": str(folder / "outputs"), "seeds": chosen.seeds},
        }
        path = folder / "config.yaml"
        # JSON is valid YAML.
        path.write_text(json.dumps(config), encoding="utf-8")
        common = ("--config", str(path))
        run("text", "split", "--csv", str(folder / "all.csv"), *common, "--out", str(folder))
        run("text", "train", *common)
        answers = folder / "predictions.jsonl"
        test_csv = str(folder / "test.csv")
        run("text", "predict", *common, "--input-csv", test_csv, "--output-jsonl", str(answers))
        [summary] = (folder / "outputs").rglob("summary.md")
        parts = [pd.read_csv(folder / f"{part}.csv") for part in ("train", "val", "test")]
        report.print(
            f"{len(rows)} texts of {chosen.set}: {len(parts[0])} for training, {len(parts[1])} for "
            f"validation, {len(parts[2])} for testing"
        )
        report.print()
        report.print(summary.read_text(encoding="utf-8"))
        predictions = [
            json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()
        ]
        labels_of = {row["id"]: row["labels"] for row in predictions}
        train, val, test = parts
        binarizer = MultiLabelBinarizer().fit(part.split(";") for part in train["labels"])
        y_train, y_val, y_test = (
            binarizer.transform([cell.split(";") for cell in part["labels"]]) for part in parts
        )
        words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
        regression = LogisticRegression(C=10, max_iter=1_000)
        if multi:
            other = make_pipeline(words, OneVsRestClassifier(regression)).fit(
                train["text"], y_train
            )
            found = other.predict_proba(test["text"])
            tuned = tuned_thresholds(y_val.astype(bool), other.predict_proba(val["text"]))
            others = {"at 0.5": found >= 0.5, "thresholds tuned": found >= tuned}
        else:
            other = make_pipeline(words, regression).fit(train["text"], y_train.argmax(axis=1))
            others = {"": np.eye(len(binarizer.classes_))[other.predict(test["text"])]}
        report.table("model", "test accuracy", "F1 (micro)", "F1 (macro)")
        for label, chosen_labels in {
            "best run": binarizer.transform([labels_of[uid] for uid in test["uid"]]),
            **{f"TF-IDF and LogisticRegression {how}".strip(): y for how, y in others.items()},
        }.items():
            report.row(
                label,
                accuracy_score(y_test, chosen_labels),
                f1_score(y_test, chosen_labels, average="micro"),
                f1_score(y_test, chosen_labels, average="macro"),
            )


if __name__ == "__main__":
    main()
