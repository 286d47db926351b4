"""TextSupport: a column's support as token sequences, none a prefix of another."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.backends.text.numbers import numbers_of
from tabwidget.backends.text.rows import Ids, RowTokens

__all__ = ["TextSupport"]

Shares = dict[int, float]  # code to share

MAX_LISTED = 1_000  # numbers that get a sequence of their own


@dataclass(frozen=True)
class TextSupport:
    """Token sequences of which none is a prefix of another, and the values they stand for.

    p(value) is proportional to the sum of p(sequence) * share over the value's sequences.

    A level or a listed number is its tokens and the first token of a delimiter: without that, "1"
    would collect the probability of "12". A bin of numbers is the prefixes that only its own
    numbers have: if it holds all from 2700 to 2799, "27" is one of them. Where few enough numbers
    are possible, each gets a prefix of its own, so that numbers no cell can hold, such as 27 or
    271.5, count little.

    Attributes
    ----------
    sequences : tuple of tuple of int
        The sequences.
    indices : ndarray of shape (n_pairs,)
        Index into `sequences` of each pair of sequence and value.
    codes : ndarray of shape (n_pairs,)
        Code of the pair's value in the column's support.
    shares : ndarray of shape (n_pairs,)
        Share of the sequence's probability that belongs to the value.
    size : int
        Size of the column's support.
    """

    sequences: tuple[Ids, ...]
    indices: Ints
    codes: Ints
    shares: Floats
    size: int

    @classmethod
    def of(cls, tokens: RowTokens, index: int) -> TextSupport:
        """Return the support of a column as `tokens` encodes it."""
        column = tokens.columns[index]
        listed = column.edges is None
        if column.edges is None:
            numbers, codes = column.grid, np.arange(len(column.grid))
            counts = np.ones(len(numbers))
        else:
            found = numbers_of(column)
            numbers, codes, counts = found.numbers, found.bins, found.counts
        # Several values may have the same text, such as numbers beyond the printed digits.
        encoded: dict[Ids, Shares] = defaultdict(lambda: defaultdict(float))
        for number, code, count in zip(numbers, codes, counts, strict=True):
            encoded[tokens.value(index, float(number))][int(code)] += float(count)
        candidates = [(ids, shares, True) for ids, shares in encoded.items()]
        if not listed:
            each = found.complete and len(encoded) <= MAX_LISTED
            candidates = list(_shortest_prefixes(sorted(encoded), encoded, 0, each))
        prefixes = {ids[:n] for ids, _, _ in candidates for n in range(len(ids) + 1)}
        sequences = list[Ids]()
        pairs = list[tuple[int, int, float]]()
        for ids, shares, whole in candidates:
            total = sum(shares.values())
            for sequence in _delimited(ids, tokens.ends, prefixes) if whole else [ids]:
                pairs += [(len(sequences), code, share / total) for code, share in shares.items()]
                sequences.append(sequence)
        pair_indices, pair_codes, pair_shares = zip(*pairs, strict=True)
        return cls(
            tuple(sequences),
            np.array(pair_indices, dtype=np.int64),
            np.array(pair_codes, dtype=np.int64),
            np.array(pair_shares),
            len(column.support),
        )

    def probabilities(self, scores: Floats) -> Floats:
        """Return the distribution over the column's support, shape (n_rows, size).

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_sequences)
            Log-probabilities of the sequences.
        """
        # Relative to the largest, so that no row underflows.
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        out = np.zeros((self.size, len(scores)))
        np.add.at(out, self.codes, (p[:, self.indices] * self.shares).T)
        return out.T / out.sum(axis=0)[:, None]


def _shortest_prefixes(
    group: Sequence[Ids], encoded: dict[Ids, Shares], depth: int, each: bool
) -> Iterator[tuple[Ids, Shares, bool]]:
    """Yield the shortest prefixes whose numbers all lie in one bin, and numbers that are prefixes.

    Parameters
    ----------
    group : sequence of tuple of int
        Sorted sequences that share their first `depth` tokens.
    encoded : dict
        The shares of all sequences.
    depth : int
        Length of the shared prefix.
    each : bool
        Whether a prefix may belong to one number only, instead of one bin.

    Yields
    ------
    tuple of int, dict, bool
        A prefix, its shares, and whether it is a whole number, which then needs a delimiter.
    """
    shares: Shares = defaultdict(float)
    for ids in group:
        for code, share in encoded[ids].items():
            shares[code] += share
    if depth and (len(group) == 1 or (len(shares) == 1 and not each)):
        yield group[0][:depth], shares, False
        return
    if len(group[0]) == depth:
        yield group[0], encoded[group[0]], True
        group = group[1:]
    for _, same in itertools.groupby(group, key=lambda ids: ids[depth]):
        yield from _shortest_prefixes(list(same), encoded, depth + 1, each)


def _delimited(ids: Ids, ends: Sequence[Ids], prefixes: set[Ids]) -> Iterator[Ids]:
    """Yield a value with each delimiter, cut where no longer value continues the same way."""
    found = set()
    for end in ends:
        n = 1
        while n < len(end) and ids + end[:n] in prefixes:
            n += 1
        found.add(ids + end[:n])
    yield from sorted(found)
