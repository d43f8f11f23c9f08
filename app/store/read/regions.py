"""The regions that have incidents, and those that a query names."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import func, select
from sqlmodel import col

from app.domain.dates import LAST_INSTANT, Instant
from app.domain.json_text import json_of
from app.domain.places import suggest_region
from app.errors import FieldError, InvalidInput
from app.query.parameters import MatchingQuery
from app.query.query import MAX_ERRORS, MAX_SUGGESTIONS
from app.query.value_types import RegionName
from app.store.db.sql_text import AnySelect, among
from app.store.db.statements import Statement
from app.store.read.filters import at_clocks
from app.store.read.session import ReadSession
from app.store.tables import Segment

M = TypeVar("M", bound=MatchingQuery)


class RegionRow(NamedTuple):
    """A row of `select_regions`. Key and name are null for the incidents of a country without a region."""

    country: str
    key: str | None
    name: str | None
    incidents: int
    first_day: int
    last_day: int


def build_regions() -> AnySelect:
    """The columns of `RegionRow` for each region and, of each country, for its incidents without a region."""
    columns = (
        col(Segment.country),
        col(Segment.region_key),
        func.max(col(Segment.region_name)),
        func.count(),
        func.min(col(Segment.date_start)),
        func.max(col(Segment.date_end)),
    )
    group = col(Segment.country), col(Segment.region_key)
    return select(*columns).where(*at_clocks(Segment)).group_by(*group).order_by(*group)


def select_regions(recorded: Instant, known: Instant) -> Statement:
    """The regions that have incidents at both clocks: rows for `RegionRow`."""
    return Statement.of(build_regions, recorded=recorded, known=known)


def build_stored_regions() -> AnySelect:
    """Which of the names `:names` some incident is stored under."""
    return select(col(Segment.region_key)).where(among(col(Segment.region_key), "names")).distinct()


def select_stored_regions(names: Sequence[str]) -> Statement:
    """Which of these names without a code some incident is stored under."""
    return Statement.of(build_stored_regions, names=json_of(names))


async def resolved(session: ReadSession, query: M) -> M:
    """The query with its regions narrowed to those that exist. Raises `InvalidInput` for an unknown region."""
    names = list(dict.fromkeys(name for region in query.region for name in region.names))
    if not names:
        return query
    stored = {name for (name,) in await session.rows(select_stored_regions(names))}
    found = [RegionName(r.text, r.codes, tuple(n for n in r.names if n in stored)) for r in query.region]
    if unknown := [region for region in found if not region.keys]:
        existing = await _existing_regions(session)
        raise InvalidInput(await session.in_thread(_unknown_regions, query, unknown[:MAX_ERRORS], existing))
    return query.but(region=tuple(found))


_existing: dict[tuple[str | None, Instant], tuple[str, ...]] = {}
"""The keys of existing regions, by the epoch of the log and the recorded moment; only the last one needed."""


async def _existing_regions(session: ReadSession) -> tuple[str, ...]:
    moment = (session.epoch, session.recorded)
    existing = _existing.get(moment)
    if existing is None:
        rows = await session.rows(select_regions(session.recorded, LAST_INSTANT))
        existing = tuple(key for _, key, *_ in rows if key)
        _existing.clear()
        _existing[moment] = existing
    return existing


def _unknown_regions(
    query: MatchingQuery, unknown: Sequence[RegionName], existing: tuple[str, ...]
) -> list[FieldError]:
    """An error for each region. The first `MAX_SUGGESTIONS` name the nearest region."""
    errors = []
    for n, region in enumerate(unknown):
        like = suggest_region(region.text, query.country, existing) if n < MAX_SUGGESTIONS else None
        errors.append(FieldError("region", f"is not a region{f'; did you mean {like}?' if like else ''}", region.text))
    return errors
