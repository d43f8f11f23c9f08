"""The headline rule by property, and against a second telling of it that knows no replay."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.dates import LAST_INSTANT, Moment, instant_text
from app.domain.headline import NEVER_VALID, SECOND_TIER, Report, combine, headline, superseding
from app.domain.history import effects, spans, timeline
from app.domain.toll import numbers_of
from app.domain.vocabulary import Bound, Measure, ReporterKind, Victims

DAY = 86_400_000_000


def moment(day: int) -> Moment:
    return Moment(instant_text(day * DAY), day * DAY)


@st.composite
def histories(draw: st.DrawFn) -> list[Report]:
    reports: list[Report] = []
    for order in range(draw(st.integers(1, 8))):
        bound = draw(st.sampled_from(Bound))
        best = draw(st.integers(0, 60))
        wide = draw(st.integers(0, 9))
        is_range = bound is Bound.RANGE
        low, chosen, high = numbers_of(bound, best if is_range else None, best, best + wide if is_range else None)
        reporter = draw(st.sampled_from(["army", "ministry", "group", "nameless"]))
        kind = {"army": "military", "ministry": "government", "group": "armed_group", "nameless": "anonymous"}
        day = draw(st.integers(0, 6))
        earlier = [r.id for r in reports if r.reported.instant <= day * DAY]
        reports.append(
            Report(
                id=f"r{order}", order=order, measure=Measure.KILLED, victims=draw(st.sampled_from(Victims)), low=low,
                best=chosen, high=high, bound=bound, reporter=reporter, reporter_kind=ReporterKind(kind[reporter]),
                reported=moment(day), incidents=frozenset(["x"]),
                supersedes=draw(st.sampled_from([None, None, *earlier])),
                void_from=draw(st.sampled_from([None, None, None, NEVER_VALID, moment(draw(st.integers(0, 7)))])),
            )
        )  # fmt: skip
    return reports


def standing(reports: list[Report], at: int) -> list[Report]:
    """Step 1 of the rule, said directly: known, not void, and not replaced by one that is known and not void."""
    valid = [r for r in reports if r.reported.instant <= at and not r.void_at(at)]
    return [r for r in valid if superseding(r, valid, at) is None]


@given(histories(), st.integers(-1, 8))
@settings(max_examples=400)
def test_the_replay_ends_with_the_reports_that_stand(reports: list[Report], day: int) -> None:
    found = headline(reports, [], day * DAY)
    known = [r for r in reports if r.reported.instant <= day * DAY]
    assert (found is None) == (not known)
    if found:
        told, expected = found.numbers, combine(standing(reports, day * DAY))
        assert (told.low, told.best, told.high, told.open_ended, told.disputed) == (
            expected.low, expected.best, expected.high, expected.open_ended, expected.disputed,
        )  # fmt: skip
        assert found.reports == len(known)


@given(histories())
def test_low_best_and_high_are_in_order(reports: list[Report]) -> None:
    for span in spans(reports, []):
        numbers = span.headline.numbers
        if numbers.best is not None:
            assert numbers.low is not None and numbers.high is not None
            assert numbers.low <= numbers.best <= numbers.high
        elif numbers.low is not None and numbers.high is not None:
            assert numbers.low <= numbers.high


@given(histories(), st.randoms())
def test_the_order_in_which_reports_are_given_does_not_matter(reports: list[Report], random: object) -> None:
    shuffled = list(reports)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert headline(shuffled, [], LAST_INSTANT) == headline(reports, [], LAST_INSTANT)


@given(histories(), st.integers(-1, 9), st.integers(-1, 9))
@settings(max_examples=400)
def test_spans_give_the_headline_of_every_instant(reports: list[Report], day: int, since: int) -> None:
    found = spans(reports, [], since * DAY)
    at = max(day, since) * DAY
    holding = [s.headline for s in found if s.start.instant <= at]
    told = headline(reports, [], at)
    last = holding[-1] if holding else None
    assert (last is None) == (told is None)
    if last and told:
        assert last.as_json() == told.as_json()


@given(histories())
def test_a_second_tier_report_never_displaces_a_first_tier_best(reports: list[Report]) -> None:
    # a group in which no first-tier report has a best takes it from the second tier: step 3 of the rule
    serious = [r for r in reports if r.reporter_kind not in SECOND_TIER and r.best is not None]
    plain = [r for r in serious if r.supersedes is None]
    boasts = [r for r in reports if r.reporter_kind in SECOND_TIER and r.supersedes is None]
    alone, together = headline(plain, [], LAST_INSTANT), headline(plain + boasts, [], LAST_INSTANT)
    if alone and together and alone.numbers.best is not None:
        assert together.numbers.best == alone.numbers.best
        assert together.numbers.low <= alone.numbers.low and together.numbers.high >= alone.numbers.high  # type: ignore[operator]


@given(histories())
def test_the_history_adds_up(reports: list[Report]) -> None:
    told = effects(reports, [], LAST_INSTANT)
    assert told.keys() == {r.id for r in reports}
    last = headline(reports, [], LAST_INSTANT)
    assert last is not None
    moves = sum(1 for e in told.values() if e.delta)
    assert moves <= last.revisions
    if last.first is not None and last.numbers.best is not None and moves == last.revisions:
        assert last.first + sum(e.delta or 0 for e in told.values()) == last.numbers.best


@given(histories())
def test_the_timeline_has_no_gap_and_no_step_that_changes_nothing(reports: list[Report]) -> None:
    steps = timeline(Measure.KILLED, reports, [], LAST_INSTANT)
    assert [s["to"] for s in steps[:-1]] == [s["from"] for s in steps[1:]] and steps[-1]["to"] is None
    numbers = [(s["low"], s["best"], s["high"]) for s in steps]
    assert all(a != b for a, b in pairwise(numbers))
