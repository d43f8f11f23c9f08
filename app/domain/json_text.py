"""JSON texts made of other JSON texts without decoding them. All texts are compact, as orjson writes them."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson


def json_of(value: Any) -> str:
    """A value as JSON."""
    return orjson.dumps(value).decode()


def extend_object(text: str, *others: str) -> str:
    """One object with the members of several objects, in their order. No two of them may have the same member."""
    for other in others:
        if len(other) > 2:
            text = f"{text[:-1]},{other[1:]}" if len(text) > 2 else other
    return text


def extender(name: str, first: str) -> Callable[[str, str, str], str]:
    """Extends an object by an inner object, and by the members of a third one: made once, for many objects.

    The inner object is the member `name`, and begins with the members of `first`. None of the objects may be empty.
    """
    between = f',"{name}":{first[:-1]},'
    return lambda text, inner, more: f"{text[:-1]}{between}{inner[1:]},{more[1:]}"


def object_of(**members: str) -> str:
    """An object, from the JSON texts of its members."""
    joined = ",".join([f'"{name}":{text}' for name, text in members.items()])
    return f"{{{joined}}}"


def array_of(items: Iterable[str]) -> str:
    """An array, from the JSON texts of its items."""
    return f"[{','.join(items)}]"


def list_object(before: str, name: str, items: Iterable[str], after: str = "{}") -> bytes:
    """An object with a list between the members of two others. A page is copied once, since it may be megabytes."""
    begin = f"{before[:-1]}," if len(before) > 2 else "{"
    end = f",{after[1:]}" if len(after) > 2 else "}"
    return f'{begin}"{name}":[{",".join(items)}]{end}'.encode()
