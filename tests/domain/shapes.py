"""Long histories of one incident, in every shape that may cost more than its length."""

from collections.abc import Callable
from random import Random

from app.domain.dates import Moment, instant_text
from app.domain.report import Report
from app.domain.toll import numbers_of
from app.domain.vocabulary import Bound, Measure, ReporterKind, Victims

HOUR = 3_600_000_000
START = 1_500_000_000_000_000
X, XY = frozenset({"x"}), frozenset({"x", "y"})


def moment(hour: int) -> Moment:
    """That many hours after the incident."""
    instant = START + hour * HOUR
    return Moment(instant_text(instant), instant)


def history(
    count: int,
    *,
    reporters: int = 1,
    victims: tuple[Victims, ...] = (Victims.ALL,),
    kinds: tuple[ReporterKind, ...] = (ReporterKind.MILITARY,),
    bounds: tuple[Bound, ...] = (Bound.EXACT,),
    figures: int = 50,
    retracted: int = 0,
    supersedes: int = 0,
    shared: int = 0,
    newest_first: bool = False,
) -> list[Report]:
    """Reports an hour apart, in their reported order. One in `retracted` is retracted within 100 hours, one in
    `supersedes` names an earlier one, one in `shared` is about another incident as well; 0 is none.
    """
    random = Random(count)
    reports: list[Report] = []
    for n in range(count):
        bound, reporter = random.choice(bounds), random.randrange(reporters)
        low, best, high = numbers_of(bound, None, random.randrange(figures), None)
        void = bool(retracted) and random.randrange(retracted) == 0
        names = bool(supersedes and reports) and random.randrange(supersedes) == 0
        reports.append(
            Report(
                id=f"r{n}", order=count - n if newest_first else n, measure=Measure.KILLED, victims=random.choice(victims),
                low=low, best=best, high=high, bound=bound, reporter=f"reporter-{reporter}",
                reporter_kind=kinds[reporter % len(kinds)], reported=moment(n),
                incidents=XY if shared and random.randrange(shared) == 0 else X,
                supersedes=random.choice(reports[-20:]).id if names else None,
                void_from=moment(n + random.randrange(1, 100)) if void else None,
            )
        )  # fmt: skip
    return reports


_GROUPS = (Victims.MILITARY, Victims.CIVILIAN, Victims.UNKNOWN)
_TIERS = (ReporterKind.MILITARY, ReporterKind.ARMED_GROUP)
_OPEN = (Bound.EXACT, Bound.MORE_THAN)

SHAPES: dict[str, Callable[[int], list[Report]]] = {
    "one reporter": lambda n: history(n),
    "one reporter, one figure": lambda n: history(n, figures=1),
    "ten reporters": lambda n: history(n, reporters=10),
    "a reporter each": lambda n: history(n, reporters=n * 100),
    "newest first": lambda n: history(n, reporters=10, newest_first=True),
    "half retracted": lambda n: history(n, reporters=10, retracted=2),
    "half retracted, one reporter": lambda n: history(n, retracted=2),
    "half retracted, a reporter each": lambda n: history(n, reporters=n * 100, retracted=2),
    "several groups": lambda n: history(n, reporters=10, victims=_GROUPS),
    "several groups, half retracted": lambda n: history(n, reporters=10, victims=_GROUPS, retracted=2),
    "all groups, half retracted": lambda n: history(n, reporters=10, victims=tuple(Victims), retracted=2),
    "open-ended": lambda n: history(n, reporters=10, bounds=_OPEN),
    "open-ended, half retracted": lambda n: history(n, reporters=10, bounds=_OPEN, retracted=2),
    "only open-ended, half retracted": lambda n: history(n, reporters=10, bounds=(Bound.MORE_THAN,), retracted=2),
    "second tier": lambda n: history(n, reporters=10, kinds=_TIERS),
    "second tier, half retracted": lambda n: history(n, reporters=10, kinds=_TIERS, retracted=2),
    "only second tier, half retracted": lambda n: history(
        n, reporters=n * 100, kinds=(ReporterKind.ARMED_GROUP,), retracted=2
    ),
    "only second tier without a best, half retracted": lambda n: history(
        n, reporters=n * 100, kinds=(ReporterKind.ARMED_GROUP,), bounds=(Bound.MORE_THAN,), retracted=2
    ),
    "only without a best, a reporter each, half retracted": lambda n: history(
        n, reporters=n * 100, bounds=(Bound.MORE_THAN,), retracted=2
    ),
    "both tiers without a best, a reporter each, half retracted": lambda n: history(
        n, reporters=n * 100, kinds=_TIERS, bounds=(Bound.MORE_THAN,), retracted=2
    ),
    "both tiers, open-ended, a reporter each, half retracted": lambda n: history(
        n, reporters=n * 100, kinds=_TIERS, bounds=_OPEN, retracted=2
    ),
    "several groups without a best, half retracted": lambda n: history(
        n, reporters=n * 100, victims=_GROUPS, kinds=_TIERS, bounds=(Bound.MORE_THAN,), retracted=2
    ),
    "several groups, open-ended, a reporter each, half retracted": lambda n: history(
        n, reporters=n * 100, victims=_GROUPS, kinds=_TIERS, bounds=_OPEN, retracted=2
    ),
    "shared": lambda n: history(n, reporters=10, shared=2, supersedes=4),
    "superseding by name": lambda n: history(n, reporters=10, supersedes=2),
    "superseding by name, half retracted": lambda n: history(n, reporters=10, supersedes=2, retracted=2),
    "everything, half retracted": lambda n: history(
        n, reporters=20, victims=tuple(Victims), kinds=_TIERS, bounds=_OPEN, supersedes=5, shared=5, retracted=2
    ),
}
"""A history of so many reports, by its name."""
