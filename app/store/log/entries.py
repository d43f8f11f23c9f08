"""The log: every change in the order of its recording, without gaps, as the leaves of a Merkle tree (RFC 6962).

An entry is hashed in canonical JSON, as `GET /v1/changes` gives it less its `hash`. What it tells is not stored twice
but read from the facts; `store.maintenance.verify` compares.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Select, and_, bindparam, delete, func, literal_column, null, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain import merkle
from app.domain.canonical import canonical
from app.domain.dates import Instant, instant_text
from app.domain.json_text import extend_object, json_of, object_of
from app.domain.vocabulary import ChangeKind
from app.store.db.sql_text import limited
from app.store.db.statements import Row
from app.store.db.transaction import Transaction
from app.store.tables import (
    Change,
    Feed,
    Incident,
    IncidentSet,
    IncidentVersion,
    LogNode,
    Recording,
    Reporter,
    Retraction,
    Source,
    TollReport,
    Withdrawal,
    table_of,
)

HASH_LENGTH = 32
ORDER = {kind: place for place, kind in enumerate(ChangeKind)}
ORDER[ChangeKind.INCIDENT_UPDATED] = ORDER[ChangeKind.INCIDENT_CREATED]
"""Entries of one recording go by kind, then by the key of their fact: a reporter comes before its figures."""


class Entry(NamedTuple):
    """What happened: to which incident, where it is about a single one, and the key of the fact."""

    kind: ChangeKind
    fact: int
    incident: str | None
    data: dict[str, Any]


def item(seq: int, at: str, kind: str, incident: str | None, by: str, data: dict[str, Any]) -> dict[str, Any]:
    """An entry as the feed gives it, less its `hash`."""
    return {"seq": seq, "at": at, "kind": kind, "incident": incident, "by": by, "data": data}


def append(transaction: Transaction, entries: Iterable[Entry], by: str) -> dict[str, Any]:
    """Appends the entries of one recording. Returns what the recording keeps of the log."""
    tree = Tree(transaction.head.log_size, transaction.head.log_peaks)
    rows = []
    for entry in sorted(entries, key=lambda e: (ORDER[e.kind], e.fact)):
        seq, kind = tree.size + 1, entry.kind.value
        told = item(seq, transaction.now_text, kind, entry.incident, by, entry.data)
        rows.append(
            {
                "seq": seq,
                "recorded_at": transaction.now,
                "kind": kind,
                "incident": entry.incident,
                "fact": entry.fact,
                "hash": tree.append(canonical(told)),
            }
        )
    transaction.insert(table_of(Change), rows)
    transaction.insert(table_of(LogNode), tree.completed)
    return tree.state


class Tree:
    """The tree while it grows."""

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        self.size = size
        self.peaks = [peaks[n : n + HASH_LENGTH] for n in range(0, len(peaks), HASH_LENGTH)]
        self.completed: list[dict[str, Any]] = []
        """Rows of `log_node`."""

    def append(self, entry: bytes) -> bytes:
        """Appends an entry in canonical JSON. Returns its hash."""
        leaf = merkle.leaf_hash(entry)
        for level, number, node in merkle.grow(self.peaks, self.size, leaf):
            self.completed.append({"level": level, "number": number, "hash": node})
        self.size += 1
        return leaf

    @property
    def state(self) -> dict[str, Any]:
        """The members of a recording that tell of the log."""
        return {"log_size": self.size, "log_root": merkle.root_of(self.peaks), "log_peaks": b"".join(self.peaks)}


def told() -> Select[Any]:
    """(seq, at, kind, incident, by, hash, …what `item_of` reads) of entries, to be narrowed."""
    carrying, retracted, told_in = aliased(TollReport), aliased(TollReport), aliased(Source)

    def of(kinds: Sequence[ChangeKind], key: Any) -> Any:
        return and_(col(Change.kind).in_([literal_column(f"'{k.value}'") for k in kinds]), key == Change.fact)

    versions = (ChangeKind.INCIDENT_CREATED, ChangeKind.INCIDENT_UPDATED)
    built: Select[Any] = (
        select(
            Change.seq,
            Change.recorded_at,
            Change.kind,
            Change.incident,
            Recording.recorded_by,
            Change.hash,
            IncidentVersion.number,
            IncidentVersion.record,
            IncidentVersion.sources,
            func.coalesce(col(Source.record), col(Reporter.record), col(carrying.record)),
            col(retracted.record).label("retracted"),
            col(Retraction.reason).label("retraction_reason"),
            Retraction.reported_on,
            col(told_in.record).label("told_in"),
            col(Withdrawal.reason).label("withdrawal_reason"),
            Withdrawal.merged_into,
        )
        .join(Recording, col(Recording.recorded_at) == Change.recorded_at)
        .outerjoin(IncidentVersion, of(versions, IncidentVersion.key))
        .outerjoin(Source, of([ChangeKind.SOURCE_CREATED], Source.key))
        .outerjoin(Reporter, of([ChangeKind.REPORTER_CREATED], Reporter.key))
        .outerjoin(carrying, of([ChangeKind.TOLL_REPORTED], carrying.key))
        .outerjoin(Retraction, of([ChangeKind.TOLL_RETRACTED], Retraction.key))
        .outerjoin(retracted, retracted.key == col(Retraction.toll_report))
        .outerjoin(told_in, told_in.key == col(Retraction.source))
        .outerjoin(Withdrawal, of([ChangeKind.INCIDENT_WITHDRAWN], Withdrawal.key))
        .order_by(col(Change.seq))
    )
    return built


def item_of(row: Row) -> tuple[dict[str, Any], bytes]:
    """A row of `told` as an item of the feed, and its stored hash. A fact that is gone has no data."""
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
    """A row of `told` as the JSON of the feed, joined from the texts that are stored."""
    seq, at, kind, incident, by, stored, number, version, sources, record, *_ = row
    if version is not None:
        data = extend_object(version, object_of(sources=sources, version=str(number)))
    else:
        data = record or json_of(item_of(row)[0]["data"])
    told = {"seq": seq, "at": instant_text(at), "kind": kind, "incident": incident, "by": by}
    return extend_object(json_of(told), object_of(data=data, hash=json_of(stored.hex())))


def version_data(record: dict[str, Any], number: int, sources: list[Any]) -> dict[str, Any]:
    """What the log tells of a version of an incident's record."""
    return record | {"sources": sources, "version": number}


def retraction_data(
    report: dict[str, Any], reason: str, reported_on: str | None, source: dict[str, Any] | None
) -> dict[str, Any]:
    """What the log tells of a retraction."""
    told = {"toll_report": report["id"], "incidents": report["incidents"], "reason": reason}
    return told | {"reported_on": reported_on, "source": source}


def withdrawal_data(incident: str, reason: str, merged_into: str | None) -> dict[str, Any]:
    """What the log tells of a withdrawal."""
    return {"incident": incident, "reason": reason, "merged_into": merged_into}


def begin(transaction: Transaction) -> None:
    """Begins the feed where it was not begun, and enters facts that were recorded before there was a log."""
    if transaction.first(select(Feed.key)) is None:
        new_epoch(transaction)
    if transaction.head.key and transaction.first(limited(select(Change.seq), 1)) is None:
        _enter_all(transaction)


def new_epoch(transaction: Transaction) -> None:
    """Begins another life of the feed."""
    transaction.change(delete(Feed), {})
    row = {"key": 1, "epoch": secrets.token_hex(8), "since": transaction.now}
    transaction.insert(table_of(Feed), [row])


def _enter_all(transaction: Transaction) -> None:
    transaction.insert(
        table_of(Change),
        [
            {"seq": n, "recorded_at": at, "kind": kind, "incident": incident, "fact": key, "hash": b""}
            for n, (at, _, key, kind, incident) in enumerate(sorted(_facts(transaction)), start=1)
        ],
    )
    tree, states, hashes = Tree(), {}, []
    for at, rows in groupby(transaction.each(told()), key=lambda row: row[1]):
        hashes += [{"of": row[0], "hash": tree.append(canonical(item_of(row)[0]))} for row in rows]
        states[at] = tree.state
    of_entry = update(Change).where(col(Change.seq) == bindparam("of")).values(hash=bindparam("hash"))
    for values in hashes:
        transaction.change(of_entry, values)
    transaction.insert(table_of(LogNode), tree.completed)
    state = {name: bindparam(name) for name in tree.state}
    of_recording = update(Recording).where(col(Recording.recorded_at) == bindparam("at")).values(state)
    for at, values in states.items():
        transaction.change(of_recording, values | {"at": at})


def _facts(transaction: Transaction) -> Iterator[tuple[Instant, int, int, str, str | None]]:
    """(recorded at, place of the kind, key, kind, incident) of every fact."""
    of_report = (IncidentSet, col(IncidentSet.key) == TollReport.incident_set)
    about = {
        ChangeKind.SOURCE_CREATED: select(Source.recorded_at, Source.key, null()),
        ChangeKind.REPORTER_CREATED: select(Reporter.recorded_at, Reporter.key, null()),
        ChangeKind.INCIDENT_CREATED: _of_incident(IncidentVersion).where(
            col(IncidentVersion.number) == literal_column("1")
        ),
        ChangeKind.INCIDENT_UPDATED: _of_incident(IncidentVersion).where(
            col(IncidentVersion.number) > literal_column("1")
        ),
        ChangeKind.TOLL_REPORTED: select(TollReport.recorded_at, TollReport.key, IncidentSet.members).join(*of_report),
        ChangeKind.TOLL_RETRACTED: select(Retraction.recorded_at, Retraction.key, IncidentSet.members)
        .join(TollReport, col(TollReport.key) == Retraction.toll_report)
        .join(*of_report),
        ChangeKind.INCIDENT_WITHDRAWN: _of_incident(Withdrawal),
    }
    for kind, statement in about.items():
        for at, key, told_of in transaction.each(statement):
            members = orjson.loads(told_of) if told_of and told_of.startswith("[") else [told_of]
            yield at, ORDER[kind], key, kind.value, members[0] if len(members) == 1 else None


def _of_incident(model: Any) -> Select[Any]:
    built: Select[Any] = select(model.recorded_at, model.key, Incident.id)
    return built.join(Incident, col(Incident.key) == model.incident)
