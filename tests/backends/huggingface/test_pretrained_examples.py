"""Examples of LoRA, quantization and serialization from the scikit-learn document.

Its model "gpt2-large" is a folder with a tiny model here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")

from tabwidget import (
    GenerationConfig,
    JSONSerializer,
    KeyValueSerializer,
    LanguageModelClassifier,
    LoRAConfig,
    ModelConfig,
    SpacedDigits,
    TabularLanguageModel,
    TrainingConfig,
)
from tabwidget.backends import HFBackend
from tests.backends.text.fakes import save_tiny

SPECIES = ["setosa", "versicolor", "virginica"]
BRIEF = TrainingConfig(max_steps=2, batch_size=4)


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def iris() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kinds = rng.integers(3, size=24)
    return pd.DataFrame(
        {
            "petal length (cm)": (1.4 + 2 * kinds + rng.normal(0, 0.2, 24)).round(1),
            "petal width (cm)": (0.2 + kinds * 0.9).round(1),
            "species": np.array(SPECIES)[kinds],
        }
    )


@pytest.mark.parametrize("backend", ["auto", "huggingface"])
def test_lora_and_model_loading(iris: pd.DataFrame, backend: str) -> None:
    pytest.importorskip("hqq", reason="the extra 'quant' is not installed")
    save_tiny(Path("gpt2-large"))
    clf = LanguageModelClassifier(
        backend=backend,
        model="gpt2-large",
        lora=LoRAConfig(rank=16, alpha=32, dropout=0.0),  # None = full-weight fine-tune
        quantization="4bit",  # "4bit" | "8bit" | None
        precision="bf16",  # "fp32" | "bf16" | "fp16"
        device="auto",  # "cuda" | "mps" | "cpu" | "auto"
        tokenizer=None,
        trust_remote_code=False,
        attn_implementation=None,  # e.g. "flash_attention_2"
        training=BRIEF,
        random_state=0,
    )
    clf.fit(iris.drop(columns="species"), iris["species"])
    assert clf.lm_.backend_.name == "huggingface"
    assert all("lora_" in name for name in clf.lm_.backend_.state()[1])
    found = clf.predict_proba(iris.drop(columns="species"))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_the_shared_core(iris: pd.DataFrame) -> None:
    save_tiny(Path("distilgpt2"))
    lm = TabularLanguageModel(
        backend=HFBackend(),
        serializer=JSONSerializer(),
        training=BRIEF,
        model_config=ModelConfig(model="distilgpt2"),
        random_state=0,
    ).fit(iris)
    found = lm.predict_proba(
        {"petal length (cm)": 1.4, "petal width (cm)": 0.2}, "species", list(SPECIES)
    )
    assert found.sum() == pytest.approx(1.0)
    row = lm.complete({"species": "setosa"}, ["petal length (cm)"], GenerationConfig())
    assert row["species"] == "setosa"
    assert isinstance(row["petal length (cm)"], float)


@pytest.mark.parametrize(
    "serializer",
    [
        KeyValueSerializer(number=SpacedDigits(max_decimals=2)),
        KeyValueSerializer(key_value_separator=" is ", pair_separator=";"),
        "bracket",
    ],
    ids=["spaced digits", "separators", "bracket"],
)
def test_serialization(iris: pd.DataFrame, serializer: Any) -> None:
    save_tiny(Path("distilgpt2"))
    clf = LanguageModelClassifier(model="distilgpt2", serializer=serializer, training=BRIEF)
    clf.fit(iris.drop(columns="species"), iris["species"])
    assert set(clf.predict(iris.drop(columns="species"))) <= set(SPECIES)


def test_settings_of_the_training_mechanism(iris: pd.DataFrame) -> None:
    save_tiny(Path("distilgpt2"))
    training = TrainingConfig(
        epochs=1,  # passes over the rows
        batch_size=16,
        learning_rate="auto",  # lower for all weights than for adapters; or pass a float
        lr_scheduler="cosine",  # "constant" | "linear" | "cosine"
        augmentation_factor=2,  # distinct column orders emitted per row each epoch
        loss_on_target_only=True,  # supervise only the target column(s), not the context
    )
    clf = LanguageModelClassifier(model="distilgpt2", training=training)
    clf.fit(iris.drop(columns="species"), iris["species"])
    assert set(clf.lm_.state.column_losses) == {"species"}
