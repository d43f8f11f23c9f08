"""The headline rule by property, compared with `plain_rule`."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.dates import LAST_INSTANT, Moment, instant_text
from app.domain.headline import headline, successors
from app.domain.history import effects, spans, timeline
from app.domain.report import NEVER_VALID, Report
from app.domain.toll import numbers_of
from app.domain.vocabulary import SECOND_TIER, Bound, Measure, ReporterKind, Victims
from tests.domain import plain_rule

DAY = 86_400_000_000


def moment(day: int) -> Moment:
    return Moment(instant_text(day * DAY), day * DAY)


@st.composite
def histories(draw: st.DrawFn) -> list[Report]:
    reports: list[Report] = []
    several = draw(st.sampled_from([Victims.ALL, None]))
    for order in range(draw(st.integers(1, 12))):
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
                id=f"r{order}", order=order, measure=Measure.KILLED, victims=several or draw(st.sampled_from(Victims)), low=low,
                best=chosen, high=high, bound=bound, reporter=reporter, reporter_kind=ReporterKind(kind[reporter]),
                reported=moment(day), incidents=frozenset(draw(st.sampled_from(["x", "x", "x", "x", "xy"]))),
                supersedes=draw(st.sampled_from([None, None, *earlier])),
                void_from=draw(st.sampled_from([None, None, None, NEVER_VALID, moment(draw(st.integers(0, 7)))])),
            )
        )  # fmt: skip
    return reports


def split(reports: list[Report]) -> tuple[list[Report], list[Report]]:
    """The reports about incident x alone, and those about it and another."""
    return [r for r in reports if len(r.incidents) == 1], [r for r in reports if len(r.incidents) > 1]


@pytest.mark.slow
@given(histories(), st.integers(-1, 9))
@settings(max_examples=1000)
def test_the_headline_matches_the_plain_rule(reports: list[Report], day: int) -> None:
    own, others = split(reports)
    found, right = headline(own, others, day * DAY), plain_rule.headline(own, others, day * DAY)
    assert (found and found.as_json()) == (right and right.as_json())


@pytest.mark.slow
@given(histories(), st.integers(-1, 9))
@settings(max_examples=1000)
def test_spans_match_the_plain_rule_at_every_instant(reports: list[Report], since: int) -> None:
    own, others = split(reports)
    found = spans(own, others, since * DAY)
    for day in range(max(since, 0), 10):
        holding = [span.headline for span in found if span.start.instant <= day * DAY]
        right = plain_rule.headline(own, others, day * DAY)
        assert (holding[-1].as_json() if holding else None) == (right and right.as_json()), day


@given(histories(), st.integers(-1, 9))
@settings(max_examples=500)
def test_a_report_is_superseded_by_the_first_report_that_the_rule_names(reports: list[Report], day: int) -> None:
    found = successors(reports, day * DAY)
    for report in reports:
        if report.reported.instant <= day * DAY:
            assert found.get(report.id) == plain_rule.superseding(report, reports, day * DAY)


@given(histories())
def test_low_best_and_high_are_in_order(reports: list[Report]) -> None:
    own, others = split(reports)
    for span in spans(own, others):
        numbers = span.headline.numbers
        if numbers.best is not None:
            assert numbers.low is not None and numbers.high is not None
            assert numbers.low <= numbers.best <= numbers.high
        elif numbers.low is not None and numbers.high is not None:
            assert numbers.low <= numbers.high


@given(histories(), st.randoms())
def test_the_order_of_the_input_does_not_matter(reports: list[Report], random: object) -> None:
    shuffled = list(reports)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert headline(shuffled, [], LAST_INSTANT) == headline(reports, [], LAST_INSTANT)


@given(histories())
def test_second_tier_claims_are_never_best_and_parts_never_lower_the_whole(reports: list[Report]) -> None:
    valid = [r for r in reports if r.supersedes is None]
    first_tier = [r for r in valid if r.reporter_kind not in SECOND_TIER and r.best is not None]
    boasts = [r for r in valid if r.reporter_kind in SECOND_TIER]
    alone, together = headline(first_tier, [], LAST_INSTANT), headline(first_tier + boasts, [], LAST_INSTANT)
    if alone and together and alone.numbers.low is not None:
        assert together.numbers.best == alone.numbers.best
        assert together.numbers.high >= alone.numbers.high  # type: ignore[operator]
        parts = [r for r in boasts if r.victims is not Victims.ALL]
        whole = headline([r for r in first_tier if r.victims is Victims.ALL] + parts, [], LAST_INSTANT)
        of_first = headline([r for r in first_tier if r.victims is Victims.ALL], [], LAST_INSTANT)
        if whole and of_first and of_first.numbers.low is not None:
            assert whole.numbers.low == of_first.numbers.low


@given(histories())
def test_the_deltas_of_a_history_add_up(reports: list[Report]) -> None:
    own, _ = split(reports)
    told = effects(own, [], LAST_INSTANT)
    assert told.keys() == {r.id for r in own}
    last = headline(own, [], LAST_INSTANT)
    if last is None:
        return
    moves = sum(1 for e in told.values() if e.delta)
    assert moves <= last.revisions
    if last.first is not None and last.numbers.best is not None and moves == last.revisions:
        assert last.first + sum(e.delta or 0 for e in told.values()) == last.numbers.best


@given(histories())
def test_the_timeline_has_no_gaps_and_no_empty_steps(reports: list[Report]) -> None:
    own, others = split(reports)
    steps = timeline(Measure.KILLED, own, others, LAST_INSTANT)
    if not own:
        assert steps == []
        return
    assert [s["to"] for s in steps[:-1]] == [s["from"] for s in steps[1:]] and steps[-1]["to"] is None
    numbers = [(s["low"], s["best"], s["high"]) for s in steps]
    assert all(a != b for a, b in pairwise(numbers))
