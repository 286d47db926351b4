"""Training throughput in tokens/s: our Trainer beside a plain loop of the same model size.

    python -m tests.benchmarks.throughput [--batches 12] [--repeats 3] [--threads 1] [--dropout 0]

The plain loop (``plain_gpt.py``) follows nanoGPT. Both in float32 on the CPU, with the same number
of threads and the same rows, alternating in one process. Tokenization is excluded.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import tempfile
import time

import torch

from tabwidget.minilm import Encoder, LanguageModel, Tokenizer, Trainer
from tests.benchmarks.plain_gpt import PlainGPT, train_plain

VOCABULARY, WIDTH, LAYERS, HEADS, LENGTH, BATCH = 2000, 128, 4, 4, 128, 32
HIDDEN, RATE = 4 * WIDTH, 1e-3


def random_texts(n: int) -> list[str]:
    """Return texts that fill one row each, with start and end tokens."""
    draw = random.Random(0)
    words = [f"w{i}" for i in range(VOCABULARY - 4)]
    return [" ".join(draw.choices(words, k=LENGTH - 2)) for _ in range(n)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    texts = random_texts(options.batches * BATCH)
    tokenizer = Tokenizer(VOCABULARY)
    tokenizer.fit([" ".join(f"w{i}" for i in range(VOCABULARY - 4))])
    rows = torch.tensor([tokenizer.encode(text) for text in texts])

    def ours(folder: str) -> float:
        torch.manual_seed(0)
        encoder = Encoder(VOCABULARY, WIDTH, HIDDEN, LAYERS, HEADS, options.dropout, LENGTH)
        model = LanguageModel(encoder, tokenizer)
        trainer = Trainer(
            learning_rate=RATE, num_epochs=1, scheduler_type="cosine", save_dir=folder
        )
        loader = trainer.prepare_dataloader(texts, tokenizer, BATCH, LENGTH)
        began = time.perf_counter()
        trainer.train(model, loader, validation_split=0, save_latest=False, checkpoint_every=1000)
        return rows[:, 1:].numel() / (time.perf_counter() - began)

    def plain(folder: str) -> float:
        torch.manual_seed(0)
        model = PlainGPT(VOCABULARY, WIDTH, HIDDEN, LAYERS, HEADS, LENGTH, options.dropout)
        began = time.perf_counter()
        train_plain(model, rows, BATCH, 1, RATE)
        return rows[:, 1:].numel() / (time.perf_counter() - began)

    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    with tempfile.TemporaryDirectory() as folder:
        ours(folder), plain(folder)  # warm up torch
        for _ in range(options.repeats):
            for name, rate in {"ours": ours, "plain": plain}.items():
                rates[name].append(rate(folder))
    print(
        f"torch {torch.__version__}, Python {platform.python_version()}, "
        f"{torch.get_num_threads()} threads, width {WIDTH}, {LAYERS} layers, batches of "
        f"{BATCH} x {LENGTH}, dropout {options.dropout}\n"
    )
    print(f"| loop | tokens/s, median of {options.repeats} | each |\n|---|---|---|")
    for name, found in rates.items():
        each = ", ".join(f"{rate:.0f}" for rate in found)
        print(f"| {name} | {statistics.median(found):.0f} | {each} |")
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["plain"])
    print(f"\nours is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
