"""The MLX backend, on tiny models; test_parity.py tests what all text backends do."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")
import mlx.core as mx
import mlx_lm

from tabwidget.backends.mlx import MLXBackend
from tabwidget.events import EvalReport
from tabwidget.table import Table
from tests.backends.mlx.fakes import (
    LORA,
    TEXT,
    backend_of,
    mlx_scoring_model_of,
    own_logits,
)
from tests.backends.text.fakes import (
    fit,
    rows_of,
    toy,
    weights_of,
)


@pytest.fixture(scope="module")
def tuned(tiny: Path) -> MLXBackend:
    """Return a backend with trained adapters."""
    backend = backend_of(tiny, lora=LORA)
    fit(backend, max_steps=4, learning_rate=3e-2)
    return backend


def test_a_precision_has_no_effect_if_all_weights_are_trained(tiny: Path) -> None:
    with pytest.warns(UserWarning, match="precision='bf16' has no effect"):
        fit(backend_of(tiny, precision="bf16"), max_steps=1)


def test_a_model_trained_in_a_thread_answers_in_another(tiny: Path) -> None:
    backend = backend_of(tiny, lora=LORA)
    training = threading.Thread(target=fit, args=(backend,))
    training.start()
    training.join()
    found = backend.predict(rows_of(toy())[:2], np.array([0, 1])).probabilities
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert backend.generate(TEXT, max_tokens=3)


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
