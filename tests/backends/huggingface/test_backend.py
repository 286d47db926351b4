"""What is particular to the Hugging Face model, on tiny random models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")

from transformers import AutoModelForCausalLM

from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.loading import load
from tabwidget.backends.huggingface.scoring_model import HFScoringModel
from tabwidget.backends.huggingface.training import Learner
from tabwidget.backends.text import RowTokens, TextSupport, collated, log_probabilities
from tabwidget.config import LoRAConfig, ModelConfig
from tabwidget.errors import ConfigError
from tabwidget.events import EvalReport, Event, FitEnd
from tabwidget.serializers import (
    BracketSerializer,
)
from tabwidget.table import Table
from tests.backends.text.helpers import fit, rows_of, tokens_of, toy, weights_of
from tests.backends.text.tiny import save_tiny

Floats = np.ndarray[Any, np.dtype[np.float64]]
LORA = LoRAConfig(rank=4, alpha=8)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def fitted(
    folder: Path, backend: HFBackend | None = None, lora: LoRAConfig | None = None, **asked: Any
) -> tuple[HFBackend, list[Event]]:
    backend = backend or HFBackend(ModelConfig(model=str(folder), lora=lora))
    return backend, fit(backend, **asked)


@pytest.fixture(scope="module")
def toy_fit(tiny: Path) -> tuple[HFBackend, list[Event]]:
    return fitted(tiny, targets=("letter",), max_steps=60)


def scoring_model_of(backend: HFBackend) -> HFScoringModel:
    scorer = backend._scorer
    assert isinstance(scorer, HFScoringModel)
    return scorer


def full(scorer: HFScoringModel, ids: tuple[int, ...]) -> torch.Tensor:
    """Return the log-probabilities of every next token, by the whole model."""
    with torch.no_grad():
        logits = scorer.model(input_ids=torch.tensor([ids])).logits[0]
    return logits.float().log_softmax(1)


# Scores


@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_the_trie_says_what_one_full_forward_for_each_candidate_says(
    toy_fit: tuple[HFBackend, list[Event]], target: int
) -> None:
    backend = toy_fit[0]
    scorer, tokens = scoring_model_of(backend), tokens_of(backend)
    assert scorer.by_tree
    rows = rows_of(toy())[:5]
    prompts = [tokens.prompt(row, [2, 0, 3, 1], target) for row in rows]
    sequences = TextSupport.of(tokens, target).sequences[::9]
    found = log_probabilities(scorer, prompts, sequences)
    for prompt, scores in zip(prompts, found, strict=True):
        for sequence, score in zip(sequences, scores, strict=True):
            logs = full(scorer, prompt + sequence)[len(prompt) - 1 : -1]
            told = logs.gather(1, torch.tensor(sequence)[:, None]).sum()
            assert score == pytest.approx(float(told), abs=1e-4)


def test_an_scoring_model_that_scores_wrongly_by_the_trie_says_so_and_does_not(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        HFScoringModel, "_read", lambda self, hidden, at, tokens: np.zeros((2, len(at)))
    )
    with pytest.warns(UserWarning, match="cannot read a trie"):
        scorer = HFScoringModel(load(ModelConfig(model=str(tiny))))
    assert not scorer.by_tree


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_less_precision_says_about_the_same(tiny: Path, lora: LoRAConfig | None) -> None:
    found = []
    for precision in ("fp32", "bf16"):
        config = ModelConfig(model=str(tiny), lora=lora, precision=precision)
        backend, _ = fitted(tiny, HFBackend(config), max_steps=2)
        assert scoring_model_of(backend).by_tree
        found.append(backend.predict(rows_of(toy())[:4], [0, 0, 2, 2]).probabilities)
    np.testing.assert_allclose(found[0], found[1], atol=0.1)


# Losses


def test_the_loss_is_that_of_the_values_and_their_ends_alone(
    toy_fit: tuple[HFBackend, list[Event]],
) -> None:
    scorer, tokens = scoring_model_of(toy_fit[0]), tokens_of(toy_fit[0])
    row = tokens.row(rows_of(toy())[1], [3, 1, 0, 2])
    logs = full(scorer, tuple(row.ids.tolist()))
    told = [-float(logs[i - 1, row.ids[i]]) for i in np.flatnonzero(row.owner >= 0)]
    assert loss_of(scorer, tokens, [row]) == pytest.approx(sum(told) / 4, abs=1e-5)


def loss_of(scorer: HFScoringModel, tokens: RowTokens, rows: list[Any]) -> float:
    made = collated(rows, np.ones(len(tokens.columns)))
    names = ("ids", "at", "labels", "weights", "cells")
    with scorer.computing():
        found = Learner(scorer).eval()(**{name: torch.from_numpy(made[name]) for name in names})
    return float(found["loss"])


# Fits


@pytest.mark.parametrize(
    "training",
    [
        {"grad_accumulation_steps": 2, "lr_scheduler": "cosine", "warmup_ratio": 0.2},
        {"augmentation_factor": 3, "optimizer": "adafactor", "lr_scheduler": "constant"},
        {"gradient_checkpointing": True, "neftune_noise_alpha": 5.0, "label_smoothing": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_settings_are_supported(
    tiny: Path, lora: LoRAConfig | None, training: dict[str, Any], recwarn: Any
) -> None:
    settings = dict(training)
    if "warmup_ratio" in settings:
        settings["warmup_steps"] = 20
    _, events = fitted(tiny, lora=lora, max_steps=3, **settings)
    assert isinstance(events[-1], FitEnd)
    assert not [w for w in recwarn if "no effect" in str(w.message)]


def test_settings_without_effect_are_named(tiny: Path) -> None:
    backend = HFBackend(ModelConfig(model=str(tiny), width=32))
    with pytest.warns(UserWarning, match="muon") as caught:
        fitted(tiny, backend, max_steps=1, optimizer="muon")
    assert any("ModelConfig.width=32 has no effect" in str(w.message) for w in caught)


# Adapters, saving


def test_adapters_alone_are_trained_and_saved(tiny: Path) -> None:
    backend, _ = fitted(tiny, lora=LORA, max_steps=3)
    arrays = weights_of(backend)
    assert all("lora_" in name for name in arrays)
    base = AutoModelForCausalLM.from_pretrained(tiny)
    name = "model.layers.0.self_attn.q_proj"
    tuned = scoring_model_of(backend).model.get_submodule(name).base_layer.weight
    torch.testing.assert_close(tuned, base.get_submodule(name).weight)


@pytest.mark.parametrize(
    "lora",
    [
        LoRAConfig(rank=2, rslora=True, dora=True),
        LoRAConfig(
            rank=2, target_modules=["q_proj"], rank_pattern={"layers.1.self_attn.q_proj": 3}
        ),
    ],
    ids=["rslora and dora", "patterns"],
)
def test_adapters_of_other_kinds(tiny: Path, lora: LoRAConfig) -> None:
    arrays = weights_of(fitted(tiny, lora=lora, max_steps=1)[0])
    if lora.rank_pattern:
        ranks = {array.shape[0] for name, array in arrays.items() if "lora_A" in name}
        assert ranks == {2, 3}
    else:
        assert any("magnitude" in name for name in arrays)


@pytest.mark.parametrize("bits", [2, 8])
def test_adapters_of_weights_in_few_bits(tiny: Path, bits: int) -> None:
    pytest.importorskip("hqq", reason="the extra 'quant' is not installed")
    config = ModelConfig(model=str(tiny), lora=LORA, quantization=f"{bits}bit", device="cpu")
    backend, events = fitted(tiny, HFBackend(config), max_steps=3)
    layer = scoring_model_of(backend).model.get_submodule("model.layers.0.self_attn.q_proj")
    assert type(layer.base_layer).__name__ == "HQQLinear"
    assert all("lora_" in name for name in weights_of(backend))
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("bits", [4, 8])
def test_adapters_of_weights_in_few_bits_on_a_gpu(tmp_path: Path, bits: int) -> None:
    pytest.importorskip("bitsandbytes", reason="the extra 'quant' is not installed")
    config = ModelConfig(
        model=str(save_tiny(tmp_path, width=64)), lora=LORA, quantization=f"{bits}bit"
    )
    backend, events = fitted(tmp_path, HFBackend(config), max_steps=3)
    layer = scoring_model_of(backend).model.get_submodule("model.layers.0.self_attn.q_proj")
    assert type(layer.base_layer).__module__.startswith("bitsandbytes")
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


def test_a_module_that_the_model_lacks_is_an_error(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="LoRAConfig does not fit"):
        fitted(tiny, lora=LoRAConfig(target_modules=["c_attn"]))


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_what_was_saved_answers_the_same(tiny: Path, lora: LoRAConfig | None) -> None:
    table = toy()
    backend, _ = fitted(tiny, lora=lora, serializer=BracketSerializer())
    content, arrays = backend.state()
    again = HFBackend()
    again.restore(table.schema.inputs, content, arrays)
    rows, targets = rows_of(table)[:8], np.arange(8) % 4
    np.testing.assert_array_equal(
        again.predict(rows, targets).probabilities, backend.predict(rows, targets).probabilities
    )


def test_weights_of_another_model_are_an_error(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content, arrays = fitted(tiny, max_steps=1)[0].state()
    other = save_tiny(tmp_path_factory.mktemp("other"), width=16)
    with pytest.raises(ConfigError, match="do not fit"):
        HFBackend(ModelConfig(model=str(other))).restore(toy().schema.inputs, content, arrays)


# Loading


def test_a_loaded_model_is_not_changed_by_a_fit(tiny: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    for given in (model, lambda: AutoModelForCausalLM.from_pretrained(tiny)):
        backend = HFBackend(ModelConfig(model=given, tokenizer=str(tiny)))
        fitted(tiny, backend, max_steps=1)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight, before[name])


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no folder './nowhere/model'.*save_pretrained"):
        load(ModelConfig(model="./nowhere/model"))


def test_a_folder_that_holds_no_model_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be loaded.*config\.json"):
        load(ModelConfig(model=str(tmp_path)))


def test_few_bits_need_adapters(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"give lora=LoRAConfig\(\)"):
        load(ModelConfig(model=str(tiny), quantization="4bit"))


def test_only_a_model_that_is_tuned_is_held_in_full(tiny: Path) -> None:
    config = ModelConfig(model=str(tiny), precision="bf16", device="cpu")
    assert load(config).model.dtype == torch.float32
    assert load(config, tuned=False).model.dtype == torch.bfloat16


def test_rows_that_are_too_long_are_an_error(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokens, more than max_seq_length=10"):
        fitted(tiny, max_seq_length=10)
    with pytest.raises(ConfigError, match="the model reads 20 at most"):
        fitted(save_tiny(tmp_path, length=20))


# Through the model of a table, and for real


@pytest.mark.skipif(
    "TABWIDGET_SMOLLM2" not in os.environ, reason="TABWIDGET_SMOLLM2 names no folder"
)
def test_a_real_model_gets_better_by_adapters() -> None:
    _, events = fitted(
        Path(os.environ["TABWIDGET_SMOLLM2"]),
        lora=LORA,
        table=Table(toy().frame[["letter", "coin"]]),
        max_steps=5,
        learning_rate=1e-3,
    )
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]
