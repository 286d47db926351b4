"""Charts: valid specifications over a named dataset, from plain data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tabwidget.charts import distribution_chart, loss_chart

LEVELS = [{"value": "a", "probability": 0.25}, {"value": "b", "probability": 0.75}]
LISTED = [{"value": 1, "probability": 0.5}, {"value": 4, "probability": 0.5}]
BINNED = [
    {"low": 0.0, "high": 1.0, "value": 0.4, "probability": 0.5, "density": 0.5},
    {"low": 1.0, "high": 3.0, "value": 2.2, "probability": 0.5, "density": 0.25},
]


def drawn(records: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    # to_dict checks the specification against Vega-Lite's schema.
    spec: dict[str, Any] = distribution_chart(records, target="x", kind=kind).to_dict()
    return spec


@pytest.mark.parametrize(
    ("records", "kind"),
    [
        (LEVELS, "categorical"),
        (LEVELS, "boolean"),
        (LISTED, "numeric"),
        (BINNED, "numeric"),
        (BINNED, "datetime"),
    ],
)
def test_a_distribution_carries_its_records_under_a_name(
    records: list[dict[str, Any]], kind: str
) -> None:
    spec = drawn(records, kind)
    assert spec["data"] == {"name": "distribution"}
    assert spec["datasets"] == {"distribution": records}
    json.dumps(spec, allow_nan=False)


@pytest.mark.parametrize("kind", ["categorical", "boolean", "numeric", "datetime"])
def test_an_empty_chart_can_be_filled_later(kind: str) -> None:
    assert drawn([], kind)["datasets"] == {"distribution": []}


def test_levels_have_a_fixed_axis_and_keep_their_order() -> None:
    encoding = drawn(LEVELS, "categorical")["encoding"]
    assert encoding["x"]["scale"]["domain"] == [0, 1]
    assert encoding["y"]["sort"] is None


def test_the_areas_of_bins_are_probabilities() -> None:
    encoding = drawn(BINNED, "numeric")["encoding"]
    assert (encoding["x"]["field"], encoding["x2"]["field"]) == ("left", "right")
    assert encoding["y"]["field"] == "density"


def test_dates_become_milliseconds() -> None:
    spec = drawn(BINNED, "datetime")
    assert spec["encoding"]["x"]["type"] == "temporal"
    assert {t["calculate"] for t in spec["transform"]} == {"datum.low * 1000", "datum.high * 1000"}


def test_losses_are_one_line_per_split() -> None:
    points = [{"seconds": 0.5, "step": 3, "loss": 2.0, "split": "train"}]
    spec = loss_chart(points, name="here").to_dict()
    assert spec["datasets"] == {"here": points}
    assert spec["encoding"]["x"]["field"] == "seconds"
    assert spec["encoding"]["color"]["scale"]["domain"] == ["train", "validation"]


@pytest.mark.parametrize(
    "chart", [loss_chart([]), distribution_chart([], target="x", kind="numeric")]
)
def test_a_notebook_shows_a_self_contained_picture(chart: Any) -> None:
    shown = chart._repr_mimebundle_()
    assert list(shown) == ["image/svg+xml"]
    assert "<svg" in shown["image/svg+xml"]
    assert "jsdelivr" not in shown["image/svg+xml"]
