"""The headline rule as the docs state it, step by step and slowly: the reference for the real one."""

from itertools import combinations, pairwise

from app.domain.headline import Headline
from app.domain.report import NO_NUMBERS, Numbers, Report, by_time
from app.domain.vocabulary import Victims


def superseding(report: Report, known: list[Report], at: int) -> Report | None:
    """The first report, valid and known by then, that replaces this one: by name, or by its reporter's other figure."""
    replacing = [
        r
        for r in known
        if (r.supersedes == report.id or _is_other_figure(r, report))
        and r.id != report.id
        and r.reported.instant <= at
        and not r.void_at(at)
    ]
    return min(replacing, key=by_time, default=None)


def _is_other_figure(later: Report, earlier: Report) -> bool:
    """Whether a report gives another figure of the same reporter for the same victims and incidents, and is newer."""
    return (
        later.reporter == earlier.reporter
        and (later.measure, later.victims) == (earlier.measure, earlier.victims)
        and later.incidents == earlier.incidents
        and (later.low, later.best, later.high) != (earlier.low, earlier.best, earlier.high)
        and later.when > earlier.when
    )


def headline(own: list[Report], others: list[Report], at: int) -> Headline | None:
    """The headline at an instant, and its past: what the valid reports made one after the other."""
    known = [r for r in own if r.reported.instant <= at]
    if not known:
        return None
    valid = [r for r in [*own, *others] if r.reported.instant <= at and not r.void_at(at)]
    replaced_by = [(r, superseding(r, valid, at)) for r in own if r in valid]
    steps = []
    for until in sorted(valid, key=by_time):
        by_then = [(r, later) for r, later in replaced_by if r.when <= until.when]
        steps.append(numbers([r for r, later in by_then if later is None or later.when > until.when]))
    bests = [step.best for step in steps]
    first = next((best for best in bests if best is not None), None)
    moves = sum(1 for before, after in pairwise(bests) if before is not None and after != before)
    return Headline(steps[-1] if steps else NO_NUMBERS, first, moves, len(known))


def numbers(standing: list[Report]) -> Numbers:
    """Steps 2 to 5 over the reports that stand."""
    if not standing:
        return NO_NUMBERS
    groups = {victims: [r for r in standing if r.victims is victims] for victims in Victims}
    groups = {victims: reports for victims, reports in groups.items() if reports}
    serious = [victims for victims, reports in groups.items() if any(r.first_tier for r in reports)]
    if Victims.ALL in serious or (not serious and Victims.ALL in groups):
        answering = [Victims.ALL]
    else:
        answering = serious or list(groups)
    of_groups = [_of_group(groups[victims]) for victims in answering]
    summed = answering != [Victims.ALL]
    low = sum(low for low, _, _ in of_groups)
    high = sum(high for _, _, high in of_groups)
    best = sum(low if best is None else best for low, best, _ in of_groups) if summed else of_groups[0][1]
    outside = [r for r in standing if r.victims not in answering and not r.first_tier]
    inside = [r for r in standing if r.victims in answering]
    open_ended = any(r.open_ended for r in inside)
    whole = (low, float("inf") if open_ended else high)
    disputed = any(
        one.victims is other.victims and one.reporter != other.reporter and _apart(one.reach, other.reach)
        for one, other in combinations(standing, 2)
    ) or any(
        _apart(r.reach, whole) if r.victims is Victims.ALL else not summed and r.reach[0] > whole[1] for r in outside
    )
    givers = tuple(_giver(groups[victims]) for victims in answering)
    return Numbers(
        low=min([low, *(r.range[0] for r in outside if r.victims is Victims.ALL)]),
        best=best,
        high=max([high, *(r.range[1] for r in outside)]),
        open_ended=open_ended or any(r.open_ended for r in outside),
        disputed=disputed,
        from_reports=givers,
    )


def _of_group(reports: list[Report]) -> tuple[int, int | None, int]:
    return min(r.range[0] for r in reports), _giver(reports).best, max(r.range[1] for r in reports)


def _giver(reports: list[Report]) -> Report:
    """The newest of the first tier with a best, of the second only where no first-tier report stands."""
    tier = [r for r in reports if r.first_tier] or reports
    return max([r for r in tier if r.best is not None] or tier, key=by_time)


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[1] < other[0] or other[1] < one[0]
