"""`/v1/import`: the file is streamed in, and the result of each row is streamed out."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import orjson
from anyio import BrokenResourceError, EndOfStream, create_memory_object_stream, from_thread, to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.api.http.authentication import SECURITY, access_of
from app.api.http.json_body import JSON, check_body
from app.api.http.read_request import parse_pairs
from app.api.http.read_route import read_router
from app.api.http.responses import Streamed
from app.api.http.slots import hold
from app.api.openapi.operations import openapi_parameter
from app.api.openapi.problem_responses import ANY_ROUTE, PROBLEM
from app.domain.access import Access
from app.domain.vocabulary import Scope
from app.errors import (
    AppError,
    BodyTooLarge,
    DatabaseFull,
    FieldError,
    InvalidInput,
    ServiceStopping,
    TooManyImports,
    WrongMediaType,
)
from app.ingest.formats import import_file, importer_of
from app.ingest.importer import Importer
from app.ingest.packed_files import is_packed
from app.ingest.pipeline import Result, Summary
from app.query.code_lists import FileFormat
from app.query.parameters import ImportQuery
from app.query.query import parameters_of, parse_query
from app.store.db.database import Database
from app.store.db.slots import Slots
from app.store.keys import expect_holds
from app.store.maintenance.temporary import temporary_folder
from app.store.write.writer import Outcome

MAX_BYTES = 2 * 1024**3
"""Size of one file, which is stored on disk while it is read."""
MAX_IMPORTS = 2
"""Concurrent imports of a process. Other writes take turns with their batches."""
import_slots = Slots(MAX_IMPORTS, "imports", TooManyImports)
LINES_AT_ONCE = 100
"""Lines that are sent together."""
POLL_SECONDS = 0.25
"""Time between two checks whether the client has disconnected."""
CSV = "text/csv"
OCTETS = "application/octet-stream"
NDJSON = "application/x-ndjson"
MEDIA_TYPES = (OCTETS, CSV, JSON)
"""Whether a file is CSV or JSON is seen from its content. Its media type may say so."""
PACKED = (
    "the file is a gzip file, a zip archive or a workbook; send it unpacked as CSV or JSON, "
    "or import it with `incidents import`"
)


async def _resumed(first: bytes, lines: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(lines):
        yield first
        async for chunk in lines:
            yield chunk


def _importer(query: ImportQuery) -> Importer:
    if query.format is None:
        raise InvalidInput([FieldError("format", f"is missing; send one of {', '.join(FileFormat)}")])
    released_on = query.released_on.isoformat() if query.released_on else None
    return importer_of(query.format, query.release, released_on, query.dates)


async def _imported(request: Request, access: Access, importer: Importer) -> AsyncGenerator[bytes]:
    """Lines of JSON: one for each recorded row, then the summary, or the error that ended the import."""
    with temporary_folder() as folder:
        path = folder / "body"
        await _store(request, path)
        send, receive = create_memory_object_stream[bytes](1)
        work = _Work(request, access, importer, path, send)
        task = asyncio.create_task(to_thread.run_sync(work.run))
        try:
            has_begun = False
            while (lines := await _next(receive)) is not None:
                yield lines
                has_begun = True
            try:
                summary = await task
            except AppError as error:
                if not has_begun:
                    raise
                yield _line({"error": error.detail})
            else:
                yield _line({"summary": _summary(summary)})
        finally:
            receive.close()  # ends the thread after the current batch
            task.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _next(receive: MemoryObjectReceiveStream[bytes]) -> bytes | None:
    try:
        return await receive.receive()
    except EndOfStream:
        return None


async def _store(request: Request, path: Path) -> None:
    """Writes a body to disk."""
    size, begin = 0, b""
    try:
        with path.open("wb") as out:
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BYTES:
                    raise BodyTooLarge(MAX_BYTES)
                if len(begin) < 4 and is_packed(begin := begin + chunk[:4]):
                    raise WrongMediaType(PACKED)
                out.write(chunk)
    except ClientDisconnect:
        raise InvalidInput([FieldError("body", "was not received completely", where="body")]) from None
    except OSError as error:
        raise DatabaseFull(f"the file cannot be stored while it is read: {error.strerror}") from None


class _Work:
    """The import in its thread. It ends after the current batch when the client disconnects or the service stops."""

    def __init__(
        self,
        request: Request,
        access: Access,
        importer: Importer,
        path: Path,
        send: MemoryObjectSendStream[bytes],
    ) -> None:
        self._database: Database = request.app.state.recorder.database
        self._stopping: asyncio.Event | None = request.scope.get("state", {}).get("stopping")
        self._access, self._importer, self._path, self._send = access, importer, path, send
        self._lines: list[bytes] = []
        self._request = request
        self._has_sent = False
        self._next_poll = 0.0

    def run(self) -> Summary:
        """Imports, and ends the stream of lines."""
        try:
            summary = import_file(
                self._importer,
                self._path,
                self._database,
                self._access.name,
                on_result=self._add_line,
                on_progress=self._expect_client,
                can_read_confidential=self._access.may(Scope.READ_CONFIDENTIAL),
                expect_allowed=lambda transaction: expect_holds(transaction, self._access),
            )
            self._flush()
            return summary
        finally:
            from_thread.run_sync(self._send.close)

    def _add_line(self, result: Result) -> None:
        if result.outcome is not Outcome.DEFERRED:
            self._lines.append(_line(_row(result)))
        if len(self._lines) >= LINES_AT_ONCE:
            self._flush()

    def _expect_client(self, _: int = 0) -> None:
        """Raises where the service stops or the client has disconnected. Called at every read of the file.

        The server reports a disconnect only once the response has started. Until then it is polled.
        """
        if self._stopping is not None and self._stopping.is_set():
            raise ServiceStopping
        if not self._send.statistics().open_receive_streams:
            raise BrokenResourceError
        if not self._has_sent and time.monotonic() > self._next_poll:
            if from_thread.run(self._request.is_disconnected):
                raise InvalidInput([FieldError("body", "was read in part when the client disconnected", where="body")])
            self._next_poll = time.monotonic() + POLL_SECONDS

    def _flush(self) -> None:
        self._expect_client()
        if self._lines:
            from_thread.run(self._send.send, b"".join(self._lines))
            self._has_sent = True
            self._lines.clear()


def _row(result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {"line": result.item.line, "outcome": result.outcome.value}
    row |= {"id": result.id} if result.reason is None else {"reason": result.reason}
    return row | ({"repairs": list(result.item.repairs)} if result.item.repairs else {})


def _summary(summary: Summary) -> dict[str, Any]:
    counted = ("created", "revised", "unchanged", "withdrawn", "repaired", "refused")
    return {name: getattr(summary, name) for name in counted} | {"absent": summary.absent}


def _line(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document) + b"\n"


router = read_router("/v1")


@router.post(
    "/import",
    tags=["Import"],
    summary="Import a file, row by row",
    response_class=Response,
    responses=ANY_ROUTE
    | {
        200: {
            "description": "A line for each row in the order of the file, sent once the row is recorded; then the "
            "`summary`, or the `error` that ended the import. Send the file again to continue after an error.",
            "content": {NDJSON: {"schema": {"type": "string"}}},
        },
        401: {"description": "The API key is missing, invalid, expired or revoked.", **PROBLEM},
        403: {"description": "The key lacks the scope `write`.", **PROBLEM},
        409: {"description": "The release already exists with another date.", **PROBLEM},
        413: {"description": "The file is too large.", **PROBLEM},
        415: {"description": "The body is not CSV or JSON, or is compressed.", **PROBLEM},
        422: {"description": "A parameter is invalid, or the file has another format.", **PROBLEM},
        429: {"description": "Your address already has an import in progress.", **PROBLEM},
        503: {
            "description": "Others are writing, or two imports are in progress; retry after `Retry-After`.",
            **PROBLEM,
        },
        507: {"description": "There is no disk space left.", **PROBLEM},
    },
    openapi_extra={
        "parameters": [
            openapi_parameter(p) | {"required": name == "format"} for name, p in parameters_of(ImportQuery).items()
        ],
        "requestBody": {
            "description": "An uncompressed file in the named format: CSV, or JSON of ACLED.",
            "required": True,
            "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
        },
        "security": [{SECURITY: [Scope.WRITE.value]}],
    },
)
async def import_rows(request: Request) -> Response:
    """Each row is recorded by itself, or rejected with its reason. Importing again changes nothing: it needs no
    `Idempotency-Key`. Incidents of a data set are revised release after release, in any order of loading."""
    access = await access_of(request)
    access.expect(Scope.WRITE)
    importer = _importer(parse_query(parse_pairs(request.scope["query_string"]), ImportQuery))
    check_body(request, MEDIA_TYPES, MAX_BYTES)
    hold(request, import_slots)
    lines = _imported(request, access, importer)
    first = await anext(lines)  # a file in another format raises here
    return Streamed(_resumed(first, lines), headers={"Cache-Control": "no-store"}, media_type=NDJSON)
