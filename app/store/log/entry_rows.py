"""Entries of the log read back from the facts: as items, and as JSON texts."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import and_, func, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain.dates import instant_text
from app.domain.json_text import extend_object, json_of, object_of
from app.domain.vocabulary import ChangeKind
from app.store.db.sql_text import AnySelect
from app.store.db.statements import Row
from app.store.log.entries import item, retraction_data, version_data, withdrawal_data
from app.store.tables import Change, IncidentVersion, Recording, Reporter, Retraction, Source, TollReport, Withdrawal

_VERSIONS = (ChangeKind.INCIDENT_CREATED, ChangeKind.INCIDENT_UPDATED)
REPORTERS = (ChangeKind.REPORTER_CREATED, ChangeKind.LEGACY_REPORTER_CREATED)


def select_entries() -> AnySelect:
    """(seq, at, kind, incident, by, hash, …the columns that `item_of` reads) of all entries, in their order."""
    reported, retracted, retracting = aliased(TollReport), aliased(TollReport), aliased(Source)

    def of(kinds: Sequence[ChangeKind], key: Any) -> Any:
        return and_(col(Change.kind).in_([literal_column(f"'{k.value}'") for k in kinds]), key == Change.fact)

    return (
        select(
            col(Change.seq),
            col(Change.recorded_at),
            col(Change.kind),
            col(Change.incident),
            col(Recording.recorded_by),
            col(Change.hash),
            col(IncidentVersion.number),
            col(IncidentVersion.record),
            col(IncidentVersion.sources),
            func.coalesce(col(Source.record), col(Reporter.record), col(reported.record)),
            col(retracted.record).label("retracted"),
            col(Retraction.reason).label("retraction_reason"),
            col(Retraction.reported_on),
            col(retracting.record).label("retracting_source"),
            col(Withdrawal.reason).label("withdrawal_reason"),
            col(Withdrawal.merged_into),
        )
        .join(Recording, col(Recording.recorded_at) == Change.recorded_at)
        .outerjoin(IncidentVersion, of(_VERSIONS, IncidentVersion.key))
        .outerjoin(Source, of([ChangeKind.SOURCE_CREATED], Source.key))
        .outerjoin(Reporter, of(REPORTERS, Reporter.key))
        .outerjoin(reported, of([ChangeKind.TOLL_REPORTED], reported.key))
        .outerjoin(Retraction, of([ChangeKind.TOLL_RETRACTED], Retraction.key))
        .outerjoin(retracted, col(retracted.key) == Retraction.toll_report)
        .outerjoin(retracting, col(retracting.key) == Retraction.source)
        .outerjoin(Withdrawal, of([ChangeKind.INCIDENT_WITHDRAWN], Withdrawal.key))
        .order_by(col(Change.seq))
    )


def item_of(row: Row) -> tuple[dict[str, Any], bytes]:
    """The item of a row of `select_entries`, and its stored hash. The data is empty where the fact is missing."""
    seq, at, kind, incident, by, stored, number, version, sources, record, retracted, reason, on, source, why, into = (
        row
    )
    data: dict[str, Any] = {}
    if version is not None:
        data = version_data(orjson.loads(version), number, orjson.loads(sources))
    elif record is not None:
        data = orjson.loads(record)
    elif retracted is not None:
        data = retraction_data(orjson.loads(retracted), reason, on, orjson.loads(source) if source else None)
    elif why is not None:
        data = withdrawal_data(incident, why, into)
    return item(seq, instant_text(at), kind, incident, by, data), stored


def text_of(row: Row) -> str:
    """The JSON of a row of `select_entries`, joined from the stored texts."""
    seq, at, kind, incident, by, stored, number, version, sources, record, *_ = row
    if version is not None:
        data = extend_object(version, object_of(sources=sources, version=str(number)))
    else:
        data = record or json_of(item_of(row)[0]["data"])
    members = {"seq": seq, "at": instant_text(at), "kind": kind, "incident": incident, "by": by}
    return extend_object(json_of(members), f'{{"data":{data},"hash":"{stored.hex()}"}}')
