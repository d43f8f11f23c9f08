"""From a request to a query, a response format and a read session: what all read routes share."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from app.api.http.authentication import access_of
from app.api.http.rounds import rounds
from app.api.http.slots import address_of
from app.domain.vocabulary import Scope
from app.errors import FieldError, InvalidInput
from app.formats.encoding import expect_fitting, media_type
from app.query.code_lists import Format
from app.query.parameters import ListQuery, formats_of
from app.query.query import Q, Query, parameters_of, parse_query
from app.store.db.budget import Budget
from app.store.db.reader import Reader
from app.store.read.cursor import PageSequence
from app.store.read.session import ReadSession, open_session

MAX_PARAMETERS = 500
SHORT_QUERY, MANY_PAIRS = 600, 20
"""Bytes and parameters up to which a query string is parsed on the event loop: a millisecond."""
R = TypeVar("R", bound=Query)
L = TypeVar("L", bound=ListQuery)
_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ParsedRequest(Generic[Q]):
    """A valid read request: its query, the session that serves it, and the format of the response."""

    request: Request
    pairs: Sequence[tuple[str, str]]
    """The parameters as they were sent."""
    query: Q
    session: ReadSession
    format: Format

    @property
    def is_export(self: "ParsedRequest[L]") -> bool:
        """Whether the response holds everything instead of a page: in file formats, without `limit` and `cursor`."""
        return self.format is not Format.JSON and not self.query.paged

    @property
    def is_past(self) -> bool:
        """Whether the response is of a past recorded moment, and so never changes."""
        return self.query.recorded is not None and self.query.recorded <= self.session.recorded

    def path(self, name: str) -> str:
        """A parameter of the path."""
        value: str = self.request.path_params[name]
        return value

    def next_page(self, cursor: str | None) -> str | None:
        """The address of the next page: the same query, after the cursor."""
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
    """Parses the query, negotiates the format, authorizes the request, then opens the session.

    `model` declares the parameters. `sequence` is the list whose cursors are accepted. `convert` makes the query that
    is run. Raises `InvalidInput` with every error of the query.
    """
    reader: Reader = request.app.state.reader
    client = address_of(request.scope)
    await rounds.turn(client)
    budget = Budget(reader.read_seconds, client, request.receive)
    pairs = parse_pairs(request.scope["query_string"])
    query = None
    if len(request.scope["query_string"]) <= SHORT_QUERY and len(pairs) <= MANY_PAIRS:
        with suppress(InvalidInput):
            query = convert(parse_query(pairs, model, 0))
    if query is None:  # long queries and suggestions take up to a second
        query = await reader.in_thread(budget, lambda: convert(parse_query(pairs, model)))
    response_format = negotiate_format(request, query, model)
    expect_fitting(response_format, query)
    confidential = (await access_of(request)).may(Scope.READ_CONFIDENTIAL)
    session = await open_session(reader, query, sequence, confidential=confidential, budget=budget)
    return ParsedRequest(request, pairs, query, session, response_format)


def parse_pairs(query: bytes) -> list[tuple[str, str]]:
    """Name and value pairs of a query string. Raises `InvalidInput` if it is not UTF-8 or has too many of them."""
    try:
        text = query.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidInput([FieldError("query", "is not percent-encoded UTF-8")]) from None
    except ValueError:
        raise InvalidInput([FieldError("query", f"has more than {MAX_PARAMETERS} parameters")]) from None


def negotiate_format(request: Request, query: Query, model: type[Query]) -> Format:
    """The format that `f` names, else the one that `Accept` prefers, else JSON."""
    if query.is_given("format"):
        return Format(getattr(query, "format", Format.JSON))
    accept = request.headers.get("accept", "*/*")
    if accept in ("*/*", "application/json"):
        return Format.JSON
    accepted = {}
    for part in accept.split(","):
        kind, *options = (piece.strip().lower() for piece in part.split(";"))
        quality = next((o.removeprefix("q=") for o in options if o.startswith("q=")), "1")
        accepted[kind] = float(quality) if _QUALITY.fullmatch(quality) else 1.0
    scored = [(accepted.get(media_type(offered), 0.0), offered) for offered in formats_of(parameters_of(model))]
    best, preferred = max(scored, key=lambda pair: pair[0])
    return preferred if best > 0 else Format.JSON
