"""Text generation: prompts, sampling and caches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")
import mlx.core as mx
import mlx_lm
from mlx_lm.models.cache import load_prompt_cache, save_prompt_cache

from tabwidget.backends.mlx import MLXBackend
from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError
from tests.backends.mlx.fakes import TEXT, backend_of


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
