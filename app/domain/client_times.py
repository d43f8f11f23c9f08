"""Days and instants as GIS clients write them: `2026-02-10T`, `2026-02-10T12Z`, `2026-02-10T12:30:00.000`, year 0000.

GDAL omits parts of the time, QGIS sends what its user typed. `domain.dates` has the strict formats of `/v1`.
"""

import re
from datetime import date

from app.domain.dates import DAY_LENGTH, EPOCH, Instant

SECOND = 1_000_000
_FORM = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[T ](?:(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<part>[0-9]{1,6})0*)?)?)?"
    r"(?P<offset>Z|[+ -][0-9]{2}:?[0-9]{2})?)?)?",
    re.ASCII | re.IGNORECASE,
)
_SAMPLES = "a day like 2019-11-01 or an instant like 2019-11-01T18:00:00Z"


def parse_client_time(text: str) -> Instant:
    """The instant. A day is its first instant; a time without an offset is UTC.

    The year 0000, which QGIS sends for "no beginning", precedes all days. Raises `ValueError`.
    """
    parts = _FORM.fullmatch(text)
    if not parts:
        raise ValueError(f"is not {_SAMPLES}")
    year, month, day = (int(parts[name]) for name in ("year", "month", "day"))
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("is not a time of day from 00:00:00 to 23:59:59")
    try:
        ordinal = date(year or 4, month, day).toordinal() - (0 if year else date(4, 12, 31).toordinal())
    except ValueError:
        raise ValueError("is not a day of the calendar") from None
    part = int((parts["part"] or "").ljust(6, "0") or 0)
    within = ((hour * 60 + minute) * 60 + second) * SECOND + part
    return (ordinal - EPOCH.toordinal()) * DAY_LENGTH + within - _offset(parts["offset"])


def _offset(text: str | None) -> Instant:
    """How far a clock with this offset is ahead of UTC. The `+` may have been decoded as a space."""
    if text is None or text in "Zz":
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError("has an offset of more than 23:59")
    return (hours * 60 + minutes) * 60 * SECOND * (-1 if text[0] == "-" else 1)


def ordinal_of(instant: Instant) -> int | float:
    """An instant on the scale of `date.toordinal`: whole at midnight, plus a half at any other time of the day.

    Days compare with it as their midnights do with the instant.
    """
    days, within = divmod(instant, DAY_LENGTH)
    ordinal = days + EPOCH.toordinal()
    return ordinal + 0.5 if within else ordinal
