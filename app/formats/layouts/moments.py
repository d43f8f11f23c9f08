"""Dates and timestamps as files write them, converted to those of records.

A timestamp without an offset counts as UTC: that is what programs that omit the offset mean.
"""

import re
from datetime import UTC, datetime, timedelta

from app.domain.dates import instant_text, parse_day, parse_moment
from app.domain.written_days import MAX_DAY_LENGTH, NO_DAY, DayOrder, read_day
from app.errors import echo

_SECONDS = re.compile(r"-?\d{9,10}(\.\d*)?", re.ASCII)
_MILLISECONDS = re.compile(r"-?\d{12,13}(\.0*)?", re.ASCII)
_SHORTENED = re.compile(r"[0-9.,]+[eE]\+?[0-9]+", re.ASCII)
_OF_WORKBOOK = re.compile(r"\d{5}\.\d*[1-9]\d*", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)? ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORKBOOK_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)


def read_moment(text: str, order: DayOrder | None) -> str:
    """A date or an RFC 3339 timestamp, from any clear notation. `order` is the day order of the column.

    Raises `ValueError` without a subject for other text.
    """
    bare = text.strip()
    if len(bare) > MAX_DAY_LENGTH:
        raise ValueError(f"is not a date or timestamp: {echo(text)}")
    try:
        return parse_moment(bare).text
    except ValueError:
        pass
    if _SHORTENED.fullmatch(bare):
        raise ValueError(f"has lost digits to a spreadsheet; write it in full: {echo(text)}")
    try:
        if found := _instant(bare):
            return found
    except (ValueError, OverflowError):
        raise ValueError(f"is not a valid date and time: {echo(text)}") from None
    try:
        return read_day(bare, order).day.isoformat()
    except ValueError as error:
        if not str(error).startswith(NO_DAY):
            raise
        why = "is not a date or timestamp such as 2020-05-11, 2020-05-11T18:08:39Z or 1589220519 seconds since 1970"
        raise ValueError(f"{why}: {echo(text)}") from None


def _instant(text: str) -> str | None:
    if _SECONDS.fullmatch(text):
        return _utc(_EPOCH + timedelta(seconds=float(text)))
    if _MILLISECONDS.fullmatch(text):
        return _utc(_EPOCH + timedelta(milliseconds=int(text.partition(".")[0])))
    if _OF_WORKBOOK.fullmatch(text):
        return _utc(_WORKBOOK_EPOCH + timedelta(seconds=round(float(text) * 86400)))
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, offset = found.groups()
    if offset is None and (int(hour), int(minute), int(second or 0), int(fraction or 0)) == (0, 0, 0, 0):
        return parse_day(day).isoformat()  # some programs have no type for dates
    offset = "Z" if (offset or "Z").upper() in ("Z", "UTC", "GMT") else offset
    if offset != "Z" and ":" not in offset:
        offset = f"{offset[:3]}:{offset[3:]}"
    parts = "." + fraction[:6] if fraction and int(fraction[:6]) else ""
    return parse_moment(f"{day}T{int(hour):02}:{minute}:{second or '00'}{parts}{offset}").text


def _utc(at: datetime) -> str:
    return instant_text(parse_moment(at.isoformat()).instant)
