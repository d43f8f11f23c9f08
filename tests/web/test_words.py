"""Figures, dates and codes in the words of the pages."""

from typing import Any

import pytest

from app.web import words


def told(low: int | None, best: int | None, high: int | None, **more: Any) -> dict[str, Any]:
    return {"low": low, "best": best, "high": high} | more


@pytest.mark.parametrize(
    ("headline", "figure", "main"),
    [
        (told(49, 49, 49), "49", "49"),
        (told(0, 0, 0), "0", "0"),
        (told(10, 12, 15), "12 (10–15)", "12"),
        (told(10, 12, 15, open_ended=True), "12 (10–15+)", "12"),
        (told(40, 40, 40, open_ended=True), "40+", "40"),
        (told(10, None, 15), "10–15", "10–15"),
        (told(None, None, 15), "at most 15", "at most 15"),
        (told(41, None, None), "41", "41"),
        (told(41, None, None, open_ended=True), "41+", "41+"),
        (told(None, None, None), "–", "–"),
        (told(1200, 12521, 15000), "12,521 (1,200–15,000)", "12,521"),
        (told(41, None, None, bound="more_than"), "more than 41", "more than 41"),
        (told(None, 20, None, bound="about"), "about 20", "20"),
        (told(3, 3, None, bound="at_least"), "at least 3", "3"),
        (told(None, None, 7, bound="at_most"), "at most 7", "at most 7"),
    ],
)
def test_figures_are_worded(headline: dict[str, Any], figure: str, main: str) -> None:
    assert (words.figure(headline), words.main_figure(headline)) == (figure, main)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2019-11-01", "2019-11-01", "1 November 2019"),
        ("2019-11-01", "2019-11-03", "1–3 November 2019"),
        ("2019-10-31", "2019-11-03", "31 October – 3 November 2019"),
        ("2018-12-31", "2019-01-01", "31 December 2018 – 1 January 2019"),
        ("0001-01-01", "9999-12-31", "1 January 0001 – 31 December 9999"),
    ],
)
def test_dates_of_incidents_are_worded(start: str, end: str, said: str) -> None:
    assert words.days({"date_start": start, "date_end": end}) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "–"),
        ("2019-11-01", "1 November 2019"),
        ("2019-11-01T09:05:00Z", "1 November 2019, 09:05 UTC"),
        ("2019-11-01T09:05:00.123456Z", "1 November 2019, 09:05 UTC"),
        ("2019-11-01T09:05:00+02:00", "1 November 2019, 09:05 +02:00"),
        ("2019-11-01T09:05:00.5-03:30", "1 November 2019, 09:05 -03:30"),
    ],
)
def test_instants_are_worded(text: str | None, said: str) -> None:
    assert words.moment(text) == said


@pytest.mark.parametrize(
    ("change", "delta", "said"),
    [
        ("first", None, "first figure"),
        ("raised", 5, "raised the headline by 5"),
        ("lowered", -4, "lowered the headline by 4"),
        ("confirmed", 0, "confirmed the headline"),
        ("retracted", None, "retracted"),
        (None, None, "–"),
    ],
)
def test_effects_of_reports_are_worded(change: str | None, delta: int | None, said: str) -> None:
    assert words.effect({"change": change, "delta": delta}) == said


def test_changes_of_headlines_are_worded() -> None:
    assert words.moved({"change": "lowered", "first": 53}) == "lowered from 53"
    assert words.moved({"change": "none", "first": 53}) == ""


def test_places_are_worded() -> None:
    item = {"place": "Indelimane", "district": None, "region": {"code": "ML-9", "name": "Ménaka"}}
    assert words.where(item, "Mali") == "Indelimane, Ménaka, Mali"
    assert (
        words.where({"place": "Ménaka", "district": "Ménaka", "region": {"name": "Ménaka"}}, "Mali") == "Ménaka, Mali"
    )
    assert words.where({"place": None, "district": None, "region": None}, "Mali") == "Mali"


def test_codes_and_counts_are_worded() -> None:
    assert words.word("armed_group") == "armed group"
    assert words.word("ngo") == "NGO"
    assert [words.plural(n, "report") for n in (0, 1, 2, 1298)] == [
        "0 reports",
        "1 report",
        "2 reports",
        "1,298 reports",
    ]
    assert words.plural(2, "country", "countries") == "2 countries"
