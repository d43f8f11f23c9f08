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

from app.domain.dates import instant_text, parse_day, parse_moment
from app.domain.places import find_country
from app.domain.source import DAY_SCHEMA, ID_PATTERN, INT64, MOMENT_SCHEMA
from app.domain.text import check_text, fold, nearest

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""
LARGEST = 2**53 - 1
LONGEST_TEXT = 200
_WHOLE = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{0,30})?", re.ASCII)
"""GDAL writes 18 decimals."""
_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class Kind:
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
        """The least box that holds the circle of this radius; all longitudes where it reaches a pole."""
        angle = radius_km / EARTH_KM
        reach = math.degrees(angle)
        south, north = max(self.latitude - reach, -90.0), min(self.latitude + reach, 90.0)
        if south == -90.0 or north == 90.0:
            return Box(-180.0, south, 180.0, north)
        aside = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(self.latitude))))
        west, east = self.longitude - aside, self.longitude + aside
        return Box(west + 360 if west < -180 else west, south, east - 360 if east > 180 else east, north)


@dataclass(frozen=True, slots=True)
class Interval:
    """Days from the first to the last; `None` is an open end."""

    first: date | None
    last: date | None


def clamped(least: int, most: int) -> Kind:
    """Whole numbers from `least` on; those beyond `most` count as `most`, as OGC API – Features has it."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or int(text) < least:
            raise ValueError(f"is not a whole number of at least {least}")
        return min(int(text), most)

    return Kind(read, _whole_schema(least, most))


def whole(least: int, most: int) -> Kind:
    """Whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise ValueError("is not a whole number")
        if not least <= (number := int(text)) <= most:
            raise ValueError(f"is not a whole number from {least} to {most}")
        return number

    return Kind(read, _whole_schema(least, most))


def _whole_schema(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most} | (INT64 if most >= 2**31 else {})


def _choose(text: str, names: dict[str, Any]) -> Any:
    value = names.get(text, names.get(text.casefold()))
    if value is None:
        like = nearest(text.casefold(), names)
        hint = f"; did you mean {names[like]}?" if like else f"; it is one of {', '.join(map(str, names.values()))}"
        raise ValueError(f"is not a value of this parameter{hint}")
    return value


def choice(values: Iterable[StrEnum], default: str | None = None) -> Kind:
    """One of a code list, in any case."""
    names = {v.value.casefold(): v for v in values}
    schema: dict[str, Any] = {"type": "string", "enum": [v.value for v in names.values()]}
    return Kind(lambda text: _choose(text, names), schema | ({"default": default} if default else {}))


def numbers(values: type[IntEnum]) -> Kind:
    """One of a numbered code list."""
    names = {str(v.value): v.value for v in values}
    return Kind(lambda text: _choose(text, names), {"type": "integer", "enum": [v.value for v in values]})


def choices(values: Iterable[str]) -> Kind:
    """Some of a list of names, separated by commas."""
    names = {v.casefold(): str(v) for v in values}

    def read(text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_choose(part.strip(), names) for part in text.split(",")))

    one = "|".join(re.escape(name) for name in names.values())
    return Kind(read, {"type": "string", "pattern": f"^({one})(,({one}))*$"}, example=next(iter(names.values())))


def _flag(text: str) -> bool:
    if text.casefold() not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text.casefold() == "true"


def _words(text: str) -> str:
    if not fold(_text(text)):
        raise ValueError("has no word to look for")
    return fold(text)


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"is longer than {LONGEST_TEXT} characters")
    return check_text(text)


def _region(text: str) -> str:
    _words(text)
    return text


def _id(text: str) -> str:
    if not _ID.match(text) or text.endswith("\n"):
        raise ValueError("is not an id: small letters, digits, dots, dashes and underscores, 100 at most")
    return text


def _degrees(text: str, count: int) -> list[float]:
    parts = [part.strip(" ") for part in text.split(",")]
    if len(parts) != count or not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f"is not {count} numbers of degrees separated by commas")
    return [float(part) for part in parts]


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
    """The day, in UTC, of a day or instant."""
    return parse_day(instant_text(parse_moment(text).instant)[:10])


def _point(text: str) -> Point:
    latitude, longitude = _degrees(text, 2)
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError("is not latitude,longitude within ±90 and ±180 degrees")
    return Point(latitude, longitude)


def _kilometres(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)) or not 0 < number <= 20040:
        raise ValueError("is not a number of kilometres, more than 0 and at most 20040")
    return number


WHOLE = whole(0, LARGEST)
FLAG = Kind(_flag, {"type": "boolean"})
SWITCH = Kind(_flag, {"type": "boolean", "default": False})
"""A flag whose `false` says no more than leaving it away."""
DAY = Kind(parse_day, DAY_SCHEMA, "2019-11-01")
MOMENT = Kind(parse_moment, MOMENT_SCHEMA, "2019-11-01")
SHORT_TEXT = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
COUNTRY = Kind(find_country, SHORT_TEXT, "ML")
REGION = Kind(_region, SHORT_TEXT, "Ménaka")
WORDS = Kind(_words, SHORT_TEXT, "indelimane")
NAME = Kind(_text, SHORT_TEXT, "26.0.2")
ID = Kind(_id, {"type": "string", "pattern": ID_PATTERN}, "fama")
BOX = Kind(_box, {"type": "string", "pattern": r"^[-+0-9.]+(,[-+0-9.]+){3}$"}, "-5,10,5,20")
CUBE = Kind(_box_or_cube, {"type": "string", "pattern": r"^[-+0-9.]+(,[-+0-9.]+){3}((,[-+0-9.]+){2})?$"}, "-5,10,5,20")
INTERVAL = Kind(_interval, SHORT_TEXT, "2019-11-01/2019-11-30")
POINT = Kind(_point, {"type": "string", "pattern": r"^[-+0-9.]+,[-+0-9.]+$"}, "15.9,2.4")
KILOMETRES = Kind(_kilometres, {"type": "number", "exclusiveMinimum": 0, "maximum": 20040}, 100)
CURSOR = Kind(str, {"type": "string", "minLength": 1})
