"""Days and instants as GIS clients write them."""

import pytest

from app.domain.client_times import ordinal_of, parse_client_time
from app.domain.dates import DAY_LENGTH, end_of_day, parse_day, parse_moment

NOON = parse_moment("2026-02-10T12:00:00Z").instant
MIDNIGHT = parse_moment("2026-02-10T00:00:00Z").instant
TIMES = {
    "2026-02-10": MIDNIGHT, "2026-02-10T": MIDNIGHT, "2026-02-10T12Z": NOON, "2026-02-10T12:00Z": NOON, "2026-02-10T12": NOON,
    "2026-02-10T12:00:00Z": NOON, "2026-02-10T12:00:00.000Z": NOON, "2026-02-10 12:00:00": NOON, "2026-02-10t12:00:00z": NOON,
    "2026-02-10T13:30:00+01:30": NOON, "2026-02-10T13:30:00 0130": NOON, "2026-02-10T07:00:00-05:00": NOON,
    "2026-02-10T12:00:00.5Z": NOON + 500_000, "2026-02-10T12:00:00.000001": NOON + 1, "2026-02-10T12:00:00.1234560000Z": NOON + 123_456,
    "9999-12-31T23:59:59.999999Z": end_of_day(parse_day("9999-12-31")), "0001-01-01": parse_moment("0001-01-01T00:00:00Z").instant,
}  # fmt: skip


@pytest.mark.parametrize(("text", "instant"), TIMES.items())
def test_every_time_format_of_gdal_and_qgis_is_read(text: str, instant: int) -> None:
    assert parse_client_time(text) == instant


def test_the_year_0000_is_the_year_before_1() -> None:
    first = parse_client_time("0001-01-01")
    assert parse_client_time("0000-12-31") == first - DAY_LENGTH
    assert parse_client_time("0000-01-01T00:00:00Z") == first - 366 * DAY_LENGTH
    assert parse_client_time("0001-01-01T00:00:00+14:00") < first


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-02", "2026-02-30", "2026-13-01", "2026-02-10T24:00:00Z", "2026-02-10T12:60Z", "2026-02-10T12:00:60Z",
     "2026-02-10T12:00:00+24:00", "2026-02-10T12:00:00+01:60", "2026-02-10T12:00:00.1234567Z", "10/02/2026", "now", "..",
     "٢٠٢٦-02-10", "2026-02-10\n", "-2026-02-10", "2026-02-10TZ", "2026-02-10T12:00:00ZZ"],
)  # fmt: skip
def test_text_that_is_not_a_time_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|offset"):
        parse_client_time(text)


def test_a_day_compares_with_an_instant_as_midnight() -> None:
    day = parse_day("2026-02-10").toordinal()
    assert ordinal_of(MIDNIGHT) == day
    assert day < ordinal_of(MIDNIGHT + 1) < day + 1
    assert day - 1 < ordinal_of(MIDNIGHT - 1) < day
