"""Hypothesis strategies: frames of every kind of column, and evidence on a fitted table.

``TABWIDGET_FUZZ=1000`` runs that many random examples per test instead of a few fixed ones, and
shrinks those that fail, which takes minutes.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
import warnings
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tabwidget.inference.evidence import Above, Below, Between, Evidence, NoneOf, OneOf
from tabwidget.table import Column, TableSchema

__all__ = ["KINDS", "evidence", "examples", "frames", "frames_of", "questions", "seeds"]

Strategy: TypeAlias = st.SearchStrategy[Any]

MAX_ROWS = 300
N_FUZZ = int(os.environ.get("TABWIDGET_FUZZ", 0))

seeds = st.integers(0, 2**32 - 1)


def examples(n: int) -> settings:
    """Return settings for `n` fixed examples, or ``TABWIDGET_FUZZ`` random ones."""
    return settings(
        max_examples=N_FUZZ or n,
        derandomize=not N_FUZZ,
        phases=[Phase.reuse, Phase.generate, Phase.shrink] if N_FUZZ else [Phase.generate],
        deadline=dt.timedelta(seconds=60),  # a test that takes longer hangs
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


class Kind(NamedTuple):
    """How the cells of a column are made.

    Attributes
    ----------
    values : strategy of list
        Values that the cells are drawn from, or one for each cell if there are enough.
    dtype : pandas dtype or str
        That of the column.
    missing : bool
        Whether cells may be missing.
    """

    values: Strategy
    dtype: Any = "object"
    missing: bool = True


def few(*choices: object) -> Strategy:
    """Return lists of values out of `choices`."""
    return st.lists(st.sampled_from(choices), min_size=1, max_size=12)


def some(elements: Strategy) -> Strategy:
    """Return lists of values out of a strategy."""
    return st.lists(elements, min_size=1, max_size=12)


def many(make: Callable[[np.random.Generator], Any]) -> Strategy:
    """Return lists that are long enough to give each cell a value of its own."""
    return seeds.map(lambda seed: list(make(np.random.default_rng(seed))))


def integers(bits: int, *, signed: bool = True) -> Strategy:
    """Return lists of whole numbers, the least and the largest of a dtype among them."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return some(st.integers(low, high) | st.sampled_from([low, high]))


def arrow(kind: Any) -> pd.ArrowDtype:
    """Return the pandas dtype of an Arrow type."""
    return pd.ArrowDtype(kind)


class Opaque:
    """An object that says nothing of itself."""


DAY = dt.date(2020, 2, 29)
NOON = dt.datetime(2020, 2, 29, 12)
# Half past two, of which that night has two an hour apart.
BERLIN = pd.Timestamp("2020-10-25 00:30", tz="UTC").tz_convert("Europe/Berlin")
ODD_TEXTS = (
    *("", " ", "\n", "\0", "nan", "None", "True", "1", "1.0", "a", "A", "a ", '"', "'", "`", "\\"),
    *("é", "e\u0301", "🙂", "👩\u200d👩\u200d👧", "שלום", "\u202eabc", "<b>", "=1+1", "x" * 9_999),
)

moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
days = st.dates()
texts = st.text(max_size=20) | st.sampled_from(ODD_TEXTS)

KINDS: dict[str, Kind] = {
    "float64 of five values": Kind(few(-1.5, 0.0, 0.1, 2.25, 1e3), "float64"),
    "float64, all distinct": Kind(many(lambda rng: rng.normal(size=MAX_ROWS)), "float64"),
    "float64 over many powers of ten": Kind(
        many(lambda rng: rng.normal(size=MAX_ROWS) * 10.0 ** rng.integers(-99, 99)), "float64"
    ),
    "float64 with heavy tails": Kind(
        many(lambda rng: rng.lognormal(sigma=30, size=MAX_ROWS)), "float64"
    ),
    "float64, a breath apart": Kind(
        many(lambda rng: 1 + rng.integers(0, 99, MAX_ROWS) * 2.0**-52), "float64"
    ),
    "float64, mostly zero": Kind(
        many(lambda rng: np.maximum(0, rng.normal(-1, 1, MAX_ROWS))), "float64"
    ),
    "float64 of any sort": Kind(some(st.floats()), "float64"),
    "float64 with infinities": Kind(few(-0.0, 0.0, 1.0, np.inf, -np.inf, np.nan), "float64"),
    "float64, tiny": Kind(few(5e-324, 1e-310, 2e-308, -5e-324), "float64"),
    "float64, huge": Kind(few(1.7e308, -1.7e308, 1e149, 1e16), "float64"),
    "float32": Kind(some(st.floats(width=32)), "float32"),
    "float32, all distinct": Kind(many(lambda rng: rng.normal(size=MAX_ROWS)), "float32"),
    "float16": Kind(some(st.floats(width=16)), "float16"),
    "int8": Kind(integers(8), "int8", missing=False),
    "int16": Kind(integers(16), "int16", missing=False),
    "int32": Kind(integers(32), "int32", missing=False),
    "int64": Kind(integers(64), "int64", missing=False),
    "int64, all distinct": Kind(many(lambda rng: range(MAX_ROWS)), "int64", missing=False),
    "int64 near 2**53": Kind(
        many(lambda rng: 2**53 + rng.integers(0, 99, MAX_ROWS)), "int64", missing=False
    ),
    "uint8": Kind(integers(8, signed=False), "uint8", missing=False),
    "uint64 near 2**63": Kind(
        some(st.integers(2**63 - 9, 2**63 + 9) | st.just(2**64 - 1)), "uint64", missing=False
    ),
    "Int64": Kind(integers(64), "Int64"),
    "Int8": Kind(integers(8), "Int8"),
    "UInt64": Kind(integers(64, signed=False), "UInt64"),
    "Float64": Kind(some(st.floats(-1e9, 1e9)), "Float64"),
    "Float32": Kind(some(st.floats(-1e9, 1e9, width=32)), "Float32"),
    "Sparse[float]": Kind(few(0.0, 0.5, 1.0), "Sparse[float]"),
    "bool": Kind(few(False, True), "bool", missing=False),
    "boolean": Kind(few(False, True), "boolean"),
    "object of booleans": Kind(few(False, True)),
    "str": Kind(some(texts), "str"),
    "string": Kind(some(texts), "string"),
    "string[python]": Kind(some(texts), "string[python]"),
    "object of texts": Kind(some(texts)),
    "very long texts": Kind(some(st.integers(1, 9).map(lambda n: str(n) * 20_000)), "str"),
    "identifiers": Kind(many(lambda rng: [f"u{i}" for i in range(MAX_ROWS)]), "str"),
    "numbers as text": Kind(some(st.integers(-5, 5).map(str) | st.floats().map(str)), "str"),
    "dates as text": Kind(some(days.map(str)), "str"),
    "int64[pyarrow]": Kind(integers(64), "int64[pyarrow]"),
    "uint8[pyarrow]": Kind(integers(8, signed=False), arrow(pa.uint8())),
    "double[pyarrow]": Kind(some(st.floats(allow_nan=False)), "double[pyarrow]"),
    "float[pyarrow]": Kind(some(st.floats(-9, 9, width=32)), "float[pyarrow]"),
    "bool[pyarrow]": Kind(few(False, True), "bool[pyarrow]"),
    "string[pyarrow]": Kind(some(texts), "string[pyarrow]"),
    "Arrow string": Kind(some(texts), arrow(pa.string())),
    "Arrow large string": Kind(some(texts), arrow(pa.large_string())),
    "timestamp[ns][pyarrow]": Kind(some(moments), "timestamp[ns][pyarrow]"),
    "timestamp[us][pyarrow], zoned": Kind(some(moments), arrow(pa.timestamp("us", "Asia/Tokyo"))),
    "date32": Kind(some(days), arrow(pa.date32())),
    "date64": Kind(some(days), arrow(pa.date64())),
    "time64": Kind(some(st.times()), arrow(pa.time64("us"))),
    "duration": Kind(
        some(st.timedeltas(dt.timedelta(-99), dt.timedelta(99))), "duration[us][pyarrow]"
    ),
    "decimal128": Kind(some(st.decimals(-999, 999, places=2)), arrow(pa.decimal128(12, 2))),
    "dictionary": Kind(few("a", "b", "ü", ""), arrow(pa.dictionary(pa.int32(), pa.string()))),
    "binary": Kind(some(st.binary(max_size=9)), arrow(pa.binary())),
    "Arrow list": Kind(some(st.lists(st.integers(0, 3), max_size=3)), arrow(pa.list_(pa.int64()))),
    "Arrow struct": Kind(few({"a": 1}, {"a": 2}), arrow(pa.struct([("a", pa.int64())]))),
    "object of numbers": Kind(some(st.integers() | st.floats())),
    "object of huge integers": Kind(few(2**63, 2**64, 10**400, -(2**70))),
    "numbers and text": Kind(few(1, "1", 1.0, "one", 2.5, True)),
    "Decimal": Kind(some(st.decimals(allow_nan=False))),
    "Decimal with NaN": Kind(few(Decimal("1.1"), Decimal("NaN"), Decimal("Infinity"))),
    "Fraction": Kind(some(st.fractions())),
    "bytes": Kind(some(st.binary(max_size=9))),
    "date": Kind(some(days)),
    "datetime": Kind(some(st.datetimes())),
    "dates and datetimes": Kind(few(DAY, NOON, pd.Timestamp(NOON), BERLIN)),
    "dates and text": Kind(few(DAY, "2020-02-29", NOON, "soon")),
    "time of day": Kind(some(st.times())),
    "tuples": Kind(some(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2)))),
    "lists": Kind(some(st.lists(st.integers(0, 2), max_size=3))),
    "dicts": Kind(some(st.dictionaries(st.just("a"), st.integers(0, 2)))),
    "sets": Kind(some(st.frozensets(st.integers(0, 2))) | few({1}, {2})),
    "arrays": Kind(few(np.array([1, 2]), np.array([3]))),
    "UUID": Kind(few(uuid.UUID(int=1), uuid.UUID(int=2))),
    "opaque objects": Kind(few(Opaque(), Opaque(), Fraction(1, 3))),
    "anything": Kind(few(1, "a", None, 2.5, DAY, (1,), [1], b"a", Decimal(1), 1j, np.nan, True)),
    "category": Kind(few("a", "b", ""), "category"),
    "category, ordered": Kind(few("lo", "hi"), pd.CategoricalDtype(["lo", "mid", "hi"], True)),
    "category of integers": Kind(few(3, 1, 2), pd.CategoricalDtype([3, 2, 1, 0])),
    "category of floats": Kind(few(0.1, 2.0), "category"),
    "category of booleans": Kind(few(True, False), "category"),
    "category of dates": Kind(some(moments), "category"),
    "category of intervals": Kind(few(pd.Interval(0, 1), pd.Interval(1, 2)), "category"),
    "category of many levels": Kind(many(lambda rng: rng.integers(0, 250, 300)), "category"),
    "datetime64[ns]": Kind(some(moments), "datetime64[ns]"),
    "datetime64[us]": Kind(some(st.datetimes()), "datetime64[us]"),
    "datetime64[s]": Kind(some(st.datetimes()), "datetime64[s]"),
    "datetimes, all distinct": Kind(
        many(lambda rng: pd.Timestamp(NOON) + pd.to_timedelta(rng.integers(0, 10**8, 300), "s")),
        "datetime64[us]",
    ),
    "datetimes, zoned": Kind(
        few(BERLIN, BERLIN + pd.Timedelta(hours=1)), "datetime64[us, Europe/Berlin]"
    ),
    "datetimes, fixed offset": Kind(some(moments), "datetime64[us, UTC+05:30]"),
    "timedelta": Kind(some(st.timedeltas(dt.timedelta(-99), dt.timedelta(99))), "timedelta64[us]"),
    "object of timedeltas": Kind(few(dt.timedelta(1), dt.timedelta(2))),
    "Period": Kind(few(pd.Period("2020-01", "M"), pd.Period("2020-02", "M")), "period[M]"),
    "Interval": Kind(few(pd.Interval(0.0, 1.0), pd.Interval(1.0, 2.0)), "interval[float64]"),
    "complex": Kind(few(1j, 1 + 0j, 0j, complex("nan")), "complex128"),
    "constant": Kind(st.just(["same"])),
    "constant number": Kind(st.just([7.0]), "float64"),
    "all missing": Kind(st.just([None])),
    "all NaN": Kind(st.just([np.nan]), "float64"),
}

NAMES = (
    *("a", "b", "", " ", "a b", "'", '"', "`", "\n", "in", "not", "a | b", "a=1", "x,y", "ü 列 🙂"),
    *(0, 1, "1", 1.5, None, True, ("a", 1), pd.Timestamp(NOON), b"b", "x" * 300, "{0}", "%s"),
)


@st.composite
def columns(draw: Any, kind: Kind, n: int) -> pd.Series:
    """Return columns of one kind with `n` cells."""
    values = draw(kind.values)
    share = draw(st.sampled_from([0, 0.1, 0.5, 0.95])) if kind.missing else 0
    rng = np.random.default_rng(draw(seeds))
    places = np.arange(n) if len(values) >= n else rng.integers(len(values), size=n)
    gaps = rng.random(n) < share
    gaps[rng.integers(n)] = False  # a column with no value at all is a kind of its own
    cells = [None if gap else values[i] for i, gap in zip(places, gaps, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pd.Series(cells, dtype=kind.dtype)


@st.composite
def indexes(draw: Any, n: int) -> pd.Index:
    """Return row labels, few of them plain."""
    return draw(
        st.sampled_from(
            [
                pd.RangeIndex(n),
                pd.Index([0] * n),
                pd.Index([f"r{i}" for i in reversed(range(n))]),
                pd.MultiIndex.from_arrays([range(n), ["a"] * n]),
                pd.date_range("2020-01-01", periods=n),
            ]
        )
    )


@st.composite
def frames_of(draw: Any, *kinds: str, rows: tuple[int, int] = (2, MAX_ROWS)) -> pd.DataFrame:
    """Return frames of columns of these kinds, named a, b, c and on."""
    n = draw(st.integers(*rows))
    series = [draw(columns(KINDS[kind], n)) for kind in kinds]
    return pd.DataFrame({chr(ord("a") + i): one for i, one in enumerate(series)})


@st.composite
def frames(draw: Any, most_columns: int = 8) -> pd.DataFrame:
    """Return frames of any mix of kinds, with odd names and row labels."""
    # The few that no table may have would hide the rest if they stood in most frames.
    kinds = draw(st.lists(st.sampled_from([*KINDS]), min_size=1, max_size=most_columns))
    frame = draw(frames_of(*kinds))
    alike = draw(st.sampled_from([str, str, str, str, str, repr]))
    names = draw(
        st.lists(st.sampled_from(NAMES), min_size=len(kinds), max_size=len(kinds), unique_by=alike)
    )
    frame.columns = pd.Index(names, dtype="object", tupleize_cols=False)
    frame.index = draw(indexes(len(frame)))
    return frame


def value(column: Column) -> Strategy:
    """Return values that a column can take."""
    listed = st.sampled_from(column.grid.tolist())
    numbers = listed if column.edges is None else st.floats(column.low, column.high)
    return (numbers.map(round) if column.integer else numbers).map(column.value)


@st.composite
def evidence(draw: Any, column: Column) -> Evidence:
    """Return evidence that a column can take: a value, a set or a range."""
    chosen = draw(st.lists(value(column), min_size=1, max_size=3, unique=True))
    forms: list[Evidence] = [chosen[0], OneOf(*chosen)]
    if column.is_number:
        low, high = min(chosen), max(chosen)
        forms += [Between(low, high), Above(low, inclusive=True), Below(high, inclusive=True)]
    if column.edges is None and len(chosen) < len(column.support):
        forms.append(NoneOf(*chosen))
    return draw(st.sampled_from(forms))


@st.composite
def questions(
    draw: Any,
    schema: TableSchema,
    targets: Sequence[str] = (),
    without: str = "",
    values: bool = False,
) -> tuple[str, dict[str, Evidence]]:
    """Return a column to ask for, and evidence on up to three others.

    The column asked for is one of `targets`, if there are any; neither it nor the others is the
    column `without`. With `values` nothing is given as a set or a range.
    """
    target = draw(st.sampled_from([n for n in targets or schema.targets if n != without]))
    others = draw(st.permutations([n for n in schema.targets if n not in (target, without)]))
    known = others[: draw(st.integers(0, 3))]
    kind = value if values else evidence
    return target, {name: draw(kind(schema[name])) for name in known}
