"""Serializers: a row as text and back.

::

    base.py           the Serializer protocol and the spans of a row's cells
    json.py           {"age": 39}
    key_value.py      age:39
    bracket.py        age[39]
    escaping.py       backslash escapes for text without quotes
    number_format.py  numbers inside a row
    registry.py       serializers by name
    check.py          whether a serializer of your own meets the protocol
"""

from tabwidget.serializers.base import CellSpan, Pieces, SerializedRow, Serializer, pieces_of
from tabwidget.serializers.bracket import BracketSerializer
from tabwidget.serializers.json import JSONSerializer
from tabwidget.serializers.key_value import KeyValueSerializer
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tabwidget.serializers.registry import SERIALIZERS, resolve_serializer

__all__ = [
    "SERIALIZERS",
    "BracketSerializer",
    "CellSpan",
    "JSONSerializer",
    "KeyValueSerializer",
    "Pieces",
    "PlainNumber",
    "SerializedRow",
    "Serializer",
    "SpacedDigits",
    "pieces_of",
    "resolve_serializer",
]
