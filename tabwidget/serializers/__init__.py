"""Serializers: a row as text, and back again."""

from tabwidget.serializers.base import (
    BracketSerializer,
    CellSpan,
    JSONSerializer,
    KeyValueSerializer,
    SerializedRow,
    Serializer,
    resolve_serializer,
)
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits

__all__ = [
    "BracketSerializer",
    "CellSpan",
    "JSONSerializer",
    "KeyValueSerializer",
    "PlainNumber",
    "SerializedRow",
    "Serializer",
    "SpacedDigits",
    "resolve_serializer",
]
