"""A text corpus that ships with Python, and a Kneser-Ney model as its baseline."""

from __future__ import annotations

import ast
import random
import re
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from pydoc_data.topics import topics

__all__ = ["KneserNey", "paragraphs", "split"]

ORDER = 3
Gram = tuple[int, ...]


def paragraphs(least: int = 5) -> list[str]:
    """Return the paragraphs of the ``help()`` topics and of all docstrings of Python.

    Lower case, with punctuation separated from words, without duplicates, and with at least
    `least` words.
    """
    found = {
        " ".join(re.findall(r"\w+|[^\w\s]", paragraph.lower()))
        for text in [*topics.values(), *_docstrings()]
        for paragraph in re.split(r"\n\s*\n", text)
    }
    return sorted(text for text in found if len(re.findall(r"\b[a-z]+\b", text)) >= least)


def _docstrings() -> Iterator[str]:
    """Yield the docstrings of the standard library, without tests."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if {"site-packages", "dist-packages", "test", "tests"} & set(path.relative_to(root).parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):  # a template, or an intentionally invalid example
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield ast.get_docstring(node) or ""


def split(texts: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Return training texts and test texts."""
    shuffled = random.Random(seed).sample(list(texts), len(texts))
    n_test = round(share * len(shuffled))
    return shuffled[n_test:], shuffled[:n_test]


class KneserNey:
    """An interpolated 3-gram with modified Kneser-Ney discounts (Chen and Goodman 1999).

    Parameters
    ----------
    rows : sequence of list of int
        Token ids, each row with a start token, which is never predicted, and an end token.
    targets : int
        Number of tokens that can be predicted: all but start and padding.
    """

    def __init__(self, rows: Sequence[Sequence[int]], targets: int) -> None:
        self.targets = targets
        seen = {n: Counter[Gram]() for n in range(1, ORDER + 1)}
        for row in rows:
            for end in range(2, len(row) + 1):
                for n in range(1, min(ORDER, end) + 1):
                    seen[n][tuple(row[end - n : end])] += 1
        beginning = rows[0][0]
        self.counts = {ORDER: seen[ORDER]}
        for n in range(1, ORDER):
            # Lower orders count the distinct tokens that precede a gram ...
            self.counts[n] = Counter(gram[1:] for gram in seen[n + 1])
            # ... except at the start, which nothing precedes.
            self.counts[n].update({g: c for g, c in seen[n].items() if g[0] == beginning})
        self.discounts = {n: _discounts(counts) for n, counts in self.counts.items()}
        self.totals: Counter[Gram] = Counter()
        self.freed: defaultdict[Gram, float] = defaultdict(float)
        for n, counts in self.counts.items():
            for gram, count in counts.items():
                self.totals[gram[:-1]] += count
                self.freed[gram[:-1]] += self.discounts[n][min(count, 3)]

    def probability(self, token: int, context: Gram) -> float:
        """Return the probability of a token after up to two others."""
        context = context[-(ORDER - 1) :]
        lower = self.probability(token, context[1:]) if context else 1 / self.targets
        total = self.totals[context]
        if not total:
            return lower
        gram = (*context, token)
        count = self.counts[len(gram)][gram]
        kept = count - self.discounts[len(gram)][min(count, 3)]
        return (kept + self.freed[context] * lower) / total


def _discounts(counts: Counter[Gram]) -> list[float]:
    """Return the discounts of counts 0, 1, 2, and 3 or more."""
    n = Counter(counts.values())
    # With a small vocabulary no token is rare, so the discounts cannot be estimated.
    if not all(n[k] for k in (1, 2, 3)):
        return [0.0, 0.5, 0.75, 0.9]
    y = n[1] / (n[1] + 2 * n[2])
    return [0.0, *(min(max(k - (k + 1) * y * n[k + 1] / n[k], 0.0), k) for k in (1, 2, 3))]
