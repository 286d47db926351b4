"""Toy texts whose labels are words in them, and a tiny encoder."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from tabwidget.textclass.config import TextClassConfig
from tabwidget.textclass.data import Labels, Texts

WORDS = ("apple", "boat", "cloud")
MULTI = Labels(WORDS, multi=True)
SINGLE = Labels(WORDS, multi=False)


def toy_texts(n: int, seed: int = 0, *, multi: bool = True) -> Texts:
    """Return texts that contain their labels among uninformative words."""
    rng = random.Random(seed)
    texts, targets = [], []
    for _ in range(n):
        one = rng.randrange(3)
        has = [rng.random() < 0.4 if multi else i == one for i in range(3)]
        words = [word for word, there in zip(WORDS, has, strict=True) if there]
        words += ["so"] * rng.randint(1, 6)
        rng.shuffle(words)
        texts.append(" ".join(words))
        targets.append(has)
    return Texts([f"r{i}" for i in range(n)], texts, np.array(targets))


def write_csv(path: Path, texts: Texts) -> Path:
    """Write texts with a 0/1 column per label; return the path."""
    assert texts.targets is not None
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "text", *WORDS])
        rows = zip(texts.ids, texts.texts, texts.targets.astype(int).tolist(), strict=True)
        writer.writerows([name, text, *labels] for name, text, labels in rows)
    return path


def toy_config(folder: Path, model: Path, /, **sections: dict[str, Any]) -> TextClassConfig:
    """Write toy CSVs to a folder and return their config."""
    train, test = folder / "train.csv", folder / "test.csv"
    write_csv(train, toy_texts(48))
    write_csv(test, toy_texts(20, seed=1))
    values: dict[str, dict[str, Any]] = {
        "data": {
            "dataset_name": "toy",
            "id_column": "uid",
            "train_csv": str(train),
            "test_csv": str(test),
            "val_fraction": 0.25,
            "label_columns": list(WORDS),
            "max_length": 32,
        },
        "model": {"model_name": str(model), "lora_r": 4},
        "train": {
            "num_train_epochs": 2,
            "batch_size": 8,
            "gradient_accumulation_steps": 1,
            "learning_rate": 0.01,
        },
        "exp": {"output_root": str(folder / "outputs")},
    }
    for name, keys in sections.items():
        values[name] |= keys
    return TextClassConfig.of(values)


def save_tiny_encoder(folder: Path) -> Path:
    """Save a tiny BERT without a pooling layer; return its folder."""
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    vocabulary = {word: i for i, word in enumerate([*special, "so", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
    )
    fast.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=16,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForMaskedLM(config).save_pretrained(folder)
    return folder
