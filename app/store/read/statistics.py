"""Counts and sums over incidents: statistics, and the regions that have incidents."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache, partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, func, literal_column, select

from app.domain.countries import countries, possible_countries
from app.domain.dates import Instant
from app.domain.places import country_name, region_name, suggest_region
from app.domain.vocabulary import Measure
from app.errors import NotFound, TooManyGroups, echo
from app.query.code_lists import Group
from app.query.parameters import MAX_GROUPS, ClockQuery, IncidentQuery, MatchingQuery, StatisticsQuery
from app.query.value_types import RegionName
from app.store.db.sql_text import compiled, limited
from app.store.db.statements import Row, Statement
from app.store.read import regions as read_regions
from app.store.read.filters import Shape, at_clocks, conditions, member, segment, shape_of, values_of
from app.store.read.incident_queries import searches_long
from app.store.read.regions import resolved
from app.store.read.session import ReadSession, built
from app.store.tables import TABLES

set_segment = TABLES["set_segment"].c


GROUPS: dict[Group, ColumnElement[Any]] = {
    Group.COUNTRY: segment.country,
    Group.REGION: segment.region_key,
    Group.YEAR: segment.month // literal_column("100", Integer),
    Group.MONTH: segment.month,
    Group.DAY: segment.day,
    Group.EVENT_TYPE: segment.event_type,
    Group.TYPE_OF_VIOLENCE: segment.type_of_violence,
    Group.ACTOR: TABLES["incident_actor"].c.name,
}


FIGURES = [f"{measure}_{figure}" for measure in Measure for figure in ("low", "best", "high")]
WIDTH = len(FIGURES)
MANY_GROUPS = 100
"""More are put together beside the event loop: some milliseconds."""


async def stats(session: ReadSession, question: StatisticsQuery) -> dict[str, Any]:
    """Counts and sums by group, and of everything once. Raises `TooManyGroups`.

    Sums leave out what was not reported; where nothing was, they are null. `…_shared` are figures told for several
    incidents together, which belong to no single one.
    """
    found = await resolved(session, question)
    groups = question.group_by
    items = await _summed(session, found, groups) if groups else []
    return {"items": items, "total": (await _summed(session, found, ()))[0]}


async def _summed(session: ReadSession, question: MatchingQuery, wanted: tuple[Group, ...]) -> list[dict[str, Any]]:
    hidden = Group.REGION in wanted and Group.COUNTRY not in wanted  # regions of two countries may share a name
    groups = (*wanted, Group.COUNTRY) if hidden else wanted
    own = await _rows(session, question, groups, shared=False)
    if len(own) > MAX_GROUPS:
        raise TooManyGroups(MAX_GROUPS, wanted)
    shared = await _rows(session, question, groups, shared=True)
    depth = len(groups)

    def made() -> list[dict[str, Any]]:
        shared_by = {row[:depth]: row[depth:] for row in session.each(shared)}
        nothing = (None,) * WIDTH
        return [
            _keys(wanted, row, depth)
            | {"incidents": row[depth + 1]}
            | _figures(row[depth + 2 :], "")
            | _figures(shared_by.get(row[:depth], nothing), "_shared")
            for row in session.each(own)
        ]

    return await session.beside(made) if len(own) > MANY_GROUPS else made()


async def _rows(session: ReadSession, question: MatchingQuery, groups: tuple[Group, ...], *, shared: bool) -> list[Row]:
    build = partial(select_sums, question, session.recorded, groups, shared=shared)
    return await session.rows(await built(session, question, build))


def _keys(groups: Sequence[Group], row: Row, depth: int) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for group, value in zip(groups, row, strict=False):
        keys[group.value] = value
        if group is Group.MONTH:
            keys["month"] = f"{value // 100:04}-{value % 100:02}"
        elif group is Group.DAY:
            keys["day"] = date.fromordinal(value).isoformat()
        elif group is Group.REGION:
            name = row[depth]
            known = region_name(value) if value else None
            keys |= {"region": value if known else name, "region_name": known or name}
    return keys


def _figures(sums: Sequence[int | None], suffix: str) -> dict[str, dict[str, int | None]]:
    return {
        f"{measure}{suffix}": dict(zip(("low", "best", "high"), sums[3 * n : 3 * n + 3], strict=True))
        for n, measure in enumerate(Measure)
    }


async def regions(session: ReadSession, question: ClockQuery) -> list[dict[str, Any]]:
    """Countries that have incidents, each followed by its regions. A region without a code has its name alone."""
    rows = await session.rows(read_regions.select_regions(session.recorded, question.known))

    def made() -> list[dict[str, Any]]:
        by_country = groupby(session.each(rows), key=itemgetter(0))
        return [item for country, here in by_country for item in _of_country(country, list(here))]

    return await session.beside(made)


def _of_country(country: str, here: Sequence[Row]) -> Iterable[dict[str, Any]]:
    """A country, then its regions. `here` are its rows of `select_regions`."""
    yield {"code": country, "name": country_name(country), "kind": "country", "country": country} | _extent(here)
    for row in here:
        if row[1] is not None:
            name = region_name(row[1])
            yield {
                "code": row[1] if name else None,
                "name": name or row[2],
                "kind": "region",
                "country": country,
            } | _extent([row])


def _extent(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "incidents": sum(row[3] for row in rows),
        "date_from": date.fromordinal(min(row[4] for row in rows)).isoformat(),
        "date_to": date.fromordinal(max(row[5] for row in rows)).isoformat(),
    }


def narrowed(code: str, question: ClockQuery) -> IncidentQuery:
    """The query of incidents of one country or region. Raises `NotFound` for what is no ISO code."""
    incidents = question.converted(IncidentQuery)
    if region_name(code.upper()):
        return incidents.but(region=(RegionName(code.upper(), (code.upper(),)),))
    return incidents.but(country=(_country(code),))


async def region(session: ReadSession, code: str, question: ClockQuery) -> dict[str, Any]:
    """A country or region by its ISO code, with the sums of its incidents. Raises `NotFound` for another code."""
    about, code = narrowed(code, question), code.upper()
    country = code.split("-")[0]
    rows = [
        r for r in await session.rows(read_regions.select_regions(session.recorded, question.known)) if r[0] == country
    ]
    here = rows if code == country else [row for row in rows if row[1] == code]
    empty = {"incidents": 0, "date_from": None, "date_to": None}
    return (
        {
            "code": code,
            "name": region_name(code) or country_name(code),
            "kind": "country" if code == country else "region",
            "country": country,
        }
        | (_extent(here) if here else empty)
        | (await _summed(session, about, ()))[0]
        | {"regions": list(_of_country(country, rows))[1:] if code == country and rows else []}
    )


def _country(asked: str) -> str:
    code = asked.upper()
    if code not in countries():
        like = " or ".join(str(countries()[code]) for code in possible_countries(asked)) or suggest_region(asked)
        raise NotFound(f'"{echo(asked)}" is no ISO 3166 code{f"; did you mean {like}?" if like else ""}')
    return code


def build_sums(shape: Shape, groups: tuple[Group, ...]) -> Select[Any]:
    """(groups…, region's name, incidents, every sum of `FIGURES`) of the incidents that match.

    By actor an incident counts once for each name that took part. One group more than `MAX_GROUPS` tells that there
    are too many.
    """
    actor = TABLES["incident_actor"].c
    once = select(actor.name, actor.version).distinct().subquery()
    keys = [(once.c.name if g is Group.ACTOR else GROUPS[g]).label(g) for g in groups]
    built = select(*keys, func.max(segment.region_name), func.count(), *(func.sum(segment[f]) for f in FIGURES))
    built = built.select_from(TABLES["segment"])
    if Group.ACTOR in groups:
        built = built.join(once, once.c.version == segment.version)
    return limited(built.where(*conditions(shape)).group_by(*keys).order_by(*keys), MAX_GROUPS + 1)


def build_shared_sums(shape: Shape, groups: tuple[Group, ...]) -> Select[Any]:
    """(groups…, every sum of `FIGURES`) of the figures told for several incidents together.

    A set counts once in every group with a matching member.
    """
    actor = TABLES["incident_actor"].c
    keys = [GROUPS[g].label(g) for g in groups]
    figures = [set_segment[f] for f in FIGURES]
    matching = (
        select(*keys, set_segment.key, *figures)
        .join_from(
            TABLES["set_segment"], TABLES["incident_set_member"], member.incident_set == set_segment.incident_set
        )
        .join(TABLES["segment"], segment.incident == member.incident)
    )
    if Group.ACTOR in groups:
        matching = matching.join(TABLES["incident_actor"], actor.version == segment.version)
    sets = matching.where(*at_clocks(set_segment), *conditions(shape)).distinct().subquery()
    of_groups = [sets.c[g] for g in groups]
    return select(*of_groups, *(func.sum(sets.c[f]) for f in FIGURES)).group_by(*of_groups)


@lru_cache(maxsize=512)
def _sums_text(shape: Shape, groups: tuple[Group, ...], shared: bool) -> str:
    return compiled((build_shared_sums if shared else build_sums)(shape, groups))


def select_sums(question: MatchingQuery, recorded: Instant, groups: Iterable[str], *, shared: bool) -> Statement:
    """Counts and sums, or the sums of shared figures."""
    shape = tuple(Group(g) for g in groups)
    sql = _sums_text(shape_of(question), shape, shared)
    return Statement(sql, values_of(question, recorded), searches_long(question))
