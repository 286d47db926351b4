"""Fit of the normal component's layer alone, on remembered query rows.

The body of the model stays as it is, so what the layer reads of a query row is computed once, and
read again in every epoch: a hundred times cheaper than a pass of the whole model.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn

from tabwidget.backends.pretrained.mechanisms import Draw
from tabwidget.backends.pretrained.model import MIN_STD, InContextModel
from tabwidget.backends.pretrained.pretraining import PretrainingConfig, draw_tables
from tabwidget.backends.pretrained.scoring import (
    bin_log_likelihood,
    features_of,
    mixed,
    normal_log_mass,
    rank_intervals,
)

__all__ = ["fit_normal_head"]

EPOCHS, BATCH, LEARNING_RATE = 10, 2048, 0.003


def fit_normal_head(
    model: InContextModel, config: PretrainingConfig, seconds: float
) -> dict[str, float]:
    """Fit the layer of the normal component in place, and return its figures.

    Parameters
    ----------
    model : InContextModel
        The model; only ``model.normal`` is trained.
    config : PretrainingConfig
        Sizes of the tables, and the seed.
    seconds : float
        Time to draw tables and run the model on them; the fit comes on top.

    Returns
    -------
    dict of str to float
        Number of query rows, and gain in nats over the bins alone before and after, on the last
        tenth of them, which are not trained on.
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(config.seed * 2**32 + 2**31)
    remembered: list[list[Tensor]] = []
    end = time.monotonic() + seconds
    while not remembered or time.monotonic() < end:
        remembered.append(_remember(model, config, Draw(generator)))
    held_out = max(1, len(remembered) // 10)
    train, validation = (
        _joined(remembered[:-held_out] or remembered),
        _joined(remembered[-held_out:]),
    )
    head = model.normal.requires_grad_(True)
    before = _gain(head, validation)
    count = len(train[0])
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=0.01)
    total = EPOCHS * math.ceil(count / BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total)
    for _ in range(EPOCHS):
        order = torch.randperm(count, generator=generator, device=device)
        for rows in order.split(BATCH):
            loss = -_log_likelihood(head, [part[rows] for part in train]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return {"queries": count, "gain_before": before, "gain_after": _gain(head, validation)}


@torch.no_grad()
def _remember(model: InContextModel, config: PretrainingConfig, draw: Draw) -> list[Tensor]:
    """Return what the loss of the layer needs of the query rows of a batch of tables.

    Input of the layer [R, W]; log-probability of the truth without the normal component [R]; the
    ridge regression's prediction and spread [R]; lower and upper rank of the truth [R].
    """
    tables, n_context, vectors = draw_tables(config, "number", draw)
    features = features_of(tables, n_context, vectors)
    seen: list[Tensor] = []
    hook = model.normal.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mixture = model.mixture(features)
    hook.remove()
    low, high = rank_intervals(tables.target[:, :n_context], tables.target[:, n_context:])
    from_bins, _ = bin_log_likelihood(features, mixture, low, high)
    prediction, spread = features.query.predictions[..., 0], features.query.spreads[..., 0]
    parts = (seen[0], from_bins, prediction, spread, low, high)
    return [part.flatten(0, 1) for part in parts]


def _joined(remembered: list[list[Tensor]]) -> list[Tensor]:
    return [torch.cat(parts) for parts in zip(*remembered, strict=True)]


def _log_likelihood(head: nn.Linear, rows: list[Tensor]) -> Tensor:
    """Return log-probabilities [R] of the truth; the formula is that of the model."""
    read, from_bins, prediction, spread, low, high = rows
    gate, shift, scale = head(read).unbind(-1)
    mean, std = prediction + shift * spread, spread * scale.clamp(-4, 3).exp() + MIN_STD
    return mixed(from_bins, normal_log_mass(low, high, mean, std), gate)


@torch.no_grad()
def _gain(head: nn.Linear, rows: list[Tensor]) -> float:
    return round(float((_log_likelihood(head, rows) - rows[1]).mean()), 5)
