"""The formula language: parsing, printing and error positions."""

from __future__ import annotations

import contextlib
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.errors import FormulaError, TabwidgetError
from tabwidget.inference.evidence import Above, Below, Between, Evidence, NoneOf, OneOf
from tabwidget.inference.formula import parse
from tabwidget.inference.query import Query
from tabwidget.table import Table, TableSchema

SCHEMA = Table(
    pd.DataFrame(
        {
            "species": ["Adelie", "Gentoo", "Adelie", "Gentoo"],
            "petal length (cm)": [1.4, 1.5, 4.7, 5.1],
            "petal length": [1, 2, 3, 4],
            "island": ["Dream", "Biscoe", "Dream", "true"],
            "zip": ["01234", "1234", "99999", "01234"],
            "cylinders": pd.Categorical([4, 6, 8, 4]),
            "ok": [True, False, True, True],
            "when": pd.to_datetime(["2020-01-01", "2020-02-01", "2021-03-01", "2022-01-01"]),
            "a`b": [1, 2, 3, 4],
            "in": [1, 2, 3, 4],
            "": [1, 2, 3, 4],
            "1": [1, 2, 3, 4],
            "tags": [["a"], ["b"], ["c"], ["d"]],
        }
    )
).schema

# What a formula is made of, and what looks like it.
PIECES = [
    *"|,={}[]()<>!`'\"\\ .-\n\t",
    *("<=", "in", "not in", "species", "petal length (cm)", "island", "when", "tags", "x"),
    *("Dream", "01234", "4", "1.5", "-2", "1__0", "1e999", "1" * 5000, "²", "٣", "2020-01-01"),
]

names = st.text() | st.sampled_from(["x", "in", "not", "a.b", "a b", "`", "1", ""])
values = (
    st.text()
    | st.sampled_from(["true", "nan", "1", "1e5", "a b", " a", "a,b", '"', "'", "\\", "in", "-"])
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
)
closings: st.SearchStrategy[Any] = st.sampled_from(["both", "left", "right", "neither"])
evidences: st.SearchStrategy[Evidence] = (
    values
    | st.lists(values, min_size=1).map(lambda vs: OneOf(*vs))
    | st.lists(values, min_size=1).map(lambda vs: NoneOf(*vs))
    | st.builds(Between, values, values, closings)
    | st.builds(Above, values, st.booleans())
    | st.builds(Below, values, st.booleans())
)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Draw a query whose columns are all different."""
    columns = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    n_targets = draw(st.integers(1, len(columns)))
    given = {name: draw(evidences) for name in columns[n_targets:]}
    return Query(tuple(columns[:n_targets]), given)


@given(query=queries())
def test_a_printed_query_reads_back(query: Query) -> None:
    assert repr(parse(str(query))) == repr(query)


@given(data=st.data())
def test_a_printed_query_reads_back_with_a_schema(data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from(SCHEMA.targets), min_size=1, unique=True))
    known = {}
    for name in columns[1:]:
        column = SCHEMA[name]
        value = st.sampled_from(column.support.tolist())
        one_of = st.lists(value, min_size=1).map(lambda vs: OneOf(*vs))
        ranges = st.builds(Between, value, value) | st.builds(Above, value, st.just(True))
        known[name] = data.draw(value | one_of | ranges if column.is_number else value | one_of)
    query = Query((columns[0],), known)
    with contextlib.suppress(TabwidgetError):  # a range may end before it begins
        query = query.check(SCHEMA)
        assert repr(parse(str(query), SCHEMA)) == repr(query)


@given(text=st.text())
def test_any_text_is_parsed_or_an_error_with_a_position(text: str) -> None:
    read_or_refused(text)


@given(pieces=st.lists(st.sampled_from(PIECES)))
def test_any_tokens_are_parsed_or_an_error_with_a_position(pieces: list[str]) -> None:
    read_or_refused("".join(pieces))
    read_or_refused("species|" + " ".join(pieces))


def read_or_refused(text: str) -> None:
    for schema in (None, SCHEMA):
        error = refusal(text, schema)
        if error is not None:
            assert 0 <= error.position <= len(text)
            *_, formula, caret = str(error).split("\n")
            assert len(formula) == len(text) + 2
            assert caret == "  " + " " * error.position + "^"


def refusal(text: str, schema: TableSchema | None) -> FormulaError | None:
    try:
        parse(text, schema)
    except FormulaError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "targets", "known"),
    [
        ("y", ("y",), {}),
        (" y ,z ", ("y", "z"), {}),
        ("y, z | x=1", ("y", "z"), {"x": 1}),
        ("y | x == 1.5", ("y",), {"x": 1.5}),
        ("y | x = -1e3", ("y",), {"x": -1000.0}),
        ("y | x = 1_000", ("y",), {"x": 1000}),
        ("y | x = TRUE", ("y",), {"x": True}),
        ("y | x = two words, z=3", ("y",), {"x": "two words", "z": 3}),
        ("y | x = O'Brien, z = L'Aquila", ("y",), {"x": "O'Brien", "z": "L'Aquila"}),
        ("y | x = '1, \"a\"'", ("y",), {"x": '1, "a"'}),
        (r"y | x = 'it\'s'", ("y",), {"x": "it's"}),
        ("y | x != a", ("y",), {"x": NoneOf("a")}),
        ("y | x in {a, 'b c', 3}", ("y",), {"x": OneOf("a", "b c", 3)}),
        ("y | x not in {a}", ("y",), {"x": NoneOf("a")}),
        ("y | x in [1, 2)", ("y",), {"x": Between(1, 2, "left")}),
        ("y | x in (1, 2]", ("y",), {"x": Between(1, 2, "right")}),
        ("y | x > 1, z <= 2", ("y",), {"x": Above(1), "z": Below(2, inclusive=True)}),
        ("y | 1 < x <= 2", ("y",), {"x": Between(1, 2, "right")}),
        ("y | 2 > x >= 1", ("y",), {"x": Between(1, 2, "left")}),
        ("y | 2020-01-01 <= x < 2021", ("y",), {"x": Between("2020-01-01", 2021, "left")}),
        ("y | `a b` = 1, `c``d` = 2", ("y",), {"a b": 1, "c`d": 2}),
        ("y | inside = 1, nothing = 2", ("y",), {"inside": 1, "nothing": 2}),
    ],
)
def test_formulas(text: str, targets: tuple[str, ...], known: dict[str, Any]) -> None:
    assert repr(parse(text)) == repr(Query(targets, known))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("petal length (cm)=1.4", {"petal length (cm)": 1.4}),
        ("petal length=1", {"petal length": 1}),
        ("1 < petal length <= 3", {"petal length": Between(1, 3, "right")}),
        ("petal length = '2'", {"petal length": 2}),
        ("zip=01234", {"zip": "01234"}),
        ("zip=1234", {"zip": "1234"}),
        ("island=true", {"island": "true"}),
        ("ok=true", {"ok": True}),
        ("cylinders=4", {"cylinders": 4}),
        ("cylinders='4'", {"cylinders": 4}),
        ("island in {Dream, Dream}", {"island": "Dream"}),
        ("when=2020", {"when": "2020"}),
        ("when in [2020-01-15, 20210301]", {"when": Between("2020-01-15", "20210301")}),
        ("2020-01-15 <= when < 2021-12-31", {"when": Between("2020-01-15", "2021-12-31", "left")}),
        ("`in` in [2, 3], `1`=2", {"in": Between(2, 3), "1": 2}),
        ("1=2", {"1": 2}),
    ],
)
def test_formulas_with_a_schema(text: str, known: dict[str, Any]) -> None:
    assert repr(parse(f"species | {text}", SCHEMA)) == repr(Query(("species",), known))


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "", "expected a target column"),
        ("species island", "island", "expected '|' or the end"),
        ("species, species", "species", "'species' is a target twice"),
        ("species |", "", "expected a column"),
        ("species || ok=true", "| ok", "expected a column (put a name with other characters"),
        ("species | ok", "", "expected one of = != < <= > >= in"),
        ("species | ok=", "", "expected a value"),
        ("species | ok=true ok", "true ok", "'ok' has no level 'true ok'"),
        (
            "species | ok=true, ok=false",
            "ok=false",
            "'ok' has evidence twice: write one range",
        ),
        ("species | species=Adelie", "species=", "'species' is both a target and evidence"),
        ("species | specis=Adelie", "specis", "no column 'specis'. Did you mean 'species'?"),
        ("species | tags=a", "tags", "'tags' is not used by the model: cells of type"),
        ("species | island=Drem", "Drem", "'island' has no level 'Drem'. Did you mean 'Dream'?"),
        ("species | island in {Dream, Bisco}", "Bisco", "no level 'Bisco'. Did you mean 'Biscoe'"),
        ("species | island in {Dream", "", "expected ',' or '}'"),
        ("species | island in Dream", "Dream", "expected '{' and the values, or '['"),
        ("species | island not in [1, 2]", "1, 2", "expected '{' and the values"),
        ("species | island not Dream", "Dream", "expected 'in' after 'not'"),
        ("species | island > Dream", "Dream", "'island' has levels, not numbers"),
        ("species | petal length in [1 2]", "]", "a range has two numbers: expected ','"),
        ("species | petal length in [1 2, 3]", "petal", "'1 2' is not a number"),
        ("species | petal length in [1]", "]", "a range has two numbers: expected ','"),
        ("species | petal length in [1, 2", "", "expected ']' or ')'"),
        ("species | 1 < petal length > 2", "1 <", "write a range as 1 < x <= 2 (or x in [1, 2])"),
        ("species | petal length > 9", "9", "it ranges from 1 to 4 in 4 values"),
        ("species | petal length = 1e999", "1e999", "the number is too large"),
        ("species | when > soon", "soon", "'when' holds dates, but 'soon' cannot be parsed as one"),
        ("species | `island = 3", "`island", "expected the closing '`'"),
        ("species | island = 'Dream", "'Dream", "expected the closing '"),
        ("species | ok=true | zip=1", "| zip", "expected ',' or the end"),
    ],
)
def test_the_caret_marks_the_error(text: str, place: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text, SCHEMA)
    assert message in caught.value.message
    assert caught.value.position == (text.rindex(place) if place else len(text))


def test_a_formula_error_is_three_lines() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("species | island=Drem", SCHEMA)
    assert str(caught.value).splitlines() == [
        "column 'island' has no level 'Drem'. Did you mean 'Dream'?",
        "  species | island=Drem",
        "                   ^",
    ]


def test_free_text_is_evidence_only() -> None:
    said = [f"we came on day {i} and it was {['warm', 'cold'][i % 2]}" for i in range(60)]
    schema = Table(pd.DataFrame({"said": said, "mood": ["good", "bad"] * 30})).schema
    assert parse('mood | said="it was warm"', schema).given == {"said": "it was warm"}
    with pytest.raises(FormulaError, match="usable as evidence, not as a target"):
        parse('said | mood="good"', schema)
