"""How answers are sent: whole and with their length, or a range of them, or as they come."""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from app.api.http.conditional_requests import Conditions
from app.api.http.kept_files import KeptFiles, Make
from app.api.http.pieces import response_of
from app.api.http.rounds import rounds
from app.api.http.slots import address_of, hold
from app.domain.dates import Instant
from app.errors import ServiceStopping, TooManyExports
from app.formats.open_file import OpenFile
from app.store.db.slots import Slots

MOST_EXPORTS = 16
"""Exports under way at once in a process, each for as long as its client reads."""
exports = Slots(MOST_EXPORTS, "exports", TooManyExports)

SHORT = 512 * 1024
"""Bytes up to which an answer that is made piece by piece is sent whole, with its length."""
SETTLED_SECONDS = 5
STARTED = int(time.time()) + 1

Made = bytes | AsyncGenerator[bytes] | Make
"""An answer: its bytes, what gives them piece by piece, or what makes a file of them."""
Content = bytes | OpenFile | AsyncGenerator[bytes]
T = TypeVar("T")


class Streamed(StreamingResponse):
    """A response that is sent as it comes. What gives its parts is closed at its end, however it ends.

    Everybody else has a turn between two parts: where parts are there without waiting and the client reads fast,
    nothing else would ever let go of the event loop. In that turn Starlette also sees that a client has left, and
    cancels this. Clients that do not read are the server's concern.
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

        async def sent(message: Message) -> None:
            await send(message)
            await asyncio.sleep(0)
            await rounds.turn(client)

        async with aclosing(self._chunks):
            await super().__call__(scope, receive, sent)


def modified_second(changed: Instant) -> int:
    """A second by which this process had begun to answer with a change, in seconds since 1970.

    Dates of HTTP have whole seconds, and a change can be read only some time after the instant that it is recorded
    with: its transaction has to end. Rounded down, the date would also be that of an answer which was given in the same
    second, before the change, and `If-Modified-Since` would get a 304 that is wrong. So it is rounded up, by more than
    transactions last. It is never before the start of this process: another version of the program, or a backup that
    was restored, may answer otherwise although nothing was recorded.
    """
    return max(changed // 1_000_000 + SETTLED_SECONDS, STARTED)


async def content_of(request: Request, made: Made, etag: str) -> Content:
    """What was made, as far as it has to be there before the status is sent: a fault gets its problem document.

    Of what is made piece by piece a slot is held to the end of the response. Where the client leaves meanwhile, the
    making is broken off, and nothing is returned: there is nobody to read it.
    """
    if isinstance(made, bytes):
        return made
    if isinstance(made, AsyncGenerator):
        hold(request, exports)
        return await _while_connected(request, _begun(made)) or b""
    files: KeptFiles = request.app.state.files
    return await _while_connected(request, files.get(etag, made, address_of(request.scope))) or b""


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of some work, or `None` where the client left before it was done. Raises what the work raises."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
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


async def _left(request: Request) -> None:
    """Returns when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _begun(chunks: AsyncGenerator[bytes]) -> bytes | AsyncGenerator[bytes]:
    """All of a short answer; of a long one its beginning, and then the rest as it comes."""
    ready, size = [], 0
    try:
        async for chunk in chunks:
            ready.append(chunk)
            size += len(chunk)
            if size > SHORT:
                return _resumed(ready, chunks)
    except BaseException:
        await chunks.aclose()
        raise
    return b"".join(ready)


async def _resumed(ready: list[bytes], chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(chunks):
        while ready:
            yield ready.pop(0)
        async for chunk in chunks:
            yield chunk


def file_response(
    content: Content,
    conditions: Conditions,
    headers: dict[str, str],
    media_type: str,
    *,
    ranges: bool,
    head_only: bool,
) -> Response:
    """A response in a form that programs open by its address: a range where one is asked for and the length is known.

    Raises `RangeNotSatisfiable`.
    """
    if isinstance(content, AsyncGenerator):
        return Streamed(content, headers=headers, media_type=media_type)
    size = len(content) if isinstance(content, bytes) else content.size
    part = conditions.wanted_part(size) if ranges and not head_only else None
    start, stop = part or (0, size)
    status = 206 if part else 200
    if ranges:
        headers["Accept-Ranges"] = "bytes"
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if isinstance(content, bytes):
        return response_of(content[start:stop], status, headers, media_type)
    headers["Content-Length"] = str(stop - start)
    if head_only:
        return Response(None, status, headers, media_type=media_type)
    return Streamed(content.chunks(start, stop), status, headers, media_type=media_type)
