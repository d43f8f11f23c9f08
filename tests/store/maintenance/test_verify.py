"""`verify` detects every kind of tampering, and reports nothing else.

Tampering is done with the `sqlite3` shell where it is installed, which knows nothing of this program.
"""

import random
import re
import shutil
import sqlite3
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain import merkle
from app.domain.vocabulary import Scope
from app.errors import Broken, DatabaseUnusable, InvalidInput
from app.ingest.formats import import_file, importer_of
from app.query.code_lists import FileFormat
from app.store import keys
from app.store.db.database import Database
from app.store.maintenance import schema
from app.store.maintenance.verify import NOT_OF_THE_RECORD, Checkpoint, Verified, verify
from app.store.tables import TABLES
from app.store.write.writer import recording
from tests.builders import incident_draft, record, report_body, report_draft
from tests.ged import events as ged_events
from tests.ged import with_figure
from tests.ged import write as write_ged
from tests.proofs import root_of_leaves
from tests.store.rich import GOV, PAPER, STEPS, make_rich, rehash, report_of

SHELL = shutil.which("sqlite3")
RECORD = {name: table for name, table in TABLES.items() if name not in NOT_OF_THE_RECORD}

Kind = tuple[str, ...]
"""SQL, each part in a connection of its own."""


@pytest.fixture(scope="module")
def rich_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied, not written."""
    path = tmp_path_factory.mktemp("rich") / "rich.db"
    make_rich(path, migrated_file)
    return path


@pytest.fixture
def path(rich_file: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    copied = tmp_path / "rich.db"
    shutil.copy(rich_file, copied)
    return copied


def tamper(path: Path, *parts: str) -> None:
    """Runs SQL behind the program's back, and leaves the file alone if any of it fails."""
    for sql in parts:
        if SHELL:
            ended = subprocess.run(
                [SHELL, "-bail", str(path), sql], capture_output=True, text=True, timeout=60, check=False
            )
            assert (ended.returncode, ended.stderr) == (0, ""), f"{sql}: {ended.stderr}"
        else:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.executescript(sql)


def prove(path: Path, against: Checkpoint | None = None) -> Verified:
    """What `incidents verify` does."""
    database = Database(f"sqlite:///{path}")
    schema.check(database)
    return verify(database, against)


def checkpoint(path: Path) -> Checkpoint:
    """What `/v1/log/checkpoint` tells of a database."""
    with closing(sqlite3.connect(path)) as connection:
        size, root = connection.execute("SELECT log_size, log_root FROM recording ORDER BY key DESC").fetchone()
    return Checkpoint(size, root.hex())


# What every column of every table holds


def _other_value(table: sa.Table, column: sa.Column[Any]) -> str:
    """Another value for a column, of the same type and as good as the one that is there."""
    name = f'"{column.name}"'
    if column.foreign_keys:
        parent = next(iter(column.foreign_keys)).column
        return f"(SELECT max({parent.name}) FROM {parent.table.name} WHERE {parent.name} NOT IN (SELECT {name} FROM {table.name} WHERE {name} IS NOT NULL UNION SELECT -1) OR {parent.name} = {table.name}.{name} - 1)"
    if isinstance(column.type, sa.Enum):
        one, another = column.type.enums[:2]
        return f"CASE {name} WHEN '{one}' THEN '{another}' ELSE '{one}' END"
    if isinstance(column.type, sa.Boolean):
        return f"1 - coalesce({name}, 0)"
    if isinstance(column.type, sa.LargeBinary):
        return f"CAST(CASE substr({name}, 1, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr({name}, 2) AS BLOB)"
    if isinstance(column.type, sa.Float):
        return f"coalesce({name}, 0.0) + 0.0000000001"
    if isinstance(column.type, sa.Integer):
        return f"coalesce({name}, 0) + {1000 if column.primary_key else 1}"
    return f"coalesce(substr({name}, 1, length({name}) - 1), '') || '~'"


MOVABLE = {
    "incident_version.incident": ("2", "number = 3"),
    "withdrawal.incident": ("1", "merged_into IS NULL"),
}
"""Columns that are unique together with others: a value that is free, and in which row."""


def _columns() -> Iterator[tuple[str, Kind]]:
    for table in RECORD.values():
        for column in table.c:
            name = f"{table.name}.{column.name}"
            last = f"rowid = (SELECT max(rowid) FROM {table.name})"
            value, where = MOVABLE.get(name, (_other_value(table, column), last))
            yield f"{name} is changed", (f'UPDATE {table.name} SET "{column.name}" = {value} WHERE {where}',)


TAKEN = [
    "change.incident", "toll_report.low", "toll_report.best", "toll_report.high", "toll_report.supersedes",
    "retraction.reported_on", "retraction.reported_at", "retraction.source", "withdrawal.merged_into", "set_segment.killed_best",
    "segment.killed_low", "segment.killed_best", "segment.killed_first", "segment.killed_change", "segment.region_key",
    "segment.latitude", "segment.event_type", "segment.type_of_violence", "segment.sphere_x", "segment.killed_disputed",
]  # fmt: skip
PUT = {
    "change.incident": "''", "toll_report.low": "0", "toll_report.high": "0", "toll_report.supersedes": "1",
    "retraction.reported_on": "''", "retraction.reported_at": "0", "retraction.source": "1", "withdrawal.merged_into": "''",
    "set_segment.killed_best": "0", "set_segment.wounded_low": "0", "segment.killed_low": "0", "segment.killed_best": "0",
    "segment.killed_change": "'none'", "segment.killed_disputed": "0", "segment.region_key": "''", "segment.latitude": "0.0",
    "segment.event_type": "''", "segment.type_of_violence": "0", "segment.missing_high": "0", "segment.captured_low": "0",
}  # fmt: skip


def _nulls() -> Iterator[tuple[str, Kind]]:
    """A value that is taken away, and one that is put where nothing was told."""
    for name in TAKEN:
        table, column = name.split(".")
        of = f"(SELECT max(rowid) FROM {table} WHERE {column} IS NOT NULL)"
        yield f"{name} becomes null", (f"UPDATE {table} SET {column} = NULL WHERE rowid = {of}",)
    for name, value in PUT.items():
        table, column = name.split(".")
        of = f"(SELECT max(rowid) FROM {table} WHERE {column} IS NULL)"
        yield f"{name}, a null, becomes {value}", (f"UPDATE {table} SET {column} = {value} WHERE rowid = {of}",)


def _key(table: sa.Table) -> str:
    return next(iter(table.primary_key.columns)).name


UNIQUE_TEXTS = {
    "incident": "id",
    "reporter": "id",
    "source": "id",
    "toll_report": "id",
    "incident_set": "members",
    "secret": "subject",
}
FREE = {"recording": {"recorded_at": "recorded_at + 1"}, "incident_version": {"number": "number + 1"},
        "retraction": {"toll_report": "(SELECT min(key) FROM toll_report WHERE key NOT IN (SELECT toll_report FROM retraction))"},
        "withdrawal": {"incident": "(SELECT min(key) FROM incident WHERE key NOT IN (SELECT incident FROM withdrawal))"},
        "incident_set_member": {"incident": "(SELECT min(key) FROM incident WHERE id = 'twin')"},
        "incident_border": {"country": "'DZ'"}, "incident_external_id": {"id": "id || 'x'"}}  # fmt: skip


def _rows() -> Iterator[tuple[str, Kind]]:
    """Rows that are deleted, inserted, or exchanged."""
    for table in RECORD.values():
        name, key = table.name, _key(table)
        for which in ("min", "max"):
            yield (
                f"the {which} row of {name} is deleted",
                (f"DELETE FROM {name} WHERE rowid = (SELECT {which}(rowid) FROM {name})",),
            )
        yield f"all rows of {name} are deleted", (f"DELETE FROM {name}",)
        new = {key: f"{key} + 1000"} if len(table.primary_key) == 1 else {}
        new |= {text: f"{text} || 'x'" for table_name, text in UNIQUE_TEXTS.items() if table_name == name}
        new |= FREE.get(name, {}) or ({} if new else {"number": "number + 1000"})
        columns = ", ".join(f'"{c.name}"' for c in table.c)
        values = ", ".join(new.get(c.name, f'"{c.name}"') for c in table.c)
        yield (
            f"a row of {name} is doubled",
            (
                f"INSERT INTO {name} ({columns}) SELECT {values} FROM {name} WHERE rowid = (SELECT max(rowid) FROM {name})",
            ),
        )
        if len(table.primary_key) == 1:
            a, b = (f"(SELECT {which}({key}) FROM {name} WHERE {key} > 0)" for which in ("min", "max"))
            yield (
                f"two rows of {name} are exchanged",
                (
                    f"CREATE TEMP TABLE ends AS SELECT {a} AS a, {b} AS b; UPDATE {name} SET {key} = -1 WHERE {key} = (SELECT a FROM ends);"
                    f"UPDATE {name} SET {key} = (SELECT a FROM ends) WHERE {key} = (SELECT b FROM ends);"
                    f"UPDATE {name} SET {key} = (SELECT b FROM ends) WHERE {key} = -1",
                ),
            )


# What the stored texts say, said otherwise

DOCUMENTS = [
    ("incident_version", "record"), ("incident_version", "sources"), ("toll_report", "record"), ("source", "record"),
    ("reporter", "record"), ("secret", "record"), ("incident_set", "members"), ("segment", "toll"), ("segment", "rest"),
]  # fmt: skip
REWORDED = {
    "has a space at its end": "{c} || ' '",
    "has a space before it": "' ' || {c}",
    "has a line break at its end": "{c} || char(10)",
    "has a space after a comma": "replace({c}, ',', ', ')",
    "has a space before its end": "substr({c}, 1, length({c}) - 1) || ' ' || substr({c}, -1)",
    "has an escaped letter": "replace({c}, 'e', '\\u0065')",
    "has a NUL at its end": "{c} || char(0)",
    "has a byte order mark": "char(65279) || {c}",
    "is bytes instead of text": "CAST({c} AS BLOB)",
    "has a byte that is not UTF-8": "CAST(x'22ff' || {c} AS TEXT)",
    "has another case": "upper({c})",
    "is empty": "''",
    "is null in JSON": "'null'",
    "is no JSON": "'{{'",
    "is cut": "substr({c}, 1, length({c}) / 2)",
}
OBJECTS = {
    "has its first member last": "json_insert(json_remove({c}, '$.{first}'), '$.{first}', json_extract({c}, '$.{first}'))",
    "has a member twice": "'{{\"{first}\":1,' || substr({c}, 2)",
    "has one more member": "json_insert({c}, '$.more', null)",
    "lacks a member": "json_remove({c}, '$.{first}')",
}
FIRST = {"toll": "rule", "rest": "sources"}


def _documents() -> Iterator[tuple[str, Kind]]:
    for table, column in DOCUMENTS:
        long = f"(SELECT rowid FROM {table} WHERE {column} LIKE '%,%' AND {column} LIKE '%e%' ORDER BY length({column}) DESC LIMIT 1)"
        wordings = dict(REWORDED)
        if column not in ("sources", "members"):
            wordings |= OBJECTS
        for what, wording in wordings.items():
            first = FIRST.get(column, "title" if table == "secret" else "id")
            yield (
                f"{table}.{column} {what}",
                (f"UPDATE {table} SET {column} = {wording.format(c=column, first=first)} WHERE rowid = {long}",),
            )


def _replaced(table: str, column: str, old: str, new: str) -> Kind:
    """A piece of a text that is in one of the rows, replaced in one of them."""
    found = f"(SELECT rowid FROM {table} WHERE instr({column}, '{old}') LIMIT 1)"
    return (f"UPDATE {table} SET {column} = replace({column}, '{old}', '{new}') WHERE rowid = {found}",)


def _respelled(table: str, column: str, one: str, other: str) -> Kind:
    """The same said otherwise: the one way or the other, whichever it is that is stored."""
    replaced = f"CASE WHEN instr({column}, '{one}') THEN replace({column}, '{one}', '{other}') ELSE replace({column}, '{other}', '{one}') END"
    found = f"(SELECT rowid FROM {table} WHERE instr({column}, '{one}') OR instr({column}, '{other}') LIMIT 1)"
    return (f"UPDATE {table} SET {column} = {replaced} WHERE rowid = {found}",)


def _of_version(one: str, other: str) -> Kind:
    return _respelled("incident_version", "record", one, other)


def _of_report(one: str, other: str) -> Kind:
    return _respelled("toll_report", "record", one, other)


SPELLINGS: dict[str, Kind] = {
    "a latitude 15.0 is written 15": _of_version('"latitude":15.0,', '"latitude":15,'),
    "a latitude 15.0 is written 1.5e1": ("UPDATE incident_version SET record = replace(replace(record, '\"latitude\":15.0,', '\"latitude\":15,'), '\"latitude\":15,', '\"latitude\":1.5e1,') WHERE key = 1",),
    "a latitude 0.0 is written 0": _of_version('"latitude":0.0,', '"latitude":0,'),
    "a latitude 0.0 is written -0.0": ("UPDATE incident_version SET record = replace(replace(record, '\"latitude\":0.0,', '\"latitude\":0,'), '\"latitude\":0,', '\"latitude\":-0.0,') WHERE key = 2",),
    "a latitude 0.0 is written -0": ("UPDATE incident_version SET record = replace(replace(record, '\"latitude\":0.0,', '\"latitude\":0,'), '\"latitude\":0,', '\"latitude\":-0,') WHERE key = 2",),
    "a longitude 1.625 has more digits": _of_version("1.625,", "1.6250,"),
    "a longitude 1.625 is written 16.25e-1": _of_version("1.625,", "16.25e-1,"),
    "an attribute 1.0 is written 1": _of_version('"one":1.0,', '"one":1,'),
    "an attribute 0 is written -0": _of_version('"a":[0,', '"a":[-0,'),
    "an attribute 0 is written 0.0": _of_version('"a":[0,', '"a":[0.0,'),
    "an attribute 0 is written -0.0": _of_version('"a":[0,', '"a":[-0.0,'),
    "attributes are in another order": _of_version('"q":null,"b":true', '"b":true,"q":null'),
    "external ids are in another order": _of_version('"ucdp":"312676","acled":"MLI1"', '"acled":"MLI1","ucdp":"312676"'),
    "the members of a region are in another order": _of_version('{"code":"ML-9","name":"Ménaka"}', '{"name":"Ménaka","code":"ML-9"}'),
    "the members of an actor are in another order": _of_version('{"name":"Groupe armé","role":"attacker","kind":"rebel_group"}', '{"kind":"rebel_group","name":"Groupe armé","role":"attacker"}'),
    "a letter is composed otherwise": ("UPDATE incident_version SET record = replace(record, char(224), 'a' || char(768)) WHERE key = 1",),
    "a figure 53 is written 53.0": _of_report('"best":53,', '"best":53.0,'),
    "a figure 0 is written -0": _of_report('"best":0,', '"best":-0,'),
    "the members of a reporter in a report are in another order": _of_report('{"id":"gov","name":"A government","kind":"government"}', '{"id":"gov","kind":"government","name":"A government"}'),
    "the members of a breakdown are in another order": _of_report('"side_a":1,"side_b":null,"civilian":40,"unknown":0', '"civilian":40,"side_a":1,"side_b":null,"unknown":0'),
    "the incidents of a report are in another order": _of_report('["full","zero"]', '["zero","full"]'),
    "a number in a stored toll is a fraction": _replaced("segment", "toll", '"best":53', '"best":53.0'),
}  # fmt: skip
"""The same in JSON, by other bytes."""

VALUES: dict[str, Kind] = {
    "a longitude is another by the last digit": _replaced("incident_version", "record", "1.625", "1.6250000000000002"),
    "an attribute null becomes false": _replaced("incident_version", "record", '"q":null', '"q":false'),
    "a whole number beyond what JSON keeps": _replaced(
        "incident_version", "record", '"a":[0,', '"a":[9007199254740993,'
    ),
    "a number that is too large": _replaced("incident_version", "record", '"a":[0,', '"a":[1e999,'),
    "not a number": _replaced("incident_version", "record", '"a":[0,', '"a":[NaN,'),
    "half a character": _replaced("incident_version", "record", "Indelimane", "\\ud800"),
    "a figure 0 becomes null": _replaced("toll_report", "record", '"best":0', '"best":null'),
    "a figure 53 becomes text": _replaced("toll_report", "record", '"best":53', '"best":"53"'),
    "a figure 53 becomes 35": _replaced("toll_report", "record", '"best":53', '"best":35'),
}


# What a whole database may suffer

HALVES = "(SELECT max(seq) / 2 FROM change)"
LOG: dict[str, Kind] = {
    "two entries change places": (f"UPDATE change SET seq = -1 WHERE seq = {HALVES}; UPDATE change SET seq = {HALVES} WHERE seq = {HALVES} + 1; UPDATE change SET seq = (SELECT min(seq) FROM change WHERE seq > 1 AND seq - 1 NOT IN (SELECT seq FROM change)) - 1 WHERE seq = -1",),
    "two entries change their facts": ("CREATE TEMP TABLE f AS SELECT seq, fact FROM change WHERE kind = 'toll.reported' ORDER BY seq LIMIT 2; UPDATE change SET fact = (SELECT fact FROM f WHERE f.seq <> change.seq) WHERE seq IN (SELECT seq FROM f)",),
    "two entries change their hashes": ("CREATE TEMP TABLE h AS SELECT seq, hash FROM change WHERE seq IN (7, 8); UPDATE change SET hash = (SELECT hash FROM h WHERE h.seq = 15 - change.seq) WHERE seq IN (7, 8)",),
    "an entry tells of another fact of the same table": ("UPDATE change SET fact = fact + 1 WHERE seq = (SELECT min(seq) FROM change WHERE kind = 'toll.reported')",),
    "an entry is of another kind": ("UPDATE change SET kind = 'incident.updated' WHERE seq = (SELECT min(seq) FROM change WHERE kind = 'incident.created')",),
    "an entry is told twice": ("INSERT INTO change SELECT seq + 1, recorded_at, kind, incident, fact, hash FROM change ORDER BY seq DESC LIMIT 1",),
    "an entry of an earlier recording": ("UPDATE change SET recorded_at = (SELECT recorded_at FROM recording WHERE key = 2) WHERE seq = (SELECT max(seq) FROM change)",),
    "the end of the log is cut": ("DELETE FROM change WHERE seq = (SELECT max(seq) FROM change)",),
    "the end of the log is cut with its nodes": ("DELETE FROM change WHERE seq > 32; DELETE FROM log_node WHERE (number + 1) << level > 32",),
    "the last recording is gone and its entries and facts are there": ("DELETE FROM recording WHERE key = (SELECT max(key) FROM recording)",),
    "the last recording is gone with its entries, its facts are there": ("DELETE FROM change WHERE recorded_at = (SELECT max(recorded_at) FROM recording); DELETE FROM recording WHERE key = (SELECT max(key) FROM recording)",),
    "the last recording is gone with its facts, its derived rows are there": ("DELETE FROM toll_report WHERE id = 'bare-2'; DELETE FROM change WHERE recorded_at = (SELECT max(recorded_at) FROM recording); DELETE FROM recording WHERE key = (SELECT max(key) FROM recording)",),
    "the beginning of the log is cut": ("DELETE FROM change WHERE seq = 1",),
    "the beginning is cut and the rest is renumbered": ("DELETE FROM change WHERE seq = 1; UPDATE change SET seq = seq - 1",),
    "the whole log is gone": ("DELETE FROM change; DELETE FROM log_node; UPDATE recording SET log_size = 0, log_root = x'', log_peaks = x''",),
    "the log and the recordings are gone, the facts are there": ("DELETE FROM change; DELETE FROM log_node; DELETE FROM recording",),
    "a gap in the numbers": ("UPDATE change SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM change)",),
    "the numbers begin at 0": ("UPDATE change SET seq = -seq; UPDATE change SET seq = -seq - 1",),
    "a hash is text": ("UPDATE change SET hash = hex(hash) WHERE seq = 3",),
    "a hash is cut": ("UPDATE change SET hash = substr(hash, 1, 31) WHERE seq = 3",),
    "a hash is longer": ("UPDATE change SET hash = CAST(hash || x'00' AS BLOB) WHERE seq = 3",),
    "a hash is empty": ("UPDATE change SET hash = x'' WHERE seq = 3",),
    "a hash is that of its neighbour": ("UPDATE change SET hash = (SELECT hash FROM change WHERE seq = 4) WHERE seq = 3",),
    "an incident of an entry in capitals": ("UPDATE change SET incident = upper(incident) WHERE seq = (SELECT min(seq) FROM change WHERE incident IS NOT NULL)",),
    "an incident where an entry is about several": ("UPDATE change SET incident = 'full' WHERE seq = (SELECT min(seq) FROM change WHERE kind = 'toll.reported' AND incident IS NULL)",),
    "two nodes of the tree change places": ("CREATE TEMP TABLE h AS SELECT number, hash FROM log_node WHERE level = 1 AND number IN (0, 1); UPDATE log_node SET hash = (SELECT hash FROM h WHERE h.number = 1 - log_node.number) WHERE level = 1 AND number IN (0, 1)",),
    "a node beyond the log": ("INSERT INTO log_node VALUES (9, 0, x'00')",),
    "a leaf among the nodes": ("INSERT INTO log_node SELECT 0, seq - 1, hash FROM change WHERE seq = 1",),
    "a node is text": ("UPDATE log_node SET hash = hex(hash) WHERE level = 2 AND number = 0",),
    "a recording of the same size as the one before": ("UPDATE recording SET log_size = log_size - 1 WHERE key = 3",),
    "the root of another recording": ("UPDATE recording SET log_root = (SELECT log_root FROM recording WHERE key = 2) WHERE key = 3",),
    "the peaks in another order": ("UPDATE recording SET log_peaks = CAST(substr(log_peaks, 33, 32) || substr(log_peaks, 1, 32) || substr(log_peaks, 65) AS BLOB) WHERE key = (SELECT max(key) FROM recording WHERE length(log_peaks) >= 64)",),
    "a root in hexadecimal": ("UPDATE recording SET log_root = lower(hex(log_root)) WHERE key = 3",),
    "a recording without entries": ("INSERT INTO recording SELECT key + 1, recorded_at + 1, 'nobody', log_size, log_root, log_peaks FROM recording ORDER BY key DESC LIMIT 1",),
    "a recording without entries in the midst": ("INSERT INTO recording SELECT 1000, recorded_at + 1, 'nobody', log_size, log_root, log_peaks FROM recording WHERE key = 3",),
    "who recorded it": ("UPDATE recording SET recorded_by = 'somebody else' WHERE key = 4",),
    "who recorded it, everywhere": ("UPDATE recording SET recorded_by = 'x' WHERE recorded_by = 'by revised'; UPDATE incident_version SET recorded_by = 'x' WHERE recorded_by = 'by revised'",),
    "when it was recorded, everywhere": ("UPDATE recording SET recorded_at = recorded_at + 1 WHERE key = 1; UPDATE change SET recorded_at = (SELECT recorded_at FROM recording WHERE key = 1) WHERE seq <= 2; UPDATE source SET recorded_at = recorded_at + 1 WHERE key = 1; UPDATE reporter SET recorded_at = recorded_at + 1 WHERE key = 1",),
    "recorded at no instant": ("UPDATE recording SET recorded_at = 9223372036854775807 WHERE key = 1; UPDATE change SET recorded_at = 9223372036854775807 WHERE seq <= 2",),
    "recorded before there was anything": ("UPDATE recording SET recorded_at = -9223372036854775808 WHERE key = 1; UPDATE change SET recorded_at = -9223372036854775808 WHERE seq <= 2",),
    "recorded at a word": ("UPDATE recording SET recorded_at = 'now' WHERE key = 1; UPDATE change SET recorded_at = 'now' WHERE seq <= 2",),
    "the epoch is gone": ("DELETE FROM feed",),
    "there are two epochs": ("INSERT INTO feed VALUES (2, 'another', 0)",),
}  # fmt: skip

FACTS: dict[str, Kind] = {
    "a figure in its column alone": ("UPDATE toll_report SET best = 35 WHERE id = 'full-1'",),
    "a figure in its record alone": ("UPDATE toll_report SET record = json_set(record, '$.best', 35) WHERE id = 'full-1'",),
    "a figure in both and in the segments": ("UPDATE toll_report SET best = 35, low = 35, high = 35, record = json_set(record, '$.best', 35, '$.low', 35, '$.high', 35) WHERE id = 'full-1'; UPDATE segment SET toll = replace(toll, '53', '35'), killed_best = 35 WHERE killed_best = 53",),
    "a figure 0 becomes null in its columns": ("UPDATE toll_report SET low = NULL, best = NULL, high = NULL WHERE id = 'zero-1'",),
    "a figure as bytes": ("UPDATE toll_report SET best = x'3533' WHERE id = 'full-1'",),
    "a figure as a fraction": ("UPDATE toll_report SET best = 53.5 WHERE id = 'full-1'",),
    "an id in capitals": ("UPDATE toll_report SET id = upper(id) WHERE id = 'full-1'",),
    "an id of an incident in capitals": ("UPDATE incident SET id = 'Full' WHERE id = 'full'",),
    "an id of an incident with a space": ("UPDATE incident SET id = 'full ' WHERE id = 'full'",),
    "an id of an incident as bytes": ("UPDATE incident SET id = CAST(id AS BLOB) WHERE id = 'full'",),
    "an id of an incident in its record in capitals": ("UPDATE incident_version SET record = json_set(record, '$.id', 'FULL') WHERE key = 1",),
    "an incident is renamed everywhere": ("UPDATE incident SET id = 'bar_' WHERE id = 'bare'; UPDATE incident_version SET record = replace(record, '\"bare\"', '\"bar_\"'); UPDATE toll_report SET record = replace(record, '\"bare\"', '\"bar_\"'); UPDATE incident_set SET members = replace(members, '\"bare\"', '\"bar_\"'); UPDATE change SET incident = 'bar_' WHERE incident = 'bare'; UPDATE segment SET incident_id = 'bar_' WHERE incident_id = 'bare'",),
    "two incidents change their ids": ("UPDATE incident SET id = '-' WHERE id = 'full'; UPDATE incident SET id = 'full' WHERE id = 'zero'; UPDATE incident SET id = 'zero' WHERE id = '-'",),
    "two reports change their records": ("UPDATE toll_report SET record = (SELECT record FROM toll_report o WHERE o.id = CASE toll_report.id WHEN 'both-1' THEN 'both-2' ELSE 'both-1' END) WHERE id IN ('both-1', 'both-2')",),
    "two versions change their numbers": ("UPDATE incident_version SET number = 9 WHERE incident = 1 AND number = 2; UPDATE incident_version SET number = 2 WHERE incident = 1 AND number = 3; UPDATE incident_version SET number = 3 WHERE incident = 1 AND number = 9",),
    "a version is gone, with all that is derived of it": ("DELETE FROM incident_version WHERE incident = 1 AND number = 2; DELETE FROM change WHERE kind = 'incident.updated' AND fact = 4; DELETE FROM incident_actor WHERE version = 4; DELETE FROM incident_border WHERE version = 4; DELETE FROM incident_external_id WHERE version = 4; DELETE FROM segment WHERE version = 4",),
    "a report is gone with its entry": ("DELETE FROM change WHERE kind = 'toll.reported' AND fact = (SELECT key FROM toll_report WHERE id = 'far-1'); DELETE FROM toll_report WHERE id = 'far-1'",),
    "a report is about another set": ("UPDATE toll_report SET incident_set = (SELECT key FROM incident_set WHERE members = '[\"bare\",\"zero\"]') WHERE id = 'both-2'",),
    "a report supersedes nothing": ("UPDATE toll_report SET supersedes = NULL WHERE id = 'full-4'",),
    "a report supersedes one that it does not": ("UPDATE toll_report SET supersedes = 1 WHERE id = 'full-2'",),
    "a report points nowhere": ("UPDATE toll_report SET source = 4000 WHERE id = 'full-2'",),
    "a day of a report in its column alone": ("UPDATE toll_report SET reported_on = '2019-11-02' WHERE id = 'full-1'",),
    "a dated retraction becomes undated": ("UPDATE retraction SET reported_on = NULL, reported_at = NULL WHERE reason = 'counted twice'",),
    "an undated retraction becomes dated": ("UPDATE retraction SET reported_on = '2019-11-06', reported_at = 1573084799999999 WHERE reason = 'a hoax'",),
    "an undated retraction is at instant 0": ("UPDATE retraction SET reported_at = 0 WHERE reason = 'a hoax'",),
    "a retraction has no source any more": ("UPDATE retraction SET source = NULL WHERE reason = 'counted twice'",),
    "a retraction without a source gets one": ("UPDATE retraction SET source = 1 WHERE reason = 'a hoax'",),
    "a reason is another": ("UPDATE retraction SET reason = 'A hoax' WHERE reason = 'a hoax'",),
    "a reason is empty": ("UPDATE retraction SET reason = '' WHERE reason = 'a hoax'",),
    "who retracted": ("UPDATE retraction SET recorded_by = 'somebody' WHERE reason = 'a hoax'",),
    "a withdrawal is merged into another": ("UPDATE withdrawal SET merged_into = 'zero' WHERE merged_into = 'full'",),
    "a withdrawal is merged into nothing": ("UPDATE withdrawal SET merged_into = NULL WHERE merged_into = 'full'",),
    "a withdrawal is merged into an empty name": ("UPDATE withdrawal SET merged_into = '' WHERE merged_into IS NULL",),
    "another incident is withdrawn": ("UPDATE withdrawal SET incident = 3 WHERE merged_into IS NULL",),
    "an incident without a version": ("INSERT INTO incident VALUES (99, 'ghost')",),
    "a reporter that nobody recorded": ("INSERT INTO reporter SELECT 99, 'ghost', kind, recorded_at, json_set(record, '$.id', 'ghost') FROM reporter WHERE key = 1",),
    "the kind of a reporter in its record alone": ("UPDATE reporter SET record = json_set(record, '$.kind', 'ngo') WHERE id = 'gov'",),
    "a source of a report in its record alone": _replaced("toll_report", "record", "Un journal", "Un autre"),
    "a sharer of a figure is taken out": ("DELETE FROM incident_set_member WHERE incident = 3; UPDATE incident_set SET size = 1 WHERE members LIKE '%bare%'",),
    "a set in another order": ("UPDATE incident_set SET members = '[\"zero\",\"full\"]' WHERE members = '[\"full\",\"zero\"]'",),
    "nested a thousand times": ("UPDATE incident_version SET record = json_set(record, '$.attributes', json(replace(hex(zeroblob(450)), '00', '[') || replace(hex(zeroblob(450)), '00', ']'))) WHERE key = 1",),
    "a record that is a list": ("UPDATE source SET record = '[]' WHERE key = 1",),
    "a record that is a number": ("UPDATE source SET record = '5' WHERE key = 1",),
    "a record that is text": ("UPDATE toll_report SET record = '\"text\"' WHERE id = 'full-2'",),
    "a record that is nothing": ("UPDATE reporter SET record = '{}' WHERE key = 1",),
}  # fmt: skip

CONFIDED: dict[str, Kind] = {
    "a salt is gone": ("UPDATE secret SET salt = x'' WHERE rowid = 1",),
    "a salt is another": ("UPDATE secret SET salt = randomblob(32) WHERE rowid = 2",),
    "a salt is text": ("UPDATE secret SET salt = hex(salt) WHERE rowid = 3",),
    "two salts are exchanged": ("CREATE TEMP TABLE s AS SELECT rowid AS n, salt FROM secret WHERE rowid IN (1, 2); UPDATE secret SET salt = (SELECT salt FROM s WHERE s.n = 3 - secret.rowid) WHERE rowid IN (1, 2)",),
    "a name is another": _replaced("secret", "record", "CANARY a witness", "CANARY a victim"),
    "a note is gone": ("UPDATE secret SET record = json_remove(record, '$.note') WHERE subject = 'toll_report:told-1'",),
    "a secret is about another": ("UPDATE secret SET subject = 'reporter:gov' WHERE rowid = 1",),
    "a secret is of another kind": ("UPDATE secret SET subject = 'source:witness' WHERE rowid = 1",),
    "a secret in capitals": ("UPDATE secret SET subject = upper(subject) WHERE rowid = 1",),
    "a secret about nobody": ("INSERT INTO secret (subject, salt, record, recorded_at) SELECT 'reporter:nobody', salt, record, recorded_at FROM secret WHERE rowid = 1",),
    "a secret with a member that was public": ("UPDATE secret SET record = json_set(record, '$.kind', 'ngo') WHERE rowid = 1",),
    "a commitment of a reporter is gone": ("UPDATE reporter SET record = json_remove(record, '$.commitment') WHERE id = 'witness'",),
    "a commitment of a reporter is gone, with its secret": ("UPDATE reporter SET record = json_remove(record, '$.commitment') WHERE id = 'witness-2'; DELETE FROM secret WHERE subject = 'reporter:witness-2'",),
    "a commitment is null": ("UPDATE reporter SET record = json_set(record, '$.commitment', null) WHERE id = 'witness'",),
    "a commitment is another": ("UPDATE source SET record = json_set(record, '$.commitment', lower(hex(zeroblob(32)))) WHERE id = 'leak'",),
    "a commitment in capitals": ("UPDATE source SET record = json_set(record, '$.commitment', upper(json_extract(record, '$.commitment'))) WHERE id = 'leak'",),
    "a confidential reporter is made public": ("UPDATE reporter SET record = json_remove(record, '$.confidential') WHERE id = 'witness'",),
    "a name is put into the public record": ("UPDATE reporter SET record = json_set(record, '$.name', 'CANARY a witness') WHERE id = 'witness'",),
    "a source is made confidential": ("UPDATE source SET record = json_set(record, '$.confidential', json('true')) WHERE id = 'wire'",),
}  # fmt: skip


def _in_page(piece: str, at: int, byte: str) -> Kind:
    """A byte of a page of the text search; `piece`, in hexadecimal, is what stands there."""
    place = f"instr(block, x'{piece}') + {at}"
    page = f"(SELECT id FROM incident_text_data WHERE id > 10 AND instr(block, x'{piece}') ORDER BY id LIMIT 1)"
    changed = f"CAST(substr(block, 1, {place} - 1) || x'{byte}' || substr(block, {place} + 1) AS BLOB)"
    return (f"UPDATE incident_text_data SET block = {changed} WHERE id = {page}",)


DERIVED: dict[str, Kind] = {
    "a word of the text search": _in_page(b"bare".hex(), 0, "64"),
    "a beginning of two letters of the text search": _in_page(b"1at".hex(), 1, "7a"),
    "a beginning of three letters of the text search": _in_page(b"2att".hex(), 1, "7a"),
    "a beginning of two letters is of another version": _in_page(b"1at\x02".hex(), 3, "01"),
    "a headline": ("UPDATE segment SET killed_best = killed_best + 1 WHERE incident_id = 'full' AND recorded_to > 253402300700000000",),
    "a headline of what was known before": ("UPDATE segment SET killed_best = killed_best + 1 WHERE recorded_to < 253402300700000000 AND killed_best IS NOT NULL",),
    "a segment is open again": ("UPDATE segment SET recorded_to = (SELECT max(recorded_to) FROM segment) WHERE key = (SELECT min(key) FROM segment WHERE recorded_to < 253402300700000000)",),
    "an answer that was never given": ("UPDATE segment SET toll = json_set(toll, '$.killed.best', 1) WHERE key = (SELECT max(key) FROM segment WHERE killed_best IS NOT NULL)",),
    "when it was last changed": ("UPDATE segment SET rest = json_set(rest, '$.updated_at', '2020-01-01T00:00:00Z') WHERE key = 1",),
    "a place in a segment by a hair": ("UPDATE segment SET latitude = 15.000000000000002 WHERE latitude = 15.0",),
    "a place in a segment is null": ("UPDATE segment SET latitude = NULL, longitude = NULL WHERE latitude = 0.0",),
    "a point of the sphere": ("UPDATE segment SET sphere_z = 0.1 WHERE latitude = 0.0",),
    "a place as bytes": ("UPDATE segment SET latitude = x'00' WHERE latitude = 0.0",),
    "a disputed figure": ("UPDATE segment SET killed_disputed = 1 - killed_disputed WHERE killed_disputed IS NOT NULL",),
    "a headline of a set": ("UPDATE set_segment SET killed_high = killed_high + 1 WHERE killed_high IS NOT NULL",),
    "a set is known from another day": ("UPDATE set_segment SET known_from = known_from + 1 WHERE key = 1",),
    "the actors of a version change places": ("UPDATE incident_actor SET number = 2 WHERE version = 1 AND number = 0; UPDATE incident_actor SET number = 0 WHERE version = 1 AND number = 1; UPDATE incident_actor SET number = 1 WHERE version = 1 AND number = 2",),
    "an actor in capitals": ("UPDATE incident_actor SET name = upper(name) WHERE version = 1 AND number = 0",),
    "a border more": ("INSERT INTO incident_border VALUES (1, 'DZ')",),
    "a border in small letters": ("UPDATE incident_border SET country = 'ne' WHERE version = 1 AND country = 'NE'",),
    "a version of the text search is taken out": ("INSERT INTO incident_text (incident_text, rowid, title, summary, place, actors, region) VALUES ('delete', 3, 'attack bare', '', '', '', '')",),
    "a text that was never recorded is searched": ("INSERT INTO incident_text (rowid, title) VALUES (99, 'ghost')",),
    "a version is found by words that it has not": ("INSERT INTO incident_text (rowid, title) VALUES (3, 'ghost')",),
    "a setting of the text search more": ("INSERT INTO incident_text_config VALUES ('pgsz', 100)",),
    "the averages of the text search are gone": ("DELETE FROM incident_text_data WHERE id = 1",),
    "all texts are gone": ("INSERT INTO incident_text (incident_text) VALUES ('delete-all')",),
    "the version of the text search": ("UPDATE incident_text_config SET v = 9 WHERE k = 'version'",),
    "the pages of the text search are gone": ("DELETE FROM incident_text_data WHERE id > 10",),
    "a page of the text search is gone": ("DELETE FROM incident_text_data WHERE id = (SELECT max(id) FROM incident_text_data)",),
    "a page of the text search is another": ("UPDATE incident_text_data SET block = (SELECT block FROM incident_text_data WHERE id > 10 ORDER BY id LIMIT 1) WHERE id = (SELECT max(id) FROM incident_text_data)",),
    "a page of the text search is empty": ("UPDATE incident_text_data SET block = x'' WHERE id = (SELECT max(id) FROM incident_text_data)",),
    "a page of the text search is null": ("UPDATE incident_text_data SET block = NULL WHERE id = (SELECT max(id) FROM incident_text_data)",),
    "the structure of the text search": ("UPDATE incident_text_data SET block = CAST(substr(block, 1, 4) || x'7f' || substr(block, 6) AS BLOB) WHERE id = 10",),
    "the structure of the text search is gone": ("DELETE FROM incident_text_data WHERE id = 10",),
    "the index of the pages of the text search": ("UPDATE incident_text_idx SET pgno = pgno + 2 WHERE segid = (SELECT min(segid) FROM incident_text_idx)",),
    "a word in the text search": ("UPDATE incident_text_data SET block = CAST(replace(CAST(block AS TEXT), 'x', 'x') AS BLOB), id = id + 1 WHERE id = (SELECT max(id) FROM incident_text_data)",),
    "a box is elsewhere": ("UPDATE incident_box SET min_lon = 1, max_lon = 1 WHERE version = 2",),
    "a box is larger": ("UPDATE incident_box SET max_lat = 89 WHERE version = 1",),
    "a box is gone": ("DELETE FROM incident_box WHERE version = 1",),
    "all boxes are gone": ("DELETE FROM incident_box",),
    "a box where no place is told": ("INSERT INTO incident_box VALUES (3, 1, 1, 1, 1)",),
    "a box of another version": ("UPDATE incident_box SET version = 3 WHERE version = 2",),
    "a node of the boxes": ("UPDATE incident_box_node SET data = CAST(substr(data, 1, 12) || x'7f' || substr(data, 14) AS BLOB) WHERE nodeno = 1",),
    "a node of the boxes is gone": ("DELETE FROM incident_box_node",),
    "a node of the boxes is cut": ("UPDATE incident_box_node SET data = substr(data, 1, 100)",),
    "a node of the boxes has one less": ("UPDATE incident_box_node SET data = CAST(substr(data, 1, 3) || x'01' || substr(data, 5) AS BLOB)",),
    "a row of the boxes is elsewhere": ("UPDATE incident_box_rowid SET nodeno = 2 WHERE rowid = 1",),
    "a row of the boxes is gone": ("DELETE FROM incident_box_rowid WHERE rowid = 1",),
    "a row of the boxes too many": ("INSERT INTO incident_box_rowid VALUES (99, 1)",),
    "a parent of the boxes too many": ("INSERT INTO incident_box_parent VALUES (2, 1)",),
}  # fmt: skip


def _reschemed(kind: str, name: str, old: str, new: str) -> str:
    """Changes what the schema says, whatever the tables hold; `old` must be there."""
    return (
        f"PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') "
        f"WHERE type = '{kind}' AND name = '{name}' AND instr(sql, '{old}'); PRAGMA writable_schema = RESET"
    )


def _untyped(table: str, column: str, kind: str, change: str) -> Kind:
    """A value of a type that the column would not keep, put there while the column has no type."""
    typed, untyped = f"{column} {kind}", f"{column} BLOB"
    return _reschemed("table", table, typed, untyped), change, _reschemed("table", table, untyped, typed)


LARGE_DATE = "ix_segment_large_date"
STRUCTURE: dict[str, Kind] = {
    "an index is dropped": ("DROP INDEX ix_segment_date",),
    "an index of a fact is dropped": ("DROP INDEX ix_toll_report_supersedes",),
    "an index more": ("CREATE INDEX mine ON segment (days)",),
    "an index is unique": ("DROP INDEX ix_segment_days; CREATE UNIQUE INDEX ix_segment_days ON segment (days, key)",),
    "an index is of other columns": ("DROP INDEX ix_segment_days; CREATE INDEX ix_segment_days ON segment (days, key)",),
    "an index is of another table": ("DROP INDEX ix_segment_days; CREATE INDEX ix_segment_days ON set_segment (key)",),
    "an index of some rows is of others": (f"DROP INDEX {LARGE_DATE}; CREATE INDEX {LARGE_DATE} ON segment (date_start) WHERE killed_best >= 26",),
    "an index has not its rows": (
        _reschemed("index", "ix_segment_days", "(days)", "(days) WHERE 0"), "REINDEX ix_segment_days",
        _reschemed("index", "ix_segment_days", "(days) WHERE 0", "(days)"),
    ),
    "an index compares otherwise": (_reschemed("index", "ix_segment_updated", "incident_id", "incident_id DESC"), "REINDEX"),
    "a unique id that is not": (
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_incident_1';"
        "UPDATE sqlite_master SET sql = replace(sql, 'CONSTRAINT uq_incident_id UNIQUE (id)', 'CHECK (1)') WHERE name = 'incident'",
    ),
    "a trigger": ("CREATE TRIGGER mine AFTER INSERT ON toll_report BEGIN UPDATE toll_report SET best = 0; END",),
    "a trigger that does nothing": ("CREATE TRIGGER mine AFTER INSERT ON source BEGIN SELECT 1; END",),
    "a trigger of a hidden name": (
        "CREATE TRIGGER mine AFTER INSERT ON toll_report BEGIN UPDATE toll_report SET best = 0; END",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET name = 'sqlite_mine', sql = replace(sql, 'mine', 'sqlite_mine') WHERE name = 'mine'",
    ),
    "a table of a hidden name": (
        "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET name = 'sqlite_mine', tbl_name = 'sqlite_mine', sql = replace(sql, 'mine', 'sqlite_mine') WHERE name = 'mine'",
    ),
    "a view": ("CREATE VIEW mine AS SELECT * FROM incident",),
    "a table": ("CREATE TABLE mine (a)",),
    "a virtual table": ("CREATE VIRTUAL TABLE mine USING fts5(a)",),
    "a table is renamed": ("ALTER TABLE incident_border RENAME TO border",),
    "a table is dropped": ("DROP TABLE incident_border",),
    "the nodes of the tree are dropped": ("DROP TABLE log_node",),
    "the secrets are dropped": ("DROP TABLE secret",),
    "the log is dropped": ("DROP TABLE change",),
    "the feed is dropped": ("DROP TABLE feed",),
    "a table of the record is a view": ("ALTER TABLE source RENAME TO kept; CREATE VIEW source AS SELECT * FROM kept",),
    "the text search is dropped": ("DROP TABLE incident_text",),
    "the box search is dropped": ("DROP TABLE incident_box",),
    "the box search is another table": ("DROP TABLE incident_box; CREATE TABLE incident_box (version, min_lon, max_lon, min_lat, max_lat)",),
    "the text search is made otherwise": (_reschemed("table", "incident_text", "2 3", "2 4"),),
    "a column more": ("ALTER TABLE segment ADD COLUMN more TEXT",),
    "a column less": ("ALTER TABLE secret DROP COLUMN recorded_at",),
    "a column is renamed": ("ALTER TABLE secret RENAME COLUMN salt TO pepper",),
    "a constraint is gone": (_reschemed("table", "toll_report", "low >= 0 AND best >= 0 AND high >= 0", "1"),),
    "a constraint allows more": (_reschemed("table", "toll_report", "''killed''", "''slain''"),),
    "a column may be null": (_reschemed("table", "source", "record TEXT NOT NULL", "record TEXT"),),
    "a column has a default": (_reschemed("table", "source", "record TEXT NOT NULL", "record TEXT NOT NULL DEFAULT 1"),),
    "a column compares otherwise": (_reschemed("table", "source", "id TEXT NOT NULL", "id TEXT COLLATE NOCASE NOT NULL"), "REINDEX"),
    "a reference is gone": (_reschemed("table", "withdrawal", "REFERENCES incident", "REFERENCES source"),),
    "a remark in the schema": (_reschemed("table", "source", "record TEXT", "record /* mine */ TEXT"),),
    "a figure is text": _untyped("toll_report", "best", "BIGINT", "UPDATE toll_report SET best = '53' WHERE id = 'full-1'"),
    "a figure is a whole fraction": _untyped("toll_report", "best", "BIGINT", "UPDATE toll_report SET best = 53.0 WHERE id = 'full-1'"),
    "an instant is text": _untyped("source", "recorded_at", "BIGINT", "UPDATE source SET recorded_at = CAST(recorded_at AS TEXT)"),
    "a number of a version is text": _untyped("incident_version", "number", "INTEGER", "UPDATE incident_version SET number = '1' WHERE key = 1"),
    "an id is a number": _untyped("reporter", "id", "TEXT", "UPDATE reporter SET id = 49 WHERE id = 'army'"),
    "a headline is text": _untyped("segment", "killed_best", "BIGINT", "UPDATE segment SET killed_best = '53' WHERE killed_best = 53"),
    "a headline is a fraction": _untyped("segment", "killed_best", "BIGINT", "UPDATE segment SET killed_best = 53.0 WHERE killed_best = 53"),
    "a dispute is text": _untyped("segment", "killed_disputed", "BOOLEAN", "UPDATE segment SET killed_disputed = '0' WHERE killed_disputed = 0"),
    "a size of the log is text": _untyped("recording", "log_size", "BIGINT", "UPDATE recording SET log_size = CAST(log_size AS TEXT) WHERE key = 2"),
    "a fact of an entry is text": _untyped("change", "fact", "BIGINT", "UPDATE change SET fact = CAST(fact AS TEXT) WHERE seq = 3"),
    "a null where none may be": (
        _reschemed("table", "source", "record TEXT NOT NULL", "record TEXT"), "UPDATE source SET record = NULL WHERE id = 'wire'",
        _reschemed("table", "source", "record TEXT", "record TEXT NOT NULL"),
    ),
    "a figure below 0": ("PRAGMA ignore_check_constraints = ON; UPDATE toll_report SET best = -53 WHERE id = 'full-1'",),
    "a code that is none": ("PRAGMA ignore_check_constraints = ON; UPDATE toll_report SET measure = 'slain' WHERE id = 'full-1'",),
    "a kind of entry that is none": ("PRAGMA ignore_check_constraints = ON; UPDATE change SET kind = 'toll.deleted' WHERE seq = 5",),
}  # fmt: skip

NOT_UTF_8 = [
    ("incident", "id"), ("incident_version", "recorded_by"), ("source", "id"), ("reporter", "id"), ("recording", "recorded_by"),
    ("change", "incident"), ("retraction", "reason"), ("withdrawal", "reason"), ("toll_report", "reported_on"),
    ("incident_actor", "name"), ("incident_border", "country"), ("segment", "incident_id"), ("segment", "region_name"),
    ("secret", "subject"), ("incident_set", "members"),
]  # fmt: skip


def _bytes() -> Iterator[tuple[str, Kind]]:
    for table, column in NOT_UTF_8:
        of = f"(SELECT max(rowid) FROM {table} WHERE {column} IS NOT NULL)"
        yield (
            f"{table}.{column} has a byte that is not UTF-8",
            (
                f"UPDATE {table} SET {column} = CAST(substr(CAST({column} AS BLOB), 1, 1) || x'e9' AS TEXT) WHERE rowid = {of}",
            ),
        )


KINDS: dict[str, Kind] = {
    **dict(_columns()), **dict(_nulls()), **dict(_rows()), **dict(_documents()), **SPELLINGS, **VALUES, **LOG, **FACTS, **CONFIDED, **DERIVED,
    **STRUCTURE, **dict(_bytes()),
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, migrated_file: Path) -> None:
    """The database for the replay is copied instead of migrated, which takes most of the time."""

    def copy(made: Database) -> None:
        shutil.copy(migrated_file, str(made.url.database))

    monkeypatch.setattr(schema, "migrate", copy)


def _content(path: Path) -> bytes:
    """The bytes of a file without what changes with every write: counters and the version of SQLite."""
    content = path.read_bytes()
    return content[:24] + content[28:92] + content[100:]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", KINDS)
def test_tampering_is_detected(path: Path, kind: str) -> None:
    # given
    before = _content(path)
    tamper(path, *KINDS[kind])
    assert _content(path) != before, "the tampering does something"

    # then
    with pytest.raises(Broken):
        verify(Database(f"sqlite:///{path}"))


def test_an_unreadable_schema_is_reported_first(path: Path) -> None:
    """Then nothing can be asked of the file at all."""
    tamper(path, _reschemed("table", "incident", "CONSTRAINT uq_incident_id UNIQUE (id)", "CHECK (1)"))
    with pytest.raises((Broken, DatabaseUnusable), match="schema"):
        prove(path)


INSIDE_SEARCH_TABLES = {
    "a node of the boxes too many": "INSERT INTO incident_box_node SELECT 2, data FROM incident_box_node",
    "a length of a text": "UPDATE incident_text_docsize SET sz = x'09000000' WHERE id = 1",
    "a length of a text is gone": "DELETE FROM incident_text_docsize WHERE id = 1",
    "a length of no text": "INSERT INTO incident_text_docsize VALUES (99, x'01000000')",
    "a setting of the text search": "INSERT INTO incident_text (incident_text, rank) VALUES ('rank', 'bm25(9.0)')",
    "the averages of the text search": "UPDATE incident_text_data SET block = CAST(x'7f' || substr(block, 2) AS BLOB) WHERE id = 1",
}  # fmt: skip
"""Numbers by which SQLite ranks results, which nobody asks it for, and a page that belongs to nothing."""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", INSIDE_SEARCH_TABLES)
def test_what_changes_nothing_that_a_search_finds_is_not_reported(path: Path, kind: str) -> None:
    tamper(path, INSIDE_SEARCH_TABLES[kind])
    prove(path)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", [
    "VACUUM", "ANALYZE", "REINDEX", "PRAGMA journal_mode = WAL", "PRAGMA page_size = 8192; VACUUM", "PRAGMA user_version = 7",
    "PRAGMA auto_vacuum = FULL; VACUUM", "ANALYZE; DELETE FROM sqlite_stat1; VACUUM", "UPDATE feed SET epoch = 'another'",
    "UPDATE feed SET since = since + 1", "DELETE FROM api_key", "DELETE FROM kept_answer",
    "INSERT INTO kept_answer VALUES ('k', 'i', x'00', 201, '{}', x'00', 1)",
    "INSERT INTO api_key VALUES (1, 'id', 'name', 'write', x'00', 1, NULL, NULL)",
])  # fmt: skip
def test_changes_outside_of_the_record_are_not_reported(path: Path, kind: str) -> None:
    # given
    before = checkpoint(path)
    tamper(path, kind)

    # when
    proved = prove(path, before)

    # then
    assert (proved.entries, proved.root) == (before.size, before.root)


def test_created_and_revoked_keys_are_not_reported(path: Path) -> None:
    # given
    database = Database(f"sqlite:///{path}")
    keys.create(database, "an editor", [Scope.WRITE], None)
    keys.revoke(database, keys.list_keys(database)[0].id)
    database.close()

    # then
    prove(path)


def test_an_untouched_database_verifies(path: Path) -> None:
    # given
    before, content, told = checkpoint(path), path.read_bytes(), []

    # when
    proved = verify(Database(f"sqlite:///{path}"), on_progress=told.append)

    # then
    assert (proved.entries, proved.root) == (before.size, before.root)
    assert proved.rows > 250
    assert told[-1] == before.size and told == sorted(told) and len(told) == len(STEPS)
    assert path.read_bytes() == content, "it is only looked at"
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing is left beside it"


def test_the_seeds_and_an_empty_database_verify(seeded: Database, database: Database) -> None:
    assert verify(seeded).entries > 10
    assert (verify(database).entries, verify(database).root) == (0, merkle.EMPTY_ROOT.hex())


PLACES = {
    "toll_report.best is changed": "toll_report, row 16: best is not what follows from the log",
    "segment.killed_best is changed": "segment, row",
    "a figure 53 becomes 35": "entry 6 of the log (toll.reported of full): does not have the hash of its record",
    "a reason is another": "entry 23 of the log (toll.retracted): does not have the hash",
    "the end of the log is cut": "was never recorded",
    "the beginning of the log is cut": "entry 1 of the log: is missing; the next one has the number 2",
    "a report is gone with its entry": "by by shared: has another size, root or peaks of the log",
    "the min row of toll_report is deleted": "refers to no row of toll_report",
    "the max row of toll_report is deleted": "entry 36 of the log (toll.reported of bare): refers to a record that is missing",
    "an incident without a version": "incident, row 99: was never recorded",
    "the max row of segment is deleted": "segment, row",
    "the max row of recording is deleted": "was never recorded",
    "all rows of log_node are deleted": "log_node, row 1: is missing",
    "a salt is another": "secret toll_report:told-1: does not match the commitment of its record",
    "secret.subject is changed": "is missing",
    "the epoch is gone": "feed: has not exactly one row",
    "an index is dropped": "index ix_segment_date: is missing",
    "a trigger": "trigger mine: does not belong to this program",
    "a constraint allows more": "toll_report",
    "a remark in the schema": "table source: was changed",
    "a box is elsewhere": "box search",
    "a version is found by words that it has not": "words of the text search",
    "a report points nowhere": "toll_report, row 2: refers to no row of source",
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", PLACES)
def test_the_message_names_the_location(path: Path, kind: str) -> None:
    # given
    tamper(path, *KINDS[kind])

    # when
    with pytest.raises(Broken) as told:
        verify(Database(f"sqlite:///{path}"))

    # then
    assert PLACES[kind] in told.value.detail
    assert "\n" not in told.value.detail


@pytest.mark.usefixtures("quick")
def test_a_prefix_that_no_word_has_is_detected_in_the_search_index(path: Path) -> None:
    # given a word that was added, and removed again without its prefixes
    prefixes = ", prefix=''2 3''"
    tamper(
        path,
        "INSERT INTO incident_text (rowid, title) VALUES (3, 'zqxyz')",
        _reschemed("table", "incident_text", prefixes, ""),
        "INSERT INTO incident_text (incident_text, rowid, title) VALUES ('delete', 3, 'zqxyz')",
        _reschemed("table", "incident_text", ")", f"{prefixes})"),
    )

    # then
    with pytest.raises(Broken, match="index of the text search"):
        verify(Database(f"sqlite:///{path}"))


@pytest.mark.usefixtures("quick")
def test_texts_missing_from_the_search_index_are_detected(database: Database) -> None:
    """The index over the pages of the text search matters only where there are several pages."""
    # given
    record(database, *(incident_draft(f"i-{n}", summary=" ".join(f"w{n}x{k}" for k in range(20))) for n in range(300)))
    verify(database)
    database.close()

    # when
    tamper(Path(str(database.url.database)), "DELETE FROM incident_text_idx")

    # then
    with pytest.raises(Broken, match="text search"):
        verify(database)


# A forger who knows the recipe


FORGED: dict[str, Kind] = {
    "a figure in its record": ("UPDATE toll_report SET record = json_set(record, '$.best', 35) WHERE id = 'full-1'",),
    "a figure in its record and its columns": ("UPDATE toll_report SET best = 35, low = 35, high = 35, record = json_set(record, '$.best', 35, '$.low', 35, '$.high', 35) WHERE id = 'full-1'",),
    "a figure in its record, its columns and the newest segment": ("UPDATE toll_report SET best = 32, low = 32, high = 32, record = json_set(record, '$.best', 32, '$.low', 32, '$.high', 32) WHERE id = 'bare-2'; UPDATE segment SET killed_best = 32 WHERE killed_best = 31",),
    "a title": ("UPDATE incident_version SET record = json_set(record, '$.title', 'Another') WHERE key = 1",),
    "a place": ("UPDATE incident_version SET record = json_set(record, '$.longitude', 1.75) WHERE key = 1",),
    "a country": ("UPDATE incident_version SET record = json_set(record, '$.country', 'NE') WHERE key = 1",),
    "an actor": ("UPDATE incident_version SET record = json_set(record, '$.actors[0].name', 'Nobody') WHERE key = 1",),
    "a border": ("UPDATE incident_version SET record = json_set(record, '$.near_border[0]', 'DZ') WHERE key = 1",),
    "a title of a source": ("UPDATE source SET record = json_set(record, '$.title', 'Another') WHERE id = 'wire'",),
    "who recorded it": ("UPDATE recording SET recorded_by = 'somebody' WHERE key = 6",),
    "a reason of a retraction": ("UPDATE retraction SET reason = 'another', recorded_by = 'x' WHERE reason = 'a hoax'",),
    "a day of a retraction": ("UPDATE retraction SET reported_on = '2019-11-06', reported_at = 1573084799999999 WHERE reason = 'counted twice'",),
    "a commitment": ("UPDATE reporter SET record = json_set(record, '$.commitment', lower(hex(zeroblob(32)))) WHERE id = 'witness'",),
    "a confidential reporter that was none": ("UPDATE reporter SET record = json_set(record, '$.commitment', lower(hex(zeroblob(32)))) WHERE id = 'ngo'",),
    "the last entry is taken out of the log": ("DELETE FROM change WHERE seq = (SELECT max(seq) FROM change)",),
    "an entry in the midst is taken out": ("DELETE FROM change WHERE seq = 9; UPDATE change SET seq = seq - 1 WHERE seq > 9",),
    "the first entry is taken out": ("DELETE FROM change WHERE seq = 1; UPDATE change SET seq = seq - 1",),
    "an entry is told twice": ("INSERT INTO change SELECT seq + 1, recorded_at, kind, incident, fact, hash FROM change ORDER BY seq DESC LIMIT 1",),
    "an entry of a source is told twice": ("INSERT INTO change SELECT 1 + (SELECT max(seq) FROM change), (SELECT max(recorded_at) FROM change), kind, incident, fact, hash FROM change WHERE kind = 'source.created' LIMIT 1",),
    "a retraction is told twice": ("INSERT INTO change SELECT 1 + (SELECT max(seq) FROM change), (SELECT max(recorded_at) FROM change), kind, incident, fact, hash FROM change WHERE kind = 'toll.retracted' LIMIT 1",),
    "a withdrawal is told twice": ("INSERT INTO change SELECT 1 + (SELECT max(seq) FROM change), (SELECT max(recorded_at) FROM change), kind, incident, fact, hash FROM change WHERE kind = 'incident.withdrawn' LIMIT 1",),
    "an incident is told twice": ("INSERT INTO change SELECT 1 + (SELECT max(seq) FROM change), (SELECT max(recorded_at) FROM change), kind, incident, fact, hash FROM change WHERE kind = 'incident.created' LIMIT 1",),
    "two entries of a recording in another order": ("CREATE TEMP TABLE f AS SELECT seq, fact, kind, incident FROM change WHERE kind = 'toll.reported' AND recorded_at = (SELECT recorded_at FROM recording WHERE key = 3) ORDER BY seq LIMIT 2; UPDATE change SET (fact, incident) = (SELECT fact, incident FROM f WHERE f.seq <> change.seq) WHERE seq IN (SELECT seq FROM f)",),
    "an entry in a later recording": ("UPDATE change SET recorded_at = (SELECT recorded_at FROM recording WHERE key = 4) WHERE seq = (SELECT max(seq) FROM change WHERE recorded_at = (SELECT recorded_at FROM recording WHERE key = 3))",),
    "an entry about another incident": ("UPDATE change SET incident = 'zero' WHERE incident = 'bare' AND kind = 'toll.reported'",),
    "an entry of another kind": ("UPDATE change SET kind = 'incident.updated' WHERE kind = 'incident.created' AND incident = 'bare'",),
    "the number of a version": ("UPDATE incident_version SET number = 7 WHERE number = 3",),
    "a report about an incident that is withdrawn": ("UPDATE toll_report SET incident_set = (SELECT key FROM incident_set WHERE members = '[\"hoax\"]'), record = json_set(record, '$.incidents', json('[\"hoax\"]')) WHERE id = 'bare-2'; UPDATE change SET incident = 'hoax' WHERE seq = (SELECT max(seq) FROM change)",),
    "a report about an incident that is not there": ("UPDATE toll_report SET record = json_set(record, '$.incidents', json('[\"nowhere\"]')) WHERE id = 'bare-2'",),
    "a report by a reporter that is not there": ("UPDATE toll_report SET record = json_set(record, '$.reported_by.id', 'nobody') WHERE id = 'bare-2'",),
    "a report of a measure that is none": ("UPDATE toll_report SET record = json_set(record, '$.measure', 'slain') WHERE id = 'bare-2'",),
    "a report of a figure below 0": ("UPDATE toll_report SET record = json_set(record, '$.best', -5) WHERE id = 'bare-2'",),
    "a report of a figure that is text": ("UPDATE toll_report SET record = json_set(record, '$.best', 'many') WHERE id = 'bare-2'",),
    "a report of a figure that is a list": ("UPDATE toll_report SET record = json_set(record, '$.best', json('[1]')) WHERE id = 'bare-2'",),
    "a report of a day that is none": ("UPDATE toll_report SET record = json_set(record, '$.reported_on', 'yesterday') WHERE id = 'bare-2'",),
    "a report without a figure": ("UPDATE toll_report SET record = json_remove(record, '$.best') WHERE id = 'bare-2'",),
    "a reporter of a kind that is none": ("UPDATE reporter SET record = json_set(record, '$.kind', 'ghost') WHERE id = 'gov'",),
    "an incident on a day that is none": ("UPDATE incident_version SET record = json_set(record, '$.date_start', 'never') WHERE key = 3",),
    "an incident at a latitude that is text": ("UPDATE incident_version SET record = json_set(record, '$.latitude', 'north') WHERE key = 2",),
    "an incident with actors that are none": ("UPDATE incident_version SET record = json_set(record, '$.actors', json('[1]')) WHERE key = 2",),
    "an incident with two ids": ("UPDATE incident_version SET record = json_set(record, '$.id', 'full') WHERE key = 2",),
    "an incident without a title": ("UPDATE incident_version SET record = json_remove(record, '$.title') WHERE key = 2",),
    "a retraction of what is not there": ("UPDATE toll_report SET record = json_set(record, '$.id', 'nothing') WHERE id = 'both-2'",),
}  # fmt: skip


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", FORGED)
def test_tampering_with_recomputed_hashes_is_detected_by_inconsistency(path: Path, kind: str) -> None:
    # given
    before = _content(path)
    tamper(path, *FORGED[kind])
    rehash(path)
    assert _content(path) != before, "the tampering does something"

    # then
    with pytest.raises(Broken):
        verify(Database(f"sqlite:///{path}"))


# What only somebody finds who kept a checkpoint


def _shorter(path: Path, migrated: Path) -> None:
    """The same database, as if its last recording had never been."""
    make_rich(path, migrated, last=lambda writer: None)


def _rewritten(path: Path, migrated: Path) -> None:
    """The same history with one figure changed, 53 for 35."""

    def full(writer: Any) -> None:
        with pytest.MonkeyPatch.context() as patched:
            told = report_of("full-1", 35, GOV, "2019-11-01", victims="military", source=PAPER)
            real = writer.record_report
            patched.setattr(
                writer, "record_report", lambda sent, about: real(told if sent.id == "full-1" else sent, about)
            )
            STEPS["full"](writer)

    make_rich(path, migrated, full=full)


def test_equal_histories_have_equal_logs(rich_file: Path, migrated_file: Path, tmp_path: Path) -> None:
    """So what the next tests find is what was changed in it."""
    make_rich(tmp_path / "again.db", migrated_file)
    assert checkpoint(tmp_path / "again.db") == checkpoint(rich_file)


def test_a_consistent_truncation_is_detected_with_a_checkpoint(
    rich_file: Path, migrated_file: Path, tmp_path: Path
) -> None:
    # given
    cut, kept = tmp_path / "cut.db", checkpoint(rich_file)
    _shorter(cut, migrated_file)

    # when
    proved = prove(cut)
    with pytest.raises(Broken) as told:
        prove(cut, kept)

    # then
    assert proved.entries == kept.size - 1
    assert told.value.detail == f"log: has {kept.size - 1} entries, and had {kept.size} when the checkpoint was made"


def test_a_consistent_rewrite_is_detected_with_a_checkpoint(
    rich_file: Path, migrated_file: Path, tmp_path: Path
) -> None:
    # given
    other, kept = tmp_path / "other.db", checkpoint(rich_file)
    _rewritten(other, migrated_file)

    # when
    proved = prove(other)
    with pytest.raises(Broken) as told:
        prove(other, kept)

    # then
    assert proved.entries == kept.size and proved.root != kept.root
    assert f"entry {kept.size} of the log" in told.value.detail
    assert "another root than the checkpoint" in told.value.detail


def test_a_rewrite_with_later_entries_is_detected_with_a_checkpoint(
    rich_file: Path, migrated_file: Path, tmp_path: Path
) -> None:
    # given
    other, kept = tmp_path / "other.db", checkpoint(rich_file)
    _rewritten(other, migrated_file)
    database = Database(f"sqlite:///{other}")
    record(database, incident_draft("more"), report_draft(1), about=("more",))
    database.close()

    # then
    assert prove(other).entries > kept.size
    with pytest.raises(Broken, match="another root than the checkpoint"):
        prove(other, kept)


@pytest.mark.usefixtures("quick")
def test_every_earlier_checkpoint_holds_and_every_false_one_fails(path: Path) -> None:
    """Whether it is of the end of a recording or of the midst of one."""
    # given
    with closing(sqlite3.connect(path)) as connection:
        leaves = [row[0] for row in connection.execute("SELECT hash FROM change ORDER BY seq")]
    roots = {size: root_of_leaves(leaves[:size]).hex() for size in range(1, len(leaves) + 1)}

    # then
    for size, root in [*roots.items()][::3]:
        assert prove(path, Checkpoint(size, root)).entries == len(leaves)
        with pytest.raises(Broken, match=f"entry {size} of the log"):
            prove(path, Checkpoint(size, roots[size % len(leaves) + 1]))


def test_the_checkpoint_of_an_empty_log_has_the_empty_root(path: Path, database: Database) -> None:
    assert prove(path, Checkpoint(0, merkle.EMPTY_ROOT.hex())).entries > 0
    assert verify(database, Checkpoint(0, merkle.EMPTY_ROOT.hex())).entries == 0
    for broken in (Database(f"sqlite:///{path}"), database):
        with pytest.raises(Broken, match="root"):
            verify(broken, Checkpoint(0, "00" * 32))


def test_entries_after_a_checkpoint_are_no_error(path: Path) -> None:
    # given
    kept, database = checkpoint(path), Database(f"sqlite:///{path}")
    record(database, incident_draft("more"), report_draft(1), about=("more",))
    database.close()

    # then
    assert prove(path, kept).entries > kept.size


# What may be recorded together


def _whole(database: Database) -> None:
    assert verify(database).entries


SECRET = {"id": "whisper", "name": "A whisper", "kind": "local", "confidential": True}
LEAK = {"id": "leak", "title": "A leak", "confidential": True}


def test_a_report_that_introduces_a_confidential_reporter_and_source_verifies(database: Database) -> None:
    record(database, incident_draft("a"), report_draft(5, reported_by=SECRET, source=LEAK, note="a note"), about=("a",))
    _whole(database)


def test_a_recording_with_several_confidential_members_verifies(database: Database) -> None:
    told = (
        report_draft(5, reported_by=SECRET, note="first"),
        report_draft(6, "army", source=LEAK, note="second", locator="p. 2"),
    )
    record(database, incident_draft("a"), *told, about=("a",))
    _whole(database)


def test_a_revision_before_a_new_incident_in_one_recording_verifies(database: Database) -> None:
    record(database, incident_draft("a"))
    with recording(database, "test") as writer:
        writer.revise_incident("a", {"title": "Another"})
        writer.record_incident(incident_draft("b"))
        writer.revise_incident("b", {"title": "Another"})
    _whole(database)


def test_a_retraction_before_a_report_in_one_recording_verifies(database: Database) -> None:
    record(database, incident_draft("a"), incident_draft("b"), report_draft(5, id="one"), about=("a",))
    with recording(database, "test") as writer:
        writer.retract_report("one", "wrong")
        writer.record_report(report_draft(6, "army", id="two"), ["a"])
        writer.record_report(report_draft(7, "army", id="three", supersedes="two"), ["a", "b"])
        writer.retract_report("two", "wrong as well", "2020-01-03")
    _whole(database)


def test_a_report_before_the_withdrawal_of_its_incident_verifies(database: Database) -> None:
    record(database, incident_draft("a"), incident_draft("b"))
    with recording(database, "test") as writer:
        writer.record_report(report_draft(6, "army"), ["a", "b"])
        writer.record_incident(incident_draft("c"))
        writer.withdraw_incident("c", "told twice", "a")
        writer.withdraw_incident("b", "never happened")
        writer.record_report(report_draft(7, "army"), ["a"])
    _whole(database)


def test_a_withdrawal_before_a_report_that_splits_its_shared_figure_verifies(database: Database) -> None:
    """The replay goes by kind: the report comes first there."""
    record(database, incident_draft("a"), incident_draft("b"), report_draft(5, id="both"), about=("a", "b"))
    with recording(database, "test") as writer:
        writer.withdraw_incident("b", "never happened")
        writer.record_report(report_draft(6, "army", supersedes="both"), ["a"])
    _whole(database)


def test_a_recording_after_a_rejected_part_verifies(database: Database) -> None:
    wrong = incident_draft(
        "bad",
        toll_reports=[
            report_body(5),
            report_body(6, supersedes="nix"),
        ],
    )
    with recording(database, "test") as writer:
        with writer.appender.savepoint():
            writer.record_incident(incident_draft("a", toll_reports=[report_body(5)]))
        with pytest.raises(InvalidInput, match="supersedes"), writer.appender.savepoint():
            writer.record_incident(wrong)
        with writer.appender.savepoint():
            writer.record_report(report_draft(6, "army"), ["a"])
    _whole(database)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", range(6))
def test_any_facts_recorded_together_verify(database: Database, seed: int) -> None:
    """Random facts in random recordings, all of them allowed."""
    chance = random.Random(seed)
    known: list[str] = []
    reports: list[tuple[str, str, list[str]]] = []
    live: set[str] = set()
    for turn in range(10):
        with recording(database, f"by {turn}") as writer:
            for step in range(chance.randint(1, 6)):
                name, day = f"n{turn}-{step}", f"2020-01-{chance.randint(1, 28):02}"
                what = chance.choice(
                    ["incident", "incident", "report", "report", "report", "revise", "retract", "withdraw"]
                )
                if what == "incident" or len(live) < 2:
                    place = {"latitude": chance.choice([0, 1.5, -2.25]), "longitude": chance.choice([0, 7, -8.125])}
                    writer.record_incident(incident_draft(name, **(place if chance.random() < 0.5 else {})))
                    known.append(name)
                    live.add(name)
                elif what == "report":
                    about = sorted(chance.sample(sorted(live), chance.randint(1, 2)))
                    by = chance.choice(["army", "ministry", "group", f"who-{name}"])
                    hidden = {"reported_by": SECRET | {"id": by}} if by.startswith("who") else {}
                    told = {"note": "a note", "source": chance.choice([LEAK, {"id": "paper", "title": "A newspaper"}])}
                    older = [r for r, on, of in reports if on <= day and set(of) & set(about)]
                    told |= {"supersedes": chance.choice(older)} if older and chance.random() < 0.4 else {}
                    writer.record_report(report_draft(chance.randrange(60), by, day, id=name, **hidden, **told), about)
                    reports.append((name, day, about))
                elif what == "revise":
                    writer.revise_incident(
                        chance.choice(sorted(live)), {"title": f"Title {name}", "latitude": 3, "longitude": turn}
                    )
                elif what == "retract" and reports:
                    gone = reports.pop(chance.randrange(len(reports)))
                    writer.retract_report(gone[0], "wrong", chance.choice([None, gone[1]]))
                elif what == "withdraw" and len(live) > 3:
                    gone_id = chance.choice(sorted(live))
                    live.remove(gone_id)
                    writer.withdraw_incident(gone_id, "twice", chance.choice([None, *sorted(live)]))
    _whole(database)


# Any byte


def _changed_value(value: Any, chance: random.Random) -> Any:
    """A value with one byte changed; a text stays a text."""
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(max(1, value.bit_length() + 1)))
    if isinstance(value, float):
        raw = bytearray(struct.pack(">d", value))
        raw[chance.randrange(1, 8)] ^= 1 << chance.randrange(8)
        return struct.unpack(">d", raw)[0]
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    place = chance.choice(
        [n for n, byte in enumerate(raw) if byte < 128] if isinstance(value, str) else range(len(raw))
    )
    raw[place] = chance.choice(
        [b for b in (range(32, 127) if isinstance(value, str) else range(256)) if b != raw[place]]
    )
    return raw.decode() if isinstance(value, str) else bytes(raw)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", range(60))
def test_a_changed_byte_anywhere_in_the_record_is_detected(path: Path, seed: int) -> None:
    # given a byte of some value of some row of some table
    chance = random.Random(seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        while True:
            table = chance.choice(list(RECORD.values()))
            column = chance.choice([c.name for c in table.c])
            rows = connection.execute(
                f"SELECT rowid, \"{column}\" FROM {table.name} WHERE \"{column}\" NOT IN ('', x'')"
            ).fetchall()
            if not rows:
                continue
            row, value = chance.choice(rows)
            changed = _changed_value(value, chance)
            try:
                connection.execute(f'UPDATE {table.name} SET "{column}" = ? WHERE rowid = ?', (changed, row))
            except sqlite3.IntegrityError:
                continue  # the key or id of another row
            break

    # then
    with pytest.raises(Broken):
        verify(Database(f"sqlite:///{path}"))
        pytest.fail(f"{table.name}.{column}, row {row}: {value!r} became {changed!r}")


def _all_rows(path: Path) -> dict[str, list[Any]]:
    """Everything that a file holds of the record, whatever way."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        names = [name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = [n for n in names if n not in (*NOT_OF_THE_RECORD, "alembic_version", "incident_text", "incident_box")]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in kept}


def _is_found_or_of_no_consequence(path: Path, before: dict[str, list[Any]], place: int) -> None:
    """Most bytes are in free room, and those of keys and kept answers are not of the record."""
    try:
        prove(path)
    except (Broken, DatabaseUnusable):
        return
    assert _all_rows(path) == before, f"byte {place}"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", range(40))
def test_a_changed_byte_in_the_file_is_detected_when_it_is_part_of_the_record(path: Path, seed: int) -> None:
    # given
    chance = random.Random(seed)
    content, before = bytearray(path.read_bytes()), _all_rows(path)
    place = chance.choice([n for n, byte in enumerate(content) if byte])
    content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(content)

    # then
    _is_found_or_of_no_consequence(path, before, place)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("anchor", [
    b"toll_report:told-2", b"full-1", b"incident.created", b"CREATE TABLE source", b"sqlite_autoindex_incident_1",
], ids=bytes.decode)  # fmt: skip
def test_a_changed_byte_in_a_row_header_is_detected(path: Path, anchor: bytes) -> None:
    """Where the file says of which types and lengths the values are; the schema is in such rows too."""
    # given
    content, before = path.read_bytes(), _all_rows(path)
    places = [found.start() for found in re.finditer(re.escape(anchor), content)][:2]
    assert places

    # then
    for start in places:
        for place in range(start - 6, start + 1):
            for flipped in (0x40, 0x80):
                path.write_bytes(content[:place] + bytes([content[place] ^ flipped]) + content[place + 1 :])
                _is_found_or_of_no_consequence(path, before, place)


# What depends on how much was written at a time, and what does not


def test_a_search_index_with_prefixes_in_another_column_is_detected(database: Database) -> None:
    """`actor=` and `place=` look for prefixes in their own columns."""
    # given an index of one text with the word in the place, and the pages of one with the word in the summary
    path = Path(str(database.url.database))
    record(database, incident_draft("a", title="Attack", place="Gao"))
    database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        columns = "title, summary, place, actors, region"
        connection.execute(f"CREATE VIRTUAL TABLE other USING fts5({columns}, content='', prefix='2 3')")
        connection.execute("INSERT INTO other (rowid, title, summary) VALUES (1, 'attack', 'gao')")
        pages = "SELECT id, block FROM {}_data WHERE id > 10"
        ((number, block),) = connection.execute(pages.format("incident_text")).fetchall()
        ((_, other),) = connection.execute(pages.format("other")).fetchall()
        connection.execute("DROP TABLE other")
        differing = [n for n, (a, b) in enumerate(zip(block, other, strict=True)) if a != b]
        assert len(differing) == 3, "the word, and its prefixes of two and of three letters"

        # when
        for place in differing:
            changed = block[:place] + other[place : place + 1] + block[place + 1 :]
            connection.execute("UPDATE incident_text_data SET block = ? WHERE id = ?", (changed, number))

            # then
            with pytest.raises(Broken, match="text search"):
                verify(database)
        connection.execute("UPDATE incident_text_data SET block = ? WHERE id = ?", (block, number))
    verify(database)


LISTED = [with_figure(event, 5) for event in ged_events(3)]


@pytest.fixture
def imported(database: Database, tmp_path: Path) -> Path:
    """Two releases of a data set, the second without one of the events."""
    record(database, incident_draft("a"))
    for release, events in (("24.1", LISTED), ("25.1", LISTED[1:])):
        file = write_ged(tmp_path / f"{release}.csv", events)
        import_file(importer_of(FileFormat.UCDP_GED, release, f"20{release[:2]}-06-01"), file, database, "tests")
    database.close()
    return Path(str(database.url.database))


NOTES: dict[str, tuple[str, str]] = {
    "a listing of no recording": ("UPDATE listing SET recorded_at = recorded_at + 1", "listing, row"),
    "a listing of before its incident": ("UPDATE listing SET recorded_at = (SELECT recorded_at FROM recording WHERE key = 1)", "listing, row .*older than its incident"),
    "a listing of no incident": ("UPDATE listing SET incident = incident + 99", "listing, row"),
    "a listing of no release": ("UPDATE listing SET source = 99", "listing, row"),
    "a span of no recording": ("UPDATE release_span SET recorded_at = recorded_at + 1", "release_span, row"),
    "a span that ends before it begins": ("UPDATE release_span SET last_day = first_day - 1", "release_span, row 1/.*ends before it begins"),
    "a span of another day": ("UPDATE release_span SET listed_at = listed_at + 1", "release_span, row 1/.*belongs to no listing"),
    "a span of no release": ("UPDATE release_span SET source = 99", "release_span, row"),
    "a span without listings": ("DELETE FROM listing", "was never recorded|belongs to no listing"),
}  # fmt: skip


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", NOTES)
def test_an_impossible_import_note_is_detected(imported: Path, kind: str) -> None:
    # given
    assert prove(imported).entries
    sql, why = NOTES[kind]

    # when
    tamper(imported, f"PRAGMA foreign_keys = OFF; {sql}")

    # then
    with pytest.raises(Broken) as told:
        prove(imported)
    assert re.search(why, told.value.detail)
