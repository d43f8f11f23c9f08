"""Days and times in files: every format in use, without guessing."""

import re
import time
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.written_days import DayColumn, DayOrder, read_day, read_month
from app.formats.layouts.moments import read_moment

DMY, MDY = DayOrder.DAY_FIRST, DayOrder.MONTH_FIRST
APRIL = date(2020, 4, 15)


@pytest.mark.parametrize(
    "text",
    [
        "2020-04-15", "2020/04/15", "2020.04.15", "2020-4-15", "20200415", "43936", "43936.0", "43936.5",
        "2020-04-15 00:00:00", "2020-04-15T00:00:00Z", "2020-04-15 00:00:00.000", "2020-04-15T00:00:00.000000000",
        "2020-04-15 00:00:00+00:00", "2020-04-15T00:00:00+03:00", "2020-04-15 14:30", "2020-04-15 2:30:00 PM",
        "2020-04-15 12:00:00 AM", "2020-04-15 00:00:00 UTC",
        "15-Apr-2020", "15-Apr-20", "15 Apr 2020", "15/Apr/2020", "15.Apr.2020", "15-April-2020", "15-APR-20", "15APR2020",
        "April 15, 2020", "Apr 15, 2020", "Apr. 15, 2020", "April 15th, 2020", "Wednesday, April 15, 2020",
        "Wed, 15 Apr 2020", "15 April 2020", "15th of April 2020", "2020 April 15", "2020-Apr-15",
        "15 avril 2020", "15 de abril de 2020", "miércoles, 15 de abril de 2020", "15. April 2020", "15-abr-20", "15-avr.-20",
        "1586908800000", "1586908800000.0",
    ],
)  # fmt: skip
def test_every_unambiguous_format_of_a_day_is_read(text: str) -> None:
    for order in (None, DMY, MDY):
        found = read_day(text, order, 2020)
        assert (found.day, found.repair) == (APRIL, None)


@pytest.mark.parametrize(
    "text",
    [
        "15/04/2020",
        "15.04.2020",
        "15-04-2020",
        "15/4/2020",
        "15/04/20",
        "15-04-20",
        "15/04/2020 0:00",
        "15/04/2020 12:00:00 AM",
    ],
)
def test_a_day_with_the_year_last_uses_the_order_of_its_column(text: str) -> None:
    # given the same day as the other convention writes it
    day, month = text[:2], text[3:].split(text[2])[0]
    other = text.replace(f"{day}{text[2]}{month}", f"{month}{text[2]}{day}", 1)

    # then
    assert read_day(text, DMY, 2020).day == read_day(other, MDY, 2020).day == APRIL
    for wrong, order in ((text, MDY), (other, DMY)):
        with pytest.raises(ValueError, match="as its month, read with the"):
            read_day(wrong, order, 2020)


@pytest.mark.parametrize("text", ["05/06/2001", "5.6.2001", "05-06-01", "15/04/2020", "04/15/2020"])
def test_a_day_with_the_year_last_is_rejected_without_an_order(text: str) -> None:
    with pytest.raises(ValueError, match="--dates dmy or --dates mdy"):
        read_day(text, None, 2001)


def test_a_day_that_is_equal_in_both_orders_needs_none() -> None:
    assert read_day("06/06/2001", None).day == date(2001, 6, 6)


@pytest.mark.parametrize(
    ("text", "year", "read"),
    [
        ("9-May-20", 2020, 2020),
        ("9-May-98", 1998, 1998),
        ("9-May-20", 1920, 1920),
        ("31-12-19", 2019, 2019),
        ("31-12-99", 1999, 1999),
    ],
)
def test_a_stated_year_determines_the_century_of_two_digits(text: str, year: int, read: int) -> None:
    found = read_day(text, DMY, year)
    assert (found.day.year, found.repair) == (read, None)


@pytest.mark.parametrize(("text", "read"), [("9-May-98", 1998), ("9-May-20", 2020), ("31-12-99", 1999)])
def test_two_digits_without_a_stated_year_are_the_latest_such_year_and_marked(text: str, read: int) -> None:
    found = read_day(text, DMY)
    assert found.day.year == read
    assert found.repair == f"two digits of a year, {read % 100:02}, read as {read}"


@pytest.mark.parametrize(
    "text",
    [
        "", "about April 15, 2020", "April 2020", "2020", "31/02/2020", "2020-02-30", "20201332", "15-Jui-2020", "15 Smarch 2020", "before 15 April 2020",
        "15 April 2020 or 16 April 2020", "April 15", "123", "99999999", "2020-04-15 25:00", "2020-04-15T05:30:00+02:00", "12/2020", "1.5", "0", "-", "15-Apr-020",
        "١٥-٠٤-٢٠٢٠", "15 Apr", "Apr 15 16 2020",
    ],
)  # fmt: skip
def test_an_ambiguous_day_is_rejected(text: str) -> None:
    for order in DayOrder:
        with pytest.raises(ValueError, match=r"^(is not|has|contradicts|may)"):
            read_day(text, order, 2020)


@given(st.text(max_size=30), st.sampled_from([None, *DayOrder]), st.none() | st.integers(0, 9999))
def test_any_cell_is_read_as_a_day_or_rejected(text: str, order: DayOrder | None, year: int | None) -> None:
    for read in (lambda: read_day(text, order, year), lambda: read_moment(text, order), lambda: read_month(text)):
        with suppress(ValueError):
            read()


@given(st.dates(date(1950, 1, 1), date(2026, 1, 1)), st.sampled_from([DMY, MDY]))
def test_days_written_by_common_programs_are_read(day: date, order: DayOrder) -> None:
    # given the forms that R, Excel, pandas and ACLED have
    last = f"{day:%d/%m/%Y}" if order is DMY else f"{day:%m/%d/%Y}"
    short = f"{day.day}.{day.month}.{day:%y}" if order is DMY else f"{day.month}.{day.day}.{day:%y}"
    number = str((day - date(1899, 12, 30)).days)
    forms = [
        last,
        short,
        number,
        f"{day:%Y%m%d}",
        f"{day:%d-%b-%y}",
        f"{day:%B %d, %Y}",
        f"{day:%A, %d %B %Y}",
        f"{day} 00:00:00",
    ]

    # then
    assert {read_day(text, order, day.year).day for text in forms} == {day}


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["05/06/2001", "18/04/2001"], DMY), (["05/06/2020", "06/25/2020"], MDY), (["18/04/2001"], DMY), (["2001-04-18", "05/06/2001", "25.6.2001"], DMY),
        (["2001-04-18"], None), (["06/06/2001"], None), (["", "5-May-2001"], None), (["05/06/2020 0:00", "06/25/2020 0:00"], MDY), (["31-12-19"], DMY),
    ],
)  # fmt: skip
def test_the_order_is_determined_from_the_whole_column(cells: list[str], order: DayOrder | None) -> None:
    for permuted in (cells, cells[::-1]):
        column = DayColumn()
        for line, cell in enumerate(permuted, start=2):
            column.look(cell, line)
        assert column.order == order


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (
            ["06/05/2020", "07/08/2020"],
            "may have the day or the month first: line 2 has 06/05/2020, and no line decides it",
        ),
        (
            ["25/11/2002", "05/06/2001", "11/25/2002"],
            "mixes two orders: line 2 has 25/11/2002, the day first, and line 4 has 11/25/2002, the month first",
        ),
    ],
)
def test_an_undetermined_column_is_reported(cells: list[str], why: str) -> None:
    column = DayColumn()
    for line, cell in enumerate(cells, start=2):
        column.look(cell, line)
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        _ = column.order


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2002-11", (2002, 11)), ("2002/11", (2002, 11)), ("11/2002", (2002, 11)), ("November 2002", (2002, 11)), ("nov-2002", (2002, 11)), ("2002", (2002, None)),
        ("2002-13", None), ("2002-11-03", None), ("43936", None), ("", None), ("15 2002", None),
    ],
)  # fmt: skip
def test_a_month_or_a_year_without_a_day_is_read(text: str, read: tuple[int, int | None] | None) -> None:
    assert read_month(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "2020-05-11T18:08:39Z", "2020-05-11 18:08:39", "2020-05-11T18:08:39", "2020-05-11 18:08:39+00:00", "2020-05-11 18:08:39 UTC", "1589220519",
        "1589220519.0", "1589220519000", "2020-05-11T18:08:39.000", "2020-05-11T18:08:39.000000000", "2020-05-11 18:08:39.000+0000", "43962.75600694",
    ],
)  # fmt: skip
def test_every_unambiguous_format_of_an_instant_is_read(text: str) -> None:
    assert read_moment(text, None).replace("+00:00", "Z") == "2020-05-11T18:08:39Z"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2020-05-11", "2020-05-11"), ("11/05/2020", "2020-05-11"), ("11-May-2020", "2020-05-11"), ("43962", "2020-05-11"), ("20200511", "2020-05-11"),
        ("2020-05-11T20:08:39+02:00", "2020-05-11T20:08:39+02:00"), ("2020-05-11 00:00:00", "2020-05-11"), ("2020-05-11 20:08:39 +0200", "2020-05-11T20:08:39+02:00"),
        ("2020-05-11T18:08:39.123456789", "2020-05-11T18:08:39.123456Z"), ("2020-05-11 8:05", "2020-05-11T08:05:00Z"),
    ],
)  # fmt: skip
def test_a_time_keeps_its_written_precision(text: str, read: str) -> None:
    assert read_moment(text, DMY) == read


@pytest.mark.parametrize(
    "text",
    [
        "1.589E+09",
        "1,58922E+9",
        "yesterday",
        "99999999999999",
        "2020-13-01T00:00:00",
        "2020-05-11 24:30:00",
        "12",
        "18:08",
    ],
)
def test_an_ambiguous_time_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        read_moment(text, DMY)


def test_two_digits_of_the_current_year_are_this_century() -> None:
    now = datetime.now(UTC)
    assert read_day(f"1-Jan-{now:%y}", None).day == date(now.year, 1, 1)


@pytest.mark.parametrize("text", ["2002.1", "0016-05", "0000-05", "2002/13"])
def test_an_ambiguous_month_is_rejected(text: str) -> None:
    assert read_month(text) is None


@pytest.mark.parametrize("text", ["12345", "00012", "99999", "80000"])
def test_a_serial_number_outside_of_the_workbook_calendar_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is a number, which is a day of a workbook only from 1950 until today"):
        read_day(text, None)


@pytest.mark.parametrize("text", ["x" + " " * 100_000 + "x", "9 May 2020" + "." * 100_000])
def test_a_long_text_is_rejected_quickly(text: str) -> None:
    begun = time.process_time()
    for read in (lambda: read_day(text, None), lambda: read_moment(text, None)):
        with pytest.raises(ValueError, match=r"^is n"):
            read()
    assert time.process_time() - begun < 0.1


def test_a_number_beyond_31_does_not_determine_the_order() -> None:
    column = DayColumn()
    column.look("99-12-31", 2)
    assert column.order is None
