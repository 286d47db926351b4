"""The MLX backend, on tiny random models; test_parity.py has what all text backends do."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")

import mlx.core as mx
import mlx.nn as nn
import mlx_lm
from mlx.utils import tree_flatten
from mlx_lm.models.cache import load_prompt_cache, save_prompt_cache

from tabwidget.backends.mlx import MLXBackend
from tabwidget.backends.mlx.loading import load
from tabwidget.backends.mlx.scoring_model import MLXScoringModel
from tabwidget.backends.mlx.training import _checkpointing
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.events import EvalReport, FitEnd
from tabwidget.serializers.base import JSONSerializer
from tabwidget.table import Table
from tests.backends.text.fakes import (
    fit,
    rows_of,
    save_tiny,
    scoring_model_of,
    tokens_of,
    toy,
    weights_of,
)

LORA = LoRAConfig(rank=4, alpha=8)
TEXT = '{"letter": "a", "number": '


@pytest.fixture(scope="module")
def tuned(tiny: Path) -> MLXBackend:
    """Return a backend with trained adapters."""
    backend = backend_of(tiny, lora=LORA)
    fit(backend, max_steps=4, learning_rate=3e-2)
    return backend


def backend_of(folder: Path, **model: Any) -> MLXBackend:
    return MLXBackend(ModelConfig(model=str(folder), **model))


def mlx_scoring_model_of(backend: MLXBackend) -> MLXScoringModel:
    scorer = scoring_model_of(backend)
    assert isinstance(scorer, MLXScoringModel)
    return scorer


def logits(model: Any, tokenizer: Any) -> Any:
    """Return a model's next-token logits of a text."""
    return np.array(model(mx.array([tokenizer.encode(TEXT)]))[0].astype(mx.float32))


def own_logits(backend: MLXBackend) -> Any:
    scorer = mlx_scoring_model_of(backend)
    return logits(scorer.model, scorer.mlx_tokenizer)


def types_of(backend: MLXBackend) -> set[str]:
    return {type(module).__name__ for module in mlx_scoring_model_of(backend).model.modules()}


# Scores


def test_log_probabilities_are_those_of_transformers(tiny: Path) -> None:
    pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    backend = backend_of(tiny)
    fit(backend, max_steps=1, learning_rate=1e-12)
    ids = tokens_of(backend).row(rows_of(toy())[1], [2, 0, 3, 1]).ids
    with torch.no_grad():
        there = AutoModelForCausalLM.from_pretrained(tiny)(torch.tensor(ids[None])).logits[0]
    at = np.arange(len(ids) - 1)
    expected = there.log_softmax(1)[at, ids[1:]]
    found = scoring_model_of(backend).token_log_probabilities(ids[None], at, ids[1:])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_rotary_settings_of_transformers_5_are_read(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    config = (folder / "config.json").read_text(encoding="utf-8")
    assert '"rope_theta": 10000.0' in config
    (folder / "config.json").write_text(
        config.replace('"rope_theta": 10000.0', '"rope_theta": 50.0'), encoding="utf-8"
    )
    model = load(ModelConfig(model=str(folder))).model
    assert model.layers[0].self_attn.rope.base == 50.0


def test_a_sliding_window_applies_in_a_trie(tiny: Path) -> None:
    far, tokenizer = mlx_lm.load(str(tiny))
    far.args.sliding_window = 4
    far.args.layer_types = ["full_attention", "sliding_attention"]
    near = type(far)(far.args)
    near.update(far.parameters())
    backend = MLXBackend(ModelConfig(model=(near, tokenizer)))
    fit(backend, max_steps=1)
    assert scoring_model_of(backend).tree_attention
    rows, targets = rows_of(toy())[:3], np.array([0, 1, 2])
    found = backend.predict(rows, targets).probabilities
    scoring_model_of(backend).tree_attention = False
    expected = backend.predict(rows, targets).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_model_with_other_positions_has_no_tree_attention(tiny: Path) -> None:
    def without_rope() -> Any:
        model, tokenizer = mlx_lm.load(str(tiny))
        model.layers[0].self_attn.rope = lambda x, offset=0: x * float(offset + 1)
        return model, tokenizer

    with pytest.warns(UserWarning, match="does not support tree attention"):
        fit(MLXBackend(ModelConfig(model=without_rope)), max_steps=1)


# Fits


@pytest.mark.parametrize(
    ("settings", "unused"),
    [
        ({"optimizer": "adafactor"}, ""),
        ({"optimizer": "lion", "learning_rate": 1e-3}, ""),
        ({"optimizer": "sgd"}, ""),
        ({"gradient_checkpointing": True}, ""),
        ({"optimizer": "muon"}, "optimizer"),
        ({"neftune_noise_alpha": 5.0}, "neftune_noise_alpha"),
    ],
    ids=str,
)
def test_settings_are_honored_or_raise_a_warning(
    tiny: Path, settings: dict[str, Any], unused: str, recwarn: pytest.WarningsRecorder
) -> None:
    events = fit(backend_of(tiny, lora=LORA), max_steps=5, **settings)
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]
    named = [str(w.message) for w in recwarn if "no effect" in str(w.message)]
    assert len(named) == bool(unused)
    assert all(unused in message for message in named)


def test_a_precision_has_no_effect_if_all_weights_are_trained(tiny: Path) -> None:
    with pytest.warns(UserWarning, match="precision='bf16' has no effect"):
        fit(backend_of(tiny, precision="bf16"), max_steps=1)


def test_gradient_checkpointing_gives_the_same_weights(tiny: Path) -> None:
    found = []
    for enabled in (False, True):
        backend = backend_of(tiny, lora=LORA)
        fit(backend, max_steps=3, gradient_checkpointing=enabled, learning_rate=1e-3)
        kind = type(mlx_scoring_model_of(backend).model.layers[0])
        assert kind.__call__.__qualname__ == "TransformerBlock.__call__"
        found.append(weights_of(backend))
    for name, weight in found[0].items():
        np.testing.assert_allclose(found[1][name], weight, atol=1e-4)


def test_gradient_checkpointing_repeats_the_dropout_masks(tiny: Path) -> None:
    backend = backend_of(tiny, lora=LoRAConfig(rank=4, alpha=8, dropout=0.5))
    fit(backend, learning_rate=3e-2)
    scorer = mlx_scoring_model_of(backend)
    ids = mx.array([scorer.tokenizer.encode(TEXT)])
    value_and_grad = nn.value_and_grad(scorer.model, lambda: scorer.model(ids)[0, :, 5].sum())

    def run() -> tuple[float, Any]:
        with _checkpointing(scorer.model, (0,)):
            scorer.model.train()
            value, gradients = value_and_grad()
            mx.eval(value, gradients)
            return value.item(), gradients

    before, (_, gradients) = weights_of(backend), run()
    slopes = {name: np.array(slope) for name, slope in tree_flatten(gradients)}
    length = np.sqrt(sum((slope**2).sum() for slope in slopes.values()))
    values = []
    for step in (-1e-3, 1e-3):
        scorer.load_weights({name: w + step * slopes[name] / length for name, w in before.items()})
        values.append(run()[0])
    assert (values[1] - values[0]) / 2e-3 == pytest.approx(length, rel=0.02)


def test_accumulated_batches_equal_one_batch(tiny: Path) -> None:
    found = []
    accumulated: dict[str, Any] = {"batch_size": 27, "grad_accumulation_steps": 2}
    for settings in ({"batch_size": 54}, accumulated):
        backend = backend_of(tiny, lora=LORA)
        fit(backend, max_steps=1, optimizer="sgd", learning_rate=1e-2, **settings)
        found.append(weights_of(backend))
    for name, weight in found[0].items():
        np.testing.assert_allclose(found[1][name], weight, atol=1e-6)


def test_dropout_depends_on_the_seed_and_preserves_the_random_state(tiny: Path) -> None:
    lora = LoRAConfig(rank=4, alpha=8, dropout=0.5)
    found: list[dict[str, Any]] = []
    for _ in range(2):
        backend = backend_of(tiny, lora=lora)
        mx.random.seed(len(found))
        before = np.array(mx.random.uniform(shape=(3,)))
        mx.random.seed(len(found))
        fit(backend)
        np.testing.assert_array_equal(np.array(mx.random.uniform(shape=(3,))), before)
        found.append(weights_of(backend))
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])


def test_a_model_trained_in_a_thread_answers_in_another(tiny: Path) -> None:
    backend = backend_of(tiny, lora=LORA)
    training = threading.Thread(target=fit, args=(backend,))
    training.start()
    training.join()
    found = backend.predict(rows_of(toy())[:2], np.array([0, 1])).probabilities
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert backend.generate(TEXT, max_tokens=3)


# Adapters and quantization


def test_only_adapters_are_trained_and_saved(tiny: Path, tuned: MLXBackend) -> None:
    assert all("lora_" in name for name in weights_of(tuned))
    layer = mlx_scoring_model_of(tuned).model.layers[0].self_attn.q_proj
    model, _ = mlx_lm.load(str(tiny))
    same = mx.array_equal(layer.linear.weight, model.layers[0].self_attn.q_proj.weight)
    assert same.item()
    content, arrays = tuned.state()
    again = MLXBackend()
    again.restore(toy().schema.inputs, content, arrays)
    np.testing.assert_allclose(own_logits(again), own_logits(tuned), atol=1e-5)


def test_the_head_gets_no_adapter_unless_it_is_named(tiny: Path) -> None:
    backend = backend_of(tiny, lora=LORA)
    fit(backend, max_steps=1)
    assert not any("lm_head" in name for name in weights_of(backend))
    backend = backend_of(tiny, lora=LoRAConfig(rank=2, target_modules=["lm_head", "embed_tokens"]))
    fit(backend, max_steps=1)
    names = {name.rsplit(".", 1)[0] for name in weights_of(backend)}
    assert names == {"lm_head", "model.embed_tokens"}


@pytest.mark.parametrize(
    ("lora", "scale"), [(LORA, 2.0), (LoRAConfig(rank=4, alpha=8, rslora=True), 4.0)], ids=str
)
def test_alpha_scales_an_adapter(tiny: Path, lora: LoRAConfig, scale: float) -> None:
    backend = backend_of(tiny, lora=lora)
    fit(backend, max_steps=1)
    assert mlx_scoring_model_of(backend).model.layers[0].self_attn.q_proj.scale == scale


def test_a_missing_target_module_is_an_error(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"no modules c_attn; .*q_proj"):
        fit(backend_of(tiny, lora=LoRAConfig(target_modules=["c_attn"])))


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_adapters_of_quantized_weights(tiny: Path, bits: int, dora: bool) -> None:
    lora = LoRAConfig(rank=4, alpha=8, dora=dora)
    backend = backend_of(tiny, lora=lora, quantization=f"{bits}bit")
    events = fit(backend, max_steps=5)
    assert {"QuantizedLinear", "QuantizedEmbedding"} <= types_of(backend)
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("bits", [3, 6])
def test_bits_that_dora_does_not_support(tiny: Path, bits: int) -> None:
    assert isinstance(fit(backend_of(tiny, lora=LORA, quantization=f"{bits}bit"))[-1], FitEnd)
    message = f"dora=True does not support {bits}-bit weights, only 2, 4, 8 bits"
    with pytest.raises(ConfigError, match=message):
        fit(backend_of(tiny, lora=LoRAConfig(dora=True), quantization=f"{bits}bit"))


def test_unsupported_quantizations_are_errors(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give lora=LoRAConfig\(\)"):
        load(ModelConfig(model=str(tiny), quantization="4bit"))
    for config, message in (
        (QuantizationConfig(bits=4, method="hqq"), "no 4-bit weights by method='hqq'"),
        (QuantizationConfig(bits=4, group_size=128), "groups of 128"),
    ):
        with pytest.raises(ConfigError, match=message):
            load(ModelConfig(model=str(tiny), quantization=config, lora=LORA))


@pytest.mark.parametrize("dequantize", [False, True])
def test_adapters_are_trained_on_a_saved_quantized_model(
    tiny: Path, tmp_path: Path, dequantize: bool
) -> None:
    backend = backend_of(tiny, lora=LORA, quantization="8bit")
    fit(backend)
    backend.fuse(tmp_path, dequantize=dequantize)
    saved = logits(*mlx_lm.load(str(tmp_path)))
    # Quantizing again rounds the merged weights.
    np.testing.assert_allclose(saved, own_logits(backend), atol=1e-4 if dequantize else 0.1)
    again = backend_of(tmp_path, lora=LORA)
    fit(again, max_steps=1)
    assert ("QuantizedLinear" in types_of(again)) != dequantize
    size = again.size(toy(), JSONSerializer(), TrainingConfig(max_steps=1))
    model, _ = mlx_lm.load(str(tiny))
    assert size.n_parameters == sum(weight.size for _, weight in tree_flatten(model.parameters()))
    if not dequantize:
        with pytest.raises(ConfigError, match="quantized weights, which cannot be trained"):
            fit(backend_of(tmp_path))


# Saving for mlx-lm


@pytest.mark.parametrize(
    "lora",
    [
        LORA,
        LoRAConfig(rank=4, dora=True),
        LoRAConfig(
            rank=2,
            rank_pattern={"layers.1.self_attn.q_proj": 3},
            alpha_pattern={"v_proj": 5},
            target_modules=["q_proj", "v_proj"],
        ),
        None,
    ],
    ids=["lora", "dora", "patterns", "full"],
)
def test_mlx_lm_loads_saved_adapters_and_fused_models(
    tiny: Path, tmp_path: Path, lora: LoRAConfig | None
) -> None:
    backend = backend_of(tiny, lora=lora)
    fit(backend, learning_rate=1e-2)
    expected = own_logits(backend)
    assert np.abs(logits(*mlx_lm.load(str(tiny))) - expected).max() > 1e-2
    backend.save_adapters(tmp_path / "adapters")
    found = mlx_lm.load(str(tiny), adapter_path=str(tmp_path / "adapters"))
    np.testing.assert_allclose(logits(*found), expected, atol=1e-4)
    backend.fuse(tmp_path / "fused")
    np.testing.assert_allclose(logits(*mlx_lm.load(str(tmp_path / "fused"))), expected, atol=1e-4)
    np.testing.assert_array_equal(own_logits(backend), expected)


def test_saving_before_a_fit_is_an_error(tiny: Path, tmp_path: Path) -> None:
    for save in (backend_of(tiny).fuse, backend_of(tiny).save_adapters):
        with pytest.raises(NotFittedError):
            save(tmp_path)


# Generation


def test_it_generates_as_mlx_lm_does(tiny: Path) -> None:
    model, tokenizer = mlx_lm.load(str(tiny))
    expected = mlx_lm.generate(model, tokenizer, TEXT, max_tokens=12)
    backend = backend_of(tiny)
    assert backend.generate(TEXT, max_tokens=12) == expected
    split_sequences = list(backend.stream_generate(TEXT, max_tokens=12))
    assert "".join(part.text for part in split_sequences) == expected
    assert split_sequences[-1].finish_reason in ("length", "stop")
    assert backend.batch_generate([TEXT, "{"], max_tokens=12)[0] == expected
    assert backend.generate(tokenizer.encode(TEXT), max_tokens=12) == expected


def test_sampling_depends_on_the_seed(tiny: Path) -> None:
    backend = backend_of(tiny)
    options: dict[str, Any] = {
        "temperature": 1.5,
        "top_k": 50,
        "top_p": 0.99,
        "min_p": 0.001,
        "max_tokens": 12,
    }
    one, same, other = (backend.generate(TEXT, seed=seed, **options) for seed in (1, 1, 2))
    assert one == same != other
    together = [backend.batch_generate([TEXT] * 2, seed=1, **options) for _ in range(2)]
    assert together[0] == together[1]


def test_samplers_and_processors_can_be_given(tiny: Path) -> None:
    backend = backend_of(tiny)
    token = mlx_lm.load(str(tiny))[1].encode("Q", add_special_tokens=False)[0]

    def only(tokens: Any, values: Any) -> Any:
        return mx.where(mx.arange(values.shape[-1]) == token, values, -mx.inf)

    assert backend.generate(TEXT, max_tokens=3, logits_processors=[only]) == "QQQ"
    always = lambda values: mx.full(values.shape[:-1], token)  # noqa: E731
    assert backend.generate(TEXT, max_tokens=3, sampler=always) == "QQQ"
    seen = []

    def watch(values: Any) -> Any:
        seen.append(float(values[0, token]))
        return mx.argmax(values, axis=-1)

    for penalty in (None, 1.5):
        backend.generate("QQ", max_tokens=1, repetition_penalty=penalty, sampler=watch)
    assert seen[len(seen) // 2] < seen[0]


def test_a_cached_prompt_is_continued(tiny: Path, tmp_path: Path) -> None:
    backend = backend_of(tiny)
    whole = backend.generate(TEXT + "1", max_tokens=5)
    cache = backend.make_prompt_cache()
    head = mlx_lm.load(str(tiny))[1].encode(TEXT + "1")
    backend.generate(head[:-1], max_tokens=1, prompt_cache=cache)
    for layer in cache:
        layer.trim(layer.offset - len(head) + 1)
    save_prompt_cache(str(tmp_path / "cache.safetensors"), cache)
    again = load_prompt_cache(str(tmp_path / "cache.safetensors"))
    for each in (cache, again):
        assert backend.generate(head[-1:], max_tokens=5, prompt_cache=each) == whole


def test_a_chat_template_is_applied_if_there_is_one(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="no chat template"):
        backend_of(tiny).generate([{"role": "user", "content": "a"}])
    model, tokenizer = mlx_lm.load(str(tiny))
    tokenizer._tokenizer.chat_template = "[{{ messages[0]['content'] }}]"
    pair = (model, mlx_lm.tokenizer_utils.TokenizerWrapper(tokenizer._tokenizer))
    backend = MLXBackend(ModelConfig(model=pair))
    ids = list(tokenizer.encode("[a]", add_special_tokens=False))
    expected = backend.generate(ids, max_tokens=8)
    assert backend.generate("a", max_tokens=8) == expected
    assert backend.generate([{"role": "user", "content": "a"}], max_tokens=8) == expected
    assert backend.generate("[a]", chat=False, max_tokens=8) != backend.generate(
        "[a]", max_tokens=8
    )


def test_it_generates_during_training(tiny: Path) -> None:
    backend = backend_of(tiny, lora=LORA)
    texts: list[str] = []
    ended = threading.Event()

    def generate() -> None:
        while not backend.ready:
            time.sleep(0.01)
        texts.append(backend.generate(TEXT, max_tokens=5))
        ended.set()

    generating = threading.Thread(target=generate)
    generating.start()
    fit(backend, max_steps=2_000, stopped=ended.is_set, lr_scheduler="constant")
    generating.join()
    assert texts


# Loading


def test_a_loaded_model_is_not_changed_by_a_fit(tiny: Path) -> None:
    model, tokenizer = mlx_lm.load(str(tiny))
    before = logits(model, tokenizer)
    for given, own in (((model, tokenizer), None), (model, str(tiny)), (lambda: model, tokenizer)):
        for lora in (None, LORA):
            backend = MLXBackend(ModelConfig(model=given, tokenizer=own, lora=lora))
            fit(backend, learning_rate=1e-2)
            assert np.abs(own_logits(backend) - before).max() > 1e-3
    np.testing.assert_array_equal(logits(model, tokenizer), before)


def test_a_model_without_a_tokenizer_is_an_error(tiny: Path) -> None:
    model, _ = mlx_lm.load(str(tiny))
    with pytest.raises(ConfigError, match="give tokenizer= too"):
        load(ModelConfig(model=model))


def test_missing_models_are_errors_that_name_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no folder './nowhere/model'"):
        load(ModelConfig(model="./nowhere/model"))
    with pytest.raises(ConfigError, match=r"cannot be loaded.*config\.json"):
        load(ModelConfig(model=str(tmp_path)))


def test_a_missing_device_is_an_error(tiny: Path) -> None:
    absent: Any = "cuda" if not mx.cuda.is_available() else "mps"
    with pytest.raises(ConfigError, match=f"no device '{absent}'"):
        load(ModelConfig(model=str(tiny), device=absent))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", mx.float32), ("bf16", mx.bfloat16), ("fp16", mx.float16)]
)
def test_it_computes_in_the_configured_precision(tiny: Path, precision: Any, dtype: Any) -> None:
    backend = backend_of(tiny, lora=LORA, precision=precision)
    events = fit(backend)
    model = mlx_scoring_model_of(backend).model
    assert model(mx.array([[1]])).dtype == dtype
    assert all(weight.dtype == np.float32 for weight in weights_of(backend).values())
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


@pytest.mark.skipif(
    "TABWIDGET_SMOLLM2" not in os.environ, reason="TABWIDGET_SMOLLM2 names no folder"
)
def test_adapters_improve_a_real_model() -> None:
    backend = backend_of(Path(os.environ["TABWIDGET_SMOLLM2"]), lora=LORA)
    table = Table(toy(12).frame[["letter", "coin"]])
    events = fit(backend, table=table, max_steps=3, batch_size=2, learning_rate=1e-3)
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]
    assert backend.generate("Say yes.", max_tokens=4)
