"""JSON texts made of others say what the decoded values would say together."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.json_text import array_of, extend_object, extender, json_of, list_object, object_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(st.lists(OBJECTS, max_size=4))
def test_an_extended_object_has_all_members_in_their_order(objects: list[dict[str, Any]]) -> None:
    # given objects without a common member
    distinct = [{f"{n}{name}": value for name, value in members.items()} for n, members in enumerate(objects)]

    # when
    text = extend_object("{}", *map(json_of, distinct))

    # then
    merged = {name: value for members in distinct for name, value in members.items()}
    assert text == json_of(merged)


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        (["{}"], "{}"),
        (["{}", "{}"], "{}"),
        (["{}", '{"a":1}'], '{"a":1}'),
        (['{"a":1}', "{}", '{"b":{}}'], '{"a":1,"b":{}}'),
        (['{"a":"}"}', '{"b":"{"}'], '{"a":"}","b":"{"}'),
    ],
)
def test_an_empty_object_adds_nothing(objects: list[str], text: str) -> None:
    assert extend_object(*objects) == text


def test_an_extender_adds_an_inner_object_and_further_members() -> None:
    extend = extender("toll", '{"as_of":null}')
    texts = ('{"id":"a}"}', '{"killed":{"best":1}}', '{"sources":[]}')
    assert extend(*texts) == extend_object(
        texts[0], object_of(toll=extend_object('{"as_of":null}', texts[1])), texts[2]
    )
    assert orjson.loads(extend(*texts)) == {"id": "a}", "toll": {"as_of": None, "killed": {"best": 1}}, "sources": []}


@given(st.lists(VALUES, max_size=4))
def test_an_array_has_its_items_in_their_order(values: list[Any]) -> None:
    assert array_of(map(json_of, values)) == json_of(values)


@given(VALUES, VALUES)
def test_an_object_has_its_members_in_their_order(first: Any, second: Any) -> None:
    text = object_of(first=json_of(first), second=json_of(second))
    assert text == json_of({"first": first, "second": second})
    assert orjson.loads(text) == {"first": first, "second": second}


@pytest.mark.parametrize("before", ["{}", '{"type":"FeatureCollection"}'])
@pytest.mark.parametrize("after", ["{}", '{"next":null}'])
@pytest.mark.parametrize("items", [[], ["1", '{"a":2}']])
def test_a_list_stands_between_the_members_of_two_objects(before: str, after: str, items: list[str]) -> None:
    expected = orjson.loads(before) | {"items": [orjson.loads(item) for item in items]} | orjson.loads(after)
    made = list_object(before, "items", items, after)
    assert orjson.loads(made) == expected
    assert list(orjson.loads(made)) == list(expected)
