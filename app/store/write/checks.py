"""Checks of drafts against what is recorded. They raise `InvalidInput` or `Conflict`."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.domain.dates import Instant, Moment, is_in_future, opening, parse_moment
from app.domain.toll import TollReportDraft
from app.errors import Conflict, FieldError, IncidentNotFound, InvalidInput
from app.store.tables import Incident
from app.store.write.appender import Appender


def expect_same(name: str, recorded: Mapping[str, Any], sent: Mapping[str, Any], *, new: bool = False) -> None:
    """Raises `Conflict` where a member differs from the record of the same id, or where the record had to be `new`."""
    different = [member for member, value in sent.items() if recorded.get(member) != value]
    if different or new:
        how = f" and differs in {', '.join(different)}" if different else ""
        raise Conflict(f'"{name}" already exists{how}', differs=different)


def not_in_future(name: str, text: str, now: Instant) -> Moment:
    """The moment of a member. A day is rejected only once it has begun nowhere on earth."""
    moment = parse_moment(text)
    if is_in_future(moment, now):
        raise InvalidInput([FieldError(name, "lies in the future", text, "body")])
    return moment


def covered_incidents(appender: Appender, draft: TollReportDraft, incident_ids: Sequence[str]) -> list[str]:
    """The sorted ids of the incidents that a report covers. `incident_ids` is the default of the draft."""
    covered = sorted(set(draft.incidents or incident_ids))
    if not covered:
        raise InvalidInput([FieldError("incidents", "names no incident", where="body")])
    if not set(incident_ids) <= set(covered):
        raise InvalidInput([FieldError("incidents", "leaves out the incident that it is sent with", where="body")])
    for incident_id in set(covered) - set(incident_ids):
        if appender.find(Incident, incident_id) is None:
            raise InvalidInput([FieldError("incidents", "names an incident that does not exist", incident_id, "body")])
    return covered


def check_superseded(
    old: Mapping[str, Any] | None, draft: TollReportDraft, covered: Sequence[str], reported: Instant
) -> None:
    """`supersedes` must name a report of the same measure and a common incident that was not reported later."""
    if old is None:
        why = "is not the id of a toll report"
    elif old["measure"] != draft.measure:
        why = "is a report of another measure"
    elif not set(covered) & set(orjson.loads(old["record"])["incidents"]):
        why = "is a report about other incidents"
    elif old["reported_at"] > reported:
        why = "was reported later than this one"
    else:
        return
    raise InvalidInput([FieldError("supersedes", why, draft.supersedes, "body")])


def check_retracted_on(report: Mapping[str, Any], retracted_on: str, now: Instant) -> None:
    """A report cannot be retracted before it is given."""
    moment, reported_on = not_in_future("reported_on", retracted_on, now), report["reported_on"]
    if moment.instant < opening(parse_moment(reported_on)):
        why = f"is earlier than the report, whose reported_on is {reported_on}"
        raise InvalidInput([FieldError("reported_on", why, retracted_on, "body")])


def check_merged_into(appender: Appender, incident_id: str, into: str) -> None:
    """An incident can be merged into another one that is not withdrawn."""
    why = "is the incident itself" if into == incident_id else None
    try:
        appender.live_incident(into)
    except IncidentNotFound:
        why = "is not the id of an incident"
    except Conflict:
        why = "is withdrawn itself"
    if why:
        raise InvalidInput([FieldError("merged_into", why, into, "body")])
