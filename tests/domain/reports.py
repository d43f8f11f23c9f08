"""Toll reports for tests of the rule."""

from itertools import count
from typing import Any

from app.domain.dates import parse_moment
from app.domain.report import Report
from app.domain.toll import numbers_of
from app.domain.vocabulary import Bound, Measure, ReporterKind, Victims

_order = count(1)
KINDS = {"army": "military", "ministry": "government", "group": "armed_group", "nameless": "anonymous"}


def report(name: str, best: int | None, by: str = "ministry", on: str = "2019-11-01", **other: Any) -> Report:
    """A report of killed about incident `x`, in the order in which they are made, unless told otherwise."""
    bound = Bound(other.pop("bound", "exact"))
    low, best, high = numbers_of(bound, other.pop("low", None), best, other.pop("high", None))
    return Report(
        id=name,
        order=other.pop("order", None) or next(_order),
        measure=Measure.KILLED,
        victims=Victims(other.pop("victims", "all")),
        low=low,
        best=best,
        high=high,
        bound=bound,
        reporter=by,
        reporter_kind=ReporterKind(other.pop("kind", KINDS.get(by, "media"))),
        reported=parse_moment(on),
        incidents=frozenset(other.pop("incidents", ["x"])),
        **other,
    )
