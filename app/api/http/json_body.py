"""The bytes of a request body, read within limits."""

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request

from app.errors import BodyTooLarge, FieldError, InvalidInput, WrongMediaType, echo

MAX_BODY_BYTES = 1024 * 1024
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


def check_body(request: Request, media_types: Sequence[str], max_bytes: int) -> None:
    """Checks the headers of a body. Raises `BodyTooLarge`, or `WrongMediaType`, also for a compressed body."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        sent = f"not {echo(media_type)}" if media_type else "not without a Content-Type"
        raise WrongMediaType(f"Send {' or '.join(media_types)}, {sent}.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("Send the body without a Content-Encoding.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise BodyTooLarge(max_bytes)


async def read_body(request: Request, media_types: Sequence[str] = (JSON,), max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The bytes of a body. Raises `BodyTooLarge`, or `WrongMediaType`, also for a compressed body."""
    check_body(request, media_types, max_bytes)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise BodyTooLarge(max_bytes)
    except ClientDisconnect:
        raise InvalidInput([FieldError("body", "did not arrive completely", where="body")]) from None
    return bytes(body)
