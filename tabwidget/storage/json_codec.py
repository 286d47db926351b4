"""Forms: a schema, its values and the settings as strict JSON holds them, without loss."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import math
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from types import FunctionType
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tabwidget.config import (
    DiscretizationConfig,
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    TrainingConfig,
    aggregate_default,
)
from tabwidget.errors import ConfigError, DataFileError, TableError
from tabwidget.serializers import SERIALIZERS
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tabwidget.table import TableSchema
from tabwidget.table.column import Column
from tabwidget.table.text_embedding import TextEmbedding

__all__ = [
    "empty_frame_from_json",
    "params_from_json",
    "params_to_json",
    "schema_from_json",
    "schema_to_json",
]


MAX_LISTED = 1_000  # numbers that a reader might still look at


def schema_to_json(schema: TableSchema, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a schema and the dtypes of its frame as strict JSON holds them, without loss.

    Parameters
    ----------
    schema : TableSchema
        The columns.
    frame : DataFrame
        The frame with these columns; only its dtypes are kept.

    Raises
    ------
    TableError
        For a value or a dtype that cannot be written. Names the column and the mend.

    Examples
    --------
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"size": [1.5, 2.5], "sold": [True, False]}))
    >>> saved = schema_to_json(table.schema, table.frame)
    >>> schema_from_json(saved)["size"].grid
    array([1.5, 2.5])
    >>> empty_frame_from_json(saved).dtypes.astype(str).to_dict()
    {'size': 'float64', 'sold': 'bool'}
    """
    return [_column_to_json(column, frame[column.name].dtype) for column in schema.values()]


def schema_from_json(columns: Sequence[Mapping[str, Any]]) -> TableSchema:
    """Return the schema that `schema_to_json` wrote; `DataFileError` if it cannot be read."""
    with _reading():
        return TableSchema(
            [
                Column(**{name: _from_json(value) for name, value in column["fields"].items()})
                for column in columns
            ]
        )


def empty_frame_from_json(columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame without rows that has the columns and dtypes `schema_to_json` wrote."""
    with _reading():
        return pd.DataFrame(
            {
                _from_json(column["fields"]["name"]): pd.Series(
                    [], dtype=_dtype_from_json(column["cells"])
                )
                for column in columns
            }
        )


def params_to_json(value: object) -> Any:
    """Return a setting as strict JSON holds it: a config object, a serializer or a plain value.

    Parameters
    ----------
    value : object
        A config object, a built-in serializer or number format, a plain value, or None.

    Raises
    ------
    ConfigError
        For anything else, such as a serializer of the user's own.

    Examples
    --------
    >>> from tabwidget.serializers import JSONSerializer
    >>> params_to_json(JSONSerializer(PlainNumber(max_decimals=2)))
    {'JSONSerializer': {'number': {'PlainNumber': {'max_decimals': 2}}}}
    >>> params_from_json(params_to_json(GenerationConfig(top_k=3))).top_k
    3
    """
    try:
        return _to_json(value)
    except _NotSavedError as error:
        known = ", ".join(kind.__name__ for kind in _SETTINGS)
        raise ConfigError(
            f"{reprlib.repr(error.value)} of type {type(error.value).__name__} cannot be saved "
            f"with a model: give a plain value, or one of {known}"
        ) from None


def params_from_json(value: Any) -> Any:
    """Return the setting that `params_to_json` wrote; `DataFileError` if it cannot be read."""
    with _reading():
        return _from_json(value)


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Say of what no checksum can tell, another version's content, how to mend it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise DataFileError(
            f"the saved model needs {error.name!r}: pip install {error.name}"
        ) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, pa.ArrowException) as error:
        raise DataFileError(
            f"the saved model holds what this version cannot read ({error}): "
            "upgrade tabwidget (pip install -U tabwidget)"
        ) from error


# ---- values: JSON's own as they are, every other as {"its type": what makes it}


class _NotSavedError(TypeError):
    """A value that has no JSON form here."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{type(value).__name__} cannot be saved")
        self.value = value


class _Form(NamedTuple):
    """How the values of one type are written, and what makes them again."""

    kind: type
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _to_json(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
        return value
    for tag, form in _FORMS.items():
        if kind is form.kind:  # a subclass would come back as its base
            return {tag: form.write(value)}
    if isinstance(value, np.generic):
        return {"numpy": _array_to_json(np.array([value]))}
    raise _NotSavedError(value)


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((tag, written),) = value.items()
    if tag == "numpy":
        return _array_from_json(written)[0]
    return _FORMS[tag].read(written)


def _all_to_json(values: Iterable[Any]) -> list[Any]:
    return [_to_json(value) for value in values]


def _all_from_json(values: Iterable[Any]) -> list[Any]:
    return [_from_json(value) for value in values]


def _array_to_json(array: NDArray[Any]) -> dict[str, Any]:
    flat = array.ravel()
    if array.dtype.kind in "mM":
        flat = flat.view(np.int64)  # Python's dates are coarser
    elif array.dtype.kind not in "ObiufcSU" or array.dtype.char in "gG":
        raise _NotSavedError(array.flat[0] if array.size else array.dtype)
    if array.dtype.kind == "f" and array.size > MAX_LISTED:
        return {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "base64": base64.b64encode(array.tobytes()).decode(),
        }
    return {
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "values": _all_to_json(flat.tolist()),
    }


def _array_from_json(written: Mapping[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(written["dtype"])
    if "base64" in written:
        raw = base64.b64decode(written["base64"])
        return np.frombuffer(raw, dtype).reshape(written["shape"]).copy()
    values = written["values"]
    array = np.empty(len(values), dtype=np.int64 if dtype.kind in "mM" else dtype)
    # One by one, or numpy would make a second axis of tuples.
    for i, value in enumerate(_all_from_json(values)):
        array[i] = value
    return array.view(dtype).reshape(written["shape"])


def _options_to_json(value: Any) -> dict[str, Any]:
    if is_dataclass(value):
        options = {field.name: getattr(value, field.name) for field in fields(value)}
    else:
        options = value.get_params(deep=False)
    return {name: _to_json(option) for name, option in options.items()}


def _setting(kind: type) -> _Form:
    return _Form(
        kind,
        _options_to_json,
        lambda options: kind(**{name: _from_json(option) for name, option in options.items()}),
    )


def _function_to_json(function: Callable[..., Any]) -> str:
    # Only the one that is here when the model is read; nothing is ever imported by name.
    if function is not aggregate_default:
        raise _NotSavedError(function)
    return function.__name__


def _moment_to_json(moment: dt.datetime) -> list[Any]:
    utc = moment if moment.tzinfo is None else moment.astimezone(dt.UTC)
    return [utc.isoformat(), _zone_to_json(moment.tzinfo)]


def _moment_from_json(written: Sequence[Any]) -> dt.datetime:
    moment, zone = dt.datetime.fromisoformat(written[0]), _zone_from_json(written[1])
    return moment if zone is None else moment.astimezone(zone)


def _time_to_json(time: dt.time) -> str:
    if time.tzinfo is not None:
        raise _NotSavedError(time)
    return time.isoformat()


def _stamp_to_json(stamp: pd.Timestamp) -> list[Any]:
    # A whole number since 1970 in UTC is exact, also in the hour that clocks show twice.
    return [int(stamp.asm8.view(np.int64)), stamp.unit, _zone_to_json(stamp.tzinfo)]


def _stamp_from_json(written: Sequence[Any]) -> pd.Timestamp:
    number, unit, zone = written
    stamp = pd.Timestamp(np.datetime64(number, unit))
    if zone is None:
        return stamp
    return stamp.tz_localize("UTC").tz_convert(_zone_from_json(zone))


def _zone_to_json(zone: dt.tzinfo | None) -> Any:
    if zone is None:
        return None
    if isinstance(zone, ZoneInfo) and zone.key:
        return {"zoneinfo": zone.key}
    if isinstance(zone, dt.timezone):
        return {"offset": [zone.utcoffset(None).total_seconds(), zone.tzname(None)]}
    # A zone of pytz comes back as Python's own of that name, the same at any time.
    if name := getattr(zone, "zone", None):
        return {"zoneinfo": name}
    raise _NotSavedError(zone)


def _zone_from_json(written: Any) -> dt.tzinfo | None:
    if written is None:
        return None
    ((tag, zone),) = written.items()
    if tag == "zoneinfo":
        return ZoneInfo(zone)
    seconds, name = zone
    offset = dt.timedelta(seconds=seconds)
    nameless = dt.timezone(offset)
    return nameless if nameless.tzname(None) == name else dt.timezone(offset, name)


# ---- columns and dtypes


def _column_to_json(column: Column, dtype: Any) -> dict[str, Any]:
    name = column.name
    mend = (
        f"make its cells texts (frame[{name!r}] = frame[{name!r}].astype(str)) or drop the column"
    )
    try:
        cells = _dtype_to_json(dtype)
        written = {
            field.name: _to_json(getattr(column, field.name))
            for field in fields(column)
            if field.init
        }
    except _NotSavedError as error:
        value = error.value
        raise TableError(
            f"column {name!r} holds {reprlib.repr(value)} of type {type(value).__name__}, which "
            f"cannot be saved: {mend}"
        ) from None
    return {"fields": written, "cells": cells}


def _dtype_to_json(dtype: Any) -> Any:
    if isinstance(dtype, pd.CategoricalDtype):
        index = dtype.categories
        return {
            "categories": _dtype_to_json(index.dtype),
            "values": _all_to_json(index),
            "ordered": dtype.ordered,
        }
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"unit": dtype.unit, "zone": _zone_to_json(dtype.tz)}
    if isinstance(dtype, pd.StringDtype):
        return {"storage": dtype.storage, "missing": "NA" if dtype.na_value is pd.NA else "NaN"}
    if isinstance(dtype, pd.ArrowDtype):
        # Arrow's own form of a type, since its names do not all read back.
        schema = pa.schema([("cells", dtype.pyarrow_dtype)]).serialize()
        return {"arrow": base64.b64encode(schema).decode()}
    if isinstance(dtype, pd.SparseDtype):
        return {"sparse": str(dtype.subtype), "fill": _to_json(dtype.fill_value)}
    name = str(dtype)
    try:
        same = pd.api.types.pandas_dtype(name) == dtype
    except (TypeError, ValueError):
        same = False
    if not same:
        raise _NotSavedError(dtype)
    return name


def _dtype_from_json(written: Any) -> Any:
    if isinstance(written, str):
        return pd.api.types.pandas_dtype(written)
    if "categories" in written:
        values = _all_from_json(written["values"])
        index = pd.Index(values, dtype=_dtype_from_json(written["categories"]))
        return pd.CategoricalDtype(index, ordered=written["ordered"])
    if "unit" in written:
        return pd.DatetimeTZDtype(written["unit"], _zone_from_json(written["zone"]))
    if "storage" in written:
        if written["missing"] == "NA":
            return pd.StringDtype(written["storage"])
        return pd.StringDtype(written["storage"], na_value=math.nan)
    if "sparse" in written:
        return pd.SparseDtype(np.dtype(written["sparse"]), _from_json(written["fill"]))
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written["arrow"])))
    return pd.ArrowDtype(schema.field(0).type)


_SETTINGS = (
    TrainingConfig,
    ModelConfig,
    GenerationConfig,
    DiscretizationConfig,
    LoRAConfig,
    QuantizationConfig,
    *SERIALIZERS.values(),
    PlainNumber,
    SpacedDigits,
)

_FORMS: dict[str, _Form] = {
    "float": _Form(float, repr, float),  # NaN and the infinite ones
    "complex": _Form(complex, repr, complex),
    "bytes": _Form(bytes, bytes.hex, bytes.fromhex),
    "Decimal": _Form(Decimal, str, Decimal),
    "Fraction": _Form(Fraction, str, Fraction),
    "UUID": _Form(UUID, str, UUID),
    "date": _Form(dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "time": _Form(dt.time, _time_to_json, dt.time.fromisoformat),
    "datetime": _Form(dt.datetime, _moment_to_json, _moment_from_json),
    "timedelta": _Form(
        dt.timedelta,
        lambda span: [span.days, span.seconds, span.microseconds],
        lambda written: dt.timedelta(*written),
    ),
    "Timestamp": _Form(pd.Timestamp, _stamp_to_json, _stamp_from_json),
    "Timedelta": _Form(
        pd.Timedelta,
        lambda span: [int(span.asm8.view(np.int64)), span.unit],
        lambda written: pd.Timedelta(np.timedelta64(*written)),
    ),
    "Period": _Form(
        pd.Period,
        lambda period: [period.ordinal, period.freqstr],
        lambda written: pd.Period(ordinal=written[0], freq=written[1]),
    ),
    "Interval": _Form(
        pd.Interval,
        lambda span: [_to_json(span.left), _to_json(span.right), span.closed],
        lambda written: pd.Interval(_from_json(written[0]), _from_json(written[1]), written[2]),
    ),
    "list": _Form(list, _all_to_json, _all_from_json),
    "tuple": _Form(tuple, _all_to_json, lambda values: tuple(_all_from_json(values))),
    "dict": _Form(
        dict,
        lambda items: [[_to_json(key), _to_json(value)] for key, value in items.items()],
        lambda pairs: {_from_json(key): _from_json(value) for key, value in pairs},
    ),
    "TextEmbedding": _setting(TextEmbedding),
    "function": _Form(
        FunctionType, _function_to_json, {"aggregate_default": aggregate_default}.__getitem__
    ),
    "array": _Form(np.ndarray, _array_to_json, _array_from_json),
    **{kind.__name__: _setting(kind) for kind in _SETTINGS},
}
