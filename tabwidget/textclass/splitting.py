"""Stratified splits of texts and CSV files, for one or several labels per row."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tabwidget.errors import ConfigError, DataFileError, require
from tabwidget.textclass.config import DataSection
from tabwidget.textclass.data import Labels, Texts, labeled_records, read_targets

__all__ = ["split", "stratified_split", "train_validation_split"]

_PARTS = ("train", "val", "test")


def stratified_split(
    targets: NDArray[np.bool_], fractions: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Split rows by iterative stratification [1]_, so that each part has its share of each label.

    The method alone would put all rows of rare labels into the largest part. If a part is empty or
    misses its share by more than half, random rows move from oversized to undersized parts until
    each part has its share.

    Parameters
    ----------
    targets : ndarray of bool, (n, k)
        Which of k labels each row has: one, several or none.
    fractions : sequence of float
        Share of the rows for each part.
    seed : int
        Seed of the row order and of tie-breaking.

    Returns
    -------
    ndarray, (n,)
        Index of the part of each row.

    References
    ----------
    .. [1] Sechidis, Tsoumakas & Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD
       2011.

    Examples
    --------
    >>> y = np.repeat(np.eye(2, dtype=bool), 4, axis=0)
    >>> parts = stratified_split(y, (0.75, 0.25), seed=0)
    >>> y[parts == 1].astype(int)
    array([[1, 0],
           [0, 1]])
    """
    library = require("iterstrat.ml_stratifiers", "textclass")
    random = np.random.RandomState(seed)
    # The library assigns rows in order: unshuffled, the first rows would all go to one part.
    order = random.permutation(len(targets))
    parts = np.empty(len(targets), dtype=np.int64)
    parts[order] = library.IterativeStratification(targets[order], np.array(fractions), random)
    shares = np.array(fractions) * len(targets)
    sizes = np.bincount(parts, minlength=len(shares))
    # The size of a part can always differ from its share by up to one row.
    if ((sizes == 0) | (abs(sizes - shares) > np.maximum(shares / 2, 1))).any():
        _resize(parts, targets, shares, random)
    return parts


def _resize(
    parts: NDArray[np.int64],
    targets: NDArray[np.bool_],
    shares: NDArray[np.float64],
    random: np.random.RandomState,
) -> None:
    """Move rows between parts until each has its share; keep each label in its part if possible."""
    sizes = np.floor(shares).astype(np.int64)
    sizes[np.argsort(sizes - shares)[: len(parts) - sizes.sum()]] += 1
    spare = []
    for part, size in enumerate(sizes):
        rows = random.permutation(np.flatnonzero(parts == part))
        if len(rows) > size:
            keeps = np.isin(np.arange(len(rows)), targets[rows].argmax(axis=0))
            spare.extend([*rows[keeps], *rows[~keeps]][size:])
    spare = list(random.permutation(spare))
    for part, size in enumerate(sizes):
        for _ in range(size - np.count_nonzero(parts == part)):
            parts[spare.pop()] = part


def train_validation_split(texts: Texts, fraction: float, seed: int) -> tuple[Texts, Texts]:
    """Split texts into training and validation texts, stratified by their targets.

    Raises
    ------
    ConfigError
        If one of the two would be empty.
    """
    assert texts.targets is not None
    parts = stratified_split(texts.targets, (1 - fraction, fraction), seed)
    if len(set(parts)) < 2:
        raise ConfigError(
            f"data.val_fraction {fraction:g} of {len(texts)} rows leaves no row to train on or "
            "none to validate on: give another fraction, or a data.val_csv"
        )
    return texts.take(np.flatnonzero(parts == 0)), texts.take(np.flatnonzero(parts == 1))


def split(
    csv: str | Path,
    data: DataSection,
    out: str | Path,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> dict[str, Path]:
    r"""Split a CSV into ``train.csv``, ``val.csv`` and ``test.csv``, stratified by label.

    The header and the rows are copied byte for byte, in their order; a line end is added to the
    last row if it has none. The same seed gives the same files.

    Parameters
    ----------
    csv : str or Path
        The CSV.
    data : DataSection
        The columns; its paths are ignored.
    out : str or Path
        Output folder, created if missing; existing files of these names are overwritten.
    fractions : (float, float, float), default (0.8, 0.1, 0.1)
        Shares of the rows. A file with share 0 is not written.
    seed : int, default 0
        Seed of the split.

    Returns
    -------
    dict of str to Path
        The files written, by "train", "val" and "test".

    Raises
    ------
    ConfigError
        If `fractions` do not sum to 1, or a file would be empty or overwrite `csv`.
    DataFileError
        If the CSV is malformed, or a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> data = DataSection(dataset_name="mail", train_csv="mail.csv", label_columns=("kind",))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mail.csv")
    ...     _ = path.write_text("text,kind\n" + "hi,ham\nwin,spam\n" * 10)
    ...     paths = split(path, data, folder)
    ...     {name: path.read_text().count("spam") for name, path in paths.items()}
    {'train': 8, 'val': 1, 'test': 1}
    """
    shares = dict(zip(_PARTS, fractions, strict=True))
    if min(fractions) < 0 or fractions[0] == 0 or not math.isclose(sum(fractions), 1):
        raise ConfigError(
            f"the fractions are {', '.join(f'{f:g}' for f in fractions)}: give shares for "
            "train, val and test that sum to 1, with train above 0"
        )
    folder = Path(os.path.expanduser(out))
    paths = {name: folder / f"{name}.csv" for name, share in shares.items() if share > 0}
    records = labeled_records(csv, data)
    for path in paths.values():
        if path.exists() and path.samefile(records.path):
            raise ConfigError(f"{str(path)!r} is the CSV to split itself: give another folder")
    targets = read_targets(csv, data, Labels.of(csv, data))
    parts = stratified_split(targets, [share for share in fractions if share > 0], seed)
    for part, name in enumerate(paths):
        if not (parts == part).any():
            raise ConfigError(
                f"the fraction {shares[name]:g} of {len(parts)} rows leaves {name} empty: give it "
                "more, or 0"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            files = [
                stack.enter_context(path.open("w", encoding=data.encoding, newline=""))
                for path in paths.values()
            ]
            for file in files:
                file.write(records.header)
            end = "\r\n" if records.header.endswith("\r\n") else "\n"
            for record, part in zip(records, parts, strict=True):
                ended = record.raw.endswith(("\n", "\r"))
                files[part].write(record.raw if ended else record.raw + end)
    except OSError as error:
        raise DataFileError(
            f"{str(folder)!r} cannot be written: {error.strerror or error}"
        ) from error
    return paths
