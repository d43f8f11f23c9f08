"""How the value of a parameter is read from text, and how it is described.

A reader returns the value or raises `ValueError` with the end of a sentence that begins with the value.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any

from app.domain.client_times import ordinal_of, parse_client_time
from app.domain.columns import Type
from app.domain.dates import parse_day, parse_moment
from app.domain.places import find_country
from app.domain.source import DAY_SCHEMA, ID_PATTERN, INT64, MOMENT_SCHEMA
from app.domain.text import Misspelt, check_text, fold, nearest
from app.query.features import QUERYABLES, comparable

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""
LARGEST = 2**53 - 1
MAX_TEXT = 200
MAX_WORDS = 16
"""Different words that are looked for at once."""
_WHOLE = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_DECIMAL_PATTERN = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DECIMAL = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+ -]?[0-9]{1,3})?", re.ASCII)
"""GDAL writes 18 digits, and an exponent where they are few: `-1.00000000000000008e-05`."""
_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class ValueType:
    """A reader, and the JSON Schema of what it takes."""

    read: Callable[[str], Any]
    schema: dict[str, Any]
    example: Any = None


@dataclass(frozen=True, slots=True)
class Box:
    """A box of WGS 84 degrees; `west` > `east` where it spans the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def wraps(self) -> bool:
        """Whether it spans the antimeridian."""
        return self.west > self.east


@dataclass(frozen=True, slots=True)
class Point:
    """WGS 84 degrees."""

    latitude: float
    longitude: float

    def box_around(self, radius_km: float) -> Box:
        """The smallest box that holds the circle of this radius; all longitudes where it reaches a pole."""
        angle = radius_km / EARTH_KM
        reach = math.degrees(angle)
        south, north = max(self.latitude - reach, -90.0), min(self.latitude + reach, 90.0)
        if south == -90.0 or north == 90.0:
            return Box(-180.0, south, 180.0, north)
        aside = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(self.latitude))))
        west, east = self.longitude - aside, self.longitude + aside
        return Box(west + 360 if west < -180 else west, south, east - 360 if east > 180 else east, north)


@dataclass(frozen=True, slots=True)
class RegionName:
    """A region that a query names, and the keys that it may be stored under. Both are empty as it is read."""

    text: str
    codes: tuple[str, ...] = ()
    """Codes of ISO 3166-2; empty if it has no such name."""
    names: tuple[str, ...] = ()
    """The bare name, which a region without a code may be stored under; empty for a code."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Codes and names."""
        return (*self.codes, *self.names)


@dataclass(frozen=True, slots=True)
class Interval:
    """Days from the first to the last; `None` is an open end."""

    first: date | None
    last: date | None


def clamped(lowest: int, highest: int, default: int) -> ValueType:
    """Whole numbers of at least `lowest`; larger ones than `highest` become `highest`, as OGC API – Features says."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or int(text) < lowest:
            raise ValueError(f"is not a whole number of at least {lowest}")
        return min(int(text), highest)

    return ValueType(read, _whole_schema(lowest, highest) | {"default": default})


def whole(lowest: int, highest: int) -> ValueType:
    """Whole numbers from `lowest` to `highest`."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise ValueError("is not a whole number")
        if not lowest <= (number := int(text)) <= highest:
            raise ValueError(f"is not a whole number from {lowest} to {highest}")
        return number

    return ValueType(read, _whole_schema(lowest, highest))


def _whole_schema(lowest: int, highest: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": lowest, "maximum": highest} | (INT64 if highest >= 2**31 else {})


def _choose(text: str, names: dict[str, Any]) -> Any:
    value = names.get(text, names.get(text.casefold()))
    if value is None:
        raise Misspelt("is not a value of this parameter", lambda: _hint(text, names))
    return value


def _hint(text: str, names: dict[str, Any]) -> str:
    like = nearest(text.casefold(), names)
    return f"; did you mean {names[like]}?" if like else f"; it is one of {', '.join(map(str, names.values()))}"


def choice(values: Iterable[StrEnum], default: str | None = None) -> ValueType:
    """One of a code list, in any case."""
    names = {v.value.casefold(): v for v in values}
    schema: dict[str, Any] = {"type": "string", "enum": [v.value for v in names.values()]}
    return ValueType(lambda text: _choose(text, names), schema | ({"default": default} if default else {}))


def numbers(values: type[IntEnum]) -> ValueType:
    """One of a numbered code list."""
    names = {str(v.value): v.value for v in values}
    return ValueType(lambda text: _choose(text, names), {"type": "integer", "enum": [v.value for v in values]})


def choices(values: Iterable[str]) -> ValueType:
    """Some of a list of names, separated by commas."""
    names = {v.casefold(): v for v in values}

    def read(text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_choose(part.strip(), names) for part in text.split(",")))

    one = "|".join(re.escape(name) for name in names.values())
    return ValueType(
        read, {"type": "string", "pattern": f"^({one})(,({one}))*$"}, example=str(next(iter(names.values())))
    )


def _flag(text: str) -> bool:
    if text.casefold() not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text.casefold() == "true"


def _words(text: str) -> str:
    """The words, each once."""
    words = dict.fromkeys(fold(_text(text)).split())
    if not words:
        raise ValueError("has no word to look for")
    if len(words) > MAX_WORDS:
        raise ValueError(f"has {len(words)} different words, more than {MAX_WORDS}; look for the rarest ones")
    return " ".join(words)


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    return check_text(text)


def _region(text: str) -> RegionName:
    if not fold(_text(text)):
        raise ValueError("has no word to look for")
    return RegionName(text)


def _id(text: str) -> str:
    if not _ID.match(text) or text.endswith("\n"):
        raise ValueError("is not an id: lower-case letters, digits, dots, dashes and underscores, 100 at most")
    return text


def _decimal(text: str) -> float:
    """A number with or without decimals and exponent; the exponent's `+` may have become a space on its way."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("is not a number")
    return float(text.replace(" ", "+"))


def _degrees(text: str, count: int) -> list[float]:
    parts = [part.strip(" ") for part in text.split(",")]
    if len(parts) != count or not all(_DECIMAL.fullmatch(part) for part in parts):
        raise ValueError(f"is not {count} numbers of degrees separated by commas")
    return [_decimal(part) for part in parts]


def _box(text: str) -> Box:
    west, south, east, north = _degrees(text, 4)
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("is not min_lon,min_lat,max_lon,max_lat within ±180 and ±90 degrees, min_lat ≤ max_lat")
    return Box(west, south, east, north)


def _box_or_cube(text: str) -> Box:
    """A box, also one with heights, which say nothing here."""
    parts = text.split(",")
    if len(parts) == 6:
        _degrees(f"{parts[2]},{parts[5]}", 2)
        return _box(",".join((parts[0], parts[1], parts[3], parts[4])))
    return _box(text)


def _interval(text: str) -> Interval:
    """A day, an instant, or two of them with a slash between; `..` or nothing is an open end."""
    parts = text.split("/")
    if len(parts) > 2 or parts in ([""], [".."]):
        raise ValueError("is not a day, an instant, or an interval like 2019-11-01/2019-11-30 or ../2019-11-30")
    ends = [None if part in ("", "..") else _day_of(part) for part in parts]
    first, last = ends[0], ends[-1]
    if first and last and last < first:
        raise ValueError("ends before it begins")
    return Interval(first, last)


def _day_of(text: str) -> date:
    """The day, in UTC, of a day or instant; the first or last of the calendar for one beyond it."""
    ordinal = math.floor(ordinal_of(parse_client_time(text)))
    return date.fromordinal(min(max(ordinal, date.min.toordinal()), date.max.toordinal()))


def _point(text: str) -> Point:
    latitude, longitude = _degrees(text, 2)
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError("is not latitude,longitude within ±90 and ±180 degrees")
    return Point(latitude, longitude)


def _kilometres(text: str) -> float:
    if not _DECIMAL.fullmatch(text) or not 0 < (number := _decimal(text)) <= 20040:
        raise ValueError("is not a number of kilometers, more than 0 and at most 20040")
    return number


def equal_to(name: str) -> ValueType:
    """A value that a property of a feature is equal to."""
    queryable = QUERYABLES[name]

    def read(text: str) -> str | int | float:
        if queryable.kind in (Type.COUNT, Type.NUMBERED):
            return comparable(name, _decimal(text))
        if queryable.kind is Type.FLAG:
            return comparable(name, _FLAGS.get(text.casefold()))
        return comparable(name, text)

    return ValueType(read, {key: value for key, value in queryable.schema.items() if key != "description"})


_FLAGS = {"true": True, "false": False, "1": True, "0": False}


WHOLE = whole(0, LARGEST)
FLAG = ValueType(_flag, {"type": "boolean"})
SWITCH = ValueType(_flag, {"type": "boolean", "default": False})
"""A flag whose `false` says no more than leaving it away."""
DAY = ValueType(parse_day, DAY_SCHEMA, "2019-11-01")
MOMENT = ValueType(parse_moment, MOMENT_SCHEMA, "2019-11-01")
SHORT_TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
COUNTRY = ValueType(find_country, SHORT_TEXT, "ML")
REGION = ValueType(_region, SHORT_TEXT, "Ménaka")
WORDS = ValueType(_words, SHORT_TEXT, "indelimane")
NAME = ValueType(_text, SHORT_TEXT, "26.0.2")
ID = ValueType(_id, {"type": "string", "pattern": ID_PATTERN}, "fama")
_MORE = f"(,{_DECIMAL_PATTERN})"
BOX = ValueType(_box, {"type": "string", "pattern": f"^{_DECIMAL_PATTERN}{_MORE}{{3}}$"}, "-5,10,5,20")
CUBE = ValueType(
    _box_or_cube, {"type": "string", "pattern": f"^{_DECIMAL_PATTERN}{_MORE}{{3}}({_MORE}{{2}})?$"}, "-5,10,5,20"
)
INTERVAL = ValueType(_interval, SHORT_TEXT, "2019-11-01/2019-11-30")
POINT = ValueType(_point, {"type": "string", "pattern": f"^{_DECIMAL_PATTERN}{_MORE}$"}, "15.9,2.4")
KILOMETRES = ValueType(_kilometres, {"type": "number", "exclusiveMinimum": 0, "maximum": 20040}, 100)
CQL = ValueType(check_text, {"type": "string", "minLength": 1}, "killed_best > 10 AND country = 'ML'")
CURSOR = ValueType(str, {"type": "string", "minLength": 1})
