"""The log: every change in the order of its recording, without gaps, as the leaves of a Merkle tree (RFC 6962).

The hash of an entry covers its canonical JSON: what `GET /v1/changes` returns, without its `hash`. The data of an entry
is not stored twice but read from the facts (`entry_rows`); `store.maintenance.verify` compares both.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from app.domain import merkle
from app.domain.canonical import canonical
from app.domain.vocabulary import ChangeKind
from app.store.db.transaction import Transaction
from app.store.tables import Change, LogNode, table_of

HASH_LENGTH = 32
ORDER = {kind: place for place, kind in enumerate(ChangeKind)}
ORDER[ChangeKind.INCIDENT_UPDATED] = ORDER[ChangeKind.INCIDENT_CREATED]
ORDER[ChangeKind.LEGACY_REPORTER_CREATED] = ORDER[ChangeKind.REPORTER_CREATED]
"""Entries of one recording are sorted by kind, then by the key of their fact: a reporter precedes its figures."""


class Entry(NamedTuple):
    """A change: its kind, the key of its fact, the incident where it is about a single one, and its data."""

    kind: ChangeKind
    fact: int
    incident: str | None
    data: dict[str, Any]


def item(seq: int, at: str, kind: str, incident: str | None, by: str, data: dict[str, Any]) -> dict[str, Any]:
    """An entry as `GET /v1/changes` returns it, without its `hash`."""
    return {"seq": seq, "at": at, "kind": kind, "incident": incident, "by": by, "data": data}


def append(transaction: Transaction, entries: Iterable[Entry], by: str) -> dict[str, Any]:
    """Appends the entries of one recording. Returns the members of the recording that describe the log."""
    tree = Tree(transaction.head.log_size, transaction.head.log_peaks)
    rows = []
    for entry in sorted(entries, key=lambda e: (ORDER[e.kind], e.fact)):
        seq, kind = tree.size + 1, entry.kind.value
        document = item(seq, transaction.now_text, kind, entry.incident, by, entry.data)
        rows.append(
            {
                "seq": seq,
                "recorded_at": transaction.now,
                "kind": kind,
                "incident": entry.incident,
                "fact": entry.fact,
                "hash": tree.append(canonical(document)),
            }
        )
    transaction.insert(table_of(Change), rows)
    transaction.insert(table_of(LogNode), tree.completed)
    return tree.state


class Tree:
    """The tree of the log, to which entries are appended."""

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
        """The members of a recording that describe the log."""
        return {"log_size": self.size, "log_root": merkle.root_of(self.peaks), "log_peaks": b"".join(self.peaks)}


def version_data(record: dict[str, Any], number: int, sources: list[Any]) -> dict[str, Any]:
    """The data of an entry about a version of an incident's record."""
    return record | {"sources": sources, "version": number}


def retraction_data(
    report: dict[str, Any], reason: str, reported_on: str | None, source: dict[str, Any] | None
) -> dict[str, Any]:
    """The data of an entry about a retraction."""
    data = {"toll_report": report["id"], "incidents": report["incidents"], "reason": reason}
    return data | {"reported_on": reported_on, "source": source}


def withdrawal_data(incident: str, reason: str, merged_into: str | None) -> dict[str, Any]:
    """The data of an entry about a withdrawal."""
    return {"incident": incident, "reason": reason, "merged_into": merged_into}
