"""A table's cells as the in-context model reads them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.backends.pretrained.encoding import Ranking, TableEncoding
from tabwidget.backends.pretrained.features import N_BINS, normal_scores
from tabwidget.table import Table


def encoding_of(frame: pd.DataFrame) -> TableEncoding:
    """Return the encoding of a frame."""
    schema = Table(frame).schema
    return TableEncoding(schema.inputs, schema.rows(frame))


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=30))
def test_scores_equal_those_of_pretraining(numbers: list[int]) -> None:
    frame = pd.DataFrame({"x": [*map(float, numbers), np.nan], "y": range(len(numbers) + 1)})
    found = encoding_of(frame)
    x = torch.tensor(frame["x"].to_numpy(np.float32))[None, :, None]
    known = ~x.isnan()
    scores, ranks = normal_scores(torch.nan_to_num(x), torch.nan_to_num(x), known)
    there = known[0, :, 0]
    torch.testing.assert_close(
        found.cells.scores[0, there, 0], scores[0, there, 0], atol=1e-4, rtol=1e-4
    )
    np.testing.assert_allclose(found.ranks[there, 0], ranks[0, there, 0], atol=1e-6)


def test_frequent_levels_have_a_bin_each_and_rare_ones_share_the_last() -> None:
    levels = [f"l{i:03}" for i in range(300) for _ in range(2 if i < 255 else 1)]
    found = encoding_of(pd.DataFrame({"level": levels, "x": range(len(levels))}))
    bins = found.cells.bins[0, :, 0].numpy()
    first = {level: int(bins[levels.index(level)]) for level in levels}
    assert first["l000"] == 0
    assert first["l254"] == 254
    assert {first[f"l{i}"] for i in range(255, 300)} == {255}
    assert found.cells.n_bins == 256


def test_large_numbers_keep_their_ranks() -> None:
    """Seconds since 1970 differ by less than the resolution of a float32."""
    times = pd.date_range("2024-05-01", periods=40, freq="s")
    found = encoding_of(pd.DataFrame({"time": times, "x": range(40)}))
    assert len(np.unique(found.ranks[:, 0])) == 40


def test_unknown_cells_are_unknown_and_other_numbers_are_beyond_the_ends() -> None:
    found = encoding_of(pd.DataFrame({"x": np.arange(50.0), "y": ["a", "b"] * 25}))
    cells = found.encode(np.array([[np.nan, 0.0], [1e9, np.nan], [-1e9, 1.0]]))
    assert cells.known[0].tolist() == [[False, True], [True, False], [True, True]]
    assert cells.bins[0, 1:, 0].tolist() == [N_BINS - 1, 0]
    assert torch.isfinite(cells.scores).all()


def test_the_embedding_of_a_text_has_one_feature_per_dimension() -> None:
    words = ["red", "green", "small", "large", "old", "new"]
    texts = [" ".join(np.random.default_rng(i).permutation(words)[:4]) + f" {i}" for i in range(60)]
    found = encoding_of(pd.DataFrame({"y": np.arange(60.0), "text": texts}))
    assert (found.owner == 1).sum() == found.columns[1].width > 1
    assert found.is_number.all()


def test_a_ranking_scores_cuts_by_the_rows_below_them() -> None:
    ranking = Ranking(np.array([0.0] * 6 + [1.0, 2.0, 3.0, 4.0]))
    below = [0.05, 0.6, 0.95]
    from scipy.special import ndtr

    assert ndtr(ranking.scores_of_cuts(np.array([0.0, 0.5, 9.0]))) == pytest.approx(below)
