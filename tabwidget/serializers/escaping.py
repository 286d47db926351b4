"""Backslash escapes, for serializers that write text without quotes."""

from __future__ import annotations

from typing import Any

from tabwidget.serializers.number_format import NumberFormat

__all__ = ["cut", "escape", "read_unquoted", "unescape", "write_unquoted"]


def escape(text: str, special: str, separator: str = "") -> str:
    r"""Write a backslash before each `special` character and each occurrence of `separator`.

    An occurrence may start inside `text` and end after it, where the separator follows.

    Examples
    --------
    >>> print(escape("a|b", "|"), escape("this is", "", " is "))
    a\|b this\ is
    """
    followed = text + separator
    return "".join(
        "\\" + c
        if c in special or c == "\\" or (separator and followed.startswith(separator, i))
        else c
        for i, c in enumerate(text)
    )


def unescape(text: str) -> str:
    """Return the text that `escape` was given."""
    out, i = [], 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            i += 1
        out.append(text[i])
        i += 1
    return "".join(out)


def cut(text: str, mark: str) -> tuple[str, bool, str]:
    r"""Split at the first `mark` that is not escaped: before it, whether it was found, after it.

    Examples
    --------
    >>> cut(r"a\|b|c", "|")
    ('a\\|b', True, 'c')
    """
    i = 0
    while i < len(text):
        if text[i] == "\\":
            i += 2
        elif text.startswith(mark, i):
            return text[:i], True, text[i + len(mark) :]
        else:
            i += 1
    return text, False, ""


def write_unquoted(value: object, special: str, number: NumberFormat) -> str:
    """Write a value; a text that would parse as a number or boolean gets a marker in front."""
    if isinstance(value, bool):
        return escape(str(value), special)
    if isinstance(value, (int, float)):
        return escape(number.format(value), special)
    text = escape(str(value), special)
    is_text = isinstance(read_unquoted(text, special, number), str)
    return text if is_text else _text_marker(special) + text


def read_unquoted(text: str, special: str, number: NumberFormat) -> Any:
    """Return the value that `write_unquoted` wrote."""
    if text.startswith(_text_marker(special)):
        return unescape(text[2:])
    bare = unescape(text)
    if bare in ("True", "False"):
        return bare == "True"
    try:
        return number.parse(bare)
    except ValueError:
        return bare


def _text_marker(special: str) -> str:
    """Return the escape that marks a text: one that `escape` never writes."""
    return "\\" + next(c for c in "tqz~" if c not in special)
