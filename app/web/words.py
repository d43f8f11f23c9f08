"""Figures, dates and codes in words, for pages."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.domain.vocabulary import Bound, Movement, PlacePrecision, ReportChange

ARROWS = {Movement.RAISED.value: "▲", Movement.LOWERED.value: "▼"}
_BOUNDS = {Bound.AT_LEAST: "at least", Bound.MORE_THAN: "more than", Bound.AT_MOST: "at most", Bound.ABOUT: "about"}
_BEYOND_MILLISECONDS = re.compile(r"(\.[0-9]{3})[0-9]+")
_SPECIAL = {"ngo": "NGO", "side_a": "side A", "side_b": "side B"}
_LOCATIONS = {
    PlacePrecision.EXACT: "exact",
    PlacePrecision.NEAR: "near the named place",
    PlacePrecision.DISTRICT: "somewhere in the district",
    PlacePrecision.REGION: "somewhere in the region",
    PlacePrecision.AREA: "somewhere in a larger area",
    PlacePrecision.COUNTRY: "somewhere in the country",
    PlacePrecision.INTERNATIONAL: "international waters or airspace",
}

INVISIBLE = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, characters that XML 1.0 (2.2) forbids, and characters that change the direction of the text.

The marks U+200E and U+200F stay: Hebrew and Arabic need them, and they affect only blanks and punctuation.
"""


def visible(value: Any) -> Any:
    """A value as a page shows it: � replaces each character that is invisible or that a page cannot contain."""
    if type(value) is str and not value.isprintable():  # `Markup` was made of such values
        return INVISIBLE.sub("\ufffd", value)
    return value


def number(value: float | None) -> str:
    """`12,521`; a dash if nothing is reported."""
    return "–" if value is None else f"{value:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 report`, `2 reports`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def word(code: Any) -> str:
    """A code in words: `armed_group` becomes `armed group`."""
    return _SPECIAL.get(str(code), str(code).replace("_", " "))


def day(text: str | None) -> str:
    """A day, or the day of an instant: `1 November 2019`."""
    if not text:
        return "–"
    found = date.fromisoformat(text[:10])
    return f"{found.day} {found:%B} {found.year:04}"


def moment(text: str | None) -> str:
    """A day, or an instant with its time and offset."""
    if text and "T" in text:
        clock, offset = text[11:16], text[16:]
        return f"{day(text)}, {clock} {'UTC' if offset.endswith('Z') else offset[-6:]}"
    return day(text)


def datetime(text: str) -> str:
    """A day or an instant as the `datetime` of HTML's `time`, which has three digits of a second at most."""
    return _BEYOND_MILLISECONDS.sub(r"\1", text)


def days(item: Mapping[str, Any]) -> str:
    """When an incident happened, as precisely as it is known."""
    start, end = date.fromisoformat(item["date_start"]), date.fromisoformat(item["date_end"])
    if start == end:
        return day(item["date_start"])
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}–{end.day} {end:%B} {end.year:04}"
    if start.year == end.year:
        return f"{start.day} {start:%B} – {end.day} {end:%B} {end.year:04}"
    return f"{day(item['date_start'])} – {day(item['date_end'])}"


def figure(toll: Mapping[str, Any]) -> str:
    """A headline or report in figures: `49`, `49–54`, `at least 3`, `12 (10–15)`."""
    low, best, high = toll["low"], toll["best"], toll["high"]
    if words := _BOUNDS.get(toll.get("bound", "")):
        return f"{words} {number(best if best is not None else low if high is None else high)}"
    more = "+" if toll.get("open_ended") else ""
    if low is not None and high is not None and low != high:
        span = f"{number(low)}–{number(high)}{more}"
        return span if best is None else f"{number(best)} ({span})"
    if best is None and low is None and high is not None:
        return f"at most {number(high)}"
    return f"{number(best if best is not None else low)}{more}"


def main_figure(toll: Mapping[str, Any]) -> str:
    """The most prominent figure of a headline: best, else the range."""
    best = toll["best"]
    return number(best) if best is not None else figure(toll)


def moved(headline: Mapping[str, Any]) -> str:
    """How a headline changed: `lowered from 53`; empty if it did not."""
    change = headline["change"]
    return "" if change == Movement.NONE else f"{change} from {number(headline['first'])}"


def effect(report: Mapping[str, Any]) -> str:
    """How a report changed the headline: `lowered the headline by 4`."""
    change, delta = report["change"], report["delta"]
    if change in (ReportChange.RAISED, ReportChange.LOWERED) and delta is not None:
        return f"{change} the headline by {number(abs(delta))}"
    plain = {
        ReportChange.FIRST: "first figure",
        ReportChange.CONFIRMED: "confirmed the headline",
        ReportChange.RETRACTED: "retracted",
    }
    return plain.get(change, "headline unchanged" if change else "–")


def where(item: Mapping[str, Any], country: str) -> str:
    """Place, district, region and country, smallest first."""
    region = (item["region"] or {}).get("name")
    parts = dict.fromkeys(part for part in (item["place"], item["district"], region, country) if part)
    return ", ".join(parts)


def location(precision: str) -> str:
    """How precisely a place is known: `near the named place`."""
    return _LOCATIONS[PlacePrecision(precision)]


FILTERS = {
    f.__name__: f
    for f in (number, plural, word, day, moment, datetime, days, figure, main_figure, moved, effect, location)
}
