"""Each closed form beside the naive computation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from tabwidget.backends.pretrained import features
from tabwidget.backends.pretrained.features import (
    N_CLASSES,
    ContextStatistics,
    Features,
    Kind,
    encode,
    normal_scores,
)
from tests.backends.pretrained.tables import N_CONTEXT, encoded, random_table

KINDS = pytest.mark.parametrize("kind", ["number", "levels"])


def design(found: Features) -> np.ndarray[Any, Any]:
    """Return what ridge regression reads of the context rows, each without its own answer."""
    answers, cells = found.answers, found.context.cells
    targets = answers.targets[0].numpy()
    centered = targets - targets.mean(0)
    known, bins = cells.known[0].numpy(), cells.bins[0].numpy()
    out = np.zeros((centered.shape[1], *known.shape))
    for row, column in zip(*np.nonzero(known), strict=True):
        if cells.is_number[0, column]:
            out[:, row, column] = cells.scores[0, row, column]
            continue
        same = known[:, column] & (bins[:, column] == bins[row, column])
        same[row] = False
        out[:, row, column] = centered[same].sum(0) / max(same.sum() + features.SMOOTHING, 0.5)
    return out


@KINDS
def test_leave_one_out_ridge_equals_refitting_without_the_row(kind: Kind) -> None:
    found, _ = encoded(kind)
    targets = found.answers.targets[0].double().numpy()
    y = targets - targets.mean(0)
    for score, x in enumerate(design(found)):
        for row in range(0, N_CONTEXT, 7):
            others = np.arange(N_CONTEXT) != row
            ridge = Ridge(1.0 + 0.002 * N_CONTEXT, fit_intercept=False)
            expected = ridge.fit(x[others], y[others, score]).predict(x[[row]])[0]
            got = float(found.context.predictions[0, row, score])
            assert got == pytest.approx(expected, abs=1e-4)


@KINDS
def test_leave_one_out_cross_tables_equal_recounting(kind: Kind) -> None:
    found, _ = encoded(kind)
    cells, coarse = found.context.cells, found.answers.coarse[0].numpy()
    known, bins = cells.known[0].numpy(), cells.bins[0].numpy()
    shares = (np.bincount(coarse, minlength=N_CLASSES) + 0.5 / N_CLASSES) / (N_CONTEXT + 0.5)
    for row in range(0, N_CONTEXT, 5):
        for column in np.flatnonzero(known[row]):
            others = known[:, column] & (np.arange(N_CONTEXT) != row)
            counts = np.bincount(
                coarse[others & (bins[:, column] == bins[row, column])], minlength=N_CLASSES
            ).astype(float)
            if cells.is_number[0, column]:
                # The neighboring bins count by half.
                near = others & (abs(bins[:, column] - bins[row, column]) == 1)
                counts += 0.5 * np.bincount(coarse[near], minlength=N_CLASSES)
            smooth = (counts + 2 * shares) / (counts.sum() + 2)
            expected = np.clip(np.log(smooth / shares), -5, 5)
            np.testing.assert_allclose(
                found.context.log_ratios[0, row, column], expected, atol=1e-4
            )
            n = math.expm1(float(found.context.counts[0, row, column]))
            assert n == pytest.approx(counts.sum(), abs=1e-3)


def test_a_query_has_the_gaussian_conditional_of_exactly_its_cells() -> None:
    found, _ = encoded("number")
    x = design(found)[0]
    targets = found.answers.targets[0].double().numpy()
    y = (targets - targets.mean(0))[:, 0]
    query, cells = found.query, found.query.cells
    for row in range(cells.known.shape[1]):
        known = np.flatnonzero(cells.known[0, row])
        gram = x[:, known].T @ x[:, known] + (1 + 0.002 * N_CONTEXT) * np.eye(len(known))
        weights = np.linalg.solve(gram, x[:, known].T @ y) if len(known) else np.empty(0)
        means = found.statistics.score_sums[0, ..., 0] / (found.statistics.bin_counts[0] + 2)
        read = [
            float(
                cells.scores[0, row, c]
                if cells.is_number[0, c]
                else means[c, cells.bins[0, row, c]]
            )
            for c in known
        ]
        assert float(query.predictions[0, row, 0]) == pytest.approx(weights @ read, abs=1e-4)


def test_knowing_fewer_cells_widens_the_spread() -> None:
    found, _ = encoded("number", queries=2)
    cells = found.query.cells
    nothing = found.statistics.query(
        features.Cells(cells.scores, cells.bins, torch.zeros_like(cells.known), cells.is_number)
    )
    everything = found.statistics.query(
        features.Cells(cells.scores, cells.bins, torch.ones_like(cells.known), cells.is_number)
    )
    assert (nothing.spreads > everything.spreads).all()
    assert (nothing.predictions == 0).all()
    assert (nothing.log_ratios == 0).all()


def test_conjugate_gradients_approach_the_exact_solution() -> None:
    found, _ = encoded("levels", columns=10)
    statistics, known = found.statistics, found.query.cells.known
    got = statistics._by_conjugate_gradients(known)[0]
    for row in range(known.shape[1]):
        mask = known[0, row].numpy()
        for score in range(N_CLASSES):
            gram = statistics.gram[0, score].double().numpy()[np.ix_(mask, mask)]
            expected = np.linalg.solve(gram, statistics.moments[0, score].double().numpy()[mask])
            np.testing.assert_allclose(got[score, row][known[0, row]], expected, atol=1e-4)
            assert (got[score, row][~known[0, row]] == 0).all()


@KINDS
def test_rows_of_a_batch_do_not_affect_each_other(kind: Kind) -> None:
    table = random_table(kind)
    whole, _ = encode(**table)
    n = N_CONTEXT + 1
    alone, _ = encode(
        **{
            name: x[:, :n] if name in ("numbers", "codes", "known", "target") else x
            for name, x in table.items()
        }
    )
    for name in ("log_ratios", "counts", "predictions", "spreads"):
        one, both = getattr(alone.query, name), getattr(whole.query, name)
        torch.testing.assert_close(one, both[:, :1], atol=1e-5, rtol=1e-4)


def test_normal_scores_are_ranks_with_ties_in_the_middle() -> None:
    x = torch.tensor([[3.0, 1.0, 1.0, 2.0, 7.0]]).T[None]
    known = torch.tensor([[True, True, True, True, False]]).T[None]
    scores, ranks = normal_scores(x, x, known)
    assert ranks.flatten().tolist() == pytest.approx([0.875, 0.25, 0.25, 0.625, 0.875])
    expected = torch.special.ndtri(ranks)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-4)


def test_statistics_know_their_memory() -> None:
    found, _ = encoded("levels")
    assert isinstance(found.statistics, ContextStatistics)
    assert found.statistics.n_bytes >= found.statistics.table.nbytes


def test_every_level_of_a_wide_column_has_a_bin_of_its_own() -> None:
    table = random_table("levels")
    table["is_number"] = torch.zeros_like(table["is_number"])
    table["codes"] = torch.randint(0, 40, table["codes"].shape)
    found, _ = encode(**table)
    assert torch.equal(found.context.cells.bins, table["codes"][:, :N_CONTEXT])
    assert found.statistics.table.shape[2] == int(table["codes"].max()) + 1
