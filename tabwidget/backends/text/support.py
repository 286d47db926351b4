"""TextSupport: the values that a column is answered on, as token sequences that end."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.backends.text.numbers import numbers_of
from tabwidget.backends.text.rows import Ids, RowTokens

__all__ = ["TextSupport"]

Shares = dict[int, float]

MAX_LISTED = 1_000  # numbers of which each is told from all others


@dataclass(frozen=True)
class TextSupport:
    """Sequences of which none begins another, and the value that each of them is a case of.

    A level or a listed number is its tokens and the first token of what may stand after it: without
    that, "1" would collect the probability of "12". A bin of numbers is the beginnings that only
    its own numbers have: if all from 2700 to 2799 lie in it, "27" is one of them. If there are not
    too many numbers to list, each is told by a beginning of its own: "27" alone, or 271.5, which no
    cell can hold, hardly count then.

    Attributes
    ----------
    sequences : tuple of tuple of int
        The sequences.
    cases : ndarray of shape (n_cases,)
        Numbers of sequences; one may count for several values, each to its share.
    values : ndarray of shape (n_cases,)
        The place in the column's support that each case is of.
    shares : ndarray of shape (n_cases,)
        Of a sequence's probability.
    size : int
        Of the column's support.
    """

    sequences: tuple[Ids, ...]
    cases: NDArray[np.int64]
    values: NDArray[np.int64]
    shares: Floats
    size: int

    @classmethod
    def of(cls, tokens: RowTokens, index: int) -> TextSupport:
        """Return the support of a column, as rows are written."""
        column = tokens.columns[index]
        listed = column.edges is None
        if column.edges is None:
            numbers, values = column.grid, np.arange(len(column.grid))
            counts = np.ones(len(numbers))
        else:
            found = numbers_of(column)
            numbers, values, counts = found.numbers, found.bins, found.counts
        # Two values may be written alike, as numbers that differ in digits not written.
        written: dict[Ids, Shares] = defaultdict(lambda: defaultdict(float))
        for number, value, count in zip(numbers, values, counts, strict=True):
            written[tokens.value(index, float(number))][int(value)] += float(count)
        candidates = [(ids, shares, True) for ids, shares in written.items()]
        if not listed:
            each = found.complete and len(written) <= MAX_LISTED
            candidates = list(_beginnings(sorted(written), written, 0, each))
        beginnings = {ids[:n] for ids, _, _ in candidates for n in range(len(ids) + 1)}
        sequences = list[Ids]()
        cases = list[tuple[int, int, float]]()
        for ids, shares, whole in candidates:
            total = sum(shares.values())
            for sequence in _ended(ids, tokens.ends, beginnings) if whole else [ids]:
                cases += [(len(sequences), v, share / total) for v, share in shares.items()]
                sequences.append(sequence)
        places, of, parts = zip(*cases, strict=True)
        return cls(
            tuple(sequences),
            np.array(places, dtype=np.int64),
            np.array(of, dtype=np.int64),
            np.array(parts),
            len(column.support),
        )

    def probabilities(self, found: Floats) -> Floats:
        """Return the distribution over the column's support, rows summing to one.

        Parameters
        ----------
        found : ndarray of shape (n_rows, n_sequences)
            Log-probabilities of the sequences.
        """
        # Relative to the likeliest, so that no row underflows.
        p = np.exp(found - found.max(axis=1, keepdims=True))
        out = np.zeros((self.size, len(found)))
        np.add.at(out, self.values, (p[:, self.cases] * self.shares).T)
        return out.T / out.sum(axis=0)[:, None]


def _beginnings(
    group: Sequence[Ids], written: dict[Ids, Shares], depth: int, each: bool
) -> Iterator[tuple[Ids, Shares, bool]]:
    """Yield the shortest beginnings that tell a bin, and whole numbers that others go on from.

    `group` holds the sorted sequences that share their first `depth` tokens. The last of what is
    yielded is whether the number is whole, so that it has to end. With `each` a beginning tells
    one number.
    """
    shares: Shares = defaultdict(float)
    for ids in group:
        for value, share in written[ids].items():
            shares[value] += share
    if depth and (len(group) == 1 or (len(shares) == 1 and not each)):
        yield group[0][:depth], shares, False
        return
    if len(group[0]) == depth:
        yield group[0], written[group[0]], True
        group = group[1:]
    for _, same in itertools.groupby(group, key=lambda ids: ids[depth]):
        yield from _beginnings(list(same), written, depth + 1, each)


def _ended(ids: Ids, ends: Sequence[Ids], beginnings: set[Ids]) -> Iterator[Ids]:
    """Yield a value with the least of each end that tells it from values that go on."""
    found = set()
    for end in ends:
        n = 1
        while n < len(end) and ids + end[:n] in beginnings:
            n += 1
        found.add(ids + end[:n])
    yield from sorted(found)
