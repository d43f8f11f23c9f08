"""A history four times as long costs about four times as much, in every shape."""

from itertools import pairwise

import pytest
from hypothesis import given, settings

from app.domain.dates import LAST_INSTANT
from app.domain.headline import LOOK_EVERY, headline, successors
from app.domain.history import account, spans, superseding
from app.domain.report import Report
from app.domain.vocabulary import Measure
from tests.domain import plain_rule
from tests.domain.growth import cost
from tests.domain.shapes import SHAPES, X, moment
from tests.domain.test_headline_properties import histories, split


def _everything(own: list[Report], others: list[Report]) -> None:
    spans(own, others)
    account(Measure.KILLED, own, others, LAST_INSTANT)
    successors([*own, *others], LAST_INSTANT)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_the_cost_of_a_history_grows_linearly(name: str) -> None:
    shape = SHAPES[name]
    short, long = cost(shape(500), _everything), cost(shape(2000), _everything)
    assert long / short <= 8, f"{short:.3f} s of 500 reports, {long:.3f} s of 2,000"  # quadratic: 16 and more


@pytest.mark.parametrize("name", SHAPES)
def test_a_long_history_matches_the_plain_rule(name: str) -> None:
    reports = SHAPES[name](120)
    own, others = [r for r in reports if r.incidents == X], [r for r in reports if r.incidents != X]
    found = spans(own, others)
    for one, following in pairwise([*found, None]):
        assert one is not None
        if following is None or found.index(one) % 10 == 0:
            right = plain_rule.headline(own, others, one.start.instant)
            assert right and one.headline.as_json() == right.as_json(), one.start.text


@given(histories())
@settings(max_examples=300)
def test_effects_and_timeline_match_the_headline_at_each_report(reports: list[Report]) -> None:
    own, others = split(reports)
    for day in (2, 5, 9):
        at = day * 86_400_000_000
        told = account(Measure.KILLED, own, others, at)
        last = headline(own, others, at)
        assert told.effects.keys() == {r.id for r in own if r.reported.instant <= at}
        if last:
            numbers = last.numbers
            step = told.timeline[-1]
            assert (step["low"], step["best"], step["high"]) == (numbers.low, numbers.best, numbers.high)


def test_superseding_reports_are_found_by_their_set_of_incidents() -> None:
    reports = SHAPES["shared"](200)
    by_id = {r.id: r for r in reports}
    for covered, found in superseding(reports).items():
        assert [r.id for r in found] == [
            r.id
            for r in reports
            if r.supersedes and by_id[r.supersedes].incidents == covered and r.incidents != covered
        ]


@pytest.mark.parametrize("name", ["one reporter", "several groups, half retracted"])
def test_a_long_computation_checks_for_cancellation(name: str) -> None:
    reports, looks = SHAPES[name](5 * LOOK_EVERY), 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks > 3:
            raise TimeoutError

    for reckon in (
        lambda: account(Measure.KILLED, reports, [], LAST_INSTANT, look),
        lambda: spans(reports, [], moment(0).instant, look),
        lambda: successors(reports, LAST_INSTANT, look),
    ):
        looks = 0
        with pytest.raises(TimeoutError):
            reckon()
        assert looks == 4
