"""How bodies are sent: completely and with their length, a range of them, or as they are made."""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from app.api.http.conditional_requests import Conditions
from app.api.http.kept_files import KeptFiles, MakeFile
from app.api.http.pieces import response_of
from app.api.http.rounds import rounds
from app.api.http.slots import address_of, hold
from app.domain.dates import Instant
from app.errors import ServiceStopping, TooManyExports
from app.formats.open_file import OpenFile
from app.store.db.slots import Slots

MAX_EXPORTS = 16
"""Exports in progress in a process, each for as long as its client reads."""
exports = Slots(MAX_EXPORTS, "exports", TooManyExports)

SHORT = 512 * 1024
"""Bytes up to which a body that is made piece by piece is sent in one, with its length."""
SETTLED_SECONDS = 5
STARTED = int(time.time()) + 1

Body = bytes | AsyncGenerator[bytes] | MakeFile
"""The body of a response: its bytes, a generator of them, or a function that makes a file of them."""
ReadyBody = bytes | OpenFile | AsyncGenerator[bytes]
"""A body whose first bytes exist, so that the status can be sent."""
T = TypeVar("T")


class Streamed(StreamingResponse):
    """A response that is sent as it is made. Its generator is closed at the end, however that comes.

    Other requests run between two chunks: if chunks are ready and the client reads fast, nothing else would ever
    release the event loop. Meanwhile Starlette also notices that a client has disconnected, and cancels this. The
    server handles clients that do not read.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(chunks, status_code, headers, media_type=media_type)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = address_of(scope)

        async def send_and_yield(message: Message) -> None:
            await send(message)
            await asyncio.sleep(0)
            await rounds.turn(client)

        async with aclosing(self._chunks):
            await super().__call__(scope, receive, send_and_yield)


def modified_second(changed: Instant) -> int:
    """The date of content, in seconds since 1970: by then this process had begun to respond with the change.

    HTTP dates have whole seconds, and a change can be read only after its transaction has ended, some time after the
    instant that it is recorded with. Rounded down, the date would also be that of a response in the same second but
    before the change, and `If-Modified-Since` would wrongly get a 304. So it is rounded up, by more than transactions
    last. It is never before the start of this process: another version of the program, or a restored backup, may
    respond differently although nothing was recorded.
    """
    return max(changed // 1_000_000 + SETTLED_SECONDS, STARTED)


async def ready_body(request: Request, body: Body, etag: str) -> ReadyBody:
    """The body, as far as it must exist before the status is sent: an error still gets its problem document.

    A generator holds a slot to the end of the response. If the client disconnects, the work is cancelled and the body
    is empty: nobody reads it.
    """
    if isinstance(body, bytes):
        return body
    if isinstance(body, AsyncGenerator):
        hold(request, exports)
        return await _while_connected(request, _buffered(body)) or b""
    files: KeptFiles = request.app.state.files
    return await _while_connected(request, files.get(etag, body, address_of(request.scope))) or b""


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of a coroutine, or `None` if the client disconnects first. Raises what the coroutine raises."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    except asyncio.CancelledError:
        stopping = request.scope.get("state", {}).get("stopping")
        if stopping and stopping.is_set():
            raise ServiceStopping from None
        raise
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    """Returns when the client has disconnected."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _buffered(chunks: AsyncGenerator[bytes]) -> bytes | AsyncGenerator[bytes]:
    """A short body in one; of a long body the first `SHORT` bytes, then the rest as it is made."""
    buffer, size = [], 0
    try:
        async for chunk in chunks:
            buffer.append(chunk)
            size += len(chunk)
            if size > SHORT:
                return _unbuffered(buffer, chunks)
    except BaseException:
        await chunks.aclose()
        raise
    return b"".join(buffer)


async def _unbuffered(buffer: list[bytes], chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(chunks):
        while buffer:
            yield buffer.pop(0)
        async for chunk in chunks:
            yield chunk


def file_response(
    body: ReadyBody,
    conditions: Conditions,
    headers: dict[str, str],
    media_type: str,
    *,
    ranges: bool,
    head_only: bool,
) -> Response:
    """A response in a format that programs open by its address: a range if one is requested and the length is known.

    Raises `RangeNotSatisfiable`.
    """
    if isinstance(body, AsyncGenerator):
        return Streamed(body, headers=headers, media_type=media_type)
    size = len(body) if isinstance(body, bytes) else body.size
    part = conditions.requested_part(size) if ranges and not head_only else None
    start, stop = part or (0, size)
    status = 206 if part else 200
    if ranges:
        headers["Accept-Ranges"] = "bytes"
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if isinstance(body, bytes):
        return response_of(body[start:stop], status, headers, media_type)
    headers["Content-Length"] = str(stop - start)
    if head_only:
        return Response(None, status, headers, media_type=media_type)
    return Streamed(body.chunks(start, stop), status, headers, media_type=media_type)
