"""`/v1/changes` and `/v1/log`: the feed of all changes, and the proofs that it is whole."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from app.api import schemas_log
from app.api.access import access_of
from app.api.asking import Asked, answer, ask, read_pairs
from app.api.parameters import described, read_router
from app.domain import filters
from app.domain.question import Question, read_question
from app.domain.vocabulary import Scope
from app.errors import AppError, Fault, InvalidInput, TooManyStreams
from app.store import feed, read
from app.store.reader import Reader

router = read_router("/v1", "Changes")
EVENT_STREAM = "text/event-stream"
MOST_STREAMS = 200
"""Streams open at once in a process. Each asks for news four times a second."""
LOOK_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
AT_ONCE = 50
"""Entries that a stream reads at a time."""


@router.get(
    "/changes",
    response_model=schemas_log.Changes,
    summary="Every change, in the order of its recording",
    **described(filters.CHANGES, confidential=True),
)
async def changes(request: Request) -> Response:
    """Entries of the log after one. Remember the last `seq`, and ask for what comes after it; none is ever left out.

    `hash` is SHA-256 of a zero byte and the entry's canonical JSON (RFC 8785) without its `hash` and `opened`. Where
    `epoch` is another than before, the service was restored from a backup: begin anew.
    """
    asked = await ask(request, filters.CHANGES)
    return await answer(asked, lambda: _changes(asked), link=True)


async def _changes(asked: Asked) -> tuple[bytes, str | None]:
    after, limit = asked.question.given.get("after", 0), asked.question.limit
    found = await feed.changes(asked.session, after, limit)
    state = await feed.checkpoint(asked.session)
    last = found[-1].seq if found else after
    following = f"{asked.request.scope['path']}?after={last}&limit={limit}" if last < state["size"] else None
    tail = orjson.dumps({"next": following, "head": state["size"], "epoch": state["epoch"]}).decode()
    return f'{{"items":[{",".join(entry.text for entry in found)}],{tail[1:]}'.encode(), following


@router.get(
    "/changes/stream",
    summary="Stream changes as they happen (Server-Sent Events)",
    **described((filters.AFTER,), stream=EVENT_STREAM, confidential=True),
)
async def changes_stream(request: Request) -> Response:
    """Server-Sent Events: one for each entry, with its `seq` as id. They reach `EventSource.onmessage`.

    Before them comes an event named `epoch`, with `epoch` and `head`, and at the end one named `failure` where the
    stream cannot go on. Begins after `Last-Event-ID`, which a browser sends by itself when it connects again, or else
    after `after`. A comment comes every 15 seconds where nothing else does.
    """
    question = read_question(read_pairs(request.scope["query_string"]), (filters.AFTER,))
    after = _resumed(request.headers.get("last-event-id"), question.given.get("after", 0))
    await access_of(request)
    state = await feed.checkpoint(await read.open_session(request.app.state.reader, Question()))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.scope.get("head_only"):
        return Response(headers=headers, media_type=EVENT_STREAM)
    if _Stream.open >= MOST_STREAMS:
        raise TooManyStreams(MOST_STREAMS)
    return _Stream(_events(request, state, after), headers=headers, media_type=EVENT_STREAM)


class _Stream(StreamingResponse):
    """A stream that is counted for as long as it is open."""

    open = 0

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        _Stream.open += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            _Stream.open -= 1


def _resumed(sent: str | None, after: int) -> int:
    if sent is None:
        return after
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= 16):
        raise InvalidInput([Fault("Last-Event-ID", "is not the id of an event", sent, "header")])
    return int(sent)


async def _events(request: Request, state: dict[str, Any], last: int) -> AsyncGenerator[bytes]:
    reader: Reader = request.app.state.reader
    stopping: asyncio.Event = request.scope.get("state", {}).get("stopping") or asyncio.Event()
    told = time.monotonic()
    try:
        yield b"retry: 2000\n" + _named("epoch", _text(epoch=state["epoch"], head=state["size"]))
        while not stopping.is_set():
            access = await access_of(request)  # a key may have been revoked meanwhile
            confidential = access.may(Scope.READ_CONFIDENTIAL)
            session = await read.open_session(reader, Question(), confidential=confidential)
            found = await feed.changes(session, last, AT_ONCE)
            for entry in found:
                yield f"id: {entry.seq}\ndata: {entry.text}\n\n".encode()
            if found:
                last, told = found[-1].seq, time.monotonic()
            elif time.monotonic() - told >= HEARTBEAT_SECONDS:
                yield b": nothing new\n\n"
                told = time.monotonic()
            if not found:
                await _wait(stopping)
    except AppError as error:
        yield _named("failure", _text(detail=error.detail))  # not `error`, which is what a lost connection is called


def _text(**members: Any) -> str:
    return orjson.dumps(members).decode()


async def _wait(stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await stopping.wait()
    except TimeoutError:
        pass


def _named(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()


@router.get(
    "/log/checkpoint",
    response_model=schemas_log.Checkpoint,
    summary="The log as it stands: its size and the root of its tree",
    **described((filters.RECORDED_AS_OF,)),
)
async def log_checkpoint(request: Request) -> Response:
    """Keep it: `incidents verify --against` and the consistency proof show that nothing before it was changed."""
    asked = await ask(request, (filters.RECORDED_AS_OF,))
    return await answer(asked, lambda: _json(feed.checkpoint(asked.session)))


@router.get(
    "/log/proof",
    response_model=schemas_log.InclusionProof | schemas_log.ConsistencyProof,
    summary="Proof that an entry is in the log, or that the log only grew",
    **described(filters.PROOF),
)
async def log_proof(request: Request) -> Response:
    """With `seq`, the audit path of RFC 6962 from that entry to the root of the log, or of its first `size` entries.

    With `from`, and `to` unless it is the log as it stands, the consistency proof between the two sizes.
    """
    asked = await ask(request, filters.PROOF)
    given = asked.question.given
    if ("seq" in given) == ("from" in given):
        raise InvalidInput([Fault("seq", "or `from` is given, one of them")])
    strays = [name for name in (("to",) if "seq" in given else ("size",)) if name in given]
    if strays:
        raise InvalidInput([Fault(strays[0], f"does not go with {'seq' if 'seq' in given else 'from'}")])
    return await answer(asked, lambda: _json(_proof(asked)))


async def _proof(asked: Asked) -> dict[str, Any]:
    given = asked.question.given
    if "seq" in given:
        return await feed.inclusion(asked.session, given["seq"], given.get("size"))
    return await feed.consistency(asked.session, given["from"], given.get("to"))


async def _json(told: Any) -> bytes:
    return orjson.dumps(await told)
