from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tabwidget.errors import ConfigError, MissingExtraError
from tabwidget.textclass.config import ModelSection
from tabwidget.textclass.data import Labels
from tabwidget.textclass.loading import LabelModel, load, restore
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import MULTI, SINGLE, save_tiny_encoder

TEXTS = ["an apple", "a boat and a cloud, and then some more words", "", "</s> is text"]


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("decoder"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder"))


def section(model: Path, **keys: object) -> ModelSection:
    return ModelSection.model_validate({"model_name": str(model), "device": "cpu", **keys})


def perturbed(model: LabelModel) -> LabelModel:
    """Change the trained weights."""
    with torch.no_grad():
        for weight in model.model.parameters():
            if weight.requires_grad:
                weight += 0.1 * torch.randn_like(weight)
    return model


def test_probabilities_do_not_depend_on_the_batch_or_order(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    together = model.probabilities(TEXTS, 4)
    alone = np.concatenate([model.probabilities([text], 1) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(model.probabilities(TEXTS[::-1], 3)[::-1], together, atol=1e-6)


def test_single_label_probabilities_sum_to_one(decoder: Path) -> None:
    found = load(section(decoder), SINGLE, max_length=64, seed=0).probabilities(TEXTS, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_no_texts_have_no_probabilities(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    assert model.probabilities([], 4).shape == (0, 3)


def test_decoder_is_padded_with_an_existing_token(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    assert model.tokenizer.pad_token == "</s>"
    assert model.tokenizer.pad_token_id == model.model.config.pad_token_id
    assert len(model.tokenizer) == model.model.config.vocab_size


def test_name_of_a_special_token_is_encoded_as_text(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    [ids] = model.encode(["</s>"])
    assert model.tokenizer.eos_token_id not in ids
    assert model.encode([""]) == [[model.tokenizer.pad_token_id]]


def test_texts_are_truncated_to_the_models_limit(decoder: Path, encoder: Path) -> None:
    long = "apple " * 400
    assert len(load(section(decoder), MULTI, max_length=10, seed=0).encode([long])[0]) == 10
    assert len(load(section(encoder), MULTI, max_length=1024, seed=0).encode([long])[0]) == 16


def test_seed_determines_head_and_adapters_only(decoder: Path) -> None:
    def weights(seed: int) -> dict[str, torch.Tensor]:
        model = load(section(decoder), MULTI, max_length=64, seed=seed).model
        return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, again, other = weights(1), weights(1), weights(2)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any("score" in name and not torch.equal(one[name], other[name]) for name in one)
    assert all("lora_" in name or "score" in name for name in one)


@pytest.mark.parametrize("labels", [MULTI, SINGLE])
@pytest.mark.parametrize("rank", [4, 0])
@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_saved_model_answers_the_same(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, rank: int, labels: Labels
) -> None:
    config = section(request.getfixturevalue(kind), lora_r=rank)
    model = perturbed(load(config, labels, max_length=64, seed=3))
    model.save(tmp_path)
    back = restore(tmp_path, config, labels, max_length=64)
    np.testing.assert_array_equal(back.probabilities(TEXTS, 2), model.probabilities(TEXTS, 2))
    assert (tmp_path / "adapter_model.safetensors").exists() == bool(rank)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".bin", ".pt", ".md")]


def test_new_pooling_layer_of_an_encoder_is_trained_and_saved(encoder: Path) -> None:
    model = load(section(encoder), MULTI, max_length=16, seed=0).model
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert any("pooler" in name for name in trained)
    assert any("classifier" in name for name in trained)


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_four_bits_by_hqq(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("hqq", reason="the extra 'quant' is not installed")
    config = section(request.getfixturevalue(kind), use_4bit=True)
    model = perturbed(load(config, MULTI, max_length=16, seed=0))
    quantized = [n for n, m in model.model.named_modules() if type(m).__name__ == "HQQLinear"]
    assert quantized
    assert not [name for name in quantized if "score" in name or "classifier" in name]
    model.save(tmp_path)
    back = restore(tmp_path, config, MULTI, max_length=16)
    np.testing.assert_array_equal(back.probabilities(TEXTS, 2), model.probabilities(TEXTS, 2))


def test_missing_quantization_library_is_an_error_with_the_fix(
    decoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hqq", None)
    with pytest.raises(MissingExtraError, match=r"'hqq'.*model\.use_4bit: false"):
        load(section(decoder, bits=4), MULTI, max_length=16, seed=0)


def test_half_precision_model_is_trained_in_fp32_and_saved(decoder: Path, tmp_path: Path) -> None:
    config = section(decoder, torch_dtype="bfloat16")
    model = perturbed(load(config, MULTI, max_length=64, seed=0))
    dtypes = {w.dtype for w in model.model.parameters() if w.requires_grad}
    assert dtypes == {torch.float32}  # smaller dtypes would round small steps away
    model.save(tmp_path)
    back = restore(tmp_path, config, MULTI, max_length=64)
    np.testing.assert_array_equal(back.probabilities(TEXTS, 2), model.probabilities(TEXTS, 2))


def test_fp16_on_a_cpu_is_refused(decoder: Path) -> None:
    with pytest.raises(ConfigError, match="'float32' or 'bfloat16'"):
        load(section(decoder, torch_dtype="float16"), MULTI, max_length=64, seed=0)


def test_missing_target_modules_are_an_error_that_lists_the_linear_layers(decoder: Path) -> None:
    with pytest.raises(ConfigError, match=r"lora_target_modules.*c_attn.*q_proj"):
        load(section(decoder, lora_target_modules=["c_attn"]), MULTI, max_length=64, seed=0)


@pytest.mark.parametrize("modules", [["q_proj", "v_proj"], r".*\.(q|v)_proj"])
def test_target_modules_are_adapted(decoder: Path, modules: object) -> None:
    model = load(section(decoder, lora_target_modules=modules), MULTI, max_length=64, seed=0).model
    adapted = {name.split(".lora_")[0] for name, _ in model.named_parameters() if "lora_" in name}
    assert {name.rpartition(".")[2] for name in adapted} == {"q_proj", "v_proj"}


def test_tokenizer_without_special_tokens_is_refused(decoder: Path, tmp_path: Path) -> None:
    for path in decoder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    for name in ("eos_token", "bos_token", "unk_token", "pad_token"):
        settings.pop(name, None)
    path.write_text(json.dumps(settings))
    with pytest.raises(ConfigError, match="pad_token"):
        load(section(tmp_path), MULTI, max_length=64, seed=0)


def test_saved_head_for_other_labels_is_replaced(decoder: Path, tmp_path: Path) -> None:
    model = load(section(decoder, lora_r=0), MULTI, max_length=64, seed=0)
    model.save(tmp_path)
    two = Labels(("yes", "no"), multi=False)
    found = load(section(tmp_path), two, max_length=64, seed=0).probabilities(TEXTS, 4)
    assert found.shape == (4, 2)


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        load(section(tmp_path / "nothing"), MULTI, max_length=64, seed=0)


def test_hub_token_is_set_while_loading(decoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "mine")
    load(section(decoder, hf_token="other"), MULTI, max_length=64, seed=0)
    assert os.environ["HF_TOKEN"] == "mine"
