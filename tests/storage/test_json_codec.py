"""Schemas, values and settings as strict JSON, decoded to the last bit."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwidget.config import GenerationConfig, ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, DataFileError, TableError
from tabwidget.serializers import BracketSerializer, JSONSerializer, KeyValueSerializer
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tabwidget.storage.json_codec import (
    empty_frame_from_json,
    params_from_json,
    params_to_json,
    schema_from_json,
    schema_to_json,
)
from tabwidget.table import Table, TableSchema
from tabwidget.table.column import Column
from tabwidget.table.infer import infer_column
from tests.strategies import KINDS, frames, frames_of

# What holds sets or objects of a class of the user's own.
NOT_SAVED = {"sets", "opaque objects"}

BERLIN = ZoneInfo("Europe/Berlin")
NOON = pd.Timestamp("2020-10-25 12:00")
# The hour that clocks show twice.
TWICE = pd.Timestamp("2020-10-25 00:30", tz="UTC")


class MyNumber(PlainNumber):
    """A number format of the user's own."""


def as_saved(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal in value and in type, NaN equal to itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and a.shape == b.shape) and same([*a.flat], [*b.flat])
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, pd.Timestamp):
        return bool(a == b) and (a.unit, str(a.tzinfo)) == (b.unit, str(b.tzinfo))
    if isinstance(a, pd.Timedelta):
        return a == b and a.unit == b.unit
    if isinstance(a, (float, complex, np.inexact, Decimal)):
        return repr(a) == repr(b)  # tells NaN and -0.0
    return bool(a == b)


def same_dtype(a: Any, b: Any) -> bool:
    if isinstance(a, pd.CategoricalDtype):
        return (
            bool(a == b)
            and a.ordered == b.ordered
            and same_dtype(a.categories.dtype, b.categories.dtype)
            and same([*a.categories], [*b.categories])
        )
    return type(a) is type(b) and bool(a == b) and repr(a) == repr(b)


def table_of(frame: pd.DataFrame) -> Table | None:
    try:
        return Table(frame)
    except (ValueError, OverflowError):  # which frames are refused, its own tests say
        return None


def check_round_trip(schema: TableSchema, frame: pd.DataFrame) -> None:
    saved = as_saved(schema_to_json(schema, frame))
    back, empty = schema_from_json(saved), empty_frame_from_json(saved)
    assert list(back) == list(schema) == list(empty)
    assert len(empty) == 0
    for name, column in schema.items():
        for field in fields(Column):
            was, now = getattr(column, field.name), getattr(back[name], field.name)
            assert same(was, now), (name, field.name, was, now)
        assert same_dtype(frame[name].dtype, empty[name].dtype)


def of_one(cells: Any, dtype: Any) -> tuple[TableSchema, pd.DataFrame]:
    frame = pd.DataFrame({"a": pd.Series(cells, dtype=dtype)})
    return TableSchema([infer_column(frame["a"], "a")]), frame


# ---- schemas


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(data=st.data())
def test_a_column_of_any_kind_is_decoded(kind: str, data: st.DataObject) -> None:
    frame = data.draw(frames_of(kind, rows=(2, 60)))
    table = table_of(frame)
    if table is None:
        return
    try:
        schema_to_json(table.schema, table.frame)
    except TableError:
        assert kind in NOT_SAVED
        return
    check_round_trip(table.schema, table.frame)


@settings(max_examples=40)
@given(frame=frames(most_columns=5))
def test_a_mixed_frame_with_any_names_is_decoded(frame: pd.DataFrame) -> None:
    table = table_of(frame)
    if table is None:
        return
    try:
        schema_to_json(table.schema, table.frame)
    except TableError:  # a level that cannot be saved, as the tests above and below say
        return
    check_round_trip(table.schema, table.frame)


@pytest.mark.parametrize(
    "level",
    [
        *("é\0\n'\"", "", True, 10**30, -0.0, 5e-324, float("inf"), 1j, b"\xff"),
        *(np.int8(3), np.uint64(2**64 - 1), np.float32(0.1), np.bool_(True), np.str_("a")),
        *(np.datetime64("2020-01-01T00:00:00.000000001"), np.timedelta64(3, "ms")),
        *(Decimal("1.50"), Fraction(1, 3), (1, ("a", None, float("nan")))),
        *(
            dt.date(2020, 2, 29),
            dt.time(1, 2, 3, 4),
            dt.datetime(2020, 1, 1),
            dt.timedelta(1, 2, 3),
        ),
        *(NOON, NOON.as_unit("s"), NOON.as_unit("ns") + pd.Timedelta(1, "ns")),
        *(pd.Timedelta(1, "ns"), pd.Period("2020-01-07", "W-TUE"), pd.Interval(0, 1.5, "both")),
        pd.Interval(NOON, NOON + pd.Timedelta(days=1)),
    ],
    ids=repr,
)
def test_a_level_keeps_its_value_and_its_type(level: object) -> None:
    assert same(params_from_json(as_saved(params_to_json(level))), level)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    "zone",
    [
        *(None, dt.UTC, BERLIN, dt.timezone(dt.timedelta(hours=5, minutes=30))),
        dt.timezone(dt.timedelta(seconds=-1), "a second ago"),
    ],
    ids=str,
)
def test_a_datetime_keeps_its_zone_and_unit(zone: dt.tzinfo | None, unit: Any) -> None:
    for utc in (TWICE, TWICE + pd.Timedelta(hours=1)):
        stamp = (utc.tz_localize(None) if zone is None else utc.tz_convert(zone)).as_unit(unit)
        back = params_from_json(as_saved(params_to_json(stamp)))
        assert same(back, stamp)
        assert (type(back.tzinfo), back.fold) == (type(zone), stamp.fold)
        check_round_trip(*of_one([stamp, stamp + pd.Timedelta(days=1)], stamp_dtype(zone, unit)))


def stamp_dtype(zone: dt.tzinfo | None, unit: Any) -> Any:
    return f"datetime64[{unit}]" if zone is None else pd.DatetimeTZDtype(unit, zone)


def test_a_custom_time_zone_is_an_error() -> None:
    class Zone(dt.tzinfo):
        def utcoffset(self, when: object) -> dt.timedelta:
            return dt.timedelta(hours=1)

        def dst(self, when: object) -> None:
            return None

        def tzname(self, when: object) -> str:
            return "mine"

        def __repr__(self) -> str:
            return "Zone()"

    schema, frame = of_one([1, 2], "int64")
    with pytest.raises(TableError, match=r"column 'a' holds Zone\(\) of type Zone, which cannot"):
        schema_to_json(schema, frame.astype(pd.DatetimeTZDtype("ns", Zone())))


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["a", "b"], pd.StringDtype("python")),
        (["a", "b"], pd.StringDtype("pyarrow")),
        (["a", "b"], pd.StringDtype("python", na_value=np.nan)),
        (["a", "b"], pd.StringDtype("pyarrow", na_value=np.nan)),
        ([1.0, 2.0], ">f8"),
        ([1, 0], pd.SparseDtype("int64", 1)),
        ([Decimal("1.50"), Decimal("2.25")], pd.ArrowDtype(pa.decimal128(9, 2))),
        (["a", "b"], pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string(), ordered=True))),
        ([NOON, NOON], pd.ArrowDtype(pa.timestamp("ms", "+05:30"))),
        (["b", "a"], pd.CategoricalDtype(["b", "a", "never"], ordered=True)),
        (["b", "a"], pd.CategoricalDtype(pd.Index(["b", "a"], dtype="object"))),
        ([2, 1], pd.CategoricalDtype(pd.Index([2, 1], dtype="Int8"))),
        ([1, "a"], pd.CategoricalDtype([2, "a", True, Decimal("0.1")])),
        ([0.5, np.inf], pd.CategoricalDtype([0.5, np.inf])),
        ([True, False], pd.CategoricalDtype([True, False])),
        ([TWICE, TWICE], pd.CategoricalDtype(pd.DatetimeIndex([TWICE]).tz_convert(BERLIN))),
        ([0, 1], pd.cut([0.0, 1.0, 2.0], 3).dtype),
        (["2020-01", "2020-02"], "period[M]"),
    ],
    ids=str,
)
def test_a_dtype_is_decoded(cells: list[Any], dtype: Any) -> None:
    frame = pd.DataFrame({"a": pd.Series(["x", "y"])})
    schema = TableSchema([infer_column(frame["a"], "a")])
    check_round_trip(schema, pd.DataFrame({"a": pd.Series(cells[:0], dtype=dtype)}))


def test_a_level_that_cannot_be_encoded_is_named_with_the_fix() -> None:
    table = Table(pd.DataFrame({"a": [1, 2], "b": [frozenset({1}), frozenset()]}))
    with pytest.raises(TableError) as caught:
        schema_to_json(table.schema, table.frame)
    assert str(caught.value) in [
        f"column 'b' holds {level!r} of type frozenset, which cannot be saved: convert the "
        "column to text (frame['b'] = frame['b'].astype(str)) or drop it"
        for level in (frozenset({1}), frozenset())
    ]


@pytest.mark.parametrize("edit", ["extra", "missing", "tag"])
def test_a_schema_of_another_version_is_an_error(edit: str) -> None:
    schema, frame = of_one([1.5, 2.5], "float64")
    saved = schema_to_json(schema, frame)
    written = saved[0]["fields"]
    if edit == "extra":
        written["mood"] = "good"
    elif edit == "missing":
        del written["grid"]
    else:
        written["grid"] = {"from the future": []}
    with pytest.raises(DataFileError, match="upgrade tabwidget"):
        schema_from_json(saved)


# ---- settings

numbers = st.builds(PlainNumber, st.none() | st.integers(0, 9)) | st.builds(
    SpacedDigits, st.none() | st.integers(0, 9)
)
separators = st.text(min_size=1).filter(lambda text: "\\" not in text)


@given(
    setting=st.none()
    | st.sampled_from(["json", "minilm", 3, 0.1])
    | st.builds(JSONSerializer, numbers)
    | st.builds(BracketSerializer, numbers)
    | st.builds(KeyValueSerializer, separators, separators, numbers)
    | st.builds(GenerationConfig, st.floats(0, 9), st.integers(0, 9), st.floats(0.1, 1))
    | st.builds(ModelConfig, width=st.integers(1, 99), dropout=st.just("auto") | st.floats(0, 0.9))
    | st.builds(TrainingConfig, epochs=st.none() | st.integers(1, 9), max_seconds=st.floats(0.1, 9))
)
def test_a_setting_is_decoded(setting: object) -> None:
    back = params_from_json(as_saved(params_to_json(setting)))
    assert type(back) is type(setting)
    assert back == setting


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        (JSONSerializer(MyNumber(3)), "MyNumber(max_decimals=3) of type MyNumber"),
        (print, "builtin_function_or_method"),
        (dt.time(1, tzinfo=dt.UTC), "of type time"),
        (np.longdouble(1), "of type longdouble"),
        (TrainingConfig(batch_size=object()), "of type object"),  # type: ignore[arg-type]
    ],
)
def test_a_custom_setting_is_an_error(setting: object, named: str) -> None:
    with pytest.raises(ConfigError, match="cannot be saved with a model: give a plain") as caught:
        params_to_json(setting)
    assert named in str(caught.value)


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(DataFileError, match="upgrade tabwidget"):
        params_from_json({"GenerationConfig": {"beams": 3}})
