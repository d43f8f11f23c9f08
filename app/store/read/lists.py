"""SELECTs of the smaller lists: one incident, versions, toll reports, regions, sources and reporters. Pure."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, func, literal_column, or_, select, tuple_

from app.domain.dates import Instant, opening
from app.domain.vocabulary import Measure, Victims
from app.query.query import Query
from app.store.db import connections
from app.store.db.connections import compiled, limited
from app.store.db.reader import Statement, filled_up
from app.store.read.filters import at_clocks, known_reports, member, report, segment, version
from app.store.read.report_rows import OWN, build_reports_about_incident, build_reports_about_sets
from app.store.tables import TABLES

incident = TABLES["incident"].c
withdrawal = TABLES["withdrawal"].c


@cache
def _head_text() -> str:
    recorded_at = TABLES["recording"].c.recorded_at
    return compiled(select(func.max(recorded_at), select(TABLES["feed"].c.epoch).scalar_subquery()))


def select_head() -> Statement:
    """The instant of the newest recording, and the epoch of the feed."""
    return Statement(_head_text(), {})


@cache
def _incident_text() -> str:
    return compiled(
        select(version.record, segment.toll, segment.rest, version.recorded_at, segment.recorded_from)
        .join_from(TABLES["incident"], TABLES["segment"], segment.incident == incident.key)
        .join(TABLES["incident_version"], version.key == segment.version)
        .where(
            incident.id == bindparam("id"),
            *at_clocks(segment),
        )
    )


def select_incident(incident_id: str, recorded: Instant, known: Instant) -> Statement:
    """(record, toll, rest, its version's recorded_at, recorded from) of an incident at both clocks."""
    return Statement(_incident_text(), {"id": incident_id, "recorded": recorded, "known": known})


@cache
def _why_absent_text() -> str:
    recorded = bindparam("recorded")
    first = (
        select(func.min(segment.known_from))
        .where(segment.incident == incident.key, segment.recorded_from <= recorded, segment.recorded_to > recorded)
        .scalar_subquery()
    )
    return compiled(
        select(incident.key, first, withdrawal.reason, withdrawal.merged_into, withdrawal.recorded_at)
        .join_from(
            TABLES["incident"],
            TABLES["withdrawal"],
            and_(withdrawal.incident == incident.key, withdrawal.recorded_at <= recorded),
            isouter=True,
        )
        .where(incident.id == bindparam("id"))
    )


def select_absence(incident_id: str, recorded: Instant) -> Statement:
    """(key, known from, withdrawal's reason, merged_into, recorded_at) of an id; nothing where it was never given."""
    return Statement(_why_absent_text(), {"id": incident_id, "recorded": recorded})


@cache
def _versions_text() -> str:
    return compiled(
        select(version.number, version.recorded_at, version.recorded_by, version.record, version.sources)
        .join_from(TABLES["incident"], TABLES["incident_version"], version.incident == incident.key)
        .where(incident.id == bindparam("id"), version.recorded_at <= bindparam("recorded"))
        .order_by(version.number)
    )


def select_versions(incident_id: str, recorded: Instant) -> Statement:
    """(number, recorded_at, recorded_by, record, sources) of every version, oldest first."""
    return Statement(_versions_text(), {"id": incident_id, "recorded": recorded})


@cache
def _about_incident_text() -> str:
    by_id = select(incident.key).where(incident.id == bindparam("id")).scalar_subquery()
    return compiled(build_reports_about_incident(by_id, records=True))


def select_reports_about_incident(incident_id: str, recorded: Instant) -> Statement:
    """The reports that cover an incident, and those that supersede them: rows for `facts.known_report`."""
    return Statement(_about_incident_text(), {"id": incident_id, "recorded": recorded})


@lru_cache(maxsize=16)
def _since_text(count: int) -> str:
    return compiled(build_reports_about_sets(count, OWN.reported_at >= bindparam("since")))


def select_reports_since(keys: Sequence[int], since: Instant, recorded: Instant) -> Statement:
    """The reports about some sets of incidents that were given at an instant or later, and those that supersede them.

    Rows for `facts.known_report`, without texts. What replaces a report is never given before it.
    """
    keys = filled_up(keys)
    sets = {f"set_{n}": key for n, key in enumerate(keys)}
    return Statement(_since_text(len(keys)), sets | {"since": since, "recorded": recorded})


@cache
def _wholes_text() -> str:
    part = TABLES["toll_report"].alias("part").c
    of_part = select(part.reporter, part.measure).where(part.id == bindparam("id"))
    whole = tuple_(OWN.reporter, OWN.measure).in_(of_part), OWN.victims == literal_column(f"'{Victims.ALL}'")
    return compiled(build_reports_about_sets(1, *whole))


def select_wholes(report_id: str, set_key: int, recorded: Instant) -> Statement:
    """The reports about all victims by the reporter of a report, of its measure and incidents: rows as before."""
    return Statement(_wholes_text(), {"id": report_id, "set_0": set_key, "recorded": recorded})


@lru_cache(maxsize=16)
def _told_of_text(count: int) -> str:
    retraction = TABLES["retraction"].c
    void = and_(
        retraction.toll_report == report.key,
        retraction.recorded_at <= bindparam("recorded"),
        or_(retraction.reported_at.is_(None), retraction.reported_at <= bindparam("known")),
    )
    return compiled(
        select(incident.id, report.record, retraction.reason, retraction.reported_on)
        .join_from(TABLES["incident"], TABLES["incident_set_member"], member.incident == incident.key)
        .join(TABLES["toll_report"], report.incident_set == member.incident_set)
        .outerjoin(TABLES["retraction"], void)
        .where(incident.id.in_([bindparam(f"id_{n}") for n in range(count)]), *known_reports())
        .order_by(report.reported_at, report.key)
    )


def select_reports_of_incidents(incident_ids: Sequence[str], recorded: Instant, known: Instant) -> Statement:
    """(incident's id, record, retraction's reason, its reported_on) of reports about some incidents, oldest first."""
    wanted = filled_up(incident_ids)
    values = {f"id_{n}": incident_id for n, incident_id in enumerate(wanted)}
    return Statement(_told_of_text(len(wanted)), values | {"recorded": recorded, "known": known})


REPORT_FILTERS = ("incident", "reported_by", "source", "reported_from", "reported_to", "measure", "id")


def build_toll_reports(given: tuple[str, ...], after: bool, counted: bool) -> Select[Any]:
    """(set, id, record, reported_at, key) of toll reports, newest first; or their number."""
    reporter, source = TABLES["reporter"].c, TABLES["source"].c
    covers = select(member.incident_set).join(TABLES["incident"], incident.key == member.incident)
    meanings = {
        "incident": report.incident_set.in_(covers.where(incident.id == bindparam("incident"))),
        "reported_by": report.reporter
        == select(reporter.key).where(reporter.id == bindparam("reported_by")).scalar_subquery(),
        "source": report.source == select(source.key).where(source.id == bindparam("source")).scalar_subquery(),
        "reported_from": report.reported_at >= bindparam("reported_from"),
        "reported_to": report.reported_at <= bindparam("reported_to"),
        "measure": report.measure == bindparam("measure"),
        "id": report.id == bindparam("id"),
    }
    where = (*known_reports(), *(meanings[name] for name in given))
    if counted:
        return select(func.count()).select_from(TABLES["toll_report"]).where(*where)
    built = select(report.incident_set, report.id, report.record, report.reported_at, report.key).where(*where)
    if after:
        built = built.where(
            tuple_(report.reported_at, report.key) < tuple_(bindparam("after_at"), bindparam("after_key"))
        )
    return limited(built.order_by(report.reported_at.desc(), report.key.desc()))


@lru_cache(maxsize=256)
def _reports_text(given: tuple[str, ...], after: bool, counted: bool) -> str:
    return compiled(build_toll_reports(given, after, counted))


def select_toll_reports(
    question: Query, recorded: Instant, after: Sequence[int | str] | None = None, *, counted: bool = False
) -> Statement:
    """A page of toll reports with one row more, or their number."""
    given = tuple(name for name in REPORT_FILTERS if name in question.given)
    values: dict[str, Any] = {"recorded": recorded, "known": question.known}
    for name in given:
        value = question.given[name]
        if name in ("reported_from", "reported_to"):
            value = opening(value) if name == "reported_from" else value.instant
        values[name] = value
    if not counted:
        values["limit"] = question.limit + 1
    if after:
        values |= {"after_at": after[0], "after_key": after[1]}
    return Statement(_reports_text(given, after is not None, counted), values)


def build_reporters_or_sources(table: str, after: bool, counted: bool, one: bool) -> Select[Any]:
    """(record, reports, incidents, id) of reporters or sources, by id; or their number."""
    party = TABLES[table].c
    of_party = (report[table] == party.key, *known_reports())
    count_reports = select(func.count()).select_from(TABLES["toll_report"]).where(*of_party).scalar_subquery()
    covered = select(func.count(func.distinct(member.incident))).join_from(
        TABLES["toll_report"], TABLES["incident_set_member"], member.incident_set == report.incident_set
    )
    where = [party.recorded_at <= bindparam("recorded")]
    if counted:
        return select(func.count()).select_from(TABLES[table]).where(*where)
    if one:
        where.append(party.id == bindparam("id"))
    if after:
        where.append(party.id > bindparam("after_id"))
    built = select(party.record, count_reports, covered.where(*of_party).scalar_subquery(), party.id)
    return limited(built.where(*where).order_by(party.id))


@lru_cache(maxsize=16)
def _reporters_or_sources_text(table: str, after: bool, counted: bool, one: bool) -> str:
    return compiled(build_reporters_or_sources(table, after, counted, one))


def select_reporters_or_sources(
    table: str,
    question: Query,
    recorded: Instant,
    after: Sequence[int | str] | None = None,
    *,
    counted: bool = False,
    one: str | None = None,
) -> Statement:
    """A page of `reporter` or `source` with one row more, one of them, or their number."""
    values: dict[str, Any] = {"recorded": recorded} | ({} if counted else {"known": question.known})
    if not counted:
        values["limit"] = question.limit + 1
    if after:
        values["after_id"] = after[0]
    if one is not None:
        values["id"] = one
    return Statement(_reporters_or_sources_text(table, after is not None, counted, one is not None), values)


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


@cache
def _extent_text() -> str:
    box, of_places = connections.incident_box.c, TABLES["segment"]
    longest = select(func.max(segment.days)).scalar_subquery()
    newest = select(func.max(segment.date_start)).scalar_subquery()
    last = select(func.max(segment.date_end)).where(segment.date_start >= newest - longest).scalar_subquery()
    first = select(func.min(segment.date_start)).select_from(of_places).scalar_subquery()
    sides = (func.min(box.min_lon), func.min(box.min_lat), func.max(box.max_lon), func.max(box.max_lat))
    told = [select(pick(report.reported_at)).scalar_subquery() for pick in (func.min, func.max)]
    return compiled(select(*sides, first, last, *told))


def select_extent() -> Statement:
    """(west, south, east, north, first day, last day) of all incidents that there ever were; first and last report."""
    return Statement(_extent_text(), {})


@cache
def _revised_text() -> str:
    told = (
        select(report.key, report.incident_set, report.reported_at, report.best)
        .join_from(TABLES["toll_report"], TABLES["reporter"], TABLES["reporter"].c.key == report.reporter)
        .where(
            TABLES["reporter"].c.id == bindparam("id"),
            report.measure == bindparam("measure"),
            report.best.is_not(None),
            *known_reports(),
        )
        .order_by(report.reported_at.desc())
    )
    newest = limited(told).subquery()
    then = TABLES["segment"].alias()
    return compiled(
        select(newest.c.incident_set, newest.c.best, segment.killed_best)
        .join_from(newest, TABLES["incident_set"], TABLES["incident_set"].c.key == newest.c.incident_set)
        .join(TABLES["incident_set_member"], member.incident_set == newest.c.incident_set)
        .join(TABLES["segment"], segment.incident == member.incident)
        .join(then, then.c.incident == member.incident)
        .where(
            TABLES["incident_set"].c.size == literal_column("1", Integer),
            *at_clocks(segment),
            then.c.recorded_from <= bindparam("recorded"),
            then.c.recorded_to > bindparam("recorded"),
            then.c.known_from <= newest.c.reported_at,
            then.c.known_to > newest.c.reported_at,
            then.c.killed_best == newest.c.best,
        )
        .order_by(newest.c.incident_set, newest.c.reported_at, newest.c.key)
    )


def select_revised(reporter_id: str, recorded: Instant, known: Instant, most: int) -> Statement:
    """(set, best, headline's best at the clocks) of figures of killed that were the headline when a reporter gave them.

    By incident, oldest first. Only the newest `most` figures of the reporter are looked at.
    """
    values = {"id": reporter_id, "measure": Measure.KILLED.value, "limit": most}
    return Statement(_revised_text(), values | {"recorded": recorded, "known": known})
