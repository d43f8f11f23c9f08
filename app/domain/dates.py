"""Days and instants. An instant is a whole number of microseconds since 1970-01-01T00:00:00Z.

A day, in a report or a parameter, counts as its last instant (UTC) and is returned as it was sent.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

Instant = int

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY_LENGTH = timedelta(days=1) // MICROSECOND
CLOCK_GRACE = timedelta(minutes=1) // MICROSECOND
"""How far the clock of a client may be ahead."""
FOREVER: Instant = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND + 1
"""The first instant after year 9999: the end of an open span."""
LAST_INSTANT: Instant = FOREVER - 1
"""The default of `as_of`: every report, including those of today."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)([Zz]|[+ -][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A day or instant: its text as it was sent, and its instant."""

    text: str
    instant: Instant


@lru_cache(maxsize=4096)
def parse_day(text: str) -> date:
    """An ISO 8601 day, `2019-11-01`. Raises `ValueError` for anything else."""
    if not _DAY.fullmatch(text):
        raise ValueError("is not a day like 2019-11-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a day of the calendar") from None


def end_of_day(day: date) -> Instant:
    """The last microsecond of a day, UTC."""
    return (day.toordinal() - EPOCH.toordinal() + 1) * DAY_LENGTH - 1


def today() -> date:
    """The day that it is, UTC."""
    return datetime.now(UTC).date()


def is_before_event(reported: Instant, day: date) -> bool:
    """Whether a report came earlier than the day before an event of this day; that day is the grace of time zones."""
    return reported < earliest_report(day)


def earliest_report(day: date) -> Instant:
    """The first instant at which an event of this day can be reported: the start of the day before, UTC."""
    return (day.toordinal() - EPOCH.toordinal() - 1) * DAY_LENGTH


def is_in_future(moment: Moment, now: Instant) -> bool:
    """Whether a day or instant is in the future. Somewhere on earth, a day begins up to a day before it does in UTC."""
    return opening(moment) > now + (DAY_LENGTH if _DAY.fullmatch(moment.text) else CLOCK_GRACE)


@lru_cache(maxsize=4096)
def parse_moment(text: str) -> Moment:
    """A day, or an RFC 3339 instant with its offset. Raises `ValueError`, also for an instant without an offset.

    The `+` of an offset may be a space, as an unescaped `+` in a URL is decoded.
    """
    if _DAY.fullmatch(text):
        return Moment(text, end_of_day(parse_day(text)))
    parts = _INSTANT.fullmatch(text)
    if not parts:
        raise ValueError("is neither a day (2019-11-01) nor an instant with its offset (2019-11-01T18:00:00Z)")
    day, time, offset = parts.groups()
    sent = f"{day}T{time}{offset.upper().replace(' ', '+')}"
    try:
        instant = (datetime.fromisoformat(sent).astimezone(UTC) - EPOCH) // MICROSECOND
    except (ValueError, OverflowError):
        raise ValueError("is not an instant of the calendar, years 1 to 9999") from None
    return Moment(sent, instant)


@lru_cache(maxsize=4096)
def instant_text(instant: Instant) -> str:
    """RFC 3339 in UTC with a `Z`, with microseconds only where there are any."""
    moment = (EPOCH + instant * MICROSECOND).replace(tzinfo=None)
    return moment.isoformat() + "Z"


def moment_text(instant: Instant) -> str:
    """An instant as it was probably sent: the last instant of a day as that day."""
    return instant_text(instant)[:10] if (instant + 1) % DAY_LENGTH == 0 else instant_text(instant)


def opening(moment: Moment) -> Instant:
    """The start of a span from this moment: the first instant of a day, or the instant itself."""
    return moment.instant - DAY_LENGTH + 1 if _DAY.fullmatch(moment.text) else moment.instant
