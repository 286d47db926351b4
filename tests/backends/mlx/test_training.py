"""Settings, gradients and random states of fits by MLX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")
import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from tabwidget.backends.mlx.training import _checkpointing
from tabwidget.config import LoRAConfig
from tabwidget.events import EvalReport
from tests.backends.mlx.fakes import LORA, TEXT, backend_of, mlx_scoring_model_of
from tests.backends.text.fakes import (
    fit,
    weights_of,
)


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
