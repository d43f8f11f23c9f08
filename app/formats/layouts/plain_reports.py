"""The plain layout of toll reports: one row per report."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.canonical import canonical
from app.domain.source import ReporterRecord, SourceRecord
from app.domain.toll import Breakdown, TollReportRecord
from app.domain.vocabulary import Bound
from app.errors import echo
from app.formats.layouts.cells import Cells
from app.formats.layouts.plain_cells import OF_LOG, flag_cell, join, read_id, split, without_log
from app.formats.layouts.plain_days import read_past_day

_REPORTER, _SOURCE = (
    tuple(name for name in record.model_fields if name not in OF_LOG) for record in (ReporterRecord, SourceRecord)
)
_SIDES = tuple(Breakdown.model_fields)
_RECORDED = tuple(name for name in TollReportRecord.model_fields if name not in (*OF_LOG, "recorded_at"))
_COLUMNS_OF = {
    "reported_by": [f"reporter_{name}" for name in _REPORTER],
    "source": [f"source_{name}" for name in _SOURCE],
    "breakdown": [f"breakdown_{side}" for side in _SIDES],
}
COLUMNS = (
    *(column for name in _RECORDED for column in _COLUMNS_OF.get(name, (name,))),
    "status", "superseded_by", "retraction_reason", "retraction_reported_on", "change", "delta", "source_changed",
    "recorded_at",
)  # fmt: skip
REQUIRED = ("incidents", "measure", "reported_on")
"""A table without these columns has no toll reports."""
_MEMBERS = (*_RECORDED, "retraction")
MADE_ID = "made_id"
NOT_DISCLOSED = (
    "is confidential, and missing from this file. Export it again with a key that has the scope read:confidential"
)


def flat_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """A toll report as a row."""
    reporter, source, retraction = report["reported_by"], report["source"], report["retraction"] or {}
    nested = {f"reporter_{name}": flag_cell(reporter.get(name)) for name in _REPORTER}
    nested |= {f"source_{name}": flag_cell(source.get(name)) for name in _SOURCE}
    nested |= {f"breakdown_{side}": (report["breakdown"] or {}).get(side) for side in _SIDES}
    nested |= {f"retraction_{name}": retraction.get(name) for name in ("reason", "reported_on")}
    row = {name: flag_cell(report.get(name)) for name in COLUMNS}
    return row | nested | {"incidents": join(report["incidents"])}


def as_member(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as an item of the column `toll_reports`: without derived members, and without nulls."""
    member = {name: report[name] for name in _MEMBERS if report.get(name) is not None}
    member |= {name: without_log(member[name]) for name in ("reported_by", "source")}
    if len(member["incidents"]) == 1:
        del member["incidents"]
    if "retraction" in member:
        member["retraction"] = {name: member["retraction"][name] for name in ("reason", "reported_on")}
    return member


def read(cells: Cells) -> dict[str, Any]:
    """A toll report, with its `retraction` if it has one: plain data, to be validated.

    A report without an id gets a hash of its content, so that the same row is the same report each time.
    """
    report: dict[str, Any] = {name: cells.exact(name) for name in ("measure", "locator", "note")}
    if supersedes := cells.exact("supersedes"):
        report["supersedes"] = read_id(cells, "supersedes", supersedes)
    low, best, high = (cells.people(name) for name in ("low", "best", "high"))
    bound = Bound.RANGE if low is not None and high is not None and not low == best == high else Bound.EXACT
    breakdown = {side: cells.people(f"breakdown_{side}") for side in _SIDES}
    report |= {
        "incidents": [read_id(cells, "incidents", name) for name in split(cells.needed("incidents"))],
        "reported_on": cells.moment("reported_on"),
        "victims": cells.exact("victims") or "all",
        "bound": cells.exact("bound") or bound.value,
        "low": low,
        "best": best,
        "high": high,
        "reported_by": _read_nested(cells, "reporter", _REPORTER),
        "source": _read_nested(cells, "source", _SOURCE),
        "breakdown": breakdown if any(n is not None for n in breakdown.values()) else None,
    }
    if "published_on" in report["source"]:
        report["source"]["published_on"] = read_past_day(cells, "source_published_on")
    own_id = cells.exact("id")
    report = with_id(report | {"id": read_id(cells, "id", own_id) if own_id else None}, "")
    if reason := cells.exact("retraction_reason"):
        report["retraction"] = {"reason": reason, "reported_on": cells.moment("retraction_reported_on")}
    return report


def _read_nested(cells: Cells, prefix: str, members: Sequence[str]) -> dict[str, Any]:
    """The reporter or the source of a row."""
    found: dict[str, Any] = {name: value for name in members if (value := cells.exact(f"{prefix}_{name}"))}
    if not found:
        raise ValueError(f"{prefix}_id: is empty, and so are all other columns of the {prefix}")
    if flag := found.pop("confidential", None):
        if flag.lower() not in ("true", "false"):
            raise ValueError(f"{prefix}_confidential: is not true or false: {echo(flag)}")
        if flag.lower() == "true":
            found["confidential"] = True
            if members[1] not in found:
                raise ValueError(f"{prefix}_{members[1]}: {NOT_DISCLOSED}")
    return found


def with_id(report: dict[str, Any], about: str) -> dict[str, Any]:
    """A report with an id. Without one it gets a hash of its content: the same content has the same id each time.

    `made_id` marks a hash, since it must not identify a report with confidential content: it would confirm a guess.
    """
    if MADE_ID in report:
        raise ValueError(f"{MADE_ID}: is not a field of a toll report; remove it")
    if report.get("id"):
        return report
    try:
        digest = hashlib.sha256(canonical([about, report])).hexdigest()
    except ValueError:  # validation refuses such a value, and names it
        return report
    return report | {"id": f"tr-{digest[:16]}", MADE_ID: True}


def disclosed_report(report: dict[str, Any], where: str) -> dict[str, Any]:
    """An item of `toll_reports`. Raises `ValueError` if its reporter or source is redacted."""
    nested = {name: report[name] for name in ("reported_by", "source") if name in report}
    return report | {name: disclosed(value, f"{where}.{name}") for name, value in nested.items()}


def disclosed(reporter_or_source: Any, where: str) -> Any:
    """A reporter or source of a JSON cell, to be recorded.

    Raises `ValueError` for a confidential one without its name or title: an export without the scope omits them.
    """
    if not (isinstance(reporter_or_source, dict) and reporter_or_source.get("confidential") is True):
        return reporter_or_source
    name = "name" if "kind" in reporter_or_source else "title"
    if reporter_or_source.get(name) is None:
        raise ValueError(f"{where}.{name}: {NOT_DISCLOSED}")
    return without_log(reporter_or_source)
