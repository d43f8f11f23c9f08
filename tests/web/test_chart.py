"""The toll chart: the headline and each report, at their positions."""

import re
from typing import Any

import pytest

from app.web import chart
from tests.support import INDELIMANE, Client


def drawn(history: dict[str, Any]) -> list[chart.Chart]:
    return chart.charts(history["reports"], history["timeline"])


def report(best: int | None, reported_on: str, **more: Any) -> dict[str, Any]:
    usual = {
        "id": f"tr-{reported_on}-{best}", "measure": "killed", "low": best, "best": best, "high": best, "bound": "exact",
        "incidents": ["a"], "reported_on": reported_on, "status": "standing", "change": "first", "delta": None,
        "reported_by": {"id": "gov", "name": "A government"}, "source": {"id": "s", "title": "A page"},
    }  # fmt: skip
    return usual | more


def step(best: int | None, begin: str, to: str | None, **more: Any) -> dict[str, Any]:
    return {"measure": "killed", "low": best, "best": best, "high": best, "from": begin, "to": to} | more


def test_the_chart_of_indelimane_shows_53_then_49(client: Client) -> None:
    # when
    (killed, *others) = drawn(client.json(f"{INDELIMANE}/toll-history"))

    # then
    assert killed.measure == "killed"
    assert [s.label for s in killed.steps] == ["53", "49"]
    assert killed.steps[0].x < killed.steps[1].x
    assert killed.steps[0].y < killed.steps[1].y, "53 stands higher"
    first, second = killed.steps
    assert killed.line == f"M{first.x} {first.y}H{second.x} V{second.y}H{float(chart.RIGHT)}", "one line with one step"
    assert {(m.x, m.y) for m in killed.marks} == {(first.x, first.y), (second.x, second.y)}
    assert killed.summary.startswith("Headline killed: 53 from 1 November 2019")
    assert "49 from 2 November 2019" in killed.summary
    assert {m.status for m in killed.marks} == {"superseded", "standing"}
    labels = " | ".join(m.label for m in killed.marks)
    assert "53 killed" in labels and "lowered the headline by 4" in labels
    assert others, "the wounded have their own"


@pytest.mark.parametrize(
    ("reports", "steps"),
    [
        ([report(0, "2020-01-01")], [step(0, "2020-01-01", None)]),
        ([report(10**9, "0001-01-01")], [step(10**9, "0001-01-01", None)]),
        ([report(3, "9999-12-31")], [step(3, "9999-12-31", None)]),
        ([report(None, "2020-01-01", low=41, bound="more_than")], [step(None, "2020-01-01", None, low=41)]),
        ([report(5, "2020-01-01", status="retracted")], []),
        ([report(5, f"2020-01-{d:02}T12:00:00+02:00") for d in range(1, 29)], [step(5, "2020-01-01T12:00:00Z", None)]),
    ],
)
def test_every_element_is_inside_of_the_drawing(reports: list[Any], steps: list[Any]) -> None:
    (made,) = drawn({"reports": reports, "timeline": steps})
    xs = [*(m.x for m in made.marks), *(s.x for s in made.steps), *(t.at for t in made.days)]
    ys = [*(y for m in made.marks for y in (m.y, m.low, m.high)), *(s.y for s in made.steps)]
    assert len(made.marks) == len(reports)
    assert all(chart.LEFT <= x <= chart.RIGHT for x in xs)
    assert all(chart.TOP <= y <= chart.BOTTOM for y in ys)
    assert not re.search("nan|inf|None", made.line + made.band)
    assert all(b.at - a.at >= 100 for a, b in zip(made.days, made.days[1:], strict=False)), "labels keep apart"


def test_a_band_is_drawn_when_low_and_high_differ() -> None:
    history = {
        "reports": [report(12, "2020-01-01", low=10, high=15)],
        "timeline": [step(12, "2020-01-01", None, low=10, high=15)],
    }
    (made,) = drawn(history)
    assert made.band.startswith("M") and made.band.endswith("Z")
    assert made.marks[0].high < made.marks[0].y < made.marks[0].low


def test_a_time_without_a_figure_is_a_gap() -> None:
    history = {
        "reports": [report(5, "2020-01-01", status="retracted"), report(7, "2020-01-10")],
        "timeline": [step(5, "2020-01-01", "2020-01-03"), step(7, "2020-01-10", None)],
    }
    (made,) = drawn(history)
    assert made.line.count("M") == 2


def test_reports_of_the_same_moment_stand_side_by_side() -> None:
    reports = [report(n, "2020-01-01", id=f"tr-{n}") for n in (1, 2, 3)]
    (made,) = drawn({"reports": reports, "timeline": [step(3, "2020-01-01", None)]})
    assert len({m.x for m in made.marks}) == 3


def test_a_shared_figure_is_labeled(client: Client) -> None:
    (killed,) = drawn(client.json("/v1/incidents/ml-2019-10-burkina-border-1/toll-history"))
    assert killed.line == "" and killed.marks, "it is no headline of this one"
    assert all("killed in 2 incidents jointly, reported by" in mark.label for mark in killed.marks)


def test_nothing_is_drawn_without_reports() -> None:
    assert drawn({"reports": [], "timeline": []}) == []
