"""From content to a response: validators, conditional requests, headers and byte ranges of all read routes."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.responses import Response

from app.api.http.addresses import absolute
from app.api.http.conditional_requests import IDENTITY, Conditions, conditional_headers, encoding_of, http_date
from app.api.http.etags import tag
from app.api.http.pieces import response_of
from app.api.http.read_request import ParsedRequest
from app.api.http.responses import Body, ReadyBody, file_response, modified_second, ready_body
from app.domain.dates import Instant
from app.errors import PreconditionFailed
from app.formats.csv_tables import with_bom
from app.formats.encoding import FILE_NAMES, MEDIA_TYPES
from app.query.code_lists import Format
from app.query.query import Q

FRESH = "public, no-cache"
"""Caches keep the response and revalidate it each time: a new report shows at once, and no change costs a 304."""
IMMUTABLE = "public, max-age=3600"
"""For a past recorded moment, of which responses never change."""
PRIVATE = "private, no-store"
"""For responses that disclose confidential members."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a response holds: its body, and the address of the next page if there is one."""

    body: Body
    next_page: str | None = None


async def respond(
    parsed: ParsedRequest[Q],
    make_content: Callable[[ParsedRequest[Q]], Awaitable[Content]],
    *,
    changed: Instant | None = None,
    version: Instant | None = None,
    media_type: str | None = None,
    extra_headers: Mapping[str, str] = MappingProxyType({}),
    extra_etag_parts: object = None,
    weak: bool = False,
) -> Response:
    """The response, or a 304 without content, which is then not made. Raises `PreconditionFailed`.

    `changed` is when the content last changed, by default the recorded moment of the session. `version` is that of an
    incident's record. `media_type` is for content that is in no data format. `extra_etag_parts` is what the bytes
    depend on besides the records. The tag is `weak` if the same records do not always make the same bytes.

    The `Link` of a page names the host. Neither the tag nor `Vary` depends on it: caches store a response by its whole
    address, the bytes are the same, and a 304 has no `Link`, so that the stored one stays.
    """
    conditions = _conditions(parsed, parsed.session.recorded if changed is None else changed, version, extra_etag_parts)
    headers = {**_headers(parsed, conditions), **extra_headers}
    if weak:
        headers["ETag"] = f"W/{conditions.etag}"
    has_failed = conditions.failed
    if conditions.known and not has_failed:
        return Response(status_code=304, headers=headers)
    content = await make_content(parsed)
    if content.next_page:
        headers["Link"] = f'<{absolute(parsed.request, content.next_page)}>; rel="next"'
    body = content.body
    if parsed.query.is_on("bom") and isinstance(body, (bytes, AsyncGenerator)):
        body = with_bom(body)
    ready = await ready_body(parsed.request, body, conditions.etag)  # raises what keeps the content from being made
    not_modified = not has_failed and conditions.not_modified
    if isinstance(body, AsyncGenerator) and (has_failed or not_modified or _is_head(parsed)):
        await body.aclose()
    if has_failed:
        raise PreconditionFailed("The resource does not match If-Match or If-Unmodified-Since. Read it again.")
    if not_modified:
        return Response(status_code=304, headers=headers)
    return _response(parsed, ready, conditions, headers, media_type)


def _response(
    parsed: ParsedRequest[Q], body: ReadyBody, conditions: Conditions, headers: dict[str, str], media_type: str | None
) -> Response:
    if media_type or parsed.format is Format.JSON:
        assert isinstance(body, bytes), "only files are streamed"
        return response_of(body, 200, headers, media_type or MEDIA_TYPES[parsed.format])
    if name := FILE_NAMES.get(parsed.format):
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    # A compressed response has no ranges: they would count other bytes than those that the tag is of.
    ranges = encoding_of(parsed.format, conditions.sent) == IDENTITY
    return file_response(
        body, conditions, headers, MEDIA_TYPES[parsed.format], ranges=ranges, head_only=_is_head(parsed)
    )


def _is_head(parsed: ParsedRequest[Q]) -> bool:
    head_only: bool = parsed.request.scope.get("head_only", False)
    return head_only


def _conditions(
    parsed: ParsedRequest[Q], changed: Instant, version: Instant | None, extra_etag_parts: object
) -> Conditions:
    """The conditions of the request, with the tag and the date of the content."""
    session, scope = parsed.session, parsed.request.scope
    sent = conditional_headers(scope["headers"])
    stamp = (session.epoch, changed, session.confidential, *(() if extra_etag_parts is None else (extra_etag_parts,)))
    encoding = encoding_of(parsed.format, sent)
    etag = tag(scope["path"], scope["query_string"], parsed.format, encoding, stamp, version)
    # A replica may lag behind by any time, and a key may change the content at the same address and time.
    is_undated = session.confidential or parsed.request.app.state.settings.replica_url
    return Conditions(sent, etag, None if is_undated else modified_second(changed))


def _headers(parsed: ParsedRequest[Q], conditions: Conditions) -> dict[str, str]:
    headers = {
        "ETag": conditions.etag,
        "Cache-Control": PRIVATE if parsed.session.confidential else IMMUTABLE if parsed.is_past else FRESH,
        "Vary": "Accept, Accept-Encoding, Authorization",
    }
    if conditions.modified is not None:
        headers["Last-Modified"] = http_date(min(conditions.modified, int(time.time())))
    return headers
