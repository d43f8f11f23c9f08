"""The toll chart: how the headline changed, and every report, as coordinates of an SVG drawing.

The drawing is part of the page: it needs no script, prints as shown, and each mark is a link for the keyboard.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.dates import parse_moment
from app.domain.vocabulary import Measure
from app.web import words

WIDTH, HEIGHT = 760, 270
LEFT, RIGHT, TOP, BOTTOM = 58, 744, 24, 226
_DAY = 86_400_000_000
_ASIDE = 9
"""Distance between marks of the same moment."""
_BETWEEN_DAYS = 180
"""Minimum distance between labels of days, also for a small drawing with large text."""
_MAX_LABELS = 8
"""Steps that get a label; more would overlap."""
Scale = Callable[[float], float]
"""From an instant, or a figure, to a coordinate."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Step:
    """Where the headline changed, and its new figure."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A report: the position of its figure, and its label."""

    id: str
    x: float
    y: float
    low: float
    high: float
    status: str
    label: str
    """The report in words, for hover, keyboard and screen readers."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing of one measure, in units of `WIDTH` and `HEIGHT`."""

    measure: str
    summary: str
    line: str
    band: str
    steps: Sequence[Step]
    marks: Sequence[Mark]
    days: Sequence[Tick]
    figures: Sequence[Tick]


def charts(reports: Sequence[Mapping[str, Any]], timeline: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """A chart for each measure that was reported, killed first, from the reports and timeline of a toll history."""
    found = []
    for measure in Measure:
        reports_of_measure = [r for r in reports if r["measure"] == measure]
        if reports_of_measure:
            found.append(_chart(measure, reports_of_measure, [s for s in timeline if s["measure"] == measure]))
    return found


def _chart(measure: str, reports: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]) -> Chart:
    moments = [_when(text) for text in _moments(reports, steps)]
    first, last = min(moments), max(moments)
    span = max(last - first, _DAY)
    begin, end = first - span * 0.06, last + span * 0.16
    top = _nice(max([n for toll in (*reports, *steps) for n in _numbers(toll)], default=1))

    def across(instant: float) -> float:
        return round(LEFT + (instant - begin) / (end - begin) * (RIGHT - LEFT), 1)

    def up(figure: float) -> float:
        return round(BOTTOM - figure / top * (BOTTOM - TOP), 1)

    drawn = [(across(_when(s["from"])), across(_when(s["to"]) if s["to"] else end), s) for s in steps if _numbers(s)]
    return Chart(
        measure=measure,
        summary=_summary(measure, reports, steps),
        line=" ".join(_line(drawn, up)),
        band=" ".join(
            f"M{x} {up(h)}H{to}V{up(low)}H{x}Z" for x, to, s in drawn for low, _, h in [_range(s)] if low != h
        ),
        steps=[Step(x, up(_range(s)[1]), words.main_figure(s)) for x, _, s in drawn][:_MAX_LABELS],
        marks=_marks(reports, across, up),
        days=_days(sorted({text[:10] for text in _moments(reports, steps)}), across),
        figures=[Tick(up(n), f"{n:,}") for n in _round(top)],
    )


def _line(drawn: Sequence[tuple[float, float, Mapping[str, Any]]], up: Scale) -> list[str]:
    """The steps of `best`, joined if one follows the other."""
    path: list[str] = []
    reached = None
    for x, to, step in drawn:
        y = up(_range(step)[1])
        path.append(f"V{y}H{to}" if reached == x else f"M{x} {y}H{to}")
        reached = to
    return path


def _marks(reports: Sequence[Mapping[str, Any]], across: Scale, up: Scale) -> list[Mark]:
    marks: list[Mark] = []
    taken: dict[float, int] = {}
    for report in reports:
        if not _numbers(report):
            continue
        low, best, high = _range(report)
        x = across(_when(report["reported_on"]))
        count = taken[x] = taken.get(x, -1) + 1
        x = min(x + count * _ASIDE, RIGHT)
        marks.append(Mark(report["id"], x, up(best), up(low), up(high), report["status"], in_words(report)))
    return marks


def in_words(report: Mapping[str, Any]) -> str:
    """A report in a sentence: the figure, who reported it, when, in which source, and its status."""
    source = report["source"].get("title") or report["source"]["id"]
    by = report["reported_by"].get("name") or report["reported_by"]["id"]
    count = len(report["incidents"])
    jointly = f" in {count} incidents jointly" if count > 1 else ""
    when = words.moment(report["reported_on"])
    reported = f"{words.figure(report)} {report['measure']}{jointly}, reported by {by} on {when} in “{source}”"
    return f"{reported}; {words.effect(report)}, {report['status']}"


def _summary(measure: str, reports: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]) -> str:
    moved = [f"{words.figure(s)} from {words.moment(s['from'])}" for s in steps if _numbers(s)]
    changes = ", then ".join(moved[:_MAX_LABELS]) or "none"
    return f"Headline {measure}: {changes}. {words.plural(len(reports), 'report')}."


def _moments(reports: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]) -> list[str]:
    return [r["reported_on"] for r in reports] + [t for s in steps for t in (s["from"], s["to"]) if t]


def _when(text: str) -> int:
    """The beginning of a day, or the instant."""
    return parse_moment(text if "T" in text else f"{text}T00:00:00Z").instant


def _numbers(toll: Mapping[str, Any]) -> list[int]:
    return [toll[name] for name in ("low", "best", "high") if toll[name] is not None]


def _range(toll: Mapping[str, Any]) -> tuple[float, float, float]:
    """(low, best, high). A missing bound is the nearest given figure; a missing best is the middle."""
    numbers = _numbers(toll)
    low, high = min(numbers), max(numbers)
    return low, toll["best"] if toll["best"] is not None else (low + high) / 2, high


def _nice(highest: int) -> int:
    """A round number above the highest figure."""
    unit = 10 ** max(len(str(max(highest, 1))) - 1, 0)
    return next((int(unit * step) for step in (1, 2, 4, 5, 6, 8, 10) if unit * step >= highest * 1.08), unit * 20)


def _round(top: int) -> list[int]:
    parts = next(p for p in (4, 5, 3, 2, 1) if top % p == 0)
    return [top * n // parts for n in range(parts + 1)]


def _days(days: Sequence[str], across: Scale) -> list[Tick]:
    """Days with a report or a change, as far as their labels do not overlap."""
    ticks: list[Tick] = []
    for day in days:
        at = across(_when(day))
        if not ticks or at - ticks[-1].at >= _BETWEEN_DAYS:
            ticks.append(Tick(at, words.day(day)))
    return ticks
