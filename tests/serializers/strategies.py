"""Rows for serializers, and what identifies one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

# Half of the texts are made of the characters that the serializers write themselves.
texts = st.text() | st.text("tqz~\\:|[]{}\"' ,;is0-9.e+TrueFalsNaif\n\t")
_floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e-300, 1e300])
values = texts | st.integers() | st.integers(-(10**30), 10**30) | _floats | st.booleans()
cells = st.dictionaries(texts, values)


def typed(row: dict[str, Any]) -> list[tuple[str, str, type]]:
    """Return cells in order, with 1, 1.0, True and "1" distinct, and 0.0 and -0.0."""
    return [(name, repr(value), type(value)) for name, value in row.items()]
