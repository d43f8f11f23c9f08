"""Every error the service knows, with its HTTP status, its slug and its facts.

Errors are raised with facts and rendered elsewhere: as a problem document (RFC 9457) by `api.http.problems`,
as one line on standard error by `cli`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

ECHO_LIMIT = 80
"""An error repeats at most this many characters of what it was sent."""


def echo(value: object) -> str:
    """What a caller sent, made safe to repeat: short, and with every unprintable character escaped."""
    text = value if isinstance(value, str) else repr(value)
    shown = text if len(text) <= ECHO_LIMIT else text[: ECHO_LIMIT - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


class AppError(Exception):
    """The root of the family. `status` is the HTTP status, `slug` the last part of the problem's `type`."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "The service failed"

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
        """Further members of the problem document."""

    @property
    def reason(self) -> str:
        """Why, in one line that stands by itself."""
        return self.detail


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request: where it was sent, under which name, why, and what was sent."""

    name: str
    message: str
    value: str | None = None
    where: str = "query"

    def as_json(self) -> dict[str, str | None]:
        """The entry of the problem document's `errors`."""
        value = None if self.value is None else echo(self.value)
        return {"in": self.where, "name": echo(self.name), "message": self.message, "value": value}

    def as_text(self) -> str:
        """The same in a line of text."""
        told = f"{echo(self.name)}: {self.message}"
        return told if self.value is None else f"{told}: {echo(self.value)}"


class InvalidInput(AppError):
    """Parameters or records that cannot be read. Carries every fault found, not only the first."""

    status = 422
    slug = "invalid-input"
    title = "The request cannot be read"

    def __init__(self, faults: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{echo(f.name)}: {f.message}" for f in faults))
        self.faults = tuple(faults)

    @property
    def reason(self) -> str:
        """Every fault, with what was sent."""
        return "; ".join(fault.as_text() for fault in self.faults)


class MalformedQuestion(InvalidInput):
    """The same where a standard wants it to be told with another status."""

    status = 400


class NotFound(AppError):
    """No such record, or none known at the two clocks asked for."""

    status = 404
    slug = "not-found"
    title = "Not found"


class IncidentNotFound(NotFound):
    """The id was never given to an incident."""

    def __init__(self, incident: str) -> None:
        super().__init__(f'no incident has the id "{echo(incident)}"')


class IncidentNotYetKnown(NotFound):
    """The incident exists, but was not known at the clocks asked for."""

    slug = "not-yet-known"

    def __init__(self, incident: str, known_from: str) -> None:
        detail = f'"{echo(incident)}" was not known at the time asked for; it is known from {known_from}'
        super().__init__(detail, known_from=known_from)


class IncidentWithdrawn(AppError):
    """The record was taken back, with a reason."""

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
    """No key where one is needed, or one that does not hold."""

    status = 401
    slug = "key-needed"
    title = "A key is needed"


class Forbidden(AppError):
    """The key lacks the scope."""

    status = 403
    slug = "scope-missing"
    title = "The key may not do this"

    def __init__(self, scope: str) -> None:
        super().__init__(f"the key lacks the scope {scope}", scope=scope)


class PreconditionRequired(AppError):
    """A change was sent without saying of which version."""

    status = 428
    slug = "if-match-needed"
    title = "If-Match is needed"


class PreconditionFailed(AppError):
    """The record has changed since the version that the change was made for."""

    status = 412
    slug = "stale"
    title = "The record has changed"


class RangeNotSatisfiable(AppError):
    """A range of bytes that begins behind the end of what there is."""

    status = 416
    slug = "range"
    title = "No such range of bytes"

    def __init__(self, size: int) -> None:
        super().__init__(f"the range begins behind the end; there are {size} bytes", size=size)


class BodyTooLarge(AppError):
    """The body has more bytes than are read."""

    status = 413
    slug = "body-too-large"
    title = "The body is too large"

    def __init__(self, most: int) -> None:
        super().__init__(f"a body has at most {most} bytes here", most=most)


class WrongMediaType(AppError):
    """A body in a form that is not read here."""

    status = 415
    slug = "media-type"
    title = "Not a form that is read here"


class Conflict(AppError):
    """A record with this id exists and differs."""

    status = 409
    slug = "conflict"
    title = "Conflict"


class Broken(AppError):
    """What is stored is not what was recorded. The detail names the first place where it shows."""

    slug = "broken"
    title = "The record is broken"

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}", where=where)


class ReadTooLong(AppError):
    """A statement ran out of its time; the answer would have held up everybody else."""

    status = 503
    slug = "read-too-long"
    title = "The question takes too long"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not answered within {seconds:g} s; ask for less, or narrow it by country or date")


class TooManyReads(AppError):
    """No thread was free for a question that takes long: others' questions, or the client's own, had them all."""

    status = 503
    slug = "too-many-reads"
    title = "Too many long questions at once"

    def __init__(self, share: int) -> None:
        super().__init__(
            f"other long questions are being answered, of one address {share} at once; try again when they are, or ask "
            "for less at a time"
        )


class TooManyGroups(InvalidInput):
    """Statistics with more groups than are answered."""

    slug = "too-many-groups"
    title = "Too many groups"

    def __init__(self, most: int, groups: Sequence[str]) -> None:
        fewer = "group by fewer, " if len(groups) > 1 else ""
        told = f"makes more than {most} groups; {fewer}or narrow it by country, region or date"
        super().__init__([FieldError("group_by", told.replace("; or", ";"), ",".join(groups))])


class TooManyExports(AppError):
    """As many exports as there may be are under way."""

    status = 503
    slug = "too-many-exports"
    title = "Too many exports at once"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} exports are under way; try again when one has ended, or ask for pages with limit")


class ExportUnwritable(AppError):
    """The file that an export is made in cannot be written. The log says why."""

    status = 507
    slug = "no-room"
    title = "No room left"

    def __init__(self) -> None:
        super().__init__("there is no room for the file of this export; ask for another form")


class ServiceStopping(AppError):
    """The service was told to stop before the answer was ready. Rows of an import that were answered are recorded."""

    status = 503
    slug = "stopping"
    title = "The service is stopping"

    def __init__(self) -> None:
        super().__init__("the service stops before this is done; ask, or send the file, again once it is back")


class TooManyStreams(AppError):
    """As many streams of changes as there may be are open."""

    status = 503
    slug = "too-many-streams"
    title = "Too many streams at once"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} streams are open; ask for pages of /v1/changes instead")


class TooManyImports(AppError):
    """As many imports as there may be are under way."""

    status = 503
    slug = "too-many-imports"
    title = "Too many imports at once"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} imports are under way; try again when one has ended")


class ShareTaken(AppError):
    """One client address has as many exports, streams or imports under way as one address may have."""

    status = 429
    slug = "too-many-from-your-address"
    title = "Too many at once from your address"

    def __init__(self, share: int, what: str) -> None:
        super().__init__(f"of {what}, one address may have {share} at once; try again when one of yours has ended")


class DatabaseBusy(AppError):
    """Another process was writing for too long. Nothing was recorded."""

    status = 503
    slug = "database-busy"
    title = "The database is busy"

    def __init__(self) -> None:
        super().__init__("others are writing; nothing of this was recorded, send it again")


class DatabaseFull(AppError):
    """There is no room left. Nothing was recorded, what was acknowledged before is kept, and reads go on."""

    status = 507
    slug = "no-room"
    title = "No room left"


class DatabaseUnusable(AppError):
    """The database is damaged, foreign, missing, or of another version. The detail says what to do."""

    status = 503
    slug = "database-unusable"
    title = "The database cannot be used"


class HistoryTooLong(Conflict):
    """What is sent changes much of the past of an incident whose history was stored again too often."""

    slug = "history-too-long"
    title = "The history is too long to be changed"

    def __init__(self, incident_id: str, most: int, most_rewritten: int) -> None:
        super().__init__(
            f'the history of "{incident_id}" is stored in {most:,} segments or more, and what you send would store '
            f"more than {most_rewritten:,} of them again. Changes near the end of the history are still recorded. "
            "For the others, record the incident under another id with all its reports in one import, "
            "and withdraw this one as merged into it",
            incident=incident_id,
        )


class ClockBehind(AppError):
    """The newest recording is minutes ahead of the clock. A recording now would be dated wrongly, or out of order."""

    status = 503
    slug = "clock-behind"
    title = "The clock is behind the record"

    def __init__(self, clock: str, newest: str) -> None:
        super().__init__(
            f"the clock says {clock}, and the newest recording is of {newest}; nothing was recorded. Correct the "
            "clock. If it is right, earlier recordings were made by a clock that was ahead: restore a backup from "
            "before them, or set INCIDENTS_CLOCK_AHEAD_SECONDS to more than the gap",
            clock=clock,
            newest=newest,
        )
