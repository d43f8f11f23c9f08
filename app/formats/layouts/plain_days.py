"""Dates of the plain layout. A month or a year without a day means the whole of it."""

import calendar
from datetime import date, timedelta

from app.domain.dates import parse_day, today
from app.domain.vocabulary import DatePrecision
from app.domain.written_days import read_month
from app.formats.layouts.cells import Cells

EARLIEST_YEAR = 1000
"""Of incidents in a file; an earlier year has lost its century."""


def read_interval(cells: Cells) -> dict[str, str | None]:
    """`date_start`, `date_end` and `date_precision`."""
    first, last = cells.text("date_start") or "", cells.text("date_end") or ""
    of_first, of_last = read_month(first), read_month(last or first)
    start = date(of_first[0], of_first[1] or 1, 1).isoformat() if of_first else read_past_day(cells, "date_start")
    if of_first and start and parse_day(start) > today():
        raise ValueError(f"date_start: is in the future: {first}")
    end = _last_day(*of_last) if of_last else read_past_day(cells, "date_end") or start
    if of_first or of_last:
        implied = DatePrecision.MONTH if of_first == of_last and of_first and of_first[1] else DatePrecision.LONGER
    else:
        implied = DatePrecision.DAY if start == end else DatePrecision.DAYS
    return {"date_start": start, "date_end": end, "date_precision": cells.exact("date_precision") or implied.value}


def _last_day(year: int, month: int | None) -> str:
    last = month or 12
    return date(year, last, calendar.monthrange(year, last)[1]).isoformat()


def read_past_day(cells: Cells, name: str) -> str | None:
    """A date that is neither implausibly early nor in the future."""
    found = cells.day(name)
    if found is not None and found.year < EARLIEST_YEAR:
        raise ValueError(f"{name}: is before the year {EARLIEST_YEAR}: {found}")
    if found is not None and found > today() + timedelta(1):
        raise ValueError(f"{name}: is in the future: {found}")
    return None if found is None else found.isoformat()
