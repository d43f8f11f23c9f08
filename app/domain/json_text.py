"""JSON texts made of other JSON texts without decoding them. All texts are compact, as orjson writes them."""

from collections.abc import Iterable
from typing import Any

import orjson


def json_of(value: Any) -> str:
    """A value as JSON."""
    return orjson.dumps(value).decode()


def extend_object(*objects: str) -> str:
    """One object with the members of several objects, in their order. No two of them may have the same member."""
    return "{" + ",".join([text[1:-1] for text in objects if len(text) > 2]) + "}"


def object_of(**members: str) -> str:
    """An object, from the JSON texts of its members."""
    return "{" + ",".join([f'"{name}":{text}' for name, text in members.items()]) + "}"


def array_of(items: Iterable[str]) -> str:
    """An array, from the JSON texts of its items."""
    return "[" + ",".join(items) + "]"
