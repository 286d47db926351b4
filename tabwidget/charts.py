"""All charts, in Altair; the only module that imports altair."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, cast

import altair as alt

__all__ = ["distribution_chart", "loss_chart"]

Records = Sequence[dict[str, Any]]

TRAIN, VALIDATION = "#4c78a8", "#f58518"
GRAY, GRID = "#888888", "#88888844"


class _Chart(alt.Chart):
    """A chart that notebooks show as SVG; Altair itself would load Vega from the network."""

    def _repr_mimebundle_(self, *args: object, **kwargs: object) -> dict[str, str]:
        # Gray on a transparent background is readable on light and dark pages.
        gray = {"labelColor": GRAY, "titleColor": GRAY}
        themed = (
            self.configure(background="transparent")
            .configure_axis(**gray, gridColor=GRID, domainColor=GRAY, tickColor=GRAY)
            .configure_legend(**gray)
            .configure_view(stroke=None)
        )
        picture = io.StringIO()
        themed.save(picture, format="svg")
        return {"image/svg+xml": picture.getvalue()}


def distribution_chart(
    records: Records, *, target: str, kind: str, name: str = "distribution"
) -> alt.Chart:
    """Return a chart of a distribution: a bar per level, or a histogram of probability density.

    Parameters
    ----------
    records : sequence of dict
        Result of `Distribution.records`; may be empty and streamed later.
    target, kind : str
        Name and kind of the column.
    name : str, default "distribution"
        Name of the dataset in the specification.

    Examples
    --------
    >>> chart = distribution_chart([{"value": "a", "probability": 1.0}], target="x", kind="boolean")
    >>> chart.to_dict()["datasets"]["distribution"]
    [{'value': 'a', 'probability': 1.0}]
    """
    probability = alt.Tooltip("probability:Q", title="probability", format=".1%")
    # Without records, assume that numbers are binned, the usual case.
    binned = not records or "density" in records[0]
    chart = _Chart(alt.NamedData(name=name))
    if kind in ("categorical", "boolean"):
        drawn = chart.mark_bar().encode(
            # A fixed axis, so that bars stay comparable while a slider moves.
            x=alt.X("probability:Q", title=None, axis=alt.Axis(format="%"), scale=_unit()),
            y=alt.Y("value:N", title=None, sort=None, scale=alt.Scale(paddingInner=0.25)),
            tooltip=[alt.Tooltip("value:N", title=target), probability],
        )
    elif binned:
        timed = kind == "datetime"
        axis = "T" if timed else "Q"
        factor = " * 1000" if timed else ""
        style = "%Y-%m-%d %H:%M" if timed else ",.4~g"
        drawn = (
            chart.transform_calculate(left=f"datum.low{factor}", right=f"datum.high{factor}")
            .mark_bar(binSpacing=0.5)
            .encode(
                x=alt.X(f"left:{axis}", title=target, scale=alt.Scale(zero=False, nice=False)),
                x2="right",
                y=alt.Y("density:Q", title="density", axis=alt.Axis(format=".2~g", tickCount=4)),
                # A bar with both ends on the x axis needs both on the y axis too, or it is a tick.
                y2=alt.Y2Datum(0),
                tooltip=[
                    alt.Tooltip(f"left:{axis}", title="from", format=style),
                    alt.Tooltip(f"right:{axis}", title="to", format=style),
                    probability,
                ],
            )
        )
    else:
        drawn = chart.mark_bar().encode(
            x=alt.X("value:O", title=target, sort=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "probability:Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=_unit()
            ),
            tooltip=[alt.Tooltip("value:O", title=target), probability],
        )
    return _with_data(drawn, name, records)


def joint_chart(records: Records, *, x: str, y: str, name: str = "joint") -> alt.Chart:
    """Return a heatmap of p(x, y).

    Parameters
    ----------
    records : sequence of dict
        ``{"x", "y", "probability"}``, one per combination.
    x, y : str
        Names of the columns.
    name : str, default "joint"
        Name of the dataset in the specification.

    Examples
    --------
    >>> chart = joint_chart([{"x": 1, "y": "a", "probability": 1.0}], x="size", y="color")
    >>> chart.to_dict()["mark"]["type"]
    'rect'
    """
    drawn = (
        _Chart(alt.NamedData(name=name))
        .mark_rect()
        .encode(
            x=alt.X("x:O", title=x, sort=None, axis=alt.Axis(labelOverlap=True)),
            y=alt.Y("y:O", title=y, sort=None, axis=alt.Axis(labelOverlap=True)),
            color=alt.Color(
                "probability:Q", title=None, scale=alt.Scale(scheme="blues"), legend=None
            ),
            tooltip=[
                alt.Tooltip("x:O", title=x),
                alt.Tooltip("y:O", title=y),
                alt.Tooltip("probability:Q", format=".2%"),
            ],
        )
    )
    return _with_data(drawn, name, records)


def loss_chart(records: Records, *, name: str = "losses") -> alt.Chart:
    """Return a chart of the losses of a fit over time.

    Parameters
    ----------
    records : sequence of dict
        ``{"seconds", "step", "loss", "split"}`` with split "train" or "validation"; may be empty
        and streamed later.
    name : str, default "losses"
        Name of the dataset in the specification.

    Examples
    --------
    >>> loss_chart([]).to_dict()["datasets"]
    {'losses': []}
    """
    colors = alt.Scale(domain=["train", "validation"], range=[TRAIN, VALIDATION])
    drawn = (
        _Chart(alt.NamedData(name=name))
        .mark_line(interpolate="monotone", clip=True)
        .encode(
            x=alt.X("seconds:Q", title="seconds", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("loss:Q", title="loss in nats", scale=alt.Scale(zero=False)),
            color=alt.Color("split:N", title=None, scale=colors, legend=alt.Legend(orient="top")),
            strokeWidth=alt.condition("datum.split == 'train'", alt.value(1.2), alt.value(2.4)),
            tooltip=[
                alt.Tooltip("split:N"),
                alt.Tooltip("seconds:Q", format=".1f"),
                alt.Tooltip("step:Q"),
                alt.Tooltip("loss:Q", format=".4f"),
            ],
        )
    )
    return _with_data(drawn, name, records)


def _unit() -> alt.Scale:
    return alt.Scale(domain=[0, 1])


def _with_data(chart: Any, name: str, records: Records) -> alt.Chart:
    """Add the named dataset, even if it is empty."""
    chart.datasets = {name: list(records)}
    return cast(alt.Chart, chart)
