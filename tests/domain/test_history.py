"""The history of a headline: the effect of each report, and the spans of each headline."""

from app.domain.dates import LAST_INSTANT, parse_moment
from app.domain.history import effects, timeline
from app.domain.report import NEVER_VALID
from app.domain.vocabulary import Measure
from tests.builders import rule_report

SEQUENCE = [
    rule_report("15", 15, "army", "2019-11-01T10:00:00Z", victims="military"),
    rule_report("35", 35, "army", "2019-11-01T15:00:00Z", victims="military"),
    rule_report("54", 54, "ministry", "2019-11-01T20:00:00Z"),
    rule_report("49", 49, "army", "2019-11-02", victims="military", supersedes="54"),
    rule_report("70", 70, "group", "2019-11-04", victims="military"),
]


def test_a_correction_differs_from_another_reporters_disagreement() -> None:
    told = [(e.change.value, e.delta, e.source_changed) for e in effects(SEQUENCE, [], LAST_INSTANT).values()]
    assert told == [
        ("first", None, None),
        ("raised", 20, False),
        ("raised", 19, True),
        ("lowered", -5, True),
        ("unchanged", 0, True),
    ]


def test_an_equal_figure_of_another_reporter_confirms() -> None:
    told = effects([rule_report("a", 49), rule_report("b", 49, "army", "2019-11-02")], [], LAST_INSTANT)
    assert (told["b"].change.value, told["b"].delta, told["b"].source_changed) == ("confirmed", 0, True)


def test_a_void_report_is_shown_as_retracted() -> None:
    told = effects(
        [rule_report("a", 49, void_from=NEVER_VALID), rule_report("b", 3, reported_on="2019-11-02")], [], LAST_INSTANT
    )
    assert [e.change.value for e in told.values()] == ["retracted", "first"]


def test_the_timeline_is_half_open_and_stops_at_as_of() -> None:
    told = [(s["from"], s["to"], s["best"], s["high"]) for s in timeline(Measure.KILLED, SEQUENCE, [], LAST_INSTANT)]
    assert told == [
        ("2019-11-01T10:00:00Z", "2019-11-01T15:00:00Z", 15, 15),
        ("2019-11-01T15:00:00Z", "2019-11-01T20:00:00Z", 35, 35),
        ("2019-11-01T20:00:00Z", "2019-11-02", 54, 54),
        ("2019-11-02", "2019-11-04", 49, 49),
        ("2019-11-04", None, 49, 70),
    ]
    cut = timeline(Measure.KILLED, SEQUENCE, [], parse_moment("2019-11-02").instant)
    assert [(s["from"], s["to"]) for s in cut][-1] == ("2019-11-02", None)


def test_a_report_that_splits_a_shared_figure_affects_its_own_incident() -> None:
    both = rule_report("both", 40, incidents=["x", "y"])
    part = rule_report("part", 15, "army", "2019-11-02", supersedes="both")
    assert "part" not in effects([both], [part], LAST_INSTANT)
    told = effects([part], [both], LAST_INSTANT)["part"]
    assert (told.change.value, told.delta, told.source_changed) == ("first", None, None)
