"""Training texts: read from files, tokenized, padded in batches, split for validation."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from tabwidget.minilm.tokenizer import Tokenizer

__all__ = [
    "Batch",
    "Split",
    "TextDataset",
    "load_texts",
    "shifted",
    "split_batches",
    "text_loader",
]

Batch = dict[str, Tensor]
Format = Literal["text", "json", "csv", "parquet"]

ENDINGS: dict[str, tuple[str, ...]] = {
    "text": (".txt", ".text", ".md"),
    "json": (".json", ".jsonl"),
    "csv": (".csv",),
    "parquet": (".parquet",),
}


def load_texts(path: str | Path, format: Format = "text") -> list[str]:
    """Read texts from a file, or from all files of the format in a folder.

    Parameters
    ----------
    path : str or Path
        Must exist.
    format : {"text", "json", "csv", "parquet"}, default "text"
        A text file holds one text per line; JSON a list of texts or of objects with a "text", or
        one per line; CSV and Parquet a column "text", or a single column.

    Returns
    -------
    list of str
        The texts that are not blank.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    ValueError
        If the format is unknown, or a file holds no texts.
    """
    path = Path(path)
    if format not in ENDINGS:
        raise ValueError(f"format={format!r} must be one of {', '.join(ENDINGS)}")
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {str(path)!r}")
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS[format])
    texts = [text for file in files for text in _READERS[format](file)]
    texts = [text.strip() for text in texts if text.strip()]
    if not texts:
        raise ValueError(f"{str(path)!r} holds no text (format {format!r})")
    return texts


class TextDataset(Dataset[list[int]]):
    """Texts as token ids, with BOS and EOS, truncated at `sequence_length`."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer, sequence_length: int) -> None:
        self.rows = [
            tokenizer.encode(text, max_length=sequence_length, truncation=True) for text in texts
        ]
        self.pad_id = tokenizer.pad_id

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> list[int]:
        return self.rows[index]

    def batch(self, rows: Sequence[Sequence[int]]) -> Batch:
        """Return rows as tensors, padded to the longest of them."""
        length = max(len(row) for row in rows)
        ids = torch.full((len(rows), length), self.pad_id)
        mask = torch.zeros(len(rows), length, dtype=torch.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask}


def text_loader(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    batch_size: int = 32,
    sequence_length: int = 128,
    shuffle: bool = True,
) -> DataLoader[Any]:
    """Return a DataLoader of texts with "input_ids" and "attention_mask" in each batch.

    Raises
    ------
    ValueError
        If there are no texts, or a size is not above 0.
    """
    if isinstance(texts, str) or not texts:
        raise ValueError("the dataset must be a list of at least one text")
    for name, size in {"batch_size": batch_size, "sequence_length": sequence_length}.items():
        if not isinstance(size, int) or size <= 0:
            raise ValueError(f"{name} must be an integer above 0, not {size!r}")
    dataset = TextDataset(texts, tokenizer, sequence_length)
    return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, collate_fn=dataset.batch)


@dataclass(frozen=True)
class Split:
    """A train/validation split: batches per epoch, and validation batches."""

    train: Callable[[int], Iterator[Batch]]
    n_batches: int
    n_train: int
    validation: list[Batch]
    n_validation: int


def split_batches(loader: Iterable[Batch], share: float, seed: int) -> Split:
    """Split the rows of a DataLoader with a sized dataset, or else the batches of an iterable."""
    if isinstance(loader, DataLoader) and hasattr(loader.dataset, "__len__"):
        return _split_rows(loader, share, seed)
    batches = list(loader)
    if not batches:
        raise ValueError("the loader has no batches")
    n_validation = min(round(share * len(batches)), len(batches) - 1)
    n_train = len(batches) - n_validation
    train, validation = batches[:n_train], batches[n_train:]
    sizes = [sum(len(b["input_ids"]) for b in part) for part in (train, validation)]
    return Split(lambda epoch: iter(train), n_train, sizes[0], validation, sizes[1])


def shifted(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, their next tokens, and a mask of 1 where neither is padding."""
    ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
    return ids[:, :-1], ids[:, 1:], mask[:, :-1] * mask[:, 1:]


def _split_rows(loader: DataLoader[Any], share: float, seed: int) -> Split:
    dataset: Any = loader.dataset
    n, size = len(dataset), loader.batch_size or 1
    if n == 0:
        raise ValueError("the loader's dataset is empty")
    n_validation = min(round(share * n), n - 1)
    shuffled = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    validation = shuffled[:n_validation].sort().values
    kept = shuffled[n_validation:].sort().values

    def batches(rows: Tensor) -> Iterator[Batch]:
        for part in rows.split(size):
            yield loader.collate_fn([dataset[i] for i in part.tolist()])

    def train(epoch: int) -> Iterator[Batch]:
        if not isinstance(loader.sampler, RandomSampler):
            return batches(kept)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        return batches(kept[torch.randperm(len(kept), generator=generator)])

    n_batches = math.ceil(len(kept) / size)
    validation_batches = list(batches(validation)) if n_validation else []
    return Split(train, n_batches, len(kept), validation_batches, n_validation)


def _read_text(path: Path) -> Iterator[str]:
    yield from path.read_text(encoding="utf-8").splitlines()


def _read_json(path: Path) -> Iterator[str]:
    content = path.read_text(encoding="utf-8")
    try:
        records = json.loads(content)
        records = records if isinstance(records, list) else [records]
    except json.JSONDecodeError:
        try:
            records = [json.loads(line) for line in content.splitlines() if line.strip()]
        except json.JSONDecodeError as error:
            raise ValueError(f"{str(path)!r} is not JSON, nor JSON lines ({error})") from None
    for place, record in enumerate(records):
        text = record.get("text") if isinstance(record, dict) else record
        if not isinstance(text, str):
            raise ValueError(f"{str(path)!r}: record {place} is not a text and has no 'text'")
        yield text


def _read_csv(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        column = _text_column(path, rows.fieldnames or [])
        yield from (row[column] or "" for row in rows)


def _read_parquet(path: Path) -> Iterator[str]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise ImportError("Parquet files need pyarrow: pip install pyarrow") from error
    try:
        table = parquet.read_table(path)
    except ArrowInvalid as error:
        raise ValueError(f"{str(path)!r} is not a Parquet file ({error})") from None
    column = table.column(_text_column(path, table.column_names))
    yield from (text for text in column.to_pylist() if isinstance(text, str))


def _text_column(path: Path, columns: Sequence[str]) -> str:
    if "text" in columns:
        return "text"
    if len(columns) == 1:
        return columns[0]
    raise ValueError(f"{str(path)!r} has no column 'text' among {', '.join(map(str, columns))}")


_READERS = {"text": _read_text, "json": _read_json, "csv": _read_csv, "parquet": _read_parquet}
