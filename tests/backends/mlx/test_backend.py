"""What is particular to the MLX model; what all text models do is in test_text_parity.py."""

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
from tabwidget.backends.mlx.training import _activations_twice
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.events import EvalReport, FitEnd
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table
from tests.backends.text.helpers import (
    fit,
    rows_of,
    scoring_model_of,
    tokens_of,
    toy,
    weights_of,
)
from tests.backends.text.tiny import save_tiny

LORA = LoRAConfig(rank=4, alpha=8)
TEXT = '{"letter": "a", "number": '


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tuned(tiny: Path) -> MLXBackend:
    """Return a model whose adapters have learned something."""
    backend = made(tiny, lora=LORA)
    fit(backend, max_steps=4, learning_rate=3e-2)
    return backend


def made(folder: Path, **model: Any) -> MLXBackend:
    return MLXBackend(ModelConfig(model=str(folder), **model))


def mlx_scorer(backend: MLXBackend) -> MLXScoringModel:
    scorer = scoring_model_of(backend)
    assert isinstance(scorer, MLXScoringModel)
    return scorer


def logits(model: Any, tokenizer: Any) -> Any:
    """Return what a model says after each token of a text."""
    return np.array(model(mx.array([tokenizer.encode(TEXT)]))[0].astype(mx.float32))


def own_logits(backend: MLXBackend) -> Any:
    scorer = mlx_scorer(backend)
    return logits(scorer.model, scorer.mlx_tokenizer)


def types_of(backend: MLXBackend) -> set[str]:
    return {type(module).__name__ for module in mlx_scorer(backend).model.modules()}


# Scores


def test_the_same_weights_say_the_same_here_and_by_transformers(tiny: Path) -> None:
    pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    backend = made(tiny)
    fit(backend, max_steps=1, learning_rate=1e-12)
    ids = tokens_of(backend).row(rows_of(toy())[1], [2, 0, 3, 1]).ids
    with torch.no_grad():
        said = AutoModelForCausalLM.from_pretrained(tiny)(torch.tensor(ids[None])).logits[0]
    expected = said.log_softmax(1)[np.arange(len(ids) - 1), ids[1:]]
    found = scoring_model_of(backend).told(ids[None], np.arange(len(ids) - 1), ids[1:])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_rotary_positions_are_read_as_transformers_5_writes_them(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    config = (folder / "config.json").read_text(encoding="utf-8")
    assert '"rope_theta": 10000.0' in config
    (folder / "config.json").write_text(
        config.replace('"rope_theta": 10000.0', '"rope_theta": 50.0'), encoding="utf-8"
    )
    model = load(ModelConfig(model=str(folder))).model
    assert model.layers[0].self_attn.rope.base == 50.0


def test_a_model_that_sees_few_tokens_back_sees_as_few_in_a_trie(tiny: Path) -> None:
    far, tokenizer = mlx_lm.load(str(tiny))
    far.args.sliding_window = 4
    far.args.layer_types = ["full_attention", "sliding_attention"]
    near = type(far)(far.args)
    near.update(far.parameters())
    backend = MLXBackend(ModelConfig(model=(near, tokenizer)))
    fit(backend, max_steps=1)
    assert scoring_model_of(backend).by_tree
    rows, targets = rows_of(toy())[:3], np.array([0, 1, 2])
    found = backend.predict(rows, targets).probabilities
    scoring_model_of(backend).by_tree = False
    expected = backend.predict(rows, targets).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_model_that_places_tokens_itself_is_run_for_each_sequence(tiny: Path) -> None:
    def unplaced() -> Any:
        model, tokenizer = mlx_lm.load(str(tiny))
        model.layers[0].self_attn.rope = lambda x, offset=0: x * float(offset + 1)
        return model, tokenizer

    with pytest.warns(UserWarning, match="cannot read a trie at once"):
        fit(MLXBackend(ModelConfig(model=unplaced)), max_steps=1)


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
def test_settings_are_supported_or_named(
    tiny: Path, settings: dict[str, Any], unused: str, recwarn: pytest.WarningsRecorder
) -> None:
    events = fit(made(tiny, lora=LORA), max_steps=5, **settings)
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]
    named = [str(w.message) for w in recwarn if "no effect" in str(w.message)]
    assert len(named) == bool(unused)
    assert all(unused in message for message in named)


def test_a_precision_has_no_effect_where_all_weights_are_tuned(tiny: Path) -> None:
    with pytest.warns(UserWarning, match="precision='bf16' has no effect"):
        fit(made(tiny, precision="bf16"), max_steps=1)


def test_activations_computed_twice_give_the_same_weights(tiny: Path) -> None:
    found = []
    for twice in (False, True):
        backend = made(tiny, lora=LORA)
        fit(backend, max_steps=3, gradient_checkpointing=twice, learning_rate=1e-3)
        kind = type(mlx_scorer(backend).model.layers[0])
        assert kind.__call__.__qualname__ == "TransformerBlock.__call__"
        found.append(weights_of(backend))
    for name, weight in found[0].items():
        np.testing.assert_allclose(found[1][name], weight, atol=1e-4)


def test_activations_computed_twice_are_dropped_the_same_both_times(tiny: Path) -> None:
    backend = made(tiny, lora=LoRAConfig(rank=4, alpha=8, dropout=0.5))
    fit(backend, learning_rate=3e-2)
    scorer = mlx_scorer(backend)
    ids = mx.array([scorer.tokenizer.encode(TEXT)])
    learned = nn.value_and_grad(scorer.model, lambda: scorer.model(ids)[0, :, 5].sum())

    def run() -> tuple[float, Any]:
        with _activations_twice(scorer.model, (0,)):
            scorer.model.train()
            value, gradients = learned()
            mx.eval(value, gradients)
            return value.item(), gradients

    before, (_, gradients) = weights_of(backend), run()
    slopes = {name: np.array(slope) for name, slope in tree_flatten(gradients)}
    length = np.sqrt(sum((slope**2).sum() for slope in slopes.values()))
    values = []
    for step in (-1e-3, 1e-3):
        scorer.take({name: w + step * slopes[name] / length for name, w in before.items()})
        values.append(run()[0])
    assert (values[1] - values[0]) / 2e-3 == pytest.approx(length, rel=0.02)


def test_batches_added_up_are_one_batch(tiny: Path) -> None:
    found = []
    apart: dict[str, Any] = {"batch_size": 27, "grad_accumulation_steps": 2}
    for settings in ({"batch_size": 54}, apart):
        backend = made(tiny, lora=LORA)
        fit(backend, max_steps=1, optimizer="sgd", learning_rate=1e-2, **settings)
        found.append(weights_of(backend))
    for name, weight in found[0].items():
        np.testing.assert_allclose(found[1][name], weight, atol=1e-6)


def test_dropout_goes_by_the_seed_and_leaves_the_random_state_alone(tiny: Path) -> None:
    lora = LoRAConfig(rank=4, alpha=8, dropout=0.5)
    found: list[dict[str, Any]] = []
    for _ in range(2):
        backend = made(tiny, lora=lora)
        mx.random.seed(len(found))
        before = np.array(mx.random.uniform(shape=(3,)))
        mx.random.seed(len(found))
        fit(backend)
        np.testing.assert_array_equal(np.array(mx.random.uniform(shape=(3,))), before)
        found.append(weights_of(backend))
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])


def test_a_model_trained_in_a_thread_answers_in_another(tiny: Path) -> None:
    backend = made(tiny, lora=LORA)
    training = threading.Thread(target=fit, args=(backend,))
    training.start()
    training.join()
    found = backend.predict(rows_of(toy())[:2], np.array([0, 1])).probabilities
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert backend.generate(TEXT, max_tokens=3)


# Adapters and few bits


def test_adapters_alone_are_trained_and_saved(tiny: Path, tuned: MLXBackend) -> None:
    assert all("lora_" in name for name in weights_of(tuned))
    layer = mlx_scorer(tuned).model.layers[0].self_attn.q_proj
    model, _ = mlx_lm.load(str(tiny))
    same = mx.array_equal(layer.linear.weight, model.layers[0].self_attn.q_proj.weight)
    assert same.item()
    content, arrays = tuned.state()
    again = MLXBackend()
    again.restore(toy().schema.inputs, content, arrays)
    np.testing.assert_allclose(own_logits(again), own_logits(tuned), atol=1e-5)


def test_the_head_gets_no_adapter_unless_it_is_named(tiny: Path) -> None:
    backend = made(tiny, lora=LORA)
    fit(backend, max_steps=1)
    assert not any("lm_head" in name for name in weights_of(backend))
    backend = made(tiny, lora=LoRAConfig(rank=2, target_modules=["lm_head", "embed_tokens"]))
    fit(backend, max_steps=1)
    names = {name.rsplit(".", 1)[0] for name in weights_of(backend)}
    assert names == {"lm_head", "model.embed_tokens"}


@pytest.mark.parametrize(
    ("lora", "scale"), [(LORA, 2.0), (LoRAConfig(rank=4, alpha=8, rslora=True), 4.0)], ids=str
)
def test_an_adapter_counts_as_alpha_says(tiny: Path, lora: LoRAConfig, scale: float) -> None:
    backend = made(tiny, lora=lora)
    fit(backend, max_steps=1)
    assert mlx_scorer(backend).model.layers[0].self_attn.q_proj.scale == scale


def test_a_module_that_the_model_lacks_is_an_error(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"no modules c_attn; .*q_proj"):
        fit(made(tiny, lora=LoRAConfig(target_modules=["c_attn"])))


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_adapters_of_weights_in_few_bits(tiny: Path, bits: int, dora: bool) -> None:
    lora = LoRAConfig(rank=4, alpha=8, dora=dora)
    backend = made(tiny, lora=lora, quantization=f"{bits}bit")
    events = fit(backend, max_steps=5)
    assert {"QuantizedLinear", "QuantizedEmbedding"} <= types_of(backend)
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("bits", [3, 6])
def test_bits_that_dora_lacks(tiny: Path, bits: int) -> None:
    assert isinstance(fit(made(tiny, lora=LORA, quantization=f"{bits}bit"))[-1], FitEnd)
    with pytest.raises(ConfigError, match=f"dora=True has no {bits} bits, only 2, 4, 8"):
        fit(made(tiny, lora=LoRAConfig(dora=True), quantization=f"{bits}bit"))


def test_few_bits_that_cannot_be_are_errors(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give lora=LoRAConfig\(\)"):
        load(ModelConfig(model=str(tiny), quantization="4bit"))
    for config, message in (
        (QuantizationConfig(bits=4, method="hqq"), "has no few bits by 'hqq'"),
        (QuantizationConfig(bits=4, group_size=128), "groups of 128"),
    ):
        with pytest.raises(ConfigError, match=message):
            load(ModelConfig(model=str(tiny), quantization=config, lora=LORA))


@pytest.mark.parametrize("dequantize", [False, True])
def test_a_model_saved_in_few_bits_is_tuned_by_adapters(
    tiny: Path, tmp_path: Path, dequantize: bool
) -> None:
    backend = made(tiny, lora=LORA, quantization="8bit")
    fit(backend)
    backend.fuse(tmp_path, dequantize=dequantize)
    saved = logits(*mlx_lm.load(str(tmp_path)))
    # In few bits again, what was trained is rounded.
    np.testing.assert_allclose(saved, own_logits(backend), atol=1e-4 if dequantize else 0.1)
    again = made(tmp_path, lora=LORA)
    fit(again, max_steps=1)
    assert ("QuantizedLinear" in types_of(again)) != dequantize
    size = again.size(toy(), JSONSerializer(), TrainingConfig(max_steps=1))
    model, _ = mlx_lm.load(str(tiny))
    assert size.n_parameters == sum(weight.size for _, weight in tree_flatten(model.parameters()))
    if not dequantize:
        with pytest.raises(ConfigError, match="cannot be tuned themselves"):
            fit(made(tmp_path))


# Saving as mlx-lm does


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
def test_mlx_lm_reads_what_was_trained(tiny: Path, tmp_path: Path, lora: LoRAConfig | None) -> None:
    backend = made(tiny, lora=lora)
    fit(backend, learning_rate=1e-2)
    expected = own_logits(backend)
    assert np.abs(logits(*mlx_lm.load(str(tiny))) - expected).max() > 1e-2
    backend.save_adapters(tmp_path / "adapters")
    found = mlx_lm.load(str(tiny), adapter_path=str(tmp_path / "adapters"))
    np.testing.assert_allclose(logits(*found), expected, atol=1e-4)
    backend.fuse(tmp_path / "fused")
    np.testing.assert_allclose(logits(*mlx_lm.load(str(tmp_path / "fused"))), expected, atol=1e-4)
    np.testing.assert_array_equal(own_logits(backend), expected)


def test_there_is_nothing_to_save_before_a_fit(tiny: Path, tmp_path: Path) -> None:
    for save in (made(tiny).fuse, made(tiny).save_adapters):
        with pytest.raises(NotFittedError):
            save(tmp_path)


# Writing


def test_it_writes_what_mlx_lm_writes(tiny: Path) -> None:
    model, tokenizer = mlx_lm.load(str(tiny))
    expected = mlx_lm.generate(model, tokenizer, TEXT, max_tokens=12)
    backend = made(tiny)
    assert backend.generate(TEXT, max_tokens=12) == expected
    parts = list(backend.stream_generate(TEXT, max_tokens=12))
    assert "".join(part.text for part in parts) == expected
    assert parts[-1].finish_reason in ("length", "stop")
    assert backend.batch_generate([TEXT, "{"], max_tokens=12)[0] == expected
    assert backend.generate(tokenizer.encode(TEXT), max_tokens=12) == expected


def test_what_is_drawn_goes_by_the_seed(tiny: Path) -> None:
    backend = made(tiny)
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
    backend = made(tiny)
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


def test_a_cached_prompt_goes_on(tiny: Path, tmp_path: Path) -> None:
    backend = made(tiny)
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


def test_a_chat_template_is_used_where_there_is_one(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="no chat template"):
        made(tiny).generate([{"role": "user", "content": "a"}])
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


def test_it_writes_while_it_is_trained(tiny: Path) -> None:
    backend = made(tiny, lora=LORA)
    written: list[str] = []
    ended = threading.Event()

    def write() -> None:
        while not backend.ready:
            time.sleep(0.01)
        written.append(backend.generate(TEXT, max_tokens=5))
        ended.set()

    writing = threading.Thread(target=write)
    writing.start()
    fit(backend, max_steps=2_000, stopped=ended.is_set, lr_scheduler="constant")
    writing.join()
    assert written


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


def test_models_that_are_not_there_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no folder './nowhere/model'"):
        load(ModelConfig(model="./nowhere/model"))
    with pytest.raises(ConfigError, match=r"cannot be loaded.*config\.json"):
        load(ModelConfig(model=str(tmp_path)))


def test_a_device_that_is_not_there_is_named(tiny: Path) -> None:
    absent: Any = "cuda" if not mx.cuda.is_available() else "mps"
    with pytest.raises(ConfigError, match=f"no device '{absent}'"):
        load(ModelConfig(model=str(tiny), device=absent))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", mx.float32), ("bf16", mx.bfloat16), ("fp16", mx.float16)]
)
def test_it_computes_in_the_precision_asked_for(tiny: Path, precision: Any, dtype: Any) -> None:
    backend = made(tiny, lora=LORA, precision=precision)
    events = fit(backend)
    model = mlx_scorer(backend).model
    assert model(mx.array([[1]])).dtype == dtype
    assert all(weight.dtype == np.float32 for weight in weights_of(backend).values())
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


@pytest.mark.skipif(
    "TABWIDGET_SMOLLM2" not in os.environ, reason="TABWIDGET_SMOLLM2 names no folder"
)
def test_a_real_model_gets_better_by_adapters_and_writes() -> None:
    backend = made(Path(os.environ["TABWIDGET_SMOLLM2"]), lora=LORA)
    table = Table(toy(12).frame[["letter", "coin"]])
    events = fit(backend, table=table, max_steps=3, batch_size=2, learning_rate=1e-3)
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]
    assert backend.generate("Say yes.", max_tokens=4)
