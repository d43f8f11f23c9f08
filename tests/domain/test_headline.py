"""The headline rule by example, in the order in which the rule is stated."""

from typing import Any

import pytest

from app.domain.dates import LAST_INSTANT, parse_moment
from app.domain.headline import headline, successors
from app.domain.report import NEVER_VALID, Report
from tests.builders import rule_report


def told(*reports: Report, at: str | None = None, others: tuple[Report, ...] = ()) -> dict[str, Any]:
    found = headline(reports, others, parse_moment(at).instant if at else LAST_INSTANT)
    assert found is not None
    return found.as_json()


def figures(*reports: Report, **options: Any) -> tuple[Any, ...]:
    found = told(*reports, **options)
    return found["low"], found["best"], found["high"]


def test_the_headline_of_indelimane_is_53_then_49() -> None:
    # given the government's figure and the army's, which replaces it expressly
    gov = rule_report("gov", 53, "ministry", "2019-11-01", victims="military")
    army = rule_report("fama", 49, "army", "2019-11-02", victims="military", supersedes="gov")
    # then each day has its own answer
    assert figures(gov, army, at="2019-11-01") == (53, 53, 53)
    assert told(gov, army) == {
        "low": 49, "best": 49, "high": 49, "open_ended": False, "first": 53, "change": "lowered", "revisions": 1,
        "spread": 0, "disputed": False, "reports": 2, "reported_on": "2019-11-02",
    }  # fmt: skip
    assert headline([gov, army], [], parse_moment("2019-10-31").instant) is None


def test_a_claim_of_the_attackers_widens_and_disputes_the_headline() -> None:
    army = rule_report("army", 49, "army", "2019-11-02", victims="military")
    claim = rule_report("claim", 70, "group", "2019-11-04", victims="military")
    found = told(army, claim)
    assert (found["low"], found["best"], found["high"], found["spread"]) == (49, 49, 70, 21)
    assert (found["disputed"], found["revisions"], found["reported_on"]) == (True, 0, "2019-11-02")


def test_forty_and_more_than_forty_make_an_open_ended_headline() -> None:
    article = rule_report("article", 40, "paper", "2019-11-02", victims="military")
    unnamed = rule_report("unnamed", 40, "nameless", "2019-11-02", victims="military", bound="more_than")
    found = told(article, unnamed)
    assert (found["low"], found["best"], found["high"]) == (40, 40, 41)
    assert (found["open_ended"], found["disputed"], found["reports"]) == (True, True, 2)


def test_a_reporters_new_figure_replaces_the_earlier_one() -> None:
    assert figures(rule_report("a", 15, "army"), rule_report("b", 35, "army", "2019-11-02")) == (35, 35, 35)


def test_a_repeated_figure_leaves_both_reports_standing() -> None:
    first, again = rule_report("a", 15, "army"), rule_report("b", 15, "army", "2019-11-02")
    assert successors([first, again], LAST_INSTANT) == {}
    assert told(first, again)["reported_on"] == "2019-11-02"


def test_a_report_of_another_victims_group_supersedes_only_by_name() -> None:
    everyone = rule_report("a", 54, "army")
    soldiers = rule_report("b", 49, "army", "2019-11-02", victims="military")
    assert figures(everyone, soldiers) == (54, 54, 54)
    replacing = rule_report("c", 49, "army", "2019-11-02", victims="military", supersedes="a")
    assert figures(everyone, replacing) == (49, 49, 49)


def test_another_reporters_figure_widens_the_range_and_the_newest_is_best() -> None:
    found = told(rule_report("a", 53, "ministry"), rule_report("b", 49, "army", "2019-11-02"))
    assert (found["low"], found["best"], found["high"], found["disputed"]) == (49, 49, 53, True)


def test_equal_instants_are_ordered_by_recording() -> None:
    later, earlier = rule_report("b", 2, "army", order=2), rule_report("a", 1, "ministry", order=1)
    assert told(later, earlier)["best"] == 2
    assert told(later, earlier)["first"] == 1


@pytest.mark.parametrize(
    ("bound", "best", "expected", "open_ended"),
    [
        ("exact", 49, (49, 49, 49), False),
        ("at_least", 49, (49, 49, 49), True),
        ("more_than", 49, (50, None, 50), True),
        ("at_most", 49, (0, 49, 49), False),
        ("about", 20, (20, 20, 20), False),
        ("exact", 0, (0, 0, 0), False),
    ],
)
def test_a_bound_determines_low_and_high(bound: str, best: int, expected: tuple[Any, ...], open_ended: bool) -> None:
    one = rule_report("a", best, bound=bound)
    assert figures(one) == expected
    assert told(one)["open_ended"] is open_ended


def test_a_range_keeps_low_and_high() -> None:
    assert figures(rule_report("a", None, bound="range", low=10, high=30)) == (10, None, 30)
    assert figures(rule_report("a", 20, bound="range", low=10, high=30)) == (10, 20, 30)


def test_figures_of_separate_victim_groups_are_summed() -> None:
    soldiers = rule_report("a", 10, "army", "2019-11-01", victims="military")
    civilians = rule_report("b", 4, "ministry", "2019-11-03", victims="civilian", bound="more_than")
    found = told(soldiers, civilians)
    # a null best counts as its low
    assert (found["low"], found["best"], found["high"]) == (15, 15, 15)
    assert (found["open_ended"], found["reported_on"]) == (True, "2019-11-03")


def test_a_first_tier_figure_for_all_victims_is_the_headline() -> None:
    assert figures(rule_report("a", 54), rule_report("b", 49, "army", "2019-11-02", victims="military")) == (54, 54, 54)


def test_a_second_tier_all_does_not_displace_summed_groups() -> None:
    found = told(rule_report("a", 49, "army", victims="military"), rule_report("b", 70, "group", "2019-11-02"))
    assert (found["low"], found["best"], found["high"], found["disputed"]) == (49, 49, 70, True)


def test_second_tier_figures_are_the_headline_when_there_are_no_others() -> None:
    assert figures(rule_report("a", 70, "group")) == (70, 70, 70)
    assert figures(rule_report("a", 70, "group", victims="military")) == (70, 70, 70)


def test_a_part_disputes_the_whole_only_when_it_exceeds_it() -> None:
    whole = rule_report("a", 54)
    assert told(whole, rule_report("b", 20, "nameless", victims="civilian"))["disputed"] is False
    assert told(whole, rule_report("b", 60, "nameless", victims="civilian"))["disputed"] is True


@pytest.mark.parametrize(("other", "disputed"), [(18, False), (22, False), (17, True), (23, True)])
def test_about_means_ten_percent_rounded_outward(other: int, disputed: bool) -> None:
    assert told(rule_report("a", 20, "army", bound="about"), rule_report("b", other))["disputed"] is disputed


def test_an_open_ended_figure_overlaps_every_larger_one() -> None:
    assert told(rule_report("a", 40, "army", bound="at_least"), rule_report("b", 90))["disputed"] is False
    assert told(rule_report("a", 40, "army", bound="at_least"), rule_report("b", 39))["disputed"] is True


def test_a_report_that_was_never_valid_counts_without_moving_the_headline() -> None:
    false_alarm = rule_report("a", 200, "army", "2019-11-01", void_from=NEVER_VALID)
    found = told(false_alarm, rule_report("b", 49, "army", "2019-11-02"))
    assert (found["best"], found["first"], found["revisions"], found["reports"]) == (49, 49, 0, 2)


def test_a_headline_of_only_void_reports_has_null_figures() -> None:
    found = told(rule_report("a", 200, void_from=NEVER_VALID))
    assert (found["low"], found["best"], found["high"], found["spread"], found["reports"]) == (None,) * 4 + (1,)
    assert (found["reported_on"], found["change"]) == (None, "none")


def test_a_dated_retraction_restores_the_superseded_report_from_its_instant() -> None:
    old = rule_report("a", 53)
    new = rule_report("b", 49, "army", "2019-11-02", supersedes="a", void_from=parse_moment("2019-11-05"))
    assert figures(old, new, at="2019-11-04") == (49, 49, 49)
    assert figures(old, new, at="2019-11-05") == (53, 53, 53)


def test_figures_by_incident_may_replace_a_shared_figure() -> None:
    both = rule_report("both", 40, incidents=["x", "y"])
    part = rule_report("part", 25, "army", "2019-11-02", supersedes="both")
    found = told(both, others=(part,))
    assert (found["best"], found["first"], found["revisions"]) == (None, 40, 1)
    assert told(both, others=(part,), at="2019-11-01")["best"] == 40
