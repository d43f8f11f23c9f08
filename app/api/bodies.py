"""What is sent in a body: read within limits, and as JSON that has one meaning."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from app.errors import BodyTooLarge, Fault, InvalidInput, WrongMediaType, echo

MOST_BODY = 1024 * 1024
MOST_DEPTH = 64
MOST_VALUES = 50_000
"""Members and items of a body, all together."""
LONGEST_WHOLE = 20
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


def check_body(request: Request, media_types: Sequence[str], most: int) -> None:
    """What the headers say of a body. Raises `BodyTooLarge`, or `WrongMediaType`, also for one that is compressed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        sent = f"not {echo(media_type)}" if media_type else "not without a Content-Type"
        raise WrongMediaType(f"send {' or '.join(media_types)}, {sent}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("send the body without a Content-Encoding")
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > most:
        raise BodyTooLarge(most)


async def read_body(request: Request, media_types: Sequence[str] = (JSON,), most: int = MOST_BODY) -> bytes:
    """The bytes of a body. Raises `BodyTooLarge`, or `WrongMediaType` for another form or one that is compressed."""
    check_body(request, media_types, most)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise BodyTooLarge(most)
    except ClientDisconnect:
        raise InvalidInput([Fault("body", "did not arrive whole", where="body")]) from None
    return bytes(body)


def read_json(body: bytes) -> Any:
    """A JSON document (RFC 8259) that every reader understands alike.

    Raises `InvalidInput` for a member that is given twice, numbers that JSON or a double has not, bytes that are not
    UTF-8, and what is nested more than `MOST_DEPTH` deep.
    """
    try:
        text = body.decode("utf-8")
        document = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole, parse_float=_number
        )
    except UnicodeDecodeError:
        raise _refused("is not UTF-8") from None
    except RecursionError:
        raise _refused(f"is nested more than {MOST_DEPTH} deep") from None
    except json.JSONDecodeError as error:
        why = "is empty" if not text.strip() else f"is not JSON at line {error.lineno}, column {error.colno}"
        raise _refused(why) from None
    _check_size(document)
    return document


def _refused(why: str, name: str = "body") -> InvalidInput:
    return InvalidInput([Fault(name, why, where="body")])


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
    if len(text) > LONGEST_WHOLE:
        raise _refused(f"has a number of more than {LONGEST_WHOLE} digits in it")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _refused("has a number in it that is too large")
    return number


def _check_size(document: Any) -> None:
    """Level by level, since what is looked at level by level cannot be too deep for the looking."""
    level, count = [document], 1
    for _ in range(MOST_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        count += len(level)
        if count > MOST_VALUES:
            raise _refused(f"has more than {MOST_VALUES} values in it")
        if not level:
            return
    raise _refused(f"is nested more than {MOST_DEPTH} deep")


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
