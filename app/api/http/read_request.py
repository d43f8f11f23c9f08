"""From a request to a question, and from an answer to a response: what all read routes share."""

import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar, overload
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.api.http.addresses import absolute
from app.api.http.authentication import access_of
from app.api.http.conditional_requests import (
    IDENTITY,
    Conditions,
    Headers,
    chosen_encoding,
    conditional_headers,
    http_date,
)
from app.api.http.etags import tag
from app.api.http.pieces import response_of
from app.api.http.responses import content_of, file_response, modified_second
from app.api.http.rounds import rounds
from app.api.http.slots import address_of
from app.domain.dates import Instant
from app.domain.vocabulary import Scope
from app.errors import FieldError, InvalidInput, PreconditionFailed
from app.formats.csv_tables import with_bom
from app.formats.encoding import FILE_NAMES, MEDIA_TYPES, expect_fitting, media_type
from app.query.code_lists import Format
from app.query.parameters import ListQuery, formats_of
from app.query.query import Q, Query, parameters_of, parse_query
from app.store.db.budget import Budget
from app.store.db.reader import Reader
from app.store.read import session as read_incidents
from app.store.read.cursor import PageSequence
from app.store.read.session import ReadSession

FRESH = "public, no-cache"
"""Kept, and asked about each time: a new report shows at once, and what has not changed costs a 304."""
FIXED = "public, max-age=3600"
"""For answers at a recorded moment of the past, which never change."""
PRIVATE = "private, no-store"
"""For answers with something confidential in them."""
MOST_PARAMETERS = 500
SHORT_QUERY, MANY_PAIRS = 600, 20
"""Bytes and parameters up to which a query is read on the event loop: a millisecond."""
T = TypeVar("T")
R = TypeVar("R", bound=Query)
L = TypeVar("L", bound=ListQuery)
_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ParsedRequest(Generic[Q]):
    """A request that was understood: the question, the session that answers it, the form of the answer."""

    request: Request
    pairs: Sequence[tuple[str, str]]
    question: Q
    session: ReadSession
    form: Format

    @property
    def whole(self: "ParsedRequest[L]") -> bool:
        """Whether everything is wanted instead of a page: the file forms, unless a limit or a place is told."""
        return self.form is not Format.JSON and not self.question.paged

    @property
    def fixed(self) -> bool:
        """Whether the answer is at a recorded moment of the past."""
        return self.question.recorded is not None and self.question.recorded <= self.session.recorded

    async def made(self, items: Sequence[Any], few: int, make: Callable[..., T], *arguments: Any) -> T:
        """What a call makes of items: beside the event loop where there are more than a few."""
        return await self.session.beside(make, *arguments) if len(items) > few else make(*arguments)

    def next_page(self, cursor: str | None) -> str | None:
        """The address of the next page: the same question, after the cursor."""
        if cursor is None:
            return None
        kept = [(name, value) for name, value in self.pairs if name != "cursor"]
        return f"{self.request.scope['path']}?{urlencode([*kept, ('cursor', cursor)])}"


@overload
async def parse_request(request: Request, model: type[Q], sequence: PageSequence | None = None) -> ParsedRequest[Q]: ...


@overload
async def parse_request(
    request: Request, model: type[Q], sequence: PageSequence | None, convert: Callable[[Q], R]
) -> ParsedRequest[R]: ...


async def parse_request(
    request: Request,
    model: type[Query],
    sequence: PageSequence | None = None,
    convert: Callable[[Any], Query] = lambda query: query,
) -> ParsedRequest[Any]:
    """Reads the request as a query model, which `convert` turns into the query that is run.

    Raises `InvalidInput` with everything that is wrong.
    """
    reader: Reader = request.app.state.reader
    client = address_of(request.scope)
    await rounds.turn(client)
    budget = Budget(reader.read_seconds, client, request.receive)
    pairs = parse_pairs(request.scope["query_string"])
    question = None
    if len(request.scope["query_string"]) <= SHORT_QUERY and len(pairs) <= MANY_PAIRS:
        with suppress(InvalidInput):
            question = convert(parse_query(pairs, model, 0))
    if question is None:  # what is long to read, and suggestions, take up to a second
        question = await reader.beside(budget, lambda: convert(parse_query(pairs, model)))
    form = format_of(request, question, model)
    expect_fitting(form, question)
    access = await access_of(request)
    opened = access.may(Scope.READ_CONFIDENTIAL)
    session = await read_incidents.open_session(reader, question, sequence, confidential=opened, budget=budget)
    return ParsedRequest(request, pairs, question, session, form)


def parse_pairs(query: bytes) -> list[tuple[str, str]]:
    """Name and value pairs of a query string, which is UTF-8 or refused."""
    try:
        text = query.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidInput([FieldError("query", "is not UTF-8, percent-encoded")]) from None
    except ValueError:
        raise InvalidInput([FieldError("query", f"has more than {MOST_PARAMETERS} parameters")]) from None


def format_of(request: Request, query: Query, model: type[Query]) -> Format:
    """The format requested by `f`, else by `Accept`, else JSON."""
    if query.is_given("format"):
        return Format(getattr(query, "format", Format.JSON))
    accept = request.headers.get("accept", "*/*")
    if accept in ("*/*", "application/json"):
        return Format.JSON
    wanted = {}
    for part in accept.split(","):
        kind, *options = (piece.strip().lower() for piece in part.split(";"))
        quality = next((o.removeprefix("q=") for o in options if o.startswith("q=")), "1")
        wanted[kind] = float(quality) if _QUALITY.fullmatch(quality) else 1.0
    scored = [(wanted.get(media_type(form), 0.0), form) for form in formats_of(parameters_of(model))]
    best, form = max(scored, key=lambda pair: pair[0])
    return form if best > 0 else Format.JSON


def encoding_of(form: Format, sent: Headers) -> str:
    """The content coding of an answer. Parquet is compressed already."""
    return IDENTITY if form is Format.PARQUET else chosen_encoding(sent.get(b"accept-encoding", ""))


async def respond(
    asked: ParsedRequest[Any],
    body: Callable[[], Any],
    *,
    changed: Instant | None = None,
    version: Instant | None = None,
    link: bool = False,
    media_type: str | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
    besides: object = None,
    weak: bool = False,
) -> Response:
    """The response: what `body` gives, or that it has not changed. Raises `PreconditionFailed` where it was to be so.

    `changed` is when what is answered last changed: the recorded moment of the session, unless told. `body` returns
    what `responses.Made` is, and with it the address of the next page where `link` is set. `media_type` is for what is
    no form of data, `more` are further headers. `besides` is what the bytes depend on besides the records: it becomes
    part of the tag.

    The `Link` of a page names the host. Neither the tag nor `Vary` depends on that: caches keep an answer by its whole
    address, host included, the bytes are the same, and a 304 has no `Link`, so what was kept with the answer stays.
    The tag is `weak` where the same records do not always make the same bytes.
    """
    conditions = _conditions(asked, asked.session.recorded if changed is None else changed, version, besides)
    headers = {**_headers(asked, conditions), **more}
    if weak:
        headers["ETag"] = f"W/{conditions.etag}"
    refused = conditions.failed
    if conditions.known and not refused:
        return Response(status_code=304, headers=headers)
    made = await body()
    if link:
        made, following = made
        if following:
            headers["Link"] = f'<{absolute(asked.request, following)}>; rel="next"'
    if asked.question.is_on("bom"):
        made = with_bom(made)
    content = await content_of(asked.request, made, conditions.etag)  # what is not there raises
    head_only = asked.request.scope.get("head_only", False)
    unchanged = not refused and conditions.not_modified
    if isinstance(made, AsyncGenerator) and (refused or unchanged or head_only):
        await made.aclose()
    if refused:
        raise PreconditionFailed("what is answered is not, or no longer, what If-Match or If-Unmodified-Since names")
    if unchanged:
        return Response(status_code=304, headers=headers)
    if media_type or asked.form is Format.JSON:
        assert isinstance(content, bytes), "only files come piece by piece"
        return response_of(content, 200, headers, media_type or MEDIA_TYPES[asked.form])
    if name := FILE_NAMES.get(asked.form):
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    # Of what is compressed no ranges: they would count other bytes than those that the tag is of.
    ranges = encoding_of(asked.form, conditions.sent) == IDENTITY
    return file_response(content, conditions, headers, MEDIA_TYPES[asked.form], ranges=ranges, head_only=head_only)


def _conditions(asked: ParsedRequest[Any], changed: Instant, version: Instant | None, besides: object) -> Conditions:
    """The conditions of the request, with the tag and the date of what is answered."""
    session, scope = asked.session, asked.request.scope
    sent = conditional_headers(scope["headers"])
    stamp = (session.epoch, changed, session.confidential, *(() if besides is None else (besides,)))
    encoding = encoding_of(asked.form, sent)
    etag = tag(scope["path"], scope["query_string"], asked.form, encoding, stamp, version)
    # A replica may lag behind for any time, and with a key another answer may be given at the same address and time.
    undated = session.confidential or asked.request.app.state.settings.replica_url
    return Conditions(sent, etag, None if undated else modified_second(changed))


def _headers(asked: ParsedRequest[Any], conditions: Conditions) -> dict[str, str]:
    headers = {
        "ETag": conditions.etag,
        "Cache-Control": PRIVATE if asked.session.confidential else FIXED if asked.fixed else FRESH,
        "Vary": "Accept, Accept-Encoding, Authorization",
    }
    if conditions.modified is not None:
        headers["Last-Modified"] = http_date(min(conditions.modified, int(time.time())))
    return headers
