"""Results as text for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.domain.dates import moment_text
from app.domain.vocabulary import Measure
from app.ingest.pipeline import Summary
from app.store.tables import ApiKey

ARROWS = {"raised": "▲", "lowered": "▼", "none": ""}
BAR_WIDTH = 40
WIDE = 110


def incident_table(items: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    """Incidents with their headline of killed and its first figure; titles if the terminal is wide enough."""
    titles = width >= WIDE
    table = Table()
    table.add_column("id", no_wrap=True)
    table.add_column("date", min_width=10)
    table.add_column("where", overflow="fold")
    table.add_column("killed", justify="right")
    table.add_column("first", justify="right")
    if titles:
        table.add_column("title", ratio=1)
    for item in items:
        where = (item.get("place"), (item.get("region") or {}).get("name"), item.get("country"))
        killed = (item.get("toll") or {}).get("killed")
        table.add_row(
            Text(item.get("id") or "–"),
            Text(_interval(item) or "–"),
            Text(", ".join(filter(None, where)) or "–"),
            _headline(killed) if killed else _shared(item.get("toll")),
            str(killed["first"]) if killed and killed["first"] is not None else "–",
            *((Text(item.get("title") or "–"),) if titles else ()),
        )
    return table


def incidents_caption(count: int, total: int | None, cursor: str | None) -> str:
    """The number of incidents shown, the total if it was requested, and how to continue."""
    of_all = f" of {total}" if total is not None else ""
    more = f"; more with --cursor {cursor}" if cursor else ""
    return f"{count}{of_all} incident{'' if count == 1 and not of_all else 's'}{more}"


def _interval(item: Mapping[str, Any]) -> str | None:
    start, end = item.get("date_start"), item.get("date_end")
    return start if start == end else f"{start} – {end}"


def _headline(killed: Mapping[str, Any]) -> str:
    best = "–" if killed["best"] is None else str(killed["best"])
    return f"{best}{'+' if killed['open_ended'] else ''} {ARROWS[killed['change']]}{' ?' if killed['disputed'] else ''}"


def _shared(toll: Mapping[str, Any] | None) -> str:
    figures = [s["killed"]["best"] for s in (toll or {}).get("shared", ()) if "killed" in s]
    return f"(shared {', '.join(map(str, figures))})" if figures else "–"


def sums_table(sums: Mapping[str, Any], groups: Sequence[str], figure: str) -> RenderableType:
    """Counts and sums of one figure by group, with the total and shared figures."""
    rows = [*sums["items"], sums["total"]]
    shown = [m for m in Measure if any(r[m][figure] is not None or r[f"{m}_shared"][figure] is not None for r in rows)]
    table = Table(show_footer=True)
    for number, group in enumerate(groups or [""]):
        table.add_column(group, footer="" if number else "total", overflow="fold")
    for name in ("incidents", *shown):
        table.add_column(name, footer=_sum(sums["total"], name, figure), justify="right")
    for row in sums["items"]:
        keys = (row.get("region_name") or row["region"] if group == "region" else row[group] for group in groups)
        cells = ("–" if key is None else str(key) for key in keys)
        table.add_row(*map(Text, (*cells, *(_sum(row, name, figure) for name in ("incidents", *shown)))))
    return table


def _sum(row: Mapping[str, Any], name: str, figure: str) -> str:
    if name == "incidents":
        return f"{row[name]:,}"
    own, shared = row[name][figure], row[f"{name}_shared"][figure]
    return ("–" if own is None else f"{own:,}") + ("" if shared is None else f" (+{shared:,} shared)")


def key_table(keys: Sequence[ApiKey]) -> RenderableType:
    """API keys, oldest first."""
    table = Table()
    for name in ("id", "name", "scopes", "created", "expires", "revoked"):
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for key in keys:
        instants = (key.created_at, key.expires_at, key.revoked_at)
        times = ("–" if at is None else moment_text(at)[:19] for at in instants)
        table.add_row(*(Text(cell) for cell in (key.id, key.name, key.scopes, *times)))
    return table


def history_view(history: Mapping[str, Any]) -> RenderableType:
    """Reports as a table, and the timeline of each measure as bars."""
    reports = Table(title=Text(history["incident"]), title_justify="left")
    for name in ("reported", "measure", "figure", "victims", "by", "status", "change"):
        reports.add_column(name, no_wrap=name not in ("by", "change"), overflow="fold")
    for r in history["reports"]:
        delta = f" {r['delta']:+d}" if r["delta"] else ""
        cells = (r["reported_on"], r["measure"], _figure(r), r["victims"], _reporter(r["reported_by"]), r["status"])
        reports.add_row(*(Text(cell) for cell in (*cells, f"{r['change']}{delta}")))
    parts: list[RenderableType] = [reports, _chart(history["timeline"])]
    for shared in history.get("shared", ()):
        parts += [Text(f"jointly with {', '.join(shared['incidents'])}:"), _chart(shared["timeline"])]
    return Group(*parts)


def _reporter(reporter: Mapping[str, Any]) -> str:
    return reporter["name"] or f"({reporter['kind']}, confidential)"


def _figure(report: Mapping[str, Any]) -> str:
    low, best, high = (report[name] for name in ("low", "best", "high"))
    words = {
        "exact": f"{best}",
        "at_least": f"at least {best}",
        "more_than": f"more than {(low or 1) - 1}",
        "at_most": f"at most {best}",
        "about": f"about {best}",
        "range": f"{low}–{high}" + (f", best {best}" if best is not None else ""),
    }
    return words[report["bound"]]


def _chart(timeline: Sequence[Mapping[str, Any]]) -> RenderableType:
    chart = Table.grid(padding=(0, 1))
    highest = max((step["high"] or 0 for step in timeline), default=0) or 1
    for step in timeline:
        low, best, high = (step[name] or 0 for name in ("low", "best", "high"))
        marks = "█" * round(best / highest * BAR_WIDTH)
        marks += "░" * (round(high / highest * BAR_WIDTH) - len(marks))
        figure = "not reported" if step["best"] is None else str(best)
        span = f" ({low}–{high})" if low != high else ""
        chart.add_row(Text(step["from"]), step["measure"], marks, f"{figure}{span}")
    return chart


MAX_NAMED = 10


def summary_lines(name: str, summary: Summary, *, dry_run: bool = False) -> Iterator[str]:
    """The result of an import in a few lines: counts, refused rows with reasons, and absent incidents."""
    counts = [f"{getattr(summary, c)} {c}" for c in ("created", "revised", "unchanged")]
    counts += [f"{summary.withdrawn} withdrawn"] if summary.withdrawn else []
    counts += [f"{len(summary.absent)} absent", f"{summary.repaired} repaired", f"{summary.refused} refused"]
    yield f"{name}: {', '.join(counts)}{' (dry run: nothing was recorded)' if dry_run else ''}"
    for reason in summary.reasons[:MAX_NAMED]:
        yield f"  refused: {reason}"
    if summary.refused > MAX_NAMED:
        yield f"  … and {summary.refused - MAX_NAMED} more; use --rejects FILE to keep them all"
    if summary.absent:
        more = f" and {len(summary.absent) - MAX_NAMED} more" if len(summary.absent) > MAX_NAMED else ""
        yield f"  absent: {', '.join(summary.absent[:MAX_NAMED])}{more}"
