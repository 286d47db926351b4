"""Perplexity of the MiniLM beside a Kneser-Ney 3-gram with the same vocabulary.

    python -m tests.benchmarks.perplexity [--epochs 10] [--seed 0] [--threads 1]

The text comes with Python: the topics of ``help()`` in ``pydoc_data`` and the docstrings of the
standard library, by paragraph; a tenth of them is the test set. Both models use the same tokens and
the same targets, end tokens and unknown words included.
"""

from __future__ import annotations

import argparse
import math
import platform
import tempfile
import time
from collections.abc import Callable, Sequence

import torch

from tabwidget.minilm import Encoder, LanguageModel, Tokenizer, Trainer
from tests.benchmarks.texts import KneserNey, paragraphs, split

VOCABULARY, LENGTH = 2000, 128


def kneser_ney(train: Sequence[Sequence[int]], test: Sequence[Sequence[int]]) -> float:
    """Return the perplexity of the 3-gram on rows of token ids."""
    beginning = train[0][0]
    # Padding and start tokens, ids 0 and 2, are never predicted.
    predicted = [token for token in range(VOCABULARY) if token not in (0, beginning)]
    model = KneserNey(train, len(predicted))
    for context in [(beginning,), tuple(test[0][3:5]), tuple(test[1][:2]), (VOCABULARY, 5)]:
        whole = sum(model.probability(token, context) for token in predicted)
        assert math.isclose(whole, 1, abs_tol=1e-6), whole
    logs = [
        math.log(model.probability(row[i], tuple(row[max(0, i - 2) : i])))
        for row in test
        for i in range(1, len(row))
    ]
    return math.exp(-sum(logs) / len(logs))


def ours(
    train: Sequence[str], test: Sequence[str], tokenizer: Tokenizer, options: argparse.Namespace
) -> float:
    """Return the perplexity of our model."""
    torch.manual_seed(options.seed)
    encoder = Encoder(
        VOCABULARY,
        options.width,
        4 * options.width,
        num_layers=options.layers,
        num_heads=4,
        dropout=options.dropout,
        max_seq_length=LENGTH,
    )
    model = LanguageModel(encoder, tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            learning_rate=options.rate,
            num_epochs=options.epochs,
            warmup_steps=100,
            weight_decay=options.decay,
            scheduler_type="cosine_warmup",
            save_dir=folder,
            seed=options.seed,
        )
        loader = trainer.prepare_dataloader(train, tokenizer, options.batch, LENGTH)
        trainer.train(model, loader, validation_split=0, save_latest=False, checkpoint_every=10_000)
        return trainer.evaluate_perplexity(model, test)


def main() -> None:
    """Train both and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0, help="seed of the split and the weights")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train, test = split(paragraphs(), 0.1, options.seed)
    tokenizer = Tokenizer(VOCABULARY)
    tokenizer.fit(train)
    rows, test_rows = (
        [tokenizer.encode(text, max_length=LENGTH, truncation=True) for text in texts]
        for texts in (train, test)
    )
    targets = [token for row in test_rows for token in row[1:]]
    print(
        f"torch {torch.__version__}, Python {platform.python_version()}, "
        f"{torch.get_num_threads()} threads; Python's help, {len(train)} paragraphs of "
        f"{sum(map(len, rows))} tokens; test set {len(test)} with {len(targets)} targets, "
        f"{targets.count(tokenizer.unk_id) / len(targets):.1%} of them unknown\n"
    )
    print("| model | perplexity | seconds |\n|---|---|---|")
    runs: dict[str, Callable[[], float]] = {
        "Kneser-Ney 3-gram": lambda: kneser_ney(rows, test_rows),
        "LanguageModel": lambda: ours(train, test, tokenizer, options),
    }
    for name, run in runs.items():
        began = time.perf_counter()
        print(f"| {name} | {run():.2f} | {time.perf_counter() - began:.1f} |", flush=True)


if __name__ == "__main__":
    main()
