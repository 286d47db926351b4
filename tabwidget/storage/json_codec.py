"""JSON codec: schemas, values and settings as strict JSON, without loss."""

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


MAX_LISTED = 1_000  # numbers encoded as a list; longer arrays are base64


def schema_to_json(schema: TableSchema, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Encode a schema and the dtypes of its frame.

    Parameters
    ----------
    schema : TableSchema
        The columns.
    frame : DataFrame
        A frame with these columns, of which only the dtypes are encoded.

    Raises
    ------
    TableError
        For a value or a dtype that cannot be encoded. Names the column and the fix.

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
    """Decode a schema; `DataFileError` if it cannot be decoded."""
    with _decoding():
        return TableSchema(
            [
                Column(**{name: _from_json(value) for name, value in column["fields"].items()})
                for column in columns
            ]
        )


def empty_frame_from_json(columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame without rows, with the columns and dtypes of `schema_to_json`."""
    with _decoding():
        return pd.DataFrame(
            {
                _from_json(column["fields"]["name"]): pd.Series(
                    [], dtype=_dtype_from_json(column["cells"])
                )
                for column in columns
            }
        )


def params_to_json(value: object) -> Any:
    """Encode a setting.

    Parameters
    ----------
    value : object
        A config object, a built-in serializer or number format, a plain value, or None.

    Raises
    ------
    ConfigError
        For anything else, such as a custom serializer.

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
    except _NotEncodableError as error:
        known = ", ".join(kind.__name__ for kind in _SETTINGS)
        raise ConfigError(
            f"{reprlib.repr(error.value)} of type {type(error.value).__name__} cannot be saved "
            f"with a model: give a plain value, or one of {known}"
        ) from None


def params_from_json(value: Any) -> Any:
    """Decode a setting; `DataFileError` if it cannot be decoded."""
    with _decoding():
        return _from_json(value)


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    """Convert errors from content of another version, which passes the checksum."""
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


# ---- values: JSON types as they are, others as {"type": encoded value}


class _NotEncodableError(TypeError):
    """A value that has no codec."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{type(value).__name__} cannot be saved")
        self.value = value


class _Codec(NamedTuple):
    """Encoder and decoder of one type."""

    kind: type
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _to_json(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
        return value
    for tag, codec in _CODECS.items():
        if kind is codec.kind:  # a subclass would be decoded as its base class
            return {tag: codec.encode(value)}
    if isinstance(value, np.generic):
        return {"numpy": _array_to_json(np.array([value]))}
    raise _NotEncodableError(value)


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((tag, encoded),) = value.items()
    if tag == "numpy":
        return _array_from_json(encoded)[0]
    return _CODECS[tag].decode(encoded)


def _all_to_json(values: Iterable[Any]) -> list[Any]:
    return [_to_json(value) for value in values]


def _all_from_json(values: Iterable[Any]) -> list[Any]:
    return [_from_json(value) for value in values]


def _array_to_json(array: NDArray[Any]) -> dict[str, Any]:
    flat = array.ravel()
    if array.dtype.kind in "mM":
        flat = flat.view(np.int64)  # Python's dates have a lower resolution
    elif array.dtype.kind not in "ObiufcSU" or array.dtype.char in "gG":
        raise _NotEncodableError(array.flat[0] if array.size else array.dtype)
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


def _array_from_json(encoded: Mapping[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(encoded["dtype"])
    if "base64" in encoded:
        raw = base64.b64decode(encoded["base64"])
        return np.frombuffer(raw, dtype).reshape(encoded["shape"]).copy()
    values = encoded["values"]
    array = np.empty(len(values), dtype=np.int64 if dtype.kind in "mM" else dtype)
    # One at a time, or numpy would turn tuples into a second axis.
    for i, value in enumerate(_all_from_json(values)):
        array[i] = value
    return array.view(dtype).reshape(encoded["shape"])


def _options_to_json(value: Any) -> dict[str, Any]:
    if is_dataclass(value):
        options = {field.name: getattr(value, field.name) for field in fields(value)}
    else:
        options = value.get_params(deep=False)
    return {name: _to_json(option) for name, option in options.items()}


def _setting(kind: type) -> _Codec:
    return _Codec(
        kind,
        _options_to_json,
        lambda options: kind(**{name: _from_json(option) for name, option in options.items()}),
    )


def _function_to_json(function: Callable[..., Any]) -> str:
    # A single known function; nothing is imported by name.
    if function is not aggregate_default:
        raise _NotEncodableError(function)
    return function.__name__


def _datetime_to_json(time: dt.datetime) -> list[Any]:
    utc = time if time.tzinfo is None else time.astimezone(dt.UTC)
    return [utc.isoformat(), _zone_to_json(time.tzinfo)]


def _datetime_from_json(encoded: Sequence[Any]) -> dt.datetime:
    time, zone = dt.datetime.fromisoformat(encoded[0]), _zone_from_json(encoded[1])
    return time if zone is None else time.astimezone(zone)


def _time_to_json(time: dt.time) -> str:
    if time.tzinfo is not None:
        raise _NotEncodableError(time)
    return time.isoformat()


def _stamp_to_json(stamp: pd.Timestamp) -> list[Any]:
    # An integer since 1970 in UTC is exact, even in the hour that clocks repeat.
    return [int(stamp.asm8.view(np.int64)), stamp.unit, _zone_to_json(stamp.tzinfo)]


def _stamp_from_json(encoded: Sequence[Any]) -> pd.Timestamp:
    number, unit, zone = encoded
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
    # A pytz zone is decoded as the equivalent zoneinfo zone.
    if name := getattr(zone, "zone", None):
        return {"zoneinfo": name}
    raise _NotEncodableError(zone)


def _zone_from_json(encoded: Any) -> dt.tzinfo | None:
    if encoded is None:
        return None
    ((tag, zone),) = encoded.items()
    if tag == "zoneinfo":
        return ZoneInfo(zone)
    seconds, name = zone
    offset = dt.timedelta(seconds=seconds)
    nameless = dt.timezone(offset)
    return nameless if nameless.tzname(None) == name else dt.timezone(offset, name)


# ---- columns and dtypes


def _column_to_json(column: Column, dtype: Any) -> dict[str, Any]:
    name = column.name
    fix = f"convert the column to text (frame[{name!r}] = frame[{name!r}].astype(str)) or drop it"
    try:
        cells = _dtype_to_json(dtype)
        encoded = {
            field.name: _to_json(getattr(column, field.name))
            for field in fields(column)
            if field.init
        }
    except _NotEncodableError as error:
        value = error.value
        raise TableError(
            f"column {name!r} holds {reprlib.repr(value)} of type {type(value).__name__}, which "
            f"cannot be saved: {fix}"
        ) from None
    return {"fields": encoded, "cells": cells}


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
        # Arrow's own encoding, since not all type names can be parsed.
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
        raise _NotEncodableError(dtype)
    return name


def _dtype_from_json(encoded: Any) -> Any:
    if isinstance(encoded, str):
        return pd.api.types.pandas_dtype(encoded)
    if "categories" in encoded:
        values = _all_from_json(encoded["values"])
        index = pd.Index(values, dtype=_dtype_from_json(encoded["categories"]))
        return pd.CategoricalDtype(index, ordered=encoded["ordered"])
    if "unit" in encoded:
        return pd.DatetimeTZDtype(encoded["unit"], _zone_from_json(encoded["zone"]))
    if "storage" in encoded:
        if encoded["missing"] == "NA":
            return pd.StringDtype(encoded["storage"])
        return pd.StringDtype(encoded["storage"], na_value=math.nan)
    if "sparse" in encoded:
        return pd.SparseDtype(np.dtype(encoded["sparse"]), _from_json(encoded["fill"]))
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(encoded["arrow"])))
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

_CODECS: dict[str, _Codec] = {
    "float": _Codec(float, repr, float),  # NaN and infinities
    "complex": _Codec(complex, repr, complex),
    "bytes": _Codec(bytes, bytes.hex, bytes.fromhex),
    "Decimal": _Codec(Decimal, str, Decimal),
    "Fraction": _Codec(Fraction, str, Fraction),
    "UUID": _Codec(UUID, str, UUID),
    "date": _Codec(dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "time": _Codec(dt.time, _time_to_json, dt.time.fromisoformat),
    "datetime": _Codec(dt.datetime, _datetime_to_json, _datetime_from_json),
    "timedelta": _Codec(
        dt.timedelta,
        lambda span: [span.days, span.seconds, span.microseconds],
        lambda encoded: dt.timedelta(*encoded),
    ),
    "Timestamp": _Codec(pd.Timestamp, _stamp_to_json, _stamp_from_json),
    "Timedelta": _Codec(
        pd.Timedelta,
        lambda span: [int(span.asm8.view(np.int64)), span.unit],
        lambda encoded: pd.Timedelta(np.timedelta64(*encoded)),
    ),
    "Period": _Codec(
        pd.Period,
        lambda period: [period.ordinal, period.freqstr],
        lambda encoded: pd.Period(ordinal=encoded[0], freq=encoded[1]),
    ),
    "Interval": _Codec(
        pd.Interval,
        lambda span: [_to_json(span.left), _to_json(span.right), span.closed],
        lambda encoded: pd.Interval(_from_json(encoded[0]), _from_json(encoded[1]), encoded[2]),
    ),
    "list": _Codec(list, _all_to_json, _all_from_json),
    "tuple": _Codec(tuple, _all_to_json, lambda values: tuple(_all_from_json(values))),
    "dict": _Codec(
        dict,
        lambda items: [[_to_json(key), _to_json(value)] for key, value in items.items()],
        lambda pairs: {_from_json(key): _from_json(value) for key, value in pairs},
    ),
    "TextEmbedding": _setting(TextEmbedding),
    "function": _Codec(
        FunctionType, _function_to_json, {"aggregate_default": aggregate_default}.__getitem__
    ),
    "array": _Codec(np.ndarray, _array_to_json, _array_from_json),
    **{kind.__name__: _setting(kind) for kind in _SETTINGS},
}
