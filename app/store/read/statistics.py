"""Counts and sums over incidents: statistics, and the regions that have incidents."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Integer, Label, SQLColumnExpression, func, literal_column, select
from sqlmodel import col

from app.domain.countries import countries, possible_countries
from app.domain.dates import Instant
from app.domain.places import country_name, region_name, suggest_region
from app.domain.vocabulary import Measure
from app.errors import NotFound, TooManyGroups, echo
from app.query.code_lists import Group
from app.query.parameters import MAX_GROUPS, ClockQuery, IncidentQuery, MatchingQuery, StatisticsQuery
from app.query.value_types import RegionName
from app.store.db.sql_text import AnySelect, limited
from app.store.db.statements import Row, Statement
from app.store.read import regions as read_regions
from app.store.read.filters import Shape, at_clocks, conditions, shape_of, values_of
from app.store.read.incident_queries import searches_long
from app.store.read.regions import RegionRow, resolved
from app.store.read.session import ReadSession, prepared
from app.store.tables import IncidentActor, IncidentSetMember, Segment, SetSegment, table_of

GROUPS: dict[Group, SQLColumnExpression[Any]] = {
    Group.COUNTRY: col(Segment.country),
    Group.REGION: col(Segment.region_key),
    Group.YEAR: col(Segment.month) // literal_column("100", Integer),
    Group.MONTH: col(Segment.month),
    Group.DAY: col(Segment.day),
    Group.EVENT_TYPE: col(Segment.event_type),
    Group.TYPE_OF_VIOLENCE: col(Segment.type_of_violence),
    Group.ACTOR: col(IncidentActor.name),
}
FIGURES = [f"{measure}_{figure}" for measure in Measure for figure in ("low", "best", "high")]
MANY_GROUPS = 100
"""Groups that are put together on the event loop, in some milliseconds. More are put together in a thread."""


async def stats(session: ReadSession, query: StatisticsQuery) -> dict[str, Any]:
    """Counts and sums by group, and of everything once. Raises `TooManyGroups`.

    Sums leave out what was not reported; a sum of nothing is null. `…_shared` are figures reported for several
    incidents together, which belong to no single one.
    """
    narrowed = await resolved(session, query)
    items = await _summed(session, narrowed, query.group_by) if query.group_by else []
    (total,) = await _summed(session, narrowed, ())
    return {"items": items, "total": total}


async def _summed(session: ReadSession, query: MatchingQuery, wanted: tuple[Group, ...]) -> list[dict[str, Any]]:
    by_country = Group.REGION in wanted and Group.COUNTRY not in wanted  # regions of two countries may share a name
    groups = (*wanted, Group.COUNTRY) if by_country else wanted
    own = await _rows(session, query, groups, shared=False)
    if len(own) > MAX_GROUPS:
        raise TooManyGroups(MAX_GROUPS, wanted)
    shared = await _rows(session, query, groups, shared=True)
    depth = len(groups)

    def build() -> list[dict[str, Any]]:
        shared_by_group = {row[:depth]: row[depth:] for row in session.each(shared)}
        items = []
        for row in session.each(own):
            keys, (name, incidents, *sums) = row[:depth], row[depth:]
            item = _keys(wanted, keys, name) | {"incidents": incidents} | _figures(sums, "")
            items.append(item | _figures(shared_by_group.get(keys, _NO_SUMS), "_shared"))
        return items

    return await session.in_thread(build) if len(own) > MANY_GROUPS else build()


_NO_SUMS = (None,) * len(FIGURES)


async def _rows(session: ReadSession, query: MatchingQuery, groups: tuple[Group, ...], *, shared: bool) -> list[Row]:
    select_rows = partial(select_sums, query, session.recorded, groups, shared=shared)
    return await session.rows(await prepared(session, query, select_rows))


def _keys(groups: Sequence[Group], values: Row, name: str | None) -> dict[str, Any]:
    """The members that name a group. `name` is that of its region."""
    keys: dict[str, Any] = {}
    for group, value in zip(groups, values, strict=False):
        keys[group.value] = value
        if group is Group.MONTH:
            keys["month"] = f"{value // 100:04}-{value % 100:02}"
        elif group is Group.DAY:
            keys["day"] = date.fromordinal(value).isoformat()
        elif group is Group.REGION:
            known = region_name(value) if value else None
            keys |= {"region": value if known else name, "region_name": known or name}
    return keys


def _figures(sums: Sequence[int | None], suffix: str) -> dict[str, dict[str, int | None]]:
    return {
        f"{measure}{suffix}": dict(zip(("low", "best", "high"), sums[3 * n : 3 * n + 3], strict=True))
        for n, measure in enumerate(Measure)
    }


async def regions(session: ReadSession, query: ClockQuery) -> list[dict[str, Any]]:
    """Countries that have incidents, each followed by its regions. A region without a code has a name only."""
    rows = await session.rows(read_regions.select_regions(session.recorded, query.known))

    def build() -> list[dict[str, Any]]:
        by_country = groupby(map(RegionRow._make, session.each(rows)), key=attrgetter("country"))
        return [item for country, of_country in by_country for item in _of_country(country, list(of_country))]

    return await session.in_thread(build)


def _of_country(country: str, rows: Sequence[RegionRow]) -> Iterable[dict[str, Any]]:
    """A country, then its regions."""
    yield {"code": country, "name": country_name(country), "kind": "country", "country": country} | _extent(rows)
    for row in rows:
        if row.key is not None:
            name = region_name(row.key)
            code = row.key if name else None
            yield {"code": code, "name": name or row.name, "kind": "region", "country": country} | _extent([row])


def _extent(rows: Sequence[RegionRow]) -> dict[str, Any]:
    return {
        "incidents": sum(row.incidents for row in rows),
        "date_from": date.fromordinal(min(row.first_day for row in rows)).isoformat(),
        "date_to": date.fromordinal(max(row.last_day for row in rows)).isoformat(),
    }


def narrowed(code: str, query: ClockQuery) -> IncidentQuery:
    """The query for incidents of one country or region. Raises `NotFound` for anything but an ISO code."""
    incidents = query.converted(IncidentQuery)
    if region_name(code.upper()):
        return incidents.but(region=(RegionName(code.upper(), (code.upper(),)),))
    return incidents.but(country=(_country(code),))


async def region(session: ReadSession, code: str, query: ClockQuery) -> dict[str, Any]:
    """A country or region by its ISO code, with the sums of its incidents. Raises `NotFound` for another code."""
    within, code = narrowed(code, query), code.upper()
    country = code.split("-")[0]
    everywhere = await session.rows(read_regions.select_regions(session.recorded, query.known))
    rows = [row for row in map(RegionRow._make, everywhere) if row.country == country]
    selected = rows if code == country else [row for row in rows if row.key == code]
    empty = {"incidents": 0, "date_from": None, "date_to": None}
    (sums,) = await _summed(session, within, ())
    return (
        {
            "code": code,
            "name": region_name(code) or country_name(code),
            "kind": "country" if code == country else "region",
            "country": country,
        }
        | (_extent(selected) if selected else empty)
        | sums
        | {"regions": list(_of_country(country, rows))[1:] if code == country and rows else []}
    )


def _country(text: str) -> str:
    code = text.upper()
    if code not in countries():
        like = " or ".join(str(countries()[code]) for code in possible_countries(text)) or suggest_region(text)
        raise NotFound(f'"{echo(text)}" is no ISO 3166 code{f"; did you mean {like}?" if like else ""}')
    return code


def build_sums(shape: Shape, groups: tuple[Group, ...], max_rows: int) -> AnySelect:
    """(groups…, region's name, incidents, every sum of `FIGURES`) of the incidents that match.

    Grouped by actor, an incident counts once for each name that took part.
    """
    actors = select(col(IncidentActor.name), col(IncidentActor.version)).distinct().subquery()
    keys: list[Label[Any]] = [(actors.c.name if g is Group.ACTOR else GROUPS[g]).label(g) for g in groups]
    figures = [func.sum(table_of(Segment).c[f]) for f in FIGURES]
    sums = select(*keys, func.max(col(Segment.region_name)), func.count(), *figures).select_from(Segment)
    if Group.ACTOR in groups:
        sums = sums.join(actors, actors.c.version == Segment.version)
    return limited(sums.where(*conditions(shape)).group_by(*keys).order_by(*keys), max_rows)


def build_shared_sums(shape: Shape, groups: tuple[Group, ...]) -> AnySelect:
    """(groups…, every sum of `FIGURES`) of the figures reported for several incidents together.

    A set of incidents counts once in every group with a matching member.
    """
    keys: list[Label[Any]] = [GROUPS[g].label(g) for g in groups]
    figures = [table_of(SetSegment).c[f] for f in FIGURES]
    of_set = col(IncidentSetMember.incident_set) == SetSegment.incident_set
    matching = (
        select(*keys, col(SetSegment.key), *figures)
        .join_from(SetSegment, IncidentSetMember, of_set)
        .join(Segment, col(Segment.incident) == IncidentSetMember.incident)
    )
    if Group.ACTOR in groups:
        matching = matching.join(IncidentActor, col(IncidentActor.version) == Segment.version)
    sets = matching.where(*at_clocks(SetSegment), *conditions(shape)).distinct().subquery()
    of_groups = [sets.c[g] for g in groups]
    return select(*of_groups, *(func.sum(sets.c[f]) for f in FIGURES)).group_by(*of_groups)


def select_sums(query: MatchingQuery, recorded: Instant, groups: tuple[Group, ...], *, shared: bool) -> Statement:
    """Counts and sums, with one group more than `MAX_GROUPS` if there are too many; or the sums of shared figures."""
    shape, values, long = shape_of(query), values_of(query, recorded), searches_long(query)
    if shared:
        return Statement.of(build_shared_sums, shape, groups, long=long, **values)
    return Statement.of(build_sums, shape, groups, MAX_GROUPS + 1, long=long, **values)
