"""Built-in serializers by name."""

from __future__ import annotations

from typing import Any

from tabwidget.errors import ConfigError, nearest
from tabwidget.serializers.base import Serializer
from tabwidget.serializers.bracket import BracketSerializer
from tabwidget.serializers.json import JSONSerializer
from tabwidget.serializers.key_value import KeyValueSerializer
from tabwidget.serializers.number_format import PlainNumber

__all__ = ["SERIALIZERS", "resolve_serializer"]

# Each takes `number`, a NumberFormat. A new serializer needs its file and a row here.
SERIALIZERS: dict[str, type[Any]] = {
    "json": JSONSerializer,
    "key-value": KeyValueSerializer,
    "bracket": BracketSerializer,
}


def resolve_serializer(serializer: str | Serializer, max_decimals: int | None = 3) -> Serializer:
    """Return the serializer of that name, or the instance itself.

    Parameters
    ----------
    serializer : str or Serializer
        ``"json"``, ``"key-value"``, ``"bracket"`` or an instance.
    max_decimals : int or None, default 3
        Decimals of floats when chosen by name; an instance has its own number format.

    Raises
    ------
    ConfigError
        If there is no serializer of that name.

    Examples
    --------
    >>> resolve_serializer("bracket").serialize({"x": 0.12345}).text
    'x[0.123]'
    """
    if hasattr(serializer, "serialize") and hasattr(serializer, "parse"):
        return serializer
    if not isinstance(serializer, str) or serializer not in SERIALIZERS:
        raise ConfigError(
            f"there is no serializer {serializer!r}: one of {', '.join(SERIALIZERS)}."
            + nearest(serializer, SERIALIZERS)
        )
    found: Serializer = SERIALIZERS[serializer](number=PlainNumber(max_decimals))
    return found
