"""What each error means and how to fix it: the page `/docs/errors` and the reference in the docs are made from this.

Slug, title and status come from the classes in `app.errors`. The `type` of a problem document links to the entry.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.errors import AppError


class Entry(NamedTuple):
    """One kind of error. `statuses` are the HTTP statuses that it comes with."""

    slug: str
    title: str
    statuses: tuple[int, ...]
    cause: str
    cure: str


IN_FRONT_OF_ROUTES = {
    "address-too-long": (414, "The address is too long"),
    "cors": (400, "Cross-origin request rejected"),
    "headers-too-long": (431, "The headers are too long"),
    "host": (400, "The request is malformed"),
    "malformed": (400, "The request is malformed"),
    "method-not-allowed": (405, "Method not allowed"),
    "request-failed": (400, "The request failed"),
    "too-many-connections": (503, "Too many connections"),
}
"""Errors without a class: they occur before any route is called."""

EXPLAINED: dict[str, tuple[str, str]] = {
    "address-too-long": (
        "The path or the query string is longer than the service reads.",
        "Send fewer or shorter parameters. Split a long list of values over several requests.",
    ),
    "body-too-large": (
        "The request body has more bytes than this route reads.",
        "Split the body. Send whole files to `/v1/import`, or import them with `incidents import`.",
    ),
    "broken": (
        "A stored record differs from what was recorded. The file was damaged or changed from outside.",
        "Run `incidents verify` to find the first difference. Then restore the newest backup that verifies.",
    ),
    "clock-behind": (
        "The newest record is minutes ahead of the clock of this machine, so a new record would get a wrong time.",
        "Correct the clock. If the clock is right, restore a backup from before the wrong records, or raise "
        "`INCIDENTS_CLOCK_AHEAD_SECONDS` above the gap.",
    ),
    "conflict": (
        "A record with this id exists and differs, or the record was withdrawn, or a request with the same "
        "`Idempotency-Key` is still running.",
        "Read the existing record. Send the same content, or choose another id, or wait until the first request "
        "has ended.",
    ),
    "cors": (
        "A web page of another origin sent a preflight request for a method, a header or an origin that is not "
        "allowed.",
        "Pages of other origins may only read. Add the origin of the page to `INCIDENTS_CORS_ORIGINS`.",
    ),
    "database-busy": (
        "Another process wrote to the database for several seconds. Nothing of this request was recorded.",
        "Send the request again after the seconds in `Retry-After`. An `Idempotency-Key` makes the retry safe.",
    ),
    "database-unusable": (
        "The database is missing, damaged, of another version, or was replaced while the service was running.",
        "Read the log of the service: it names the file and what to do. `incidents migrate` updates an old schema; "
        "`incidents verify` finds damage; `incidents restore` brings a backup back.",
    ),
    "headers-too-long": (
        "The request headers together have more bytes than the service reads.",
        "Send fewer or shorter headers. Cookies are never needed.",
    ),
    "history-too-long": (
        "The change would rewrite too much of the history of an incident with very many reports.",
        "Changes near the end of the history are still recorded. For other changes, import the incident with all its "
        "reports under another id. Then withdraw this one as merged into it.",
    ),
    "host": (
        "The request has no `Host` header, or more than one.",
        "Send exactly one `Host` header. Check what a proxy in front of the service adds.",
    ),
    "if-match-needed": (
        "A change was sent without the `ETag` of the version that it changes.",
        "Read the incident, and send its `ETag` as `If-Match`.",
    ),
    "internal": (
        "The service has a bug. The log of the service has the traceback.",
        "Report the `X-Request-ID` of the response and the traceback to the maintainers.",
    ),
    "invalid-input": (
        "A parameter or a field of the body is unknown, missing, repeated or has a value that cannot be read. "
        "The status is 400 under `/ogc`, and 422 everywhere else.",
        "Read `errors`: each entry names the field and says what was expected. Fix all of them, then try again.",
    ),
    "key-needed": (
        "The request needs an API key, and none was sent, or the key is wrong, expired or revoked.",
        "Send `Authorization: Bearer KEY`. Make a key with `incidents keys create`.",
    ),
    "malformed": (
        "The bytes that were sent are not an HTTP request, or the path is not UTF-8.",
        "Use an HTTP client library. Percent-encode the path and the query string as UTF-8.",
    ),
    "media-type": (
        "The body has a media type or a compression that this route does not read.",
        "Send `Content-Type: application/json` and no `Content-Encoding`. `/v1/import` reads `text/csv` as well.",
    ),
    "method-not-allowed": (
        "The address exists, but not for this method.",
        "Use one of the methods in the `Allow` header of the response.",
    ),
    "no-room": (
        "The disk of the service is full. Nothing of this request was recorded. Reads still work.",
        "Free space on the disk of the database and of the temporary folder. "
        "Clients can read pages with `limit` instead of files.",
    ),
    "not-found": (
        "No record has this id, or this address does not exist.",
        "Check the id and the address. `GET /v1/incidents` lists all incidents, and `/docs` lists all addresses.",
    ),
    "not-yet-known": (
        "The incident exists, but it was not yet known at the `as_of` or `recorded_as_of` of the request.",
        "Request a later time. `known_from` is the time from which the incident is known.",
    ),
    "range": (
        "The `Range` header requests bytes after the end of the file.",
        "Request a range within the number of bytes in `size`.",
    ),
    "read-too-long": (
        "The query took longer than `INCIDENTS_READ_SECONDS` allows.",
        "Request fewer items, or filter by country, region or date. "
        "When the service is busy, try again after the seconds in `Retry-After`.",
    ),
    "request-failed": (
        "The request was rejected for another reason.",
        "Read `detail`.",
    ),
    "scope-missing": (
        "The key is valid, but it lacks the scope that this request needs.",
        "Use a key with the scope in the field `scope`, or make one with `incidents keys create --scope`.",
    ),
    "stale": (
        "The incident has changed since the version in `If-Match`.",
        "Read the incident again, repeat the change on the new version, and send the new `ETag`.",
    ),
    "stopping": (
        "The service stopped before the response was complete. The rows that an import has already reported are "
        "recorded.",
        "Send the request again once the service is back. Importing the same file again continues where it stopped.",
    ),
    "too-many-connections": (
        "All connections that the service accepts are in use.",
        "Close idle connections, and send the request again after the seconds in `Retry-After`.",
    ),
    "too-many-exports": (
        "The maximum number of exports is running.",
        "Try again after the seconds in `Retry-After`, or read pages with `limit`.",
    ),
    "too-many-from-your-address": (
        "Your address has reached its maximum number of exports, streams or imports.",
        "Finish or close some of them, and try again after the seconds in `Retry-After`.",
    ),
    "too-many-groups": (
        "The statistics have more groups than one response may have.",
        "Group by fewer parameters, or filter by country, region or date.",
    ),
    "too-many-imports": (
        "The maximum number of imports is running.",
        "Try again when a running import has ended.",
    ),
    "too-many-reads": (
        "All slots for long queries are in use, or your address has reached its maximum.",
        "Try again after the seconds in `Retry-After`, and send fewer long queries at once.",
    ),
    "too-many-streams": (
        "The maximum number of streams of changes is open.",
        "Close streams that nobody reads, or read pages of `/v1/changes`.",
    ),
    "withdrawn": (
        "The incident was withdrawn. `reason` says why. `merged_into` names the incident that replaces it, if any.",
        "Use the incident in `merged_into`. A `recorded_as_of` before `withdrawn_at` still shows the old record.",
    ),
}
"""Cause and cure, by slug."""


def entries() -> list[Entry]:
    """Every error, ordered by slug. A class without an explanation is described by its docstring."""
    found: dict[str, tuple[str, set[int], str]] = {
        slug: (title, {status}, "") for slug, (status, title) in IN_FRONT_OF_ROUTES.items()
    }
    for kind in _subclasses(AppError):
        title, statuses, doc = found.get(kind.slug, (kind.title, set(), kind.__doc__ or ""))
        found[kind.slug] = (title, statuses | {kind.status}, doc)
    return [
        Entry(slug, title, tuple(sorted(statuses)), *EXPLAINED.get(slug, (doc, "The `detail` says what to do.")))
        for slug, (title, statuses, doc) in sorted(found.items())
    ]


def _subclasses(kind: type[AppError]) -> Iterator[type[AppError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _subclasses(below)
