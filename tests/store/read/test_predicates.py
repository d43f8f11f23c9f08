"""Predicates in SQL: equality uses an index without losing rows."""

import asyncio

import pytest

from app.query.cql import read_predicate
from app.query.cql_text import Language
from app.query.parameters import IncidentQuery
from app.store.db.database import Database
from app.store.read import incident_queries
from tests.builders import incident_draft, record
from tests.store.reads import StoreReads


@pytest.fixture
def reads(database: Database) -> StoreReads:
    record(database, incident_draft("a", place="Wani", region="ML-9"))
    return StoreReads(database)


def _question(text: str) -> IncidentQuery:
    return IncidentQuery.model_construct(predicate=read_predicate(text, Language.CQL2_TEXT, []))


PLANS = [
    ("place = 'Wani'", "incident_text VIRTUAL TABLE"),
    ("killed_best > 3 AND attacker = 'An army'", "incident_text VIRTUAL TABLE"),
    ("region_code = 'ML-9'", "ix_segment_region_date (region_key=?)"),
    ("country = 'ML' AND title LIKE '%x%'", "ix_segment_country_date (country=?)"),
    ("date_start >= DATE('2020-01-01') AND date_start < DATE('2020-02-01')", "ix_segment_date (date_start>? AND date_start<?)"),
    ("id = 'a'", "ix_segment_date"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "index"), PLANS)
def test_equality_uses_an_index(reads: StoreReads, text: str, index: str) -> None:
    question = _question(text)
    plan = reads.plan(question, incident_queries.select_incidents(question, 2**52, None, by_tree=False))
    assert any(index in step for step in plan), plan


def test_counting_everything_uses_an_index(reads: StoreReads) -> None:
    plan = reads.plan(IncidentQuery(), incident_queries.select_total(IncidentQuery(), 2**52))
    assert plan == ["SEARCH segment USING COVERING INDEX ix_segment_date (date_start>?)"]


@pytest.mark.parametrize(
    "value", ["word " * 80 + "end", "...", "Ménaka-Nord, l'École n° 5", "東京 ²", "a\nb", "É" * 500, "_", "ﷺ"]
)
def test_any_text_is_found_by_equality(database: Database, value: str) -> None:
    # given: a text, and one that has the same words
    record(
        database,
        incident_draft("it", place=value, title=value),
        incident_draft("other", place=f"{value} {value}", title=value + "!"),
    )
    reads = StoreReads(database)

    # then
    for name in ("place", "title"):
        predicate = read_predicate(None, Language.CQL2_TEXT, [(name, value)])
        statement = incident_queries.select_incidents(
            IncidentQuery.model_construct(predicate=predicate), 2**52, None, by_tree=False
        )
        assert [row[4] for row in asyncio.run(reads.reader.rows(statement))] == ["it"]


def test_filters_of_one_shape_share_their_sql() -> None:
    first, second, third = (
        incident_queries.select_total(_question(text), 2**52)
        for text in (
            "killed_best > 1 AND place = 'a'",
            "killed_best > 2 AND place = 'b'",
            "killed_best > 2 AND place = '!'",
        )
    )
    assert first.sql is second.sql and first.sql != third.sql
    assert first.values != second.values
