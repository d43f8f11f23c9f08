"""The bytes of a request body, read within limits."""

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request

from app.errors import BodyTooLarge, FieldError, InvalidInput, WrongMediaType, echo

MOST_BODY = 1024 * 1024
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
        raise InvalidInput([FieldError("body", "did not arrive whole", where="body")]) from None
    return bytes(body)
