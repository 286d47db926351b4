"""Loading, quantizing and adapting models by transformers."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")
from transformers import AutoModelForCausalLM

from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.loading import Placement, load, quantization_methods
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError
from tabwidget.events import EvalReport
from tests.backends.huggingface.fakes import LORA, fitted, scoring_model_of
from tests.backends.text.fakes import save_tiny, weights_of


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
def test_other_kinds_of_adapters(tiny: Path, lora: LoRAConfig) -> None:
    arrays = weights_of(fitted(tiny, lora=lora, max_steps=1)[0])
    if lora.rank_pattern:
        ranks = {array.shape[0] for name, array in arrays.items() if "lora_A" in name}
        assert ranks == {2, 3}
    else:
        assert any("magnitude" in name for name in arrays)


@pytest.mark.parametrize("bits", [2, 8])
def test_adapters_of_quantized_weights(tiny: Path, bits: int) -> None:
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
def test_adapters_of_quantized_weights_on_a_gpu(tmp_path: Path, bits: int) -> None:
    pytest.importorskip("bitsandbytes", reason="the extra 'quant' is not installed")
    config = ModelConfig(
        model=str(save_tiny(tmp_path, width=64)), lora=LORA, quantization=f"{bits}bit"
    )
    backend, events = fitted(tmp_path, HFBackend(config), max_steps=3)
    layer = scoring_model_of(backend).model.get_submodule("model.layers.0.self_attn.q_proj")
    assert type(layer.base_layer).__module__.startswith("bitsandbytes")
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


def test_a_missing_target_module_is_an_error(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="LoRAConfig does not fit"):
        fitted(tiny, lora=LoRAConfig(target_modules=["c_attn"]))


def test_a_loaded_model_is_not_changed_by_a_fit(tiny: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    for given in (model, lambda: AutoModelForCausalLM.from_pretrained(tiny)):
        backend = HFBackend(ModelConfig(model=given, tokenizer=str(tiny)))
        fitted(tiny, backend, max_steps=1)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight, before[name])


def test_a_missing_folder_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"no folder './nowhere/model'.*save_pretrained"):
        load(ModelConfig(model="./nowhere/model"))


def test_a_folder_without_a_model_is_an_error_that_lists_the_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be loaded.*config\.json"):
        load(ModelConfig(model=str(tmp_path)))


def test_quantized_weights_need_adapters(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"give lora=LoRAConfig\(\)"):
        load(ModelConfig(model=str(tiny), quantization="4bit"))


def test_full_fine_tuning_is_in_fp32(tiny: Path) -> None:
    config = ModelConfig(model=str(tiny), precision="bf16", device="cpu")
    assert load(config).model.dtype == torch.float32
    assert load(config, trainable=False).model.dtype == torch.bfloat16


def test_placement_options_depend_on_training_and_method() -> None:
    cpu = torch.device("cpu")
    placement = Placement(cpu, torch.bfloat16)
    assert placement.options(full=False) == {"dtype": torch.bfloat16}
    assert placement.options(full=True) == {"dtype": torch.float32}
    by_hqq = Placement(cpu, torch.bfloat16, QuantizationConfig(bits=4), "hqq")
    assert by_hqq.options(full=False) == {"dtype": torch.bfloat16}


def test_placement_loads_onto_the_device_by_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", ModuleType("bitsandbytes"))
    cuda = torch.device("cuda")
    found = Placement(cuda, torch.float16, QuantizationConfig(bits=4), "bitsandbytes").options(
        full=False
    )
    assert found["device_map"] == {"": cuda}
    assert found["quantization_config"].bnb_4bit_compute_dtype == torch.float16


@pytest.mark.parametrize(
    ("bits", "device", "methods"),
    [
        (4, "cuda", ["bitsandbytes", "hqq"]),
        (8, "cuda", ["bitsandbytes", "hqq"]),
        (3, "cuda", ["hqq"]),
        (8, "cpu", ["hqq"]),
    ],
)
def test_bitsandbytes_is_preferred_where_it_runs(
    bits: int, device: str, methods: list[str]
) -> None:
    assert quantization_methods(bits, torch.device(device)) == methods


def test_unsupported_bits_are_an_error(tiny: Path) -> None:
    config = ModelConfig(model=str(tiny), lora=LORA, quantization=QuantizationConfig(bits=6))
    with pytest.raises(ConfigError, match="'huggingface' has no 6-bit weights"):
        load(config)
