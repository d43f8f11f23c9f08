"""The results as text and as JSON."""

import os
import platform
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from tests.benchmarks.rounds import OTHERS, Measured, Side

MISSED = "<"


def machine() -> str:
    """A line about the machine and its versions."""
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    generator = "own load generator" if os.environ.get("BENCH_OWN_LOAD") or not shutil.which("wrk") else "wrk"
    return f"{os.cpu_count()} cores, {platform.machine()}, {versions}, {generator}; {MISSED} marks a bar that is missed"


def rows(measured: Iterable[Measured]) -> str:
    """One aligned table."""
    head = ["work", "ours req/s"] + [cell for other in OTHERS for cell in (f"/{other}", "bar", "")]
    lines = [[m.work.label, f"{m.rate():,.0f}", *(c for other in OTHERS for c in _cells(m, other))] for m in measured]
    return _aligned([head, *lines])


def sides(found: Iterable[Side]) -> str:
    """The numbers below the table."""
    lines = [[s.label, f"{s.value:,.2f} {s.unit}", _bar(s), MISSED if s.missed else "", s.note] for s in found]
    return _aligned([["also", "value", "bar", "", ""], *lines])


def as_json(measured: Iterable[Measured], found: Iterable[Side], facts: dict[str, Any]) -> dict[str, Any]:
    """Everything, with the numbers of every round."""
    return {
        "facts": facts | {"machine": machine()},
        "works": [
            {"name": m.work.name, "label": m.work.label, "rates": m.rates}
            | {f"/{o}": {"ratio": m.ratio(o), "bar": m.bar(o), "missed": m.misses(o)} for o in OTHERS}
            for m in measured
        ],
        "also": [{"label": s.label, "value": s.value, "unit": s.unit, "bar": s.bar, "missed": s.missed} for s in found],
    }


def _cells(one: Measured, other: str) -> tuple[str, str, str]:
    ratio, bar = one.ratio(other), one.bar(other)
    text = "-" if ratio is None else f"{ratio:.2f}"
    return text, "" if bar is None else f"{bar:g}", MISSED if one.misses(other) else ""


def _bar(side: Side) -> str:
    return "" if side.bar is None else f"{'≤' if side.at_most else '≥'} {side.bar:g}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first and the last column to the left, numbers to the right."""
    ends = (0, len(cells) - 1)
    padded = (c.ljust(w) if n in ends else c.rjust(w) for n, (c, w) in enumerate(zip(cells, widths, strict=True)))
    return "  ".join(padded).rstrip()
