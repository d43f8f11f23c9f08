"""`/v1/changes` and `/v1/log`: the feed of all changes, and the proofs that it is whole."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.authentication import access_of
from app.api.http.problems import shown
from app.api.http.read_request import ParsedRequest, parse_pairs, parse_request, respond
from app.api.http.read_route import read_router
from app.api.http.responses import Streamed
from app.api.http.slots import hold
from app.api.openapi import schemas_log
from app.api.openapi.operations import described
from app.api.routes.live_log import LOOK_SECONDS, LiveFeed
from app.domain.json_text import array_of, extend_object, json_of, object_of
from app.domain.vocabulary import Scope
from app.errors import AppError, FieldError, InvalidInput, ReadTooLong, TooManyReads, TooManyStreams
from app.query.parameters import ChangesQuery, ProofQuery, RecordedQuery, StreamQuery
from app.query.query import Query, parse_query
from app.store.db.slots import Slots
from app.store.read import log as read_log
from app.store.read import session as read_incidents

router = read_router("/v1", "Changes")
EVENT_STREAM = "text/event-stream"
MOST_STREAMS = 200
"""Streams open at once in a process."""
streams = Slots(MOST_STREAMS, "streams of changes", TooManyStreams)
HEARTBEAT_SECONDS = 15.0
KEY_SECONDS = 1.0
"""Between two looks whether the key that opened a stream still holds."""


@router.get(
    "/changes",
    response_model=schemas_log.Changes,
    summary="Every change, in the order of its recording",
    **described(ChangesQuery, confidential=True),
)
async def changes(request: Request) -> Response:
    """Entries of the log after one. Remember the last `seq`, and ask for what comes after it; none is ever left out.

    `hash` is SHA-256 of a zero byte and the entry's canonical JSON (RFC 8785) without its `hash` and `opened`. Where
    `epoch` is another than before, the service was restored from a backup: begin anew.
    """
    asked = await parse_request(request, ChangesQuery)
    return await respond(asked, lambda: _changes(asked), link=True)


async def _changes(asked: ParsedRequest[ChangesQuery]) -> tuple[bytes, str | None]:
    after, limit = asked.question.after, asked.question.limit
    found = await read_log.changes(asked.session, after, limit)
    state = await read_log.checkpoint(asked.session)
    last = found[-1].seq if found else after
    following = f"{asked.request.scope['path']}?after={last}&limit={limit}" if last < state["size"] else None
    items = object_of(items=array_of(entry.text for entry in found))
    tail = json_of({"next": following, "head": state["size"], "epoch": state["epoch"]})
    return extend_object(items, tail).encode(), following


@router.get(
    "/changes/stream",
    summary="Stream changes as they happen (Server-Sent Events)",
    **described(StreamQuery, stream=EVENT_STREAM, confidential=True),
)
async def changes_stream(request: Request) -> Response:
    """Server-Sent Events: one for each entry, with its `seq` as id. They reach `EventSource.onmessage`.

    Before them comes an event named `epoch`, with `epoch` and `head`, and at the end one named `failure` where the
    stream cannot go on. Begins after `Last-Event-ID`, which a browser sends by itself when it connects again, or else
    after `after`. A comment comes every 15 seconds where nothing else does.
    """
    question = parse_query(parse_pairs(request.scope["query_string"]), StreamQuery)
    after = _resumed(request.headers.get("last-event-id"), question.after)
    await access_of(request)
    state = await read_log.checkpoint(await read_incidents.open_session(request.app.state.reader, Query()))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.scope.get("head_only"):
        return Response(headers=headers, media_type=EVENT_STREAM)
    hold(request, streams)
    return Streamed(_events(request, state, after), headers=headers, media_type=EVENT_STREAM)


def _resumed(sent: str | None, after: int) -> int:
    if sent is None:
        return after
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= 16):
        raise InvalidInput([FieldError("Last-Event-ID", "is not the id of an event", sent, "header")])
    return int(sent)


async def _events(request: Request, state: dict[str, Any], last: int) -> AsyncGenerator[bytes]:
    live: LiveFeed = request.app.state.live
    stopping: asyncio.Event = request.scope.get("state", {}).get("stopping") or asyncio.Event()
    look = KEY_SECONDS if "authorization" in request.headers else HEARTBEAT_SECONDS
    yield b"retry: 2000\n" + _named("epoch", json_of({"epoch": state["epoch"], "head": state["size"]}))
    told = time.monotonic()
    while not stopping.is_set():
        try:
            access = await access_of(request)  # a key may have been revoked meanwhile
            confidential = access.may(Scope.READ_CONFIDENTIAL)
            session = await read_incidents.open_session(request.app.state.reader, Query(), confidential=confidential)
            part = await live.after(session, last, _event)
        except (ReadTooLong, TooManyReads):  # others keep the service busy
            await asyncio.sleep(LOOK_SECONDS)
            continue
        except AppError as error:
            yield _named("failure", json_of({"detail": shown(error).detail}))  # a lost connection is an `error`
            return
        if part:
            last, events = part
            yield events
            told = time.monotonic()
        elif (left := told + HEARTBEAT_SECONDS - time.monotonic()) <= 0:
            yield b": nothing new\n\n"
            told = time.monotonic()
        else:
            await live.news(session.recorded, stopping, min(look, left))


def _event(entry: read_log.LoggedChange) -> str:
    return f"id: {entry.seq}\ndata: {entry.text}\n\n"


def _named(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()


@router.get(
    "/log/checkpoint",
    response_model=schemas_log.Checkpoint,
    summary="The log as it stands: its size and the root of its tree",
    **described(RecordedQuery),
)
async def log_checkpoint(request: Request) -> Response:
    """Keep it: `incidents verify --against` and the consistency proof show that nothing before it was changed."""
    asked = await parse_request(request, RecordedQuery)
    return await respond(asked, lambda: _json(read_log.checkpoint(asked.session)))


@router.get(
    "/log/proof",
    response_model=schemas_log.InclusionProof | schemas_log.ConsistencyProof,
    summary="Proof that an entry is in the log, or that the log only grew",
    **described(ProofQuery),
)
async def log_proof(request: Request) -> Response:
    """With `seq`, the audit path of RFC 6962 from that entry to the root of the log, or of its first `size` entries.

    With `from`, and `to` unless it is the log as it stands, the consistency proof between the two sizes.
    """
    asked = await parse_request(request, ProofQuery)
    query = asked.question
    if (query.seq is None) == (query.from_ is None):
        raise InvalidInput([FieldError("seq", "or `from` is required, and not both")])
    if query.seq is not None and query.to is not None:
        raise InvalidInput([FieldError("to", "does not go with seq")])
    if query.from_ is not None and query.size is not None:
        raise InvalidInput([FieldError("size", "does not go with from")])
    return await respond(asked, lambda: _json(_proof(asked)))


async def _proof(asked: ParsedRequest[ProofQuery]) -> dict[str, Any]:
    query = asked.question
    if query.seq is not None:
        return await read_log.inclusion(asked.session, query.seq, query.size)
    assert query.from_ is not None, "one of the two is given"
    return await read_log.consistency(asked.session, query.from_, query.to)


async def _json(told: Any) -> bytes:
    return orjson.dumps(await told)
