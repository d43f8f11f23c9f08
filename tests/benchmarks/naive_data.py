"""The naive server's own tables, filled from a database file of ours."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlmodel import SQLModel, create_engine

from app.domain.dates import FOREVER
from tests.benchmarks import naive
from tests.benchmarks.dataset import clear

TABLES = (naive.Reporter, naive.Source, naive.Incident, naive.Actor, naive.TollReport)
LINES = {
    naive.Reporter: "SELECT record FROM reporter",
    naive.Source: "SELECT record FROM source",
    naive.Incident: f"""
        SELECT v.record, s.killed_best, (SELECT min(known_from) FROM segment f WHERE f.incident = s.incident)
        FROM segment s JOIN incident_version v ON v.key = s.version
        WHERE s.recorded_to = {FOREVER} AND s.known_to = {FOREVER}""",
    naive.Actor: "SELECT a.name, a.role, a.kind, i.id FROM incident_actor a"
    " JOIN incident_version v ON v.key = a.version JOIN incident i ON i.key = v.incident",
    naive.TollReport: "SELECT r.record FROM toll_report r"
    " JOIN incident_set s ON s.key = r.incident_set WHERE s.size = 1",
}


def naive_file(path: Path) -> Path:
    """The file of the naive server that holds the same incidents."""
    made = path.with_name(path.stem + "-naive.db")
    if not made.exists():
        unfinished = made.with_suffix(".part")
        clear(unfinished)
        engine = create_engine(f"sqlite:///{unfinished}")
        SQLModel.metadata.create_all(engine, [_table(model) for model in TABLES])
        engine.dispose()
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as ours, sqlite3.connect(unfinished) as theirs:
            for model in TABLES:
                _fill(ours, theirs, model)
        unfinished.replace(made)
    return made


def _table(model: type[SQLModel]) -> Any:
    return SQLModel.metadata.tables[str(model.__tablename__)]


def _fill(ours: sqlite3.Connection, theirs: sqlite3.Connection, model: type[SQLModel]) -> None:
    names = [c.name for c in _table(model).columns if not (model is naive.Actor and c.name == "id")]
    places = ", ".join(f":{name}" for name in names)
    rows = ({name: row.get(name) for name in names} for row in _rows(ours, model))
    theirs.executemany(f"INSERT INTO {model.__tablename__} ({', '.join(names)}) VALUES ({places})", rows)


def _rows(ours: sqlite3.Connection, model: type[SQLModel]) -> Iterator[dict[str, Any]]:
    for row in ours.execute(LINES[model]):
        if model is naive.Actor:
            yield dict(zip(("name", "role", "kind", "incident_id"), row, strict=True))
            continue
        record = orjson.loads(row[0])
        if model is naive.Incident:
            region = record["region"] or {}
            known = datetime.fromtimestamp(row[2] / 1_000_000, UTC).date()
            record |= {"region_code": region.get("code"), "region_name": region.get("name")}
            record |= {"killed_best": row[1], "first_reported": f"{known}"}
            record |= {name: orjson.dumps(record[name]).decode() for name in ("near_border", "external_ids")}
        elif model is naive.TollReport:
            record |= {"incident_id": record["incidents"][0]}
            record |= {"reporter_id": record["reported_by"]["id"], "source_id": record["source"]["id"]}
        yield record
