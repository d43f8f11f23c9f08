"""What was found, as text and as JSON."""

import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from tests.benchmarks.rounds import OTHERS, Measured, Side

MISSED = "<"


def machine() -> str:
    """What it ran on."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}; ratios are medians of interleaved rounds; {MISSED} marks a bar that is missed"
    )


def rows(measured: Iterable[Measured]) -> str:
    """One aligned table."""
    head = ["work", "ours req/s"] + [cell for other in OTHERS for cell in (f"/{other}", "bar", "")]
    lines = [[m.work.label, f"{m.rate():,.0f}", *(c for other in OTHERS for c in _cells(m, other))] for m in measured]
    return _aligned([head, *lines])


def sides(found: Iterable[Side]) -> str:
    """The numbers beside it."""
    lines = [
        [s.label, f"{s.value:,.2f} {s.unit}", _bar(s), MISSED if s.missed else "", s.note] for s in found
    ]
    return _aligned([["besides", "value", "bar", "", ""], *lines])


def as_json(measured: Iterable[Measured], found: Iterable[Side], facts: dict[str, Any]) -> dict[str, Any]:
    """Everything, with the numbers of every round."""
    return {
        "facts": facts | {"machine": machine()},
        "works": [
            {"name": m.work.name, "label": m.work.label, "rates": m.rates}
            | {f"/{o}": {"ratio": m.ratio(o), "bar": m.bar(o), "missed": m.misses(o)} for o in OTHERS}
            for m in measured
        ],
        "besides": [
            {"label": s.label, "value": s.value, "unit": s.unit, "bar": s.bar, "missed": s.missed} for s in found
        ],
    }


def _cells(one: Measured, other: str) -> tuple[str, str, str]:
    ratio, bar = one.ratio(other), one.bar(other)
    told = "-" if ratio is None else f"{ratio:.2f}"
    return told, "" if bar is None else f"{bar:g}", MISSED if one.misses(other) else ""


def _bar(side: Side) -> str:
    return "" if side.bar is None else f"{'≤' if side.at_most else '≥'} {side.bar:g}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    padded = (
        "  ".join(cell.ljust(w) if n == 0 or n == len(widths) - 1 else cell.rjust(w) for n, (cell, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)
