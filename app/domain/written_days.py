"""Days in files, as written by programs, spreadsheets and people.

`05/06/2001` is 5 June or 6 May. The whole column decides (`DayColumn`), or the person who imports the file; it is never
guessed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from app.domain.text import fold
from app.errors import echo


class DayOrder(StrEnum):
    """The order of day and month where the year comes last."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


@dataclass(frozen=True, slots=True)
class WrittenDay:
    """A day that was read. `repair` states an assumption; `None` without one."""

    day: date
    repair: str | None = None


MAX_DAY_LENGTH = 100
"""Characters of a day or time. A longer text is rejected, since searching it would be slow."""
NO_DAY = "is not a day such as 2009-06-09 or 9 June 2009"
FIRST_YEAR = 1900
"""No data set of events goes back further. An earlier year has lost its century."""
_MONTHS = (
    ("january", "janvier", "enero", "janeiro", "januar"),
    ("february", "fevrier", "febrero", "fevereiro", "februar"),
    ("march", "mars", "marzo", "marco", "marz", "mrz"),
    ("april", "avril", "abril"),
    ("may", "mai", "mayo", "maio"),
    ("june", "juin", "junio", "junho", "juni"),
    ("july", "juillet", "julio", "julho", "juli"),
    ("august", "aout", "agosto"),
    ("september", "septembre", "septiembre", "setembro"),
    ("october", "octobre", "octubre", "outubro", "oktober"),
    ("november", "novembre", "noviembre", "novembro"),
    ("december", "decembre", "diciembre", "dezembro", "dezember"),
)
"""Names of months in English, French, Spanish, Portuguese and German, without accents."""
_SHORTEST_MONTH = 3
_EXCEL_EPOCH = date(1899, 12, 30)
"""Day 0 of a workbook, for all days after February 1900."""
FIRST_OF_WORKBOOKS = date(1950, 1, 1)
"""A number of five digits may be many things; numbers of earlier days are not read as days."""
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TIME = re.compile(
    r"[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(:(?P<second>\d{2})([.,]\d+)?)?( ?(?P<half>[AaPp])\.?[Mm]\.?)?"
    r" ?(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2})?$",
    re.ASCII,
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/. ])(\d{1,2})\2(\d{1,2})", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4}|\d{2})(?!\d)", re.ASCII)
_DAY_OF_WORKBOOK = re.compile(r"(\d{5})(?:\.\d*)?", re.ASCII)
_MILLISECONDS = re.compile(r"-?\d{11,13}(?:\.0*)?", re.ASCII)
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_LITTLE_WORDS = frozenset(("de", "of", "the", "st", "nd", "rd", "th", "er"))
_WEEKDAYS = frozenset(
    "mon tue wed thu fri sat sun lun mar mer jeu ven sam dim mie jue vie sab dom seg ter qua qui sex "
    "die mit don fre son".split()
)
"""The first three letters of the days of the week, in the languages of `_MONTHS`."""
_MONTH = re.compile(r"([12]\d{3})(?:[-/](\d{1,2})|\.(\d{2}))|(\d{1,2})[/.-](\d{4})", re.ASCII)
"""`2002.1` may be October, whose zero a program has dropped."""


def read_day(text: str, order: DayOrder | None, year: int | None = None) -> WrittenDay:
    """A day in any unambiguous form.

    `order` is that of the column. `year` is that of another column, which gives two digits their century. Raises
    `ValueError` for a text that is no day, or an ambiguous one.
    """
    if len(text) > MAX_DAY_LENGTH:
        raise ValueError(f"{NO_DAY}: {echo(text)}")
    return _read_day(text, order, year)


@lru_cache(maxsize=8192)
def _read_day(text: str, order: DayOrder | None, year: int | None) -> WrittenDay:
    bare = _without_time(text.strip())
    for pattern, build in _FORMS:
        if found := pattern.fullmatch(bare):
            try:
                return build(found, order, year)
            except (ValueError, OverflowError) as error:
                why = str(error) if isinstance(error, _Unclear) else "is not a day of the calendar"
                raise ValueError(f"{why}: {echo(text)}") from None
    in_words = _in_words(bare, year)
    if in_words is None:
        raise ValueError(f"{NO_DAY}: {echo(text)}")
    return in_words


class _Unclear(ValueError):
    """Why a text in the form of a day is none."""


def _without_time(text: str) -> str:
    """The text without a time of day. A time with an offset is rejected unless it is midnight."""
    found = _TIME.search(text)
    if found is None:
        return text
    hour, half = int(found["hour"]), (found["half"] or "").casefold()
    if hour > (12 if half else 23) or int(found["minute"]) > 59:
        raise ValueError(f"has an invalid time: {echo(text)}")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    midnight = (hour, int(found["minute"]), int(found["second"] or 0)) == (0, 0, 0)
    if found["offset"] and not midnight:
        raise ValueError(
            f"has a time of day with an offset, so the day is ambiguous; write the day alone: {echo(text)}"
        )
    return text[: found.start()]


def _year_first(found: re.Match[str], _: DayOrder | None, __: int | None) -> WrittenDay:
    year, *_sign, month, day = found.groups()
    return WrittenDay(date(int(year), int(month), int(day)))


def _year_last(found: re.Match[str], order: DayOrder | None, year: int | None) -> WrittenDay:
    first, second = int(found[1]), int(found[3])
    of_year = _century(found[4], year)
    if order is None and first == second:
        order = DayOrder.DAY_FIRST
    if order is None:
        raise _Unclear("may have the day or the month first; say which with --dates dmy or --dates mdy")
    day, month = (first, second) if order is DayOrder.DAY_FIRST else (second, first)
    if month > 12 >= day:
        raise _Unclear(
            f"has {month} as its month, read with the {'day' if order is DayOrder.DAY_FIRST else 'month'} first"
        )
    return WrittenDay(date(of_year.number, month, day), of_year.repair)


def _of_workbook(found: re.Match[str], _: DayOrder | None, __: int | None) -> WrittenDay:
    day = _EXCEL_EPOCH + timedelta(days=int(found[1]))
    if not FIRST_OF_WORKBOOKS <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise _Unclear(f"is a number, which is a day of a workbook only from {FIRST_OF_WORKBOOKS.year} until today")
    return WrittenDay(day)


def _of_milliseconds(found: re.Match[str], _: DayOrder | None, __: int | None) -> WrittenDay:
    at = _UNIX_EPOCH + timedelta(milliseconds=int(found[0].partition(".")[0]))
    midnight = at.time() == datetime.min.time()
    return WrittenDay(at.date(), None if midnight else f"{found[0]} milliseconds read as {at.date()}, UTC")


@dataclass(frozen=True, slots=True)
class _Year:
    number: int
    repair: str | None = None


def _century(digits: str, stated: int | None) -> _Year:
    """A year of four digits, or of two: in the century of the stated year, otherwise the last such year until now."""
    number = int(digits)
    if len(digits) == 4:
        return _Year(number)
    if stated is not None:
        return _Year(stated - stated % 100 + number)
    now = datetime.now(UTC).year
    found = now - (now - number) % 100
    return _Year(found, f"two digits of a year, {digits}, read as {found}")


def _in_words(text: str, year: int | None) -> WrittenDay | None:
    """`9-May-20`, `April 15, 2020`, `Friday, 1 de noviembre de 2019`; `None` for other texts."""
    parts = _parts_of(text)
    if len(parts) == 4 and parts[0][:3] in _WEEKDAYS:
        del parts[0]
    numbers = [part for part in parts if part.isdecimal() and part.isascii()]
    months = [month for part in parts if (month := month_named(part))]
    if len(parts) != 3 or len(numbers) != 2 or len(months) != 1:
        return None
    day, of_year = reversed(numbers) if len(numbers[0]) == 4 else numbers
    if len(day) > 2 or len(of_year) not in (2, 4):
        return None
    read = _century(of_year, year)
    try:
        return WrittenDay(date(read.number, months[0], int(day)), read.repair)
    except ValueError:
        raise ValueError(f"is not a day of the calendar: {echo(text)}") from None


def _parts_of(text: str) -> list[str]:
    return [part for part in _WORDS.findall(fold(text)) if part not in _LITTLE_WORDS]


@lru_cache(maxsize=256)
def month_named(word: str) -> int | None:
    """The month whose name starts with this word of three letters or more; `None` where none or several do."""
    if len(word) < _SHORTEST_MONTH:
        return None
    found = {n for n, names in enumerate(_MONTHS, start=1) if any(name.startswith(word) for name in names)}
    return found.pop() if len(found) == 1 else None


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], DayOrder | None, int | None], WrittenDay]], ...] = (
    (_YEAR_FIRST, _year_first),
    (_COMPACT, lambda found, *_: WrittenDay(date(*map(int, found.groups())))),
    (_YEAR_LAST, _year_last),
    (_DAY_OF_WORKBOOK, _of_workbook),
    (_MILLISECONDS, _of_milliseconds),
)


def read_month(text: str) -> tuple[int, int | None] | None:
    """(year, month) of `2002-11`, `11/2002` or `November 2002`; (year, `None`) of `2002`; `None` for other texts."""
    bare = text.strip()
    if re.fullmatch(r"[12]\d{3}", bare, re.ASCII):
        return int(bare), None
    if found := _MONTH.fullmatch(bare):
        year, month = (found[1], found[2] or found[3]) if found[1] else (found[5], found[4])
        return (int(year), int(month)) if 1 <= int(month) <= 12 else None
    parts = _parts_of(bare)
    if len(parts) == 2 and (month_number := month_named(parts[0])) and re.fullmatch(r"[12]\d{3}", parts[1], re.ASCII):
        return int(parts[1]), month_number
    return None


def in_stated_year(day: date, year: int | None, text: str) -> WrittenDay:
    """A day compared with the year in another column.

    A year that lost its century (0016) is repaired. Raises `ValueError` where both contradict each other, and for a
    day before 1900 whose year is in no other column.
    """
    if year is not None and (day.year == year or day.year == year % 100 < 100 <= year):
        if day.year == year:
            return WrittenDay(day)
        try:
            mended = day.replace(year=year)
        except ValueError:  # 29 February
            raise ValueError(f"is not a day of the year {year}: {echo(text)}") from None
        return WrittenDay(mended, f"{echo(text)} read as {mended}, from the column year")
    if year is not None:
        raise ValueError(f"contradicts the column year, which says {year}: {echo(text)}")
    if day.year < FIRST_YEAR:
        raise ValueError(f"lies before {FIRST_YEAR}: {echo(text)}")
    return WrittenDay(day)


class DayColumn:
    """Decides from all cells of a column whether the day or the month comes first."""

    def __init__(self) -> None:
        self._proof: dict[DayOrder, str] = {}
        self._open: str | None = None

    def look(self, text: str, line: int) -> None:
        """Considers one cell."""
        found = _YEAR_LAST.match(text.strip()) if len(text) <= MAX_DAY_LENGTH else None
        if found is None:
            return
        first, second = int(found[1]), int(found[3])
        if max(first, second) > 31:
            return  # no day at all
        where = f"line {line} has {echo(text.strip())}"
        if first > 12 >= second:
            self._proof.setdefault(DayOrder.DAY_FIRST, where)
        elif second > 12 >= first:
            self._proof.setdefault(DayOrder.MONTH_FIRST, where)
        elif first != second and self._open is None:
            self._open = where

    @property
    def order(self) -> DayOrder | None:
        """The order of the column; `None` where no cell depends on it. Raises `ValueError` where it is ambiguous."""
        if len(self._proof) > 1:
            day_first, month_first = (self._proof[order] for order in DayOrder)
            raise ValueError(f"mixes two orders: {day_first}, the day first, and {month_first}, the month first")
        if self._proof:
            return next(iter(self._proof))
        if self._open:
            raise ValueError(f"may have the day or the month first: {self._open}, and no line decides it")
        return None
