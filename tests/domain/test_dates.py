"""Days and instants in requests."""

from datetime import date

import pytest

from app.domain.dates import FOREVER, LAST_INSTANT, end_of_day, instant_text, opening, parse_day, parse_moment


def test_a_day_means_its_last_instant_and_keeps_its_text() -> None:
    day = parse_moment("2019-11-01")
    assert day.text == "2019-11-01"
    assert instant_text(day.instant) == "2019-11-01T23:59:59.999999Z"
    assert instant_text(opening(day)) == "2019-11-01T00:00:00Z"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2019-11-01T18:00:00Z", "2019-11-01T18:00:00Z"),
        ("2019-11-01t18:00:00z", "2019-11-01T18:00:00Z"),
        ("2019-11-01T18:00:00+01:00", "2019-11-01T17:00:00Z"),
        ("2019-11-01T18:00:00 01:00", "2019-11-01T17:00:00Z"),
        ("2019-11-01T18:00:00.000001Z", "2019-11-01T18:00:00.000001Z"),
    ],
)
def test_an_instant_is_read_with_its_offset(sent: str, meant: str) -> None:
    assert instant_text(parse_moment(sent).instant) == meant


@pytest.mark.parametrize(
    "sent",
    [
        "", "2019", "20191101", "2019-W44-5", "2019-11-31", "2019-13-01", "0000-01-01", "10000-01-01", "1572652799",
        "2019-11-01T18:00:00", "2019-11-01T18:00Z", "2019-11-01T25:00:00Z", "2019-11-01T18:00:60Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2019-11-01T18:00:00.1234567Z", "٢٠١٩-١١-٠١",
        "2019-11-01\n", "2019-11-01T18:00:00+24:00",
    ],
)  # fmt: skip
def test_any_other_text_is_rejected(sent: str) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        parse_moment(sent)


def test_the_last_day_of_the_calendar_is_before_forever() -> None:
    assert end_of_day(parse_day("9999-12-31")) == LAST_INSTANT == FOREVER - 1
    assert parse_day("0001-01-01") == date(1, 1, 1)
    assert instant_text(end_of_day(date(1, 1, 1))) == "0001-01-01T23:59:59.999999Z"
