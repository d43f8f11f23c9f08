"""Segments, the projection of facts onto both clocks. They are rebuilt in the transaction that changes the facts.

A segment is a row: one response about an incident, for a span of reported and of recorded time. Open rows
(`recorded_to` is `FOREVER`) that are out of date are closed and followed by new ones, so that `recorded_as_of` finds
earlier responses.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import bindparam, literal_column, select
from sqlmodel import col

from app.domain.dates import FOREVER, Instant, end_of_day, parse_day
from app.domain.headline import Headline
from app.domain.history import Span, TollSet, by_set, spans, superseding
from app.domain.json_text import json_of
from app.domain.vocabulary import Measure
from app.errors import HistoryTooLong
from app.store.db import sql_text
from app.store.db.history_ends import Step
from app.store.db.transaction import Transaction
from app.store.read.report_rows import (
    IncidentFacts,
    build_reports_about_incident,
    build_reports_about_set,
    covering,
    known_report,
)
from app.store.read.segment_texts import SegmentTexts, headlines_text, own_of, own_text, shared_text
from app.store.tables import (
    Incident,
    IncidentSetMember,
    IncidentVersion,
    Segment,
    SetSegment,
    Withdrawal,
)
from app.store.tables.known_report import KnownReport
from app.store.write import open_rows
from app.store.write.history_steps import Steps
from app.store.write.search_rows import number_columns, record_columns, toll_columns

_start = attrgetter("start.instant")
_ABOUT_INCIDENT = build_reports_about_incident(bindparam("incident"), sources=True)
_ABOUT_SET = build_reports_about_set(sources=True)
_LIVE_MEMBER = sql_text.limited(
    select(col(IncidentSetMember.incident))
    .outerjoin(Withdrawal, col(Withdrawal.incident) == IncidentSetMember.incident)
    .where(col(IncidentSetMember.incident_set) == bindparam("set"), col(Withdrawal.key).is_(None)),
    1,
)
_ONE_MORE = (
    select(col(Segment.key))
    .where(col(Segment.incident) == bindparam("incident"))
    .limit(literal_column("1"))
    .offset(bindparam("count"))
)
"""A segment of an incident after the first `:count`."""
MAX_REWRITTEN = 1000
"""Open segments of an incident that any change may rewrite, however many segments the incident has."""
NO_HEADLINES = "{}"
"""The headlines of a set whose incidents are all withdrawn, which nobody reads."""
_CURRENT = sql_text.limited(
    select(
        col(Incident.id),
        col(IncidentVersion.key),
        col(IncidentVersion.record),
        col(IncidentVersion.sources),
        col(Withdrawal.key),
    )
    .join(IncidentVersion, col(IncidentVersion.incident) == Incident.key)
    .outerjoin(Withdrawal, col(Withdrawal.incident) == Incident.key)
    .where(col(Incident.key) == bindparam("incident"))
    .order_by(col(IncidentVersion.number).desc()),
    1,
)


def rebuild_incidents(
    transaction: Transaction,
    touched: Mapping[int, Instant],
    new: Mapping[int, IncidentFacts],
    members: Mapping[int, Sequence[int]],
    steps: Steps,
    max_segments: int | None = None,
) -> None:
    """Rebuilds the segments of incidents, each from the reported instant on at which its facts changed.

    `new` incidents have no segments yet; their facts are given. `members`: the incidents of every touched set.
    Raises `HistoryTooLong` where an incident has `max_segments` and more than `MAX_REWRITTEN` would be rewritten.
    """
    rows: list[dict[str, Any]] = []
    sets: dict[int, list[int]] = {}
    for incident, since in sorted(touched.items()):
        if facts := new.get(incident):
            rows += _segments(transaction, incident, facts, since)
            continue
        begin, is_long = open_rows.held(transaction, Segment, "incident", incident, since)
        if is_long:
            sets = sets or _sets_of(members)
            if later := _later_segments(transaction, incident, since, sets[incident], steps):
                rows += later
                continue
        rewritten = open_rows.close(transaction, Segment, "incident", incident, begin)
        if facts := _facts(transaction, incident):
            if max_segments and rewritten > MAX_REWRITTEN and _has(transaction, incident, max_segments):
                raise HistoryTooLong(facts.id, max_segments, MAX_REWRITTEN)
            rows += _segments(transaction, incident, facts, begin)
    open_rows.append(transaction, Segment, rows)


def _has(transaction: Transaction, incident: int, segments: int) -> bool:
    """Whether an incident has at least so many segments."""
    return transaction.first(_ONE_MORE, {"incident": incident, "count": segments - 1}) is not None


def rebuild_sets(transaction: Transaction, touched: Mapping[int, Instant], steps: Steps) -> None:
    """Rebuilds the headlines of sets of several incidents in the same way."""
    rows: list[dict[str, Any]] = []
    for set_key, since in sorted(touched.items()):
        begin, is_long = open_rows.held(transaction, SetSegment, "incident_set", set_key, since)
        if is_long and (later := _later_set_segments(transaction, set_key, since, steps)):
            rows += later
            continue
        loaded = transaction.rows(_ABOUT_SET, {"set": set_key, "recorded": transaction.now})
        known = [known_report(row) for row in loaded]
        (own,) = by_set(k.report for k in known if k.set_key == set_key)
        open_rows.close(transaction, SetSegment, "incident_set", set_key, begin)
        toll, live = _Toll([own], known, begin), _is_live(transaction, set_key)
        rows += [
            {"incident_set": set_key, **span, **_of_set(toll.headlines(own, span["known_from"]), live)}
            for span in open_rows.open_spans(toll.starts, begin, transaction.now)
        ]
    open_rows.append(transaction, SetSegment, rows)


def _is_live(transaction: Transaction, set_key: int) -> bool:
    """Whether some incident of a set is not withdrawn, so that its responses include the set's headline."""
    return transaction.first(_LIVE_MEMBER, {"set": set_key}) is not None


def _sets_of(members: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """The sets that each incident is a member of."""
    found: dict[int, list[int]] = {}
    for set_key, incidents in members.items():
        for incident in incidents:
            found.setdefault(incident, []).append(set_key)
    return found


def _facts(transaction: Transaction, incident: int) -> IncidentFacts | None:
    """The facts of an incident; `None` where it is withdrawn."""
    row = transaction.first(_CURRENT, {"incident": incident})
    assert row is not None, "a touched incident has a version"
    incident_id, version, record, sources, withdrawn = row
    if withdrawn is not None:
        return None
    reports = transaction.rows(_ABOUT_INCIDENT, {"incident": incident, "recorded": transaction.now})
    known = [known_report(row) for row in reports]
    return IncidentFacts(incident_id, version, orjson.loads(record), orjson.loads(sources), known)


class _Toll:
    """The headlines of some sets of incidents through reported time."""

    def __init__(self, sets: Sequence[TollSet], known: Sequence[KnownReport], since: Instant) -> None:
        replacing = superseding(k.report for k in known)
        self._spans: dict[tuple[str, ...], dict[Measure, list[Span]]] = {}
        for s in sets:
            others = replacing.get(frozenset(s.incidents), ())
            self._spans[s.incidents] = {
                measure: spans(s.reports[measure], others, since) for measure in Measure if measure in s.reports
            }

    @property
    def starts(self) -> set[Instant]:
        """The instants at which some headline may change."""
        return {s.start.instant for of_set in self._spans.values() for found in of_set.values() for s in found}

    def headlines(self, of: TollSet, at: Instant) -> dict[Measure, Headline]:
        """The headlines of a set at an instant, by measure; measures not reported by then are absent."""
        found = {}
        for measure, of_measure in self._spans[of.incidents].items():
            place = bisect_right(of_measure, at, key=_start)
            if place:
                found[measure] = of_measure[place - 1].headline
        return found


def _segments(
    transaction: Transaction, incident: int, facts: IncidentFacts, begin: Instant
) -> Iterator[dict[str, Any]]:
    about = sorted(covering(facts.id, facts.reports, FOREVER), key=lambda k: k.report.when)
    sets = by_set(k.report for k in about)
    toll = _Toll(sets, facts.reports, begin)
    alone = next((s for s in sets if len(s.incidents) == 1), None)
    shared = {s.incidents: s for s in sets if len(s.incidents) > 1}
    first = _known_from(facts.record, facts.sources, about)
    common = record_columns(facts.record) | {"incident": incident, "incident_id": facts.id, "version": facts.version}
    texts = SegmentTexts(map(json_of, facts.sources))
    reports = iter(about)
    upcoming = next(reports, None)
    for span in open_rows.open_spans(toll.starts | {first}, begin, transaction.now):
        at = span["known_from"]
        while upcoming and upcoming.report.reported.instant <= at:
            texts.arrive(upcoming)
            upcoming = next(reports, None)
        own = toll.headlines(alone, at) if alone else {}
        for incidents in texts.shared:
            texts.shared[incidents] = _shared_text(incidents, toll.headlines(shared[incidents], at))
        yield {**common, **span, **toll_columns(own), **texts.columns(own_text(own), transaction.now_text)}


def _later_segments(
    transaction: Transaction, incident: int, since: Instant, sets: Sequence[int], steps: Steps
) -> list[dict[str, Any]]:
    """The new segments at the end of a long history.

    Empty where facts were added before its end, or where rebuilding the whole history is faster.
    """
    last = open_rows.last_open(transaction, Segment, "incident", incident, since)
    by_moment: dict[Instant, list[Step]] = {}
    for set_key in sets if last else ():
        later = steps.of(set_key)
        if later is None:
            return []
        for step in later:
            by_moment.setdefault(step.at, []).append(step)
    if last is None or not by_moment:
        return []
    begin = last["known_from"]
    open_rows.close(transaction, Segment, "incident", incident, begin)
    texts = SegmentTexts.of_row(last["toll"], last["rest"], last["killed_ever"], last["reported_at"])
    own: dict[str, Any] = {}
    text = own_of(last["toll"])
    rows = []
    for span in open_rows.open_spans({begin} | by_moment.keys(), begin, transaction.now):
        now = by_moment.get(span["known_from"], ())
        for known in sorted((known for step in now for known in step.arrived), key=lambda k: k.report.when):
            texts.arrive(known)
        for step in now:
            if len(step.incidents) == 1:
                own, text = toll_columns(step.headlines), own_text(step.headlines)
            elif step.incidents in texts.shared:
                texts.shared[step.incidents] = _shared_text(step.incidents, step.headlines)
        rows.append({**last, **own, **span, **texts.columns(text, transaction.now_text)})
    return rows


def _shared_text(incidents: tuple[str, ...], headlines: Mapping[Measure, Headline]) -> str:
    return shared_text(json_of(incidents), headlines_text(headlines))


def _later_set_segments(transaction: Transaction, set_key: int, since: Instant, steps: Steps) -> list[dict[str, Any]]:
    """The same for a set."""
    last = open_rows.last_open(transaction, SetSegment, "incident_set", set_key, since)
    found = {step.at: step.headlines for step in steps.of(set_key) or ()} if last else {}
    if last is None or not found:
        return []
    begin = last["known_from"]
    open_rows.close(transaction, SetSegment, "incident_set", set_key, begin)
    live = _is_live(transaction, set_key)
    last["toll"] = last["toll"] if live else NO_HEADLINES
    return [
        {**last, **span, **(_of_set(found[span["known_from"]], live) if span["known_from"] in found else {})}
        for span in open_rows.open_spans({begin} | found.keys(), begin, transaction.now)
    ]


def _of_set(found: Mapping[Measure, Headline], live: bool) -> dict[str, Any]:
    return {**number_columns(found), "toll": headlines_text(found) if live else NO_HEADLINES}


def _known_from(
    record: Mapping[str, Any], sources: Sequence[Mapping[str, Any]], about: Sequence[KnownReport]
) -> Instant:
    """The instant from which an incident is known: its earliest report, else its earliest source, else its date."""
    if about:
        return about[0].report.reported.instant
    published = [s["published_on"] for s in sources if s["published_on"]]
    return end_of_day(parse_day(min(published, default=record["date_start"])))
