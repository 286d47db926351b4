"""Tests of the moments of a table with missing cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from tabwidget.backends.minilm.moments import covariances_of, moments_of
from tabwidget.minilm.gaussian_prior import GaussianPrior
from tabwidget.table import Table


def table(n: int = 400) -> Table:
    rng = np.random.default_rng(0)
    x = rng.normal(5, 2, n)
    frame = pd.DataFrame(
        {
            "x": x,
            "twice": 2 * x + rng.normal(0, 0.1, n),
            "big": np.where(x > 5, "yes", "no"),
            "noise": rng.normal(size=n),
        }
    )
    frame.loc[::9, "twice"] = np.nan
    return Table(frame)


def test_a_linear_relation_is_found_despite_missing_cells() -> None:
    data = table()
    columns = list(data.schema.values())
    rows = data.schema.rows(data.frame)
    moments = moments_of(rows, columns)
    assert sorted(moments.level.tolist()) == [-1, -1, -1, 0, 1]
    features = GaussianPrior(moments, torch.full((4, 2), torch.nan).double()).features(
        torch.from_numpy(rows)
    )
    present = torch.from_numpy(np.isfinite(rows))[:, moments.owner]
    fold = torch.arange(len(rows)) % 5
    whole, leave_fold_out = covariances_of(
        features[50:], present[50:], fold[50:], features[:50], present[:50]
    )
    assert whole[0, 1] > 0.98
    assert abs(whole[0, 4]) < 0.2
    assert leave_fold_out.shape == (5, 5, 5)
    for covariance in [whole, *leave_fold_out]:
        assert torch.linalg.eigvalsh(covariance).min() > 0


def test_the_covariance_of_few_rows_is_shrunk() -> None:
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(14, 12, generator=rng)
    fold = torch.arange(10) % 5
    present = torch.ones(14, 12, dtype=torch.bool)
    whole, _ = covariances_of(noise[:10], present[:10], fold, noise[10:], present[10:])
    largest = (noise[:10].T @ noise[:10] / 10).fill_diagonal_(0).abs().max()
    assert whole.fill_diagonal_(0).abs().max() < 0.5 * largest


def test_each_fold_of_many_rows_is_leave_fold_out_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabwidget.backends.minilm.moments.MAX_ROWS", 40)
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    x[:, 1] = x[:, 0]
    present = torch.ones(400, 2, dtype=torch.bool)
    _, leave_fold_out = covariances_of(x, present, torch.arange(400) % 5, x[:20], present[:20])
    assert len(leave_fold_out) == 5
    assert (leave_fold_out[:, 0, 1] > 0.5).all()


def test_without_its_fold_a_single_row_has_unit_covariance() -> None:
    one, fold = torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64)
    present = torch.ones(1, 2, dtype=torch.bool)
    _, leave_fold_out = covariances_of(one, present, fold, one, present)
    torch.testing.assert_close(leave_fold_out[0], torch.eye(2), atol=1e-2, rtol=0)


def correlated(n: int = 300) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return six features of rank four, a third of the cells missing, and their covariance."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(4, 6))
    mixed /= np.sqrt((mixed**2).sum(0))
    x, present = rng.normal(size=(n, 4)) @ mixed, rng.random((n, 6)) > 0.3
    truth = torch.from_numpy(mixed.T @ mixed).float()
    return torch.from_numpy(np.where(present, x, 0)).float(), torch.from_numpy(present), truth


def test_em_recovers_the_covariance_from_missing_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    x, present, truth = correlated()
    errors = []
    for work in (0, 1_000_000_000):  # no EM, and EM
        monkeypatch.setattr("tabwidget.backends.minilm.moments.MAX_WORK", work)
        fold = torch.arange(250) % 5
        whole, leave_fold_out = covariances_of(x[50:], present[50:], fold, x[:50], present[:50])
        errors.append(float((whole - truth).norm()))
        assert len(leave_fold_out) == 5
    assert errors[1] < 0.8 * errors[0]


def test_em_may_use_a_sample_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    x, present, _ = correlated()
    monkeypatch.setattr("tabwidget.backends.minilm.moments.MAX_WORK", 216 * 40)
    monkeypatch.setattr("tabwidget.backends.minilm.moments.MAX_BLOCK", 36 * 7)
    whole, _ = covariances_of(x[50:], present[50:], torch.arange(250) % 5, x[:50], present[:50])
    assert torch.linalg.eigvalsh(whole)[0] > 0
