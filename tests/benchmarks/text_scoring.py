"""How fast a closed set is scored: our trie beside one full forward a candidate, the same model.

    python -m tests.benchmarks.text_scoring --model FOLDER [--rows 4]

Prompts hold nine columns and ask for a tenth, of 3, 30 and 300 levels. The plain way runs prompt,
candidate and what may follow anew for each candidate: one forward each, or 16 in a padded batch.
Both give the same log-probabilities; the largest difference is printed. Alternating in one process.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.nn.functional import log_softmax

from tabwidget.backends.huggingface.loading import load
from tabwidget.backends.huggingface.scoring_model import HFScoringModel
from tabwidget.backends.text.rows import Ids
from tabwidget.backends.text.scoring import log_probabilities
from tabwidget.backends.text.support import TextSupport
from tabwidget.backends.text.tokens import row_tokens
from tabwidget.config import ModelConfig
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table
from tests.benchmarks.report import Report, parser

COLOURS = "red green blue white black gray brown yellow orange purple pink golden silver pale dark"
ANIMALS = (
    "fox wolf bear hare deer otter badger lynx seal whale eagle falcon raven heron crane stork "
    "goose finch robin tit"
)
TARGETS = {3: 3.0, 30: 8.0, 300: 20.0}
BATCH = 16


def table_of(n_levels: int) -> Table:
    """Return a table of ten columns whose last one has so many levels."""
    rng = np.random.default_rng(0)
    pairs = itertools.product(COLOURS.split(), ANIMALS.split())
    names = [" ".join(pair) for pair in itertools.islice(pairs, n_levels)]
    n = max(2 * n_levels, 64)
    frame = pd.DataFrame(
        {
            "region": rng.choice(["north", "south", "east", "west"], n),
            "habitat": rng.choice(["forest", "meadow", "shore", "mountain"], n),
            "season": rng.choice(["spring", "summer", "autumn", "winter"], n),
            "age": rng.integers(1, 20, n),
            "length_cm": rng.normal(80, 20, n).round(1),
            "weight_kg": rng.gamma(4, 3, n).round(2),
            "tagged": rng.choice([True, False], n),
            "observer": rng.choice(["Ana", "Bo", "Carl", "Dee"], n),
            "year": rng.integers(2015, 2025, n),
            "animal": [*names, *rng.choice(names, n - n_levels)],
        }
    )
    return Table(frame, keep=["animal"])


def plain(
    backend: HFScoringModel, prompt: Ids, values: list[Ids], ends: list[int], batch: int
) -> NDArray[np.float64]:
    """Return the log-probability of each value, and that it ends, by full forwards."""
    found = []
    with torch.no_grad():
        for start in range(0, len(values), batch):
            part = values[start : start + batch]
            longest = max(map(len, part))
            ids = torch.tensor([[*prompt, *v, *[0] * (longest - len(v))] for v in part])
            logs = log_softmax(backend.model(input_ids=ids).logits[:, len(prompt) - 1 :], 2)
            for row, value in zip(logs, part, strict=True):
                told = row[: len(value)].gather(1, torch.tensor(value)[:, None]).sum()
                found.append(float(told + row[len(value), ends].logsumexp(0)))
    return np.array(found)


def by_trie(backend: HFScoringModel, prompt: Ids, support: TextSupport) -> NDArray[np.float64]:
    """Return the same, as the backend does it."""
    logs = log_probabilities(backend, [prompt], support.sequences)[0]
    found = np.full(support.size, -np.inf)
    np.logaddexp.at(found, support.codes, logs[support.indices])
    return found


def seconds(work: Callable[[], NDArray[np.float64]]) -> tuple[float, NDArray[np.float64]]:
    """Return how long some work takes, and what it returns."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--model", required=True, help="a folder with a model and its tokenizer")
    options.add_argument("--rows", type=int, default=3)
    options.add_argument("--counts", type=int, nargs="*", default=[3, 30, 300])
    asked = options.parse_args()
    report = Report(asked)
    loaded = load(ModelConfig(model=asked.model, device="cpu", precision="fp32"))
    backend = HFScoringModel(loaded)
    report.print(f"trie read at once: {backend.tree_attention}, {torch.get_num_threads()} threads")
    report.table(
        "candidates",
        "prompt",
        "trie s/row",
        "one each s/row",
        f"{BATCH} a batch s/row",
        "times as fast",
        "target",
        "and than batches",
        "largest difference",
    )
    for count in asked.counts:
        table = table_of(count)
        tokens = row_tokens(table.schema.inputs, JSONSerializer(), backend.tokenizer)
        support = TextSupport.of(tokens, 9)
        values = [tokens.value(9, float(level)) for level in range(count)]
        ends = sorted({end[0] for end in tokens.ends})
        rows = table.schema.rows(table.frame)
        times: dict[str, list[float]] = {"trie": [], "each": [], "batch": []}
        apart = 0.0
        for row in range(asked.rows + 1):
            prompt = tokens.prompt(rows[row], np.random.default_rng(row).permutation(10), 9)
            if not row:  # the first one warms up
                by_trie(backend, prompt, support)
                plain(backend, prompt, values[:2], ends, 1)
                continue
            took, found = seconds(partial(by_trie, backend, prompt, support))
            times["trie"].append(took)
            for name, batch in (("each", 1), ("batch", BATCH)):
                took, expected = seconds(partial(plain, backend, prompt, values, ends, batch))
                times[name].append(took)
                apart = max(apart, float(np.abs(found - expected).max()))
        trie, each, batched = (statistics.median(found) for found in times.values())
        report.row(
            count,
            len(prompt),
            f"{trie:.3f}",
            f"{each:.3f}",
            f"{batched:.3f}",
            f"{each / trie:.1f}",
            f"{TARGETS.get(count, 0):.0f}",
            f"{batched / trie:.1f}",
            f"{apart:.1e}",
        )


if __name__ == "__main__":
    main()
