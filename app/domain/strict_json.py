"""A strict JSON parser: it accepts only documents that all parsers read alike."""

import json
import math
from collections.abc import Iterable
from typing import Any

from app.errors import FieldError, InvalidInput

MAX_DEPTH = 64
MAX_VALUES = 50_000
"""Members and items of a document in total."""
MAX_DIGITS = 20


def read_json(body: bytes, *, max_values: int = MAX_VALUES) -> Any:
    """Reads a JSON document (RFC 8259).

    Raises `InvalidInput` for a duplicate member, a number that JSON or a double cannot represent, invalid UTF-8, and
    a document that is nested more than `MAX_DEPTH` levels deep or has more than `max_values` values.
    """
    try:
        text = body.decode("utf-8")
        document = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole, parse_float=_number
        )
    except UnicodeDecodeError:
        raise _refused("is not UTF-8") from None
    except RecursionError:
        raise _refused(f"is nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError as error:
        why = "is empty" if not text.strip() else f"is not JSON at line {error.lineno}, column {error.colno}"
        raise _refused(why) from None
    _check_size(document, max_values)
    return document


def _refused(why: str, name: str = "body") -> InvalidInput:
    return InvalidInput([FieldError(name, why, where="body")])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _refused("is given more than once", name)
        members[name] = value
    return members


def _no_number(text: str) -> Any:
    raise _refused(f"has {text} in it, which is not a number of JSON")


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _refused(f"has a number of more than {MAX_DIGITS} digits in it")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _refused("has a number in it that is too large")
    return number


def _check_size(document: Any, max_values: int) -> None:
    """Iterates level by level, so that no depth can exhaust the stack."""
    level, count = [document], 1
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        count += len(level)
        if count > max_values:
            raise _refused(f"has more than {max_values} values in it")
        if not level:
            return
    raise _refused(f"is nested more than {MAX_DEPTH} deep")


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
