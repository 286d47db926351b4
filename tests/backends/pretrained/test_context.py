"""The answers of one target over its support."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.pretrained.context import TargetContext, ask, kinds_of
from tabwidget.backends.pretrained.encoding import TableEncoding
from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.weights import pretrained_model
from tabwidget.table import Table


def context_of(
    frame: pd.DataFrame, target: int = 0, kind: Kind = "levels", seed: int = 0
) -> tuple[TargetContext, TableEncoding]:
    """Return the context of one column of a frame, and the frame's encoding."""
    schema = Table(frame).schema
    encoding = TableEncoding(schema.inputs, schema.rows(frame))
    known = encoding.known[:, target]
    column = schema.inputs[target]
    counts = np.bincount(
        column.codes(encoding.rows[known, target]), minlength=len(column.support)
    ).astype(float)
    shares = (counts + 0.5 / len(counts)) / (counts.sum() + 0.5)
    rows = np.flatnonzero(known)
    return TargetContext(pretrained_model(), encoding, target, rows, kind, shares, seed), encoding


def answers(frame: pd.DataFrame, rows: list[list[float]], **of: object) -> np.ndarray:
    """Return the probabilities of one column given rows of evidence."""
    context, encoding = context_of(frame, **of)  # type: ignore[arg-type]
    [found] = ask(pretrained_model(), [context], [encoding.encode(np.array(rows))])
    return found


def test_nothing_known_gives_the_shares_of_the_table() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.choice(list("xyz"), 90, p=[0.6, 0.3, 0.1]), "b": rng.normal(size=90)}
    )
    [p] = answers(frame, [[np.nan, np.nan]])
    np.testing.assert_allclose(p, frame["a"].value_counts(normalize=True).sort_index(), atol=0.01)


def test_more_levels_than_classes_are_all_answered() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 30, 900)
    frame = pd.DataFrame(
        {"level": [f"l{g:02}" for g in group], "x": group + rng.normal(0, 0.2, 900)}
    )
    p = answers(frame, [[np.nan, 3.0], [np.nan, 24.0], [np.nan, np.nan]])
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    assert (p > 0).all()
    assert 3 in np.argsort(-p[0])[:3]
    assert 24 in np.argsort(-p[1])[:3]
    assert p[1, 24] > 5 * p[2, 24]


@pytest.mark.parametrize("kind", ["number", "levels"])
def test_a_column_alone_answers_its_shares(kind: Kind) -> None:
    frame = pd.DataFrame({"n": [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]})
    [p] = answers(frame, [[np.nan]], kind=kind)
    np.testing.assert_allclose(p, [0.1, 0.2, 0.3, 0.4], atol=0.02)


def test_the_names_and_the_order_of_levels_have_no_effect() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=80)
    frame = pd.DataFrame({"y": np.where(x > 0.3, "a", np.where(x > -1, "b", "c")), "x": x})
    renamed = frame.replace({"y": {"a": "z", "b": "q", "c": "m"}})
    row = [[np.nan, 0.4]]
    a, b, c = answers(frame, row)[0]
    m, q, z = answers(renamed, row)[0]
    np.testing.assert_allclose([a, b, c], [z, q, m], atol=1e-6)


def test_the_names_and_the_order_of_columns_have_no_effect() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"y": rng.normal(size=60), "a": rng.normal(size=60), "b": rng.choice(["u", "v"], 60)}
    )
    frame["y"] += frame["a"]
    other = frame[["y", "b", "a"]].set_axis(["first", "second", "third"], axis=1)
    p = answers(frame, [[np.nan, 0.7, 1.0]], kind="number")
    q = answers(other, [[np.nan, 1.0, 0.7]], kind="number")
    np.testing.assert_allclose(p, q, atol=1e-5)


def test_a_single_known_level_gives_nearly_the_shares_of_its_rows() -> None:
    rng = np.random.default_rng(4)
    code = rng.integers(0, 4, 400)
    frame = pd.DataFrame(
        {"y": (7 * code % 4).astype(str), "a": code.astype(str), "x": rng.normal(size=400)}
    )
    p = answers(frame, [[np.nan, float(level), np.nan] for level in range(4)])
    assert (p.max(1) > 0.95).all()
    assert p.argmax(1).tolist() == [0, 3, 2, 1]


def test_an_exact_relation_is_followed() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    frame = pd.DataFrame({"y": 3 * x + 1, "x": x})
    context, encoding = context_of(frame, kind="number")
    grid = encoding.columns[0].grid
    [p] = ask(
        pretrained_model(), [context], [encoding.encode(np.array([[np.nan, 0.5], [np.nan, -1.0]]))]
    )
    assert p @ grid == pytest.approx([2.5, -2.0], abs=0.4)


def test_how_a_target_is_asked() -> None:
    frame = pd.DataFrame(
        {
            "many": np.arange(60.0),
            "few": np.arange(60) % 4,
            "two": np.arange(60) % 2,
            "level": list("abc") * 20,
        }
    )
    _, encoding = context_of(frame, target=3)
    kinds = [kinds_of(encoding, target) for target in range(4)]
    assert kinds == [["number"], ["number", "levels"], ["levels"], ["levels"]]


def test_a_wide_table_is_read_in_part() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 50))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(50)]).assign(x0=x[:, 41])
    context, _ = context_of(frame, kind="number")
    assert len(context.features) == 32
    assert 41 in context.features
    assert context.n_bytes > 0
