"""The regions that there are, and those that a query names."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TypeVar

from sqlalchemy import bindparam, func, select

from app.domain.dates import LAST_INSTANT, Instant
from app.domain.places import suggest_region
from app.errors import (
    FieldError,
    InvalidInput,
)
from app.query.parameters import MatchingQuery
from app.query.query import MAX_ERRORS, MAX_SUGGESTIONS
from app.query.value_types import RegionName
from app.store.db.sql_text import compiled
from app.store.db.statements import Statement
from app.store.read.filters import (
    at_clocks,
    segment,
)
from app.store.read.session import ReadSession

M = TypeVar("M", bound=MatchingQuery)


@cache
def _regions_text() -> str:
    name = func.max(segment.region_name)
    return compiled(
        select(
            segment.country,
            segment.region_key,
            name,
            func.count(),
            func.min(segment.date_start),
            func.max(segment.date_end),
        )
        .where(
            *at_clocks(segment),
        )
        .group_by(segment.country, segment.region_key)
        .order_by(segment.country, segment.region_key)
    )


def select_regions(recorded: Instant, known: Instant) -> Statement:
    """(country, region key, region name, incidents, first day, last day), one a region, and one a country without."""
    return Statement(_regions_text(), {"recorded": recorded, "known": known})


@lru_cache(maxsize=8)
def _stored_regions_text(count: int) -> str:
    names = [bindparam(f"name_{n}") for n in range(count)]
    return compiled(select(segment.region_key).where(segment.region_key.in_(names)).distinct())


def select_stored_regions(names: Sequence[str]) -> Statement:
    """Which of these names without a code some incident is stored under."""
    return Statement(_stored_regions_text(len(names)), {f"name_{n}": name for n, name in enumerate(names)})


async def resolved(session: ReadSession, question: M) -> M:
    """The question with its regions narrowed to those there are. Raises `InvalidInput` for one that nobody knows."""
    names = list(dict.fromkeys(name for region in question.region for name in region.names))
    if not names:
        return question
    stored = {row[0] for row in await session.rows(select_stored_regions(names))}
    found = [RegionName(r.text, r.codes, tuple(n for n in r.names if n in stored)) for r in question.region]
    if unknown := [region for region in found if not region.keys]:
        there = await _regions_there(session)
        raise InvalidInput(await session.beside(_unknown_regions, question, unknown[:MAX_ERRORS], there))
    return question.but(region=tuple(found))


_there: dict[tuple[str | None, Instant], tuple[str, ...]] = {}
"""The keys of the regions that there are, by the life of the feed and the recorded moment; the last one asked for."""


async def _regions_there(session: ReadSession) -> tuple[str, ...]:
    moment = (session.epoch, session.recorded)
    there = _there.get(moment)
    if there is None:
        rows = await session.rows(select_regions(session.recorded, LAST_INSTANT))
        there = tuple(row[1] for row in rows if row[1])
        _there.clear()
        _there[moment] = there
    return there


def _unknown_regions(
    question: MatchingQuery, unknown: Sequence[RegionName], there: tuple[str, ...]
) -> list[FieldError]:
    """A fault for each. The first `MAX_SUGGESTIONS` name the nearest region."""
    within = question.country
    faults = []
    for n, region in enumerate(unknown):
        like = suggest_region(region.text, within, there) if n < MAX_SUGGESTIONS else None
        faults.append(FieldError("region", f"is not a region{f'; did you mean {like}?' if like else ''}", region.text))
    return faults
