"""`/v1/changes/stream`: the log as Server-Sent Events."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.http.authentication import access_of
from app.api.http.problems import public_error
from app.api.http.read_request import parse_pairs
from app.api.http.read_route import read_router
from app.api.http.responses import Streamed
from app.api.http.slots import hold
from app.api.openapi.operations import described
from app.api.routes.live_log import POLL_SECONDS, LiveLog
from app.domain.json_text import json_of
from app.domain.vocabulary import Scope
from app.errors import AppError, FieldError, InvalidInput, ReadTooLong, TooManyReads, TooManyStreams
from app.query.parameters import StreamQuery
from app.query.query import Query, parse_query
from app.store.db.reader import Reader
from app.store.db.slots import Slots
from app.store.read import log as read_log
from app.store.read.session import ReadSession, open_session

router = read_router("/v1", "Changes")
EVENT_STREAM = "text/event-stream"
MAX_STREAMS = 200
"""Open streams in a process."""
streams = Slots(MAX_STREAMS, "streams of changes", TooManyStreams)
HEARTBEAT_SECONDS = 15.0
KEY_SECONDS = 1.0
"""Between two checks that the key of a stream is still valid."""


@router.get(
    "/changes/stream",
    response_class=Response,
    summary="Stream changes (Server-Sent Events)",
    **described(StreamQuery, stream=EVENT_STREAM, confidential=True),
)
async def changes_stream(request: Request) -> Response:
    """One event for each entry of the log, with its `seq` as id. Events reach `EventSource.onmessage`.

    The stream starts after `Last-Event-ID`, which a browser sends by itself when it reconnects, or else after `after`.
    The first event is named `epoch` and has `epoch` and `head`. If the stream cannot go on, the last event is named
    `failure`. A comment comes every 15 seconds if there is nothing else to send.
    """
    query = parse_query(parse_pairs(request.scope["query_string"]), StreamQuery)
    after = _start(request.headers.get("last-event-id"), query.after)
    await access_of(request)
    state = await read_log.checkpoint(await open_session(request.app.state.reader, Query()))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.scope.get("head_only"):
        return Response(headers=headers, media_type=EVENT_STREAM)
    hold(request, streams)
    return Streamed(_events(request, state, after), headers=headers, media_type=EVENT_STREAM)


def _start(last_event_id: str | None, after: int) -> int:
    if last_event_id is None:
        return after
    if not (last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) <= 16):
        raise InvalidInput([FieldError("Last-Event-ID", "is not the id of an event", last_event_id, "header")])
    return int(last_event_id)


async def _events(request: Request, state: dict[str, Any], last: int) -> AsyncGenerator[bytes]:
    live: LiveLog = request.app.state.live
    stopping: asyncio.Event = request.scope.get("state", {}).get("stopping") or asyncio.Event()
    max_wait = KEY_SECONDS if "authorization" in request.headers else HEARTBEAT_SECONDS
    yield b"retry: 2000\n" + _named("epoch", epoch=state["epoch"], head=state["size"])
    sent_at = time.monotonic()
    while not stopping.is_set():
        try:
            session = await _session(request)
            part = await live.after(session, last, _event)
        except (ReadTooLong, TooManyReads):  # the service is busy
            await asyncio.sleep(POLL_SECONDS)
            continue
        except AppError as error:
            yield _named("failure", detail=public_error(error).detail)  # browsers name a lost connection `error`
            return
        if part:
            last, events = part
            yield events
            sent_at = time.monotonic()
        elif (left := sent_at + HEARTBEAT_SECONDS - time.monotonic()) <= 0:
            yield b": nothing new\n\n"
            sent_at = time.monotonic()
        else:
            await live.news(session.recorded, stopping, min(max_wait, left))


async def _session(request: Request) -> ReadSession:
    """A session of now. Raises `Unauthorized` if the key was revoked meanwhile."""
    reader: Reader = request.app.state.reader
    access = await access_of(request)
    return await open_session(reader, Query(), confidential=access.may(Scope.READ_CONFIDENTIAL))


def _event(entry: read_log.LoggedChange) -> str:
    return f"id: {entry.seq}\ndata: {entry.text}\n\n"


def _named(name: str, **members: Any) -> bytes:
    return f"event: {name}\ndata: {json_of(members)}\n\n".encode()
