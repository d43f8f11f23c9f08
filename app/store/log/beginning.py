"""The beginning of the log: its epoch, and entries for facts that were recorded before there was a log."""

import secrets
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, literal_column, null, select, update
from sqlmodel import col

from app.domain.canonical import canonical
from app.domain.dates import Instant
from app.domain.vocabulary import ChangeKind
from app.store.db.sql_text import AnySelect, limited
from app.store.db.transaction import Transaction
from app.store.log.entries import ORDER, Tree
from app.store.log.entry_rows import item_of, select_entries
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


def begin(transaction: Transaction) -> None:
    """Creates the epoch where there is none, and entries for facts that were recorded before there was a log."""
    if transaction.first(select(col(Feed.key))) is None:
        new_epoch(transaction)
    if transaction.head.key and transaction.first(limited(select(col(Change.seq)), 1)) is None:
        _enter_all(transaction)


def new_epoch(transaction: Transaction) -> None:
    """Replaces the epoch of the log."""
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
    for at, rows in groupby(transaction.each(select_entries()), key=lambda row: row[1]):
        hashes += [{"of": row[0], "hash": tree.append(canonical(item_of(row)[0]))} for row in rows]
        states[at] = tree.state
    of_entry = update(Change).where(col(Change.seq) == bindparam("of")).values(hash=bindparam("hash"))
    for values in hashes:
        transaction.change(of_entry, values)
    transaction.insert(table_of(LogNode), tree.completed)
    state: dict[str, Any] = {name: bindparam(name) for name in tree.state}
    of_recording = update(Recording).where(col(Recording.recorded_at) == bindparam("at")).values(state)
    for at, values in states.items():
        transaction.change(of_recording, values | {"at": at})


def _facts(transaction: Transaction) -> Iterator[tuple[Instant, int, int, str, str | None]]:
    """(recorded at, place of the kind, key, kind, incident) of every fact."""
    of_report = (IncidentSet, col(IncidentSet.key) == TollReport.incident_set)
    about: dict[ChangeKind, AnySelect] = {
        ChangeKind.SOURCE_CREATED: select(col(Source.recorded_at), col(Source.key), null()),
        ChangeKind.REPORTER_CREATED: select(col(Reporter.recorded_at), col(Reporter.key), null()),
        ChangeKind.INCIDENT_CREATED: _of_incident(IncidentVersion).where(
            col(IncidentVersion.number) == literal_column("1")
        ),
        ChangeKind.INCIDENT_UPDATED: _of_incident(IncidentVersion).where(
            col(IncidentVersion.number) > literal_column("1")
        ),
        ChangeKind.TOLL_REPORTED: select(
            col(TollReport.recorded_at), col(TollReport.key), col(IncidentSet.members)
        ).join(*of_report),
        ChangeKind.TOLL_RETRACTED: select(col(Retraction.recorded_at), col(Retraction.key), col(IncidentSet.members))
        .join(TollReport, col(TollReport.key) == Retraction.toll_report)
        .join(*of_report),
        ChangeKind.INCIDENT_WITHDRAWN: _of_incident(Withdrawal),
    }
    for kind, statement in about.items():
        for at, key, incidents in transaction.each(statement):
            members = orjson.loads(incidents) if incidents and incidents.startswith("[") else [incidents]
            yield at, ORDER[kind], key, kind.value, members[0] if len(members) == 1 else None


def _of_incident(model: type[IncidentVersion] | type[Withdrawal]) -> AnySelect:
    columns = col(model.recorded_at), col(model.key), col(Incident.id)
    return select(*columns).join(Incident, col(Incident.key) == model.incident)
