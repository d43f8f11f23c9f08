"""Every error of the service, with its HTTP status, its slug and its facts.

Errors are raised with facts and rendered elsewhere: as a problem document (RFC 9457) by `api.http.problems`,
as one line on standard error by `cli`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

ECHO_LIMIT = 80
"""Maximum characters of a sent value that an error message repeats."""


def echo(value: object) -> str:
    """A sent value, made safe to repeat: truncated, with every unprintable character escaped."""
    text = value if isinstance(value, str) else repr(value)
    shown = text if len(text) <= ECHO_LIMIT else text[: ECHO_LIMIT - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


class AppError(Exception):
    """The base of all errors. `status` is the HTTP status, `slug` the last part of the problem's `type`."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
        """Extra members of the problem document."""

    @property
    def reason(self) -> str:
        """The cause, in one line that can stand alone."""
        return self.detail


@dataclass(frozen=True)
class FieldError:
    """One invalid field of a request: where it was sent (`where`), its name, what is wrong with it, and its value."""

    name: str
    message: str
    value: str | None = None
    where: str = "query"

    def as_json(self) -> dict[str, str | None]:
        """The entry of the problem document's `errors`."""
        value = None if self.value is None else echo(self.value)
        return {"in": self.where, "name": echo(self.name), "message": self.message, "value": value}

    def as_text(self) -> str:
        """The same as a line of text."""
        text = f"{echo(self.name)}: {self.message}"
        return text if self.value is None else f"{text}: {echo(self.value)}"


class InvalidInput(AppError):
    """Invalid parameters or records. Carries every field error, not only the first."""

    status = 422
    slug = "invalid-input"
    title = "Invalid request"

    def __init__(self, faults: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{echo(f.name)}: {f.message}" for f in faults))
        self.faults = tuple(faults)

    @property
    def reason(self) -> str:
        """Every field error, with the value that was sent."""
        return "; ".join(fault.as_text() for fault in self.faults)


class MalformedQuery(InvalidInput):
    """Invalid parameters where a standard requires status 400."""

    status = 400


class NotFound(AppError):
    """No such record, or none at the requested reported and recorded times."""

    status = 404
    slug = "not-found"
    title = "Not found"


class IncidentNotFound(NotFound):
    """No incident has this id."""

    def __init__(self, incident: str) -> None:
        super().__init__(f'No incident has the id "{echo(incident)}".')


class IncidentNotYetKnown(NotFound):
    """The incident exists, but was not known at the requested times."""

    slug = "not-yet-known"

    def __init__(self, incident: str, known_from: str) -> None:
        detail = f'"{echo(incident)}" was not known at the requested time. It is known from {known_from}.'
        super().__init__(detail, known_from=known_from)


class IncidentWithdrawn(AppError):
    """The record was withdrawn, with a reason."""

    status = 410
    slug = "withdrawn"
    title = "Withdrawn"

    def __init__(self, incident: str, reason: str, merged_into: str | None, withdrawn_at: str) -> None:
        super().__init__(
            f'"{echo(incident)}" was withdrawn: {reason}',
            reason=reason,
            merged_into=merged_into,
            withdrawn_at=withdrawn_at,
        )


class Unauthorized(AppError):
    """The API key is missing, invalid, expired or revoked."""

    status = 401
    slug = "key-needed"
    title = "Authentication required"


class Forbidden(AppError):
    """The key lacks the scope."""

    status = 403
    slug = "scope-missing"
    title = "Insufficient scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The key lacks the scope `{scope}`.", scope=scope)


class PreconditionRequired(AppError):
    """A change was sent without the version it applies to."""

    status = 428
    slug = "if-match-needed"
    title = "If-Match required"


class PreconditionFailed(AppError):
    """The record has changed since the version in the request."""

    status = 412
    slug = "stale"
    title = "Precondition failed"


class RangeNotSatisfiable(AppError):
    """A range of bytes that starts after the end of the file."""

    status = 416
    slug = "range"
    title = "Range not satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"The range starts after the end of the file, which has {size} bytes.", size=size)


class BodyTooLarge(AppError):
    """The body has more bytes than the route accepts."""

    status = 413
    slug = "body-too-large"
    title = "Request body too large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The body has more than {max_bytes} bytes, the maximum here.", most=max_bytes)


class WrongMediaType(AppError):
    """A body with a media type that the route does not accept."""

    status = 415
    slug = "media-type"
    title = "Unsupported media type"


class Conflict(AppError):
    """A record with this id already exists and differs."""

    status = 409
    slug = "conflict"
    title = "Conflict"


class Broken(AppError):
    """A stored record differs from what was recorded. The detail names the first place."""

    slug = "broken"
    title = "Integrity check failed"

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}", where=where)


class ReadTooLong(AppError):
    """A query exceeded its time: it would have delayed everybody else."""

    status = 503
    slug = "read-too-long"
    title = "Query too slow"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The query exceeded {seconds:g} s. Request fewer items or filter by country or date.")


class TooManyReads(AppError):
    """No thread was free for a long query: other clients, or this one, used all of them."""

    status = 503
    slug = "too-many-reads"
    title = "Too many long queries"

    def __init__(self, share: int) -> None:
        super().__init__(
            f"Other long queries are running; one address may run {share} at once. Try again later, or request less at "
            "a time."
        )


class TooManyGroups(InvalidInput):
    """Statistics with more groups than a response may have."""

    slug = "too-many-groups"
    title = "Too many groups"

    def __init__(self, max_groups: int, groups: Sequence[str]) -> None:
        remedy = "group by fewer parameters, or filter" if len(groups) > 1 else "filter"
        message = f"makes more than {max_groups} groups; {remedy} by country, region or date"
        super().__init__([FieldError("group_by", message, ",".join(groups))])


class TooManyExports(AppError):
    """The maximum number of exports is running."""

    status = 503
    slug = "too-many-exports"
    title = "Too many exports"

    def __init__(self, maximum: int) -> None:
        super().__init__(f"{maximum} exports are running. Try again when one has ended, or request pages with `limit`.")


class ExportUnwritable(AppError):
    """The temporary file of an export cannot be written. The log says why."""

    status = 507
    slug = "no-room"
    title = "No space left"

    def __init__(self) -> None:
        super().__init__("There is no space for the temporary file of this export. Request another format.")


class ServiceStopping(AppError):
    """The service is shutting down before the response is ready. Rows of an import that were reported are recorded."""

    status = 503
    slug = "stopping"
    title = "The service is stopping"

    def __init__(self) -> None:
        super().__init__("The service is stopping. Send the request again once it is back.")


class TooManyStreams(AppError):
    """The maximum number of streams of changes is open."""

    status = 503
    slug = "too-many-streams"
    title = "Too many streams"

    def __init__(self, maximum: int) -> None:
        super().__init__(f"{maximum} streams are open. Read pages of /v1/changes instead.")


class TooManyImports(AppError):
    """The maximum number of imports is running."""

    status = 503
    slug = "too-many-imports"
    title = "Too many imports"

    def __init__(self, maximum: int) -> None:
        super().__init__(f"{maximum} imports are running. Try again when one has ended.")


class ShareTaken(AppError):
    """One client address has its maximum number of exports, streams or imports."""

    status = 429
    slug = "too-many-from-your-address"
    title = "Too many from your address"

    def __init__(self, share: int, what: str) -> None:
        super().__init__(f"The limit for {what} is {share} per address. Try again when one of yours has ended.")


class DatabaseBusy(AppError):
    """Another process held the write lock for too long. Nothing was recorded."""

    status = 503
    slug = "database-busy"
    title = "The database is busy"

    def __init__(self) -> None:
        super().__init__("Another process is writing. Nothing of this request was recorded. Send it again.")


class DatabaseFull(AppError):
    """The disk is full. Nothing was recorded; earlier records are kept, and reads go on."""

    status = 507
    slug = "no-room"
    title = "No space left"


class DatabaseUnusable(AppError):
    """The database is damaged, missing, of another program or of another version. The detail says what to do."""

    status = 503
    slug = "database-unusable"
    title = "Database unavailable"


class HistoryTooLong(Conflict):
    """The request changes much of the past of an incident with a very long history."""

    slug = "history-too-long"
    title = "History too long"

    def __init__(self, incident_id: str, max_segments: int, max_rewritten: int) -> None:
        super().__init__(
            f'The history of "{incident_id}" has {max_segments:,} segments or more, and the request would rewrite more '
            f"than {max_rewritten:,} of them. Changes near the end of the history are still recorded. For the others, "
            "import the incident under another id with all its reports, and withdraw this one as merged into it.",
            incident=incident_id,
        )


class ClockBehind(AppError):
    """The newest recording is minutes ahead of the clock: a new one would get a wrong time, or be out of order."""

    status = 503
    slug = "clock-behind"
    title = "Clock behind the newest recording"

    def __init__(self, clock: str, newest: str) -> None:
        super().__init__(
            f"The clock says {clock}, but the newest recording is from {newest}. Nothing was recorded. Correct the "
            "clock. If it is right, earlier recordings were made with a clock that was ahead: restore a backup from "
            "before them, or set INCIDENTS_CLOCK_AHEAD_SECONDS to more than the gap.",
            clock=clock,
            newest=newest,
        )
