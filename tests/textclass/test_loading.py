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
from tests.backends.text.tiny import save_tiny
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


def moved(model: LabelModel) -> LabelModel:
    """Change the weights that are trained, as training does."""
    with torch.no_grad():
        for weight in model.model.parameters():
            if weight.requires_grad:
                weight += 0.1 * torch.randn_like(weight)
    return model


def test_probabilities_do_not_depend_on_company_or_order(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    together = model.probabilities(TEXTS, 4)
    alone = np.concatenate([model.probabilities([text], 1) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(model.probabilities(TEXTS[::-1], 3)[::-1], together, atol=1e-6)


def test_probabilities_of_labels_that_exclude_each_other_sum_to_one(decoder: Path) -> None:
    found = load(section(decoder), SINGLE, max_length=64, seed=0).probabilities(TEXTS, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_no_texts_have_no_probabilities(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    assert model.probabilities([], 4).shape == (0, 3)


def test_decoder_is_padded_without_a_token_more(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    assert model.tokenizer.pad_token == "</s>"
    assert model.tokenizer.pad_token_id == model.model.config.pad_token_id
    assert len(model.tokenizer) == model.model.config.vocab_size


def test_name_of_a_special_token_is_text(decoder: Path) -> None:
    model = load(section(decoder), MULTI, max_length=64, seed=0)
    [ids] = model.encode(["</s>"])
    assert model.tokenizer.eos_token_id not in ids
    assert model.encode([""]) == [[model.tokenizer.pad_token_id]]


def test_texts_are_cut_to_what_the_model_reads(decoder: Path, encoder: Path) -> None:
    long = "apple " * 400
    assert len(load(section(decoder), MULTI, max_length=10, seed=0).encode([long])[0]) == 10
    assert len(load(section(encoder), MULTI, max_length=1024, seed=0).encode([long])[0]) == 16


def test_seed_makes_head_and_adapters_and_nothing_else(decoder: Path) -> None:
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
    model = moved(load(config, labels, max_length=64, seed=3))
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
    model = moved(load(config, MULTI, max_length=16, seed=0))
    few = [n for n, m in model.model.named_modules() if type(m).__name__ == "HQQLinear"]
    assert few
    assert not [name for name in few if "score" in name or "classifier" in name]
    model.save(tmp_path)
    back = restore(tmp_path, config, MULTI, max_length=16)
    np.testing.assert_array_equal(back.probabilities(TEXTS, 2), model.probabilities(TEXTS, 2))


def test_bits_without_a_library_name_the_line_that_turns_them_off(
    decoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hqq", None)
    with pytest.raises(MissingExtraError, match=r"'hqq'.*model\.use_4bit: false"):
        load(section(decoder, bits=4), MULTI, max_length=16, seed=0)


def test_half_precision_computes_and_is_saved(decoder: Path, tmp_path: Path) -> None:
    config = section(decoder, torch_dtype="bfloat16")
    model = moved(load(config, MULTI, max_length=64, seed=0))
    dtypes = {w.dtype for w in model.model.parameters() if w.requires_grad}
    assert dtypes == {torch.float32}  # small steps of training would be lost in fewer digits
    model.save(tmp_path)
    back = restore(tmp_path, config, MULTI, max_length=64)
    np.testing.assert_array_equal(back.probabilities(TEXTS, 2), model.probabilities(TEXTS, 2))


def test_fp16_on_a_cpu_is_refused(decoder: Path) -> None:
    with pytest.raises(ConfigError, match="'float32' or 'bfloat16'"):
        load(section(decoder, torch_dtype="float16"), MULTI, max_length=64, seed=0)


def test_layers_that_are_not_there_are_told_with_those_that_are(decoder: Path) -> None:
    with pytest.raises(ConfigError, match=r"lora_target_modules.*c_attn.*q_proj"):
        load(section(decoder, lora_target_modules=["c_attn"]), MULTI, max_length=64, seed=0)


@pytest.mark.parametrize("asked", [["q_proj", "v_proj"], r".*\.(q|v)_proj"])
def test_layers_that_are_asked_for_are_adapted(decoder: Path, asked: object) -> None:
    model = load(section(decoder, lora_target_modules=asked), MULTI, max_length=64, seed=0).model
    adapted = {name.split(".lora_")[0] for name, _ in model.named_parameters() if "lora_" in name}
    assert {name.rpartition(".")[2] for name in adapted} == {"q_proj", "v_proj"}


def test_tokenizer_without_an_end_is_refused(decoder: Path, tmp_path: Path) -> None:
    for path in decoder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    about = tmp_path / "tokenizer_config.json"
    told = json.loads(about.read_text())
    for name in ("eos_token", "bos_token", "unk_token", "pad_token"):
        told.pop(name, None)
    about.write_text(json.dumps(told))
    with pytest.raises(ConfigError, match="pad_token"):
        load(section(tmp_path), MULTI, max_length=64, seed=0)


def test_head_for_other_labels_is_made_anew(decoder: Path, tmp_path: Path) -> None:
    model = load(section(decoder, lora_r=0), MULTI, max_length=64, seed=0)
    model.save(tmp_path)
    two = Labels(("yes", "no"), multi=False)
    found = load(section(tmp_path), two, max_length=64, seed=0).probabilities(TEXTS, 4)
    assert found.shape == (4, 2)


def test_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        load(section(tmp_path / "nothing"), MULTI, max_length=64, seed=0)


def test_token_is_for_loading_only(decoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "mine")
    load(section(decoder, hf_token="other"), MULTI, max_length=64, seed=0)
    assert os.environ["HF_TOKEN"] == "mine"
