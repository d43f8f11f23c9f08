"""SELECTs compile for both databases, use their indexes, and run a known number of statements."""

import asyncio

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from app.query.code_lists import Group, Sort
from app.query.parameters import HistoryQuery, IncidentQuery, MatchingQuery, Query, ReportQuery, StatisticsQuery
from app.query.query import Comparison, Filter, filters_of, parse_query
from app.store.db.database import Database
from app.store.read import history as read_history
from app.store.read import incident_queries, reporters_sources
from app.store.read import incidents as read_incidents
from app.store.read import log as read_log
from app.store.read import regions as read_regions
from app.store.read import reports as read_reports
from app.store.read import session as read_session
from app.store.read import statistics as read_statistics
from app.store.read.filters import shape_of
from app.store.tables import Segment, table_of
from tests.builders import incident_draft, record, report_draft
from tests.store.reads import StoreReads

EVERY = [
    ("country", "ML"), ("region", "ML-9"), ("date_from", "2019-01-01"), ("date_to", "2020-01-01"), ("change", "lowered"),
    ("event_type", "Battles"), ("disputed", "false"), ("killed_min", "0"), ("killed_max", "90"),
    ("ever_killed_min", "50"), ("reported_by", "army"), ("source", "paper"), ("reported_from", "2019-01-01"),
    ("updated_since", "2019-01-01"), ("target_kind", "civilians"), ("near_border", "BF"), ("place_precision", "exact"),
]  # fmt: skip


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])
def test_every_query_compiles_for_both_databases(sort: Sort, dialect: object) -> None:
    shape = shape_of(parse_query(EVERY, IncidentQuery))
    built = incident_queries.build_incidents(shape, sort, after=True, wraps=None)
    assert "segment.country" in str(built.compile(dialect=dialect))  # type: ignore[arg-type]
    for groups in ((Group.COUNTRY, Group.MONTH), (Group.ACTOR, Group.YEAR), ()):
        sums = read_statistics.build_sums(shape, groups, 10), read_statistics.build_shared_sums(shape, groups)
        assert all(built.compile(dialect=dialect) for built in sums)  # type: ignore[arg-type]


@pytest.mark.parametrize("declared", filters_of(MatchingQuery), ids=lambda f: f.name)
def test_every_filter_compares_an_existing_column(declared: Filter) -> None:
    compared = {Comparison.ANY_OF, Comparison.AT_LEAST, Comparison.AT_MOST, Comparison.SINCE, Comparison.ENDS_SINCE}
    assert declared.how in compared or not declared.column or declared.how in (Comparison.WORDS, Comparison.REPORTED_BY)
    if declared.how in compared:
        assert declared.column.format(figure="best") in table_of(Segment).c


@pytest.fixture
def reads(database: Database) -> StoreReads:
    record(database, incident_draft("a", latitude=15.9, longitude=2.4, region="ML-9"), report_draft(53), about=("a",))
    return StoreReads(database)


PLANS = [
    ([("country", "ML"), ("date_from", "2019-11-01"), ("date_to", "2019-11-30")], "ix_segment_country_date (country=? AND date_start>? AND date_start<?)"),
    ([("country", "ML")], "ix_segment_country_date (country=?)"),
    ([("country", "ML"), ("as_of", "2020-01-02")], "ix_segment_country_date (country=?)"),
    ([("country", "ML"), ("recorded_as_of", "2019-11-01")], "ix_segment_country_date (country=?)"),
    ([("region", "menaka")], "ix_segment_region_date (region_key=?)"),
    ([("killed_min", "50")], "ix_segment_large_date"),
    ([("killed_min", "50"), ("country", "ML")], "ix_segment_large_country_date (country=?)"),
    ([], "ix_segment_date"),
]  # fmt: skip


@pytest.mark.parametrize(("pairs", "index"), PLANS, ids=lambda p: str(p)[:60])
def test_frequent_queries_read_their_index_in_order(
    reads: StoreReads, pairs: list[tuple[str, str]], index: str
) -> None:
    question = parse_query(pairs, IncidentQuery)

    async def resolved() -> object:
        return await read_regions.resolved(await read_session.open_session(reads.reader, question), question)

    found = asyncio.run(resolved())
    for after in (None, (737000, "x")):
        statement = incident_queries.select_incidents(found, 2**52, after, by_tree=False)  # type: ignore[arg-type]
        plan = reads.plan(question, statement)
        assert any(index.split(" ")[0] in step for step in plan), plan
        assert after or any(index in step for step in plan), plan
        assert not any("TEMP B-TREE" in step for step in plan), plan
        assert "SEARCH incident_version USING INTEGER PRIMARY KEY (rowid=?)" in plan


def test_the_next_page_is_found_by_a_row_value_comparison(reads: StoreReads) -> None:
    question = parse_query([("country", "ML")], IncidentQuery)
    plan = reads.plan(question, incident_queries.select_incidents(question, 2**52, (737000, "x"), by_tree=False))
    assert plan[0].endswith("(country=? AND (date_start,incident_id)<(?,?))")


def test_one_incident_is_found_by_its_id(reads: StoreReads) -> None:
    plan = reads.plan(parse_query([], IncidentQuery), incident_queries.select_incident("a", 2**52, 2**52))
    assert [step.split(" USING ")[1].split(" (")[0] for step in plan] == [
        "COVERING INDEX sqlite_autoindex_incident_1",
        "INDEX ix_segment_incident",
        "INTEGER PRIMARY KEY",
    ]


def test_no_query_scans_all_reports(reads: StoreReads) -> None:
    plan = reads.plan(parse_query([], IncidentQuery), read_history.select_reports_about_incident("a", 2**52))
    assert not any(step.startswith("SCAN toll_report") for step in plan), plan


COSTS = [
    ([], 2), ([("country", "ML"), ("total", "true")], 3), ([("region", "ML-9")], 2), ([("region", "menaka")], 3),
    ([("bbox", "0,10,5,20")], 3), ([("as_of", "2020-01-02"), ("recorded_as_of", "2019-11-01")], 2), ([("q", "attack")], 2),
]  # fmt: skip


@pytest.mark.parametrize(("pairs", "statements"), COSTS, ids=str)
def test_the_number_of_statements_of_a_page_does_not_depend_on_its_length(
    reads: StoreReads, database: Database, pairs: list[tuple[str, str]], statements: int
) -> None:
    for _ in range(2):
        before = reads.reader.statements
        reads.page(*pairs)
        assert reads.reader.statements - before == statements
        record(database, *(incident_draft(f"n{n}", region="ML-9") for n in range(5)))


def test_the_other_read_routes_run_a_fixed_number_of_statements(reads: StoreReads) -> None:
    async def cost(call: object, question: Query, *arguments: object) -> int:
        before = reads.reader.statements
        session = await read_session.open_session(reads.reader, question)
        await call(session, *arguments, question)  # type: ignore[operator]
        return reads.reader.statements - before

    async def costs() -> dict[str, int]:
        return {
            "one incident": await cost(read_incidents.one_incident, IncidentQuery(), "a"),
            "toll history": await cost(read_history.history, HistoryQuery(), "a"),
            "toll reports": await cost(read_reports.toll_reports, ReportQuery()),
            "reporters": await cost(reporters_sources.reporters_or_sources, ReportQuery(), "reporter"),
            "stats": await cost(read_statistics.stats, StatisticsQuery.model_construct(group_by=(Group.COUNTRY,))),
            "regions": await cost(read_statistics.regions, IncidentQuery()),
            "one region": await cost(read_statistics.region, IncidentQuery(), "ML"),
            "one reporter": await cost(
                lambda s, name, _: s.run(reporters_sources.find_reporter_or_source, "reporter", name), Query(), "gov"
            ),
            "changes": await cost(lambda s, *_: read_log.changes(s, 0, 50), Query()),
            "checkpoint": await cost(lambda s, _: read_log.checkpoint(s), Query()),
            "proof of an entry": await cost(lambda s, _: read_log.inclusion(s, 3, None), Query()),
            "proof of growth": await cost(lambda s, _: read_log.consistency(s, 2, None), Query()),
        }

    assert asyncio.run(costs()) == {
        "one incident": 2, "toll history": 3, "toll reports": 3, "reporters": 2, "stats": 5, "regions": 2,
        "one region": 4, "one reporter": 2, "changes": 2, "checkpoint": 2, "proof of an entry": 4, "proof of growth": 3,
    }  # fmt: skip


def test_a_long_history_is_assembled_in_a_worker_thread(database: Database) -> None:
    record(
        database,
        incident_draft("a"),
        *(report_draft(n, f"reporter-{n}") for n in range(read_history.MANY_REPORTS + 1)),
        about=("a",),
    )
    reads = StoreReads(database)

    async def history() -> dict[str, object]:
        question = HistoryQuery()
        return await read_history.history(await read_session.open_session(reads.reader, question), "a", question)

    told = asyncio.run(history())
    assert len(told["reports"]) == read_history.MANY_REPORTS + 1  # type: ignore[arg-type]
