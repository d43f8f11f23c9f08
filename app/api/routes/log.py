"""`/v1/changes` and `/v1/log`: pages of the log, and the proofs that it is complete."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.read_request import ParsedRequest, parse_request
from app.api.http.read_response import Content, respond
from app.api.http.read_route import read_router
from app.api.openapi import schemas_log
from app.api.openapi.operations import described
from app.domain.json_text import json_of, list_object
from app.errors import FieldError, InvalidInput
from app.query.parameters import ChangesQuery, ProofQuery, RecordedQuery
from app.store.read import log as read_log

router = read_router("/v1", "Changes")


@router.get(
    "/changes",
    response_model=schemas_log.Changes,
    summary="List changes",
    **described(ChangesQuery, confidential=True),
)
async def changes(request: Request) -> Response:
    """Entries of the log in the order of recording. Store the last `seq` and request what comes after it.

    No entry is ever left out. `hash` is SHA-256 of a zero byte and the entry's canonical JSON (RFC 8785) without its
    `hash` and `opened`. If `epoch` differs from before, the service was restored from a backup: start again.
    """
    return await respond(await parse_request(request, ChangesQuery), _changes)


async def _changes(parsed: ParsedRequest[ChangesQuery]) -> Content:
    after, limit = parsed.query.after, parsed.query.limit
    entries = await read_log.changes(parsed.session, after, limit)
    state = await read_log.checkpoint(parsed.session)
    last = entries[-1].seq if entries else after
    next_page = f"{parsed.request.scope['path']}?after={last}&limit={limit}" if last < state["size"] else None
    tail = json_of({"next": next_page, "head": state["size"], "epoch": state["epoch"]})
    return Content(list_object("{}", "items", [entry.text for entry in entries], tail), next_page)


@router.get(
    "/log/checkpoint",
    response_model=schemas_log.Checkpoint,
    summary="Get a checkpoint of the log",
    **described(RecordedQuery),
)
async def log_checkpoint(request: Request) -> Response:
    """The size of the log and the root of its tree. Keep it: `incidents verify --against` and the consistency proof
    show that nothing before it was changed."""
    return await respond(await parse_request(request, RecordedQuery), _checkpoint)


async def _checkpoint(parsed: ParsedRequest[RecordedQuery]) -> Content:
    return Content(orjson.dumps(await read_log.checkpoint(parsed.session)))


@router.get(
    "/log/proof",
    response_model=schemas_log.InclusionProof | schemas_log.ConsistencyProof,
    summary="Get an inclusion or consistency proof",
    **described(ProofQuery),
)
async def log_proof(request: Request) -> Response:
    """With `seq`, the audit path of RFC 6962 from that entry to the root of the log, or of its first `size` entries.

    With `from` and `to`, the consistency proof between the two sizes; without `to`, up to the newest entry.
    """
    parsed = await parse_request(request, ProofQuery)
    _expect_one_proof(parsed.query)
    return await respond(parsed, _proof)


def _expect_one_proof(query: ProofQuery) -> None:
    """Raises `InvalidInput` unless the parameters select one proof."""
    if query.is_given("seq") == query.is_given("from_"):
        raise InvalidInput([FieldError("seq", "or `from` is required, and not both")])
    stray, other = ("to", "seq") if query.is_given("seq") else ("size", "from")
    if query.is_given(stray):
        raise InvalidInput([FieldError(stray, f"cannot be combined with {other}")])


async def _proof(parsed: ParsedRequest[ProofQuery]) -> Content:
    query = parsed.query
    if query.seq is not None:
        return Content(orjson.dumps(await read_log.inclusion(parsed.session, query.seq, query.size)))
    assert query.from_ is not None, "one of the two is given"
    return Content(orjson.dumps(await read_log.consistency(parsed.session, query.from_, query.to)))
