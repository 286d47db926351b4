"""Key-value cache: seconds to generate a text with and without it.

    python -m tests.benchmarks.generation [--length 256] [--repeats 5] [--threads 1]

Both decode the same text greedily with the same random model, alternating in one process.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import torch

from tabwidget.minilm import Encoder, LanguageModel, Tokenizer

VOCABULARY, WIDTH, LAYERS, HEADS = 1000, 256, 4, 4


def random_model(length: int) -> LanguageModel:
    """Return an untrained model that never generates an end token."""
    torch.manual_seed(0)
    tokenizer = Tokenizer(VOCABULARY)
    tokenizer.fit([" ".join(f"word{i}" for i in range(VOCABULARY))])
    encoder = Encoder(
        VOCABULARY, WIDTH, 4 * WIDTH, num_layers=LAYERS, num_heads=HEADS, max_seq_length=length
    )
    model = LanguageModel(encoder, tokenizer)
    with torch.no_grad():
        model.bias[tokenizer.eos_id] = -1e9
        # An untrained model would repeat one word regardless of its context.
        for name, weight in model.encoder.transformer.named_parameters():
            if name.endswith("out.weight"):
                weight.normal_(std=0.3)
    model.is_trained = True
    return model.eval()


def timed(model: LanguageModel, length: int, use_cache: bool) -> tuple[str, float]:
    """Return a text and the seconds it took."""
    began = time.perf_counter()
    text = model.generate("word7 word1", length, do_sample=False, use_cache=use_cache)
    return text, time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = random_model(options.length)
    for use_cache in (True, False):
        timed(model, min(32, options.length), use_cache)  # warm up torch
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(options.repeats):
        texts = set()
        for use_cache, taken in seconds.items():
            text, took = timed(model, options.length, use_cache)
            texts.add(text)
            taken.append(took)
        assert len(texts) == 1, "the cache changed the text"
        # The start token is not part of the text.
        assert len(text.split()) == options.length - 1, "the text ended early"
    cached, uncached = (statistics.median(seconds[use_cache]) for use_cache in (True, False))
    print(
        f"torch {torch.__version__}, Python {platform.python_version()}, "
        f"{torch.get_num_threads()} threads; {len(set(text.split()))} different words\n"
    )
    print(f"| {options.length} tokens | seconds, median of {options.repeats} | tokens/s |")
    print("|---|---|---|")
    for name, median in {"cached": cached, "uncached": uncached}.items():
        print(f"| {name} | {median:.3f} | {options.length / median:.0f} |")
    print(f"\ncached is {uncached / cached:.1f} times faster")


if __name__ == "__main__":
    main()
