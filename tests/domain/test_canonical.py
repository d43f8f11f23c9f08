"""Canonical JSON equals the reference implementation of RFC 8785 for any document."""

import json
import math
import struct
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.canonical import LARGEST_WHOLE, canonical

NAMES = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)),
        st.characters(min_codepoint=0xE000, max_codepoint=0xFFFF),
        st.characters(min_codepoint=0x10000),
        st.sampled_from('"\\/\x00\x1f\x7f\u2028\u2029\ufffd é'),
    ),
    max_size=6,
)
NUMBERS = st.one_of(
    st.integers(-LARGEST_WHOLE, LARGEST_WHOLE),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70).map(float),
    st.floats(-1e-3, 1e-3),
    st.floats(0.9e-3, 1.1e-3),
    st.floats(0.9e9, 1.1e9),
    st.floats(1e20, 1e23),
    st.floats(1e-8, 1e-5),
    st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e21, 1e-7, 1e9, 1e-3, 0.1 + 0.2]),
)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, NAMES),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=25,
)


@pytest.mark.slow
@settings(max_examples=1500)
@given(DOCUMENTS)
@example({"\U0001f600": 1, "\ufb33": 2, "\ue000": 3, "\ud7ff": 4})
@example([1.0, -0.0, 0.0, 1e21, 1e-7, 15.0, -2.5, 123456789.5])
@example({"a": [{"b": 1.0}], "\U00010000": {"\uffff": [1e300]}})
def test_any_document_equals_the_output_of_the_reference(document: Any) -> None:
    assert canonical(document) == rfc8785.dumps(document)


@settings(max_examples=500)
@given(st.binary(min_size=8, max_size=8).map(lambda b: struct.unpack("<d", b)[0]).filter(math.isfinite))
def test_any_double_equals_the_output_of_the_reference_and_round_trips(number: float) -> None:
    assert canonical(number) == rfc8785.dumps(number)
    assert float(canonical(number)) == number


@settings(max_examples=300)
@given(DOCUMENTS)
def test_a_stored_document_keeps_the_canonical_text_of_the_sent_one(document: Any) -> None:
    """So a hash that was made of what was sent can be made again of what is stored, and of what is answered."""
    stored = orjson.dumps(document)
    assert canonical(orjson.loads(stored)) == canonical(document)
    assert rfc8785.dumps(json.loads(stored)) == canonical(document)


@settings(max_examples=300)
@given(st.dictionaries(NAMES, NUMBERS, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(document: dict[str, Any], chance: Any) -> None:
    members = list(document.items())
    chance.shuffle(members)
    assert canonical(dict(members)) == canonical(document)


@pytest.mark.parametrize(("document", "text"), [
    # section 3.2.2
    ({"numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f", "literals": [None, True, False]},
     '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
     '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'),
    # section 3.2.3
    ({"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\U0001f600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"},
     '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis",'
     '"€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'),
    ({}, "{}"), ([], "[]"), ("", '""'), (None, "null"), (True, "true"), ({"": [[{}]]}, '{"":[[{}]]}'),
    ({"b": 1, "a": 2, "B": 3, "aa": 4}, '{"B":3,"a":2,"aa":4,"b":1}'),
    ("\x00\b\t\n\f\r\x1f\x7f\u2028</", '"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\u2028</"'),
])  # fmt: skip
def test_the_examples_of_rfc_8785_are_reproduced(document: Any, text: str) -> None:
    assert canonical(document).decode() == text


@pytest.mark.parametrize(("bits", "text"), [
    ("0000000000000000", "0"), ("8000000000000000", "0"), ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"), ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"), ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"), ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"), ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"), ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"), ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"), ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"), ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"), ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"), ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
])  # fmt: skip
def test_the_numbers_of_rfc_8785_are_reproduced(bits: str, text: str) -> None:
    """Appendix B."""
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == text


@pytest.mark.parametrize(
    "wrapped", [lambda v: v, lambda v: [1, v], lambda v: {"a": {"b": [v]}}], ids="bare list deep".split()
)
@pytest.mark.parametrize("value", [
    math.nan, math.inf, -math.inf, LARGEST_WHOLE + 1, -LARGEST_WHOLE - 1, 2**53, 2**63, 2**64, -(2**64), 10**400,
    "\ud800", "a\udfff", "\ude00\ud83d",
], ids=repr)  # fmt: skip
def test_values_without_a_canonical_text_are_rejected(value: Any, wrapped: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whose words they are is of no consequence
        canonical(wrapped(value))


@pytest.mark.parametrize("name", ["\ud800", "a\udfff"], ids=repr)
def test_a_name_with_a_lone_surrogate_is_rejected(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        canonical({name: 1})


@pytest.mark.parametrize(
    "value",
    [{1: 2}, {None: 1}, b"bytes", {1, 2}, object(), 1 + 2j, [b""], {"a": {1: 2}}],
    ids=lambda v: type(v).__name__,
)
def test_text_that_is_not_json_is_rejected(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        canonical(value)


@pytest.mark.parametrize("value", [LARGEST_WHOLE, -LARGEST_WHOLE, 0, -1])
def test_the_largest_integers_are_exact(value: int) -> None:
    assert canonical(value) == str(value).encode()
