"""CQL2 text is parsed as by an independent parser, with the escapes of the standard, in linear time."""

import time
from typing import Any

import cql2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.query.cql_text import Language, parse_cql_text

TEXTS = [
    "killed_best > 10", '"killed_best" > 10', "date_start >= DATE('2026-01-10')", "date_start > '2026-01-10T'",
    "(killed_best IS NULL)", "killed_best IS NOT NULL", "NOT (country = 'ML')", "not country = 'ML' and a=1 or b=2",
    "title LIKE '%x%'", "title NOT LIKE 'a'", "killed_best BETWEEN 1 AND 5", "killed_best NOT BETWEEN 1 AND 5 AND a = 2",
    "country IN ('ML','NE')", "country NOT IN ('ML')", "killed_disputed = TRUE", "killed_disputed=false", "TRUE",
    "S_INTERSECTS(geometry, BBOX(1,2,3,4))", "S_INTERSECTS(geometry,POINT(1 -2.5))", "killed_best = -5",
    "S_INTERSECTS(geometry,POLYGON((0 0,1 0,1 1,0 0)))", "killed_best > ( - (1))", "killed_best > 1e3", "a = b",
    "killed_best > 1.5", "5 < killed_best", "title = 'it''s'", "CASEI(title) LIKE CASEI('x%')",
    "(a=1) AND (b=2) AND (c=3)", "a=1 or b=2 OR c=3", "T_AFTER(date_start, DATE('2020-01-01'))", "title = 'Ménaka'",
    "a=1 AND b=2 OR c=3 AND d=4", "(a=1 OR b=2) AND (c=3 OR d=4)", "NOT NOT a = 1", "android = 1 AND orb = 2 OR notes = 3",
    "title LIKE 'a' AND NOT title LIKE 'b'", "x = 'NULL' AND y = 'a AND b'", "((((a = 1))))", "a<>1 AND b<=2 AND c>=3",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_filter_is_parsed_as_by_an_independent_parser(text: str) -> None:
    assert parse_cql_text(text, Language.CQL2_TEXT) == cql2.parse_text(text).to_json()


names = st.sampled_from(["a", "b_1", "killed_best"])
literals = st.one_of(st.integers(-(2**50), 2**50), st.text(st.characters(exclude_characters="\\\0")), st.booleans())
comparisons = st.tuples(names, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), literals)


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).upper() if isinstance(value, bool) else str(value)


trees = st.recursive(
    comparisons.map(lambda c: f"{c[0]} {c[1]} {_spelled(c[2])}"),
    lambda inner: st.one_of(
        inner.map(lambda text: f"NOT ({text})"),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    ),
    max_leaves=6,
)


@given(trees)
def test_any_condition_is_parsed_as_by_an_independent_parser(text: str) -> None:
    assert parse_cql_text(text, Language.CQL2_TEXT) == cql2.parse_text(text).to_json()


ESCAPES = [
    (r"'it\'s'", "it's"), ("'it''s'", "it's"), (r"'a\\b'", r"a\b"), (r"'a\nb\tc'", "a\nb\tc"), (r"'50\%'", r"50\%"), ("''", ""),
    (r"'\\'", "\\"), (r"'\'\''", "''"), ("'Ménaka 😀'", "Ménaka 😀"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), ESCAPES)
def test_a_backslash_escapes_as_the_standard_prescribes(written: str, meant: str) -> None:
    assert parse_cql_text(f"a = {written}", Language.CQL2_TEXT)["args"][1] == meant


def test_numbers_in_every_format_of_the_standard_are_parsed() -> None:
    numbers = {
        "7": 7,
        "-7": -7,
        "+7": 7,
        ".5": 0.5,
        "5.": 5.0,
        "1.5e-3": 0.0015,
        "2E+2": 200.0,
        "9" * 400: float("inf"),
    }
    for text, number in numbers.items():
        assert parse_cql_text(f"a = {text}", Language.CQL2_TEXT)["args"][1] == number


def test_ecql_has_ilike_and_literal_backslashes() -> None:
    casei = [{"op": "casei", "args": [part]} for part in ({"property": "a"}, r"x\'%")]
    assert parse_cql_text(r"a ILIKE 'x\''%'", Language.CQL_TEXT) == {"op": "like", "args": casei}
    assert parse_cql_text(r"a = 'C:\'", Language.CQL_TEXT)["args"][1] == "C:\\"


WRONG = [
    ("", "ends too early"), ("a =", "ends too early"), ("a = 1 AND", "ends too early"), ("((a = 1)", "ends too early"),
    ("a == 1", "cannot be read at character 4: `= 1`"), ("a = 1)", "cannot be read at character 6: `)`"),
    ("a = 'x", "cannot be read at character 5: `'x`"), ("a IN ()", "cannot be read at character 7: `)`"),
    ("a + 1 = 2", "cannot be read at character 3: `+ 1 = 2`"), ("a = 1; b", "cannot be read at character 6: `; b`"),
    ("a b", "cannot be read at character 3: `b`"), ("= 1", "cannot be read at character 1: `= 1`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_invalid_text_is_rejected_with_the_position(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"character|early") as refused:
        parse_cql_text(text, Language.CQL2_TEXT)
    assert str(refused.value) == message


@given(st.text(st.sampled_from("ab'\"()=<>,. \\andorINnull1-+*%_é\n"), max_size=60))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    for language in (Language.CQL2_TEXT, Language.CQL_TEXT):
        assert not (reason := _refusal(text, language)) or reason.startswith(("cannot be read at", "ends too early"))


def _refusal(text: str, language: Language = Language.CQL2_TEXT) -> str:
    """Why a text is refused; empty where it is not."""
    try:
        parse_cql_text(text, language)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "text",
    ["(" * 16_000 + "a = 1", "(" * 8_000 + "a = 1 x" + ")" * 8_000, "NOT " * 4_000 + "a = 1", "-" * 16_000, "f(" * 8_000,
     "a = " + "'" * 16_001, "a = " + "9" * 16_000, " OR ".join(["a=1"] * 2_200), "a IN (" + ",".join("1" * 8_000) + ")"],
    ids=["open", "wrong inside", "not", "minus", "calls", "quotes", "digits", "or", "in"],
)  # fmt: skip
def test_parsing_a_hostile_text_takes_linear_time(text: str) -> None:
    begun = time.process_time()
    _refusal(text)
    assert time.process_time() - begun < 2
