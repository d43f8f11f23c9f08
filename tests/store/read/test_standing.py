"""Exports of toll reports give each report as it is alone, and read each report once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import orjson
import pytest

from app.query.parameters import ReportQuery
from app.query.query import parse_query
from app.store.db import reader
from app.store.db.budget import Budget
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.db.statements import Fetch, NextStatement, Row, Statement, every_row
from app.store.read import reports as read_reports
from app.store.read import session as read_session
from app.store.read import standing
from tests.builders import incident_draft, record, report_draft
from tests.store.write.test_long_histories import fill

Pairs = list[tuple[str, str]]


class CountingReader(Reader):
    """A reader that counts the rows it returns."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, read_seconds=60)
        self.count = 0

    async def rows(self, statement: Statement, budget: Budget | None = None, fetch: Fetch = every_row) -> Any:
        rows = await super().rows(statement, budget, fetch)
        self.count += len(rows)
        return rows

    async def slices(self, following: NextStatement, budget: Budget | None) -> AsyncGenerator[list[Row]]:
        async for rows in super().slices(following, budget):
            self.count += len(rows)
            yield rows


def export(database: Database, pairs: Pairs) -> tuple[list[Any], int]:
    """The exported reports, and the number of rows read for them."""

    async def run() -> tuple[list[Any], int]:
        opened, query = CountingReader(database), parse_query(pairs, ReportQuery)
        try:
            session = await read_session.open_session(opened, query)
            slices = read_reports.every_toll_report(session, query)
            return [orjson.loads(item) async for items in slices for item in items], opened.count
        finally:
            opened.close()

    return asyncio.run(run())


def one_by_one(database: Database, ids: list[str], pairs: Pairs) -> list[Any]:
    """The same reports, each read alone."""

    async def run() -> list[Any]:
        opened, query = Reader(database, 60), parse_query(pairs, ReportQuery)
        try:
            session = await read_session.open_session(opened, query)
            return [orjson.loads(await session.run(read_reports.find_report, of, query)) for of in ids]
        finally:
            opened.close()

    return asyncio.run(run())


@pytest.mark.parametrize(("tail", "chains"), [(0, 10_000), (1, 1), (3, 4), (20, 10_000)])
@pytest.mark.parametrize("seed", range(3))
def test_an_export_says_of_each_report_what_the_report_alone_says(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int, tail: int, chains: int
) -> None:
    # given a random history, and exports in many short slices that remember few or many reports
    fill(database, seed, 80)
    monkeypatch.setattr(reader, "SLICE", 3)
    monkeypatch.setattr(reader, "FIRST_ROWS", 7)
    monkeypatch.setattr(standing, "LONG_TAIL", tail)
    monkeypatch.setattr(standing, "MAX_CHAINS", chains)

    clocks: list[Pairs] = [[], [("as_of", "2020-01-01T00:40:00Z")]]
    filters: list[Pairs] = [
        [],
        [("incident", "a")],
        [("measure", "wounded")],
        [("reported_to", "2020-01-01T01:00:00Z")],
    ]
    for clock in clocks:
        for some in filters:
            # when
            exported, _ = export(database, [*clock, *some])

            # then
            assert exported
            assert exported == one_by_one(database, [item["id"] for item in exported], clock)


HISTORIES: dict[str, Callable[[int], tuple[int, str]]] = {
    "one reporter": lambda n: (n % 50, "gov"),
    "one reporter with one figure": lambda n: (5, "gov"),
    "ten reporters": lambda n: (n % 50, f"reporter-{n % 10}"),
    "a reporter for each report": lambda n: (n % 50, f"reporter-{n}"),
}
"""The figure and the reporter of the nth report."""


@pytest.mark.slow
@pytest.mark.parametrize("nth", HISTORIES.values(), ids=HISTORIES)
def test_an_export_reads_each_report_of_a_long_history_once(
    database: Database, nth: Callable[[int], tuple[int, str]]
) -> None:
    # given
    record(database, incident_draft("attack"))

    def rows_read(first: int, last: int) -> list[int]:
        drafts = [report_draft(*nth(n), f"2020-01-{2 + n % 20:02}", id=f"report-{n}") for n in range(first, last)]
        record(database, *drafts, about=("attack",))
        exports = [export(database, pairs) for pairs in ([], [("incident", "attack")])]
        assert [len(reports) for reports, _ in exports] == [last, last]
        return [count for _, count in exports]

    # when
    thousand, two_thousand = rows_read(0, 1000), rows_read(1000, 2000)

    # then: each report as an item, and again as one that may replace others
    assert max(thousand) <= 2 * 1000 + 100
    assert max(two_thousand) <= 2 * 2000 + 100
