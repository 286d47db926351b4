"""Evidence of every kind."""

from __future__ import annotations

from hypothesis import strategies as st

from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf

closings = st.sampled_from(["both", "left", "right", "neither"])
values = st.text() | st.integers() | st.floats(allow_nan=False) | st.booleans()
evidences = (
    values
    | st.lists(values, min_size=1).map(lambda vs: OneOf(*vs))
    | st.lists(values, min_size=1).map(lambda vs: NoneOf(*vs))
    | st.builds(Between, values, values, closings)
    | st.builds(Above, values, st.booleans())
    | st.builds(Below, values, st.booleans())
)
