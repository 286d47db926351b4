"""How well texts are labelled: SmolLM2 with LoRA beside TF-IDF and logistic regression.

    python -m tests.benchmarks.text_classes --model FOLDER [--seeds 1 3 4 5] [--seconds 300]

The texts ship with SciPy: the first paragraph of what its public functions and classes say of
themselves; the label is the subpackage. Split 80/10/10 by `tabwidget text split`, trained by
`tabwidget text train` and answered by `tabwidget text predict`, as a person would. The other model
learns the same training rows.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import json
import re
import tempfile
from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from tabwidget.cli import main as tabwidget
from tests.benchmarks.report import Report, parser

PARTS = ("stats", "signal", "optimize", "linalg", "ndimage", "special", "interpolate", "sparse")


def write_texts(path: Path) -> int:
    """Write the texts with their labels, and return how many there are."""
    rows = []
    for part in PARTS:
        module = importlib.import_module(f"scipy.{part}")
        for name in sorted(module.__all__):
            text = inspect.getdoc(getattr(module, name)) or ""
            # Some begin with their signature.
            text = re.sub(rf"^{re.escape(name)}\(.*?\)\s*", "", text, flags=re.DOTALL)
            text = " ".join(text.split("\n\n")[0].split())
            if len(text.split()) >= 4:
                rows.append({"uid": f"{part}.{name}", "text": text, "label": part})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["uid", "text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def run(*arguments: str) -> None:
    """Run a command line of ours."""
    try:
        tabwidget(arguments)
    except SystemExit as ended:
        if ended.code:
            raise


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--model", required=True, help="a folder with a model and its tokenizer")
    options.add_argument("--seeds", nargs="*", type=int, default=[1, 3, 4, 5])
    options.add_argument("--seconds", type=float, default=300.0, help="a run")
    chosen = options.parse_args()
    report = Report(chosen)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n = write_texts(folder / "scipy.csv")
        config = {
            "data": {
                "dataset_name": "scipy",
                "id_column": "uid",
                "max_length": 64,
                "label_columns": ["label"],
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
        path = folder / "scipy.yaml"
        # JSON is YAML as well.
        path.write_text(json.dumps(config), encoding="utf-8")
        common = ("--config", str(path))
        run("text", "split", "--csv", str(folder / "scipy.csv"), *common, "--out", str(folder))
        run("text", "train", *common)
        answers = folder / "said.jsonl"
        test_csv = str(folder / "test.csv")
        run("text", "predict", *common, "--input-csv", test_csv, "--output-jsonl", str(answers))
        [summary] = (folder / "outputs").rglob("summary.md")
        train, test = (pd.read_csv(folder / f"{part}.csv") for part in ("train", "test"))
        report.say(f"{n} texts of SciPy, {len(train)} to learn from, {len(test)} to be judged by")
        report.say()
        report.say(summary.read_text(encoding="utf-8"))
        said = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
        told = {row["id"]: row["labels"][0] for row in said}
        other = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)),
            LogisticRegression(C=10, max_iter=1_000),
        ).fit(train["text"], train["label"])
        report.table("model", "test accuracy", "F1 (micro)", "F1 (macro)")
        for label, found in (
            ("best run", [told[uid] for uid in test["uid"]]),
            ("TF-IDF and LogisticRegression", other.predict(test["text"])),
        ):
            report.row(
                label,
                accuracy_score(test["label"], found),
                f1_score(test["label"], found, average="micro"),
                f1_score(test["label"], found, average="macro"),
            )


if __name__ == "__main__":
    main()
