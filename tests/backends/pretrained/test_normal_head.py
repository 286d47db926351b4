"""Fit of the normal component's layer alone."""

from __future__ import annotations

import torch

from tabwidget.backends.pretrained.mechanisms import Draw
from tabwidget.backends.pretrained.normal_head import _gain, _joined, _remember, fit_normal_head
from tabwidget.backends.pretrained.pretraining import PretrainingConfig, draw_tables
from tabwidget.backends.pretrained.scoring import log_likelihood
from tests.backends.pretrained.tables import small_model

TINY = PretrainingConfig(batch_rows=200, max_rows=60, max_columns=4, queries=16)


def test_the_remembered_rows_give_the_gain_of_the_whole_model() -> None:
    model = small_model()
    rows = _remember(model, TINY, Draw(torch.Generator().manual_seed(0)))
    drawn = draw_tables(TINY, "number", Draw(torch.Generator().manual_seed(0)))
    log_p, _ = log_likelihood(drawn[0], drawn[1], model, drawn[2])
    gain = float(log_p.mean() - rows[1].mean())
    assert abs(_gain(model.normal, _joined([rows])) - gain) < 1e-4


def test_the_fit_raises_the_gain_and_touches_no_other_weight() -> None:
    model = small_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = fit_normal_head(model, TINY, 0.3)
    assert found["queries"] > 100
    assert found["gain_after"] > found["gain_before"]
    changed = {
        name for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"normal.weight", "normal.bias"}
