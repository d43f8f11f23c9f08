"""The naive server: what a tutorial gives. SQLModel relationships, `response_model`, endpoints in threads, offsets.

It gets two columns without which it could not serve the same requests: the headline killed, and the day of the first
report. Called as `python -m tests.benchmarks.naive DATABASE PORT`.
"""

import sys
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query
from sqlmodel import JSON, Column, Field, Relationship, Session, SQLModel, col, create_engine, select


class ReporterBase(SQLModel):
    id: str = Field(primary_key=True)
    name: str
    kind: str


class Reporter(ReporterBase, table=True):
    __tablename__ = "naive_reporter"


class SourceBase(SQLModel):
    id: str = Field(primary_key=True)
    title: str
    publisher: str | None = None
    published_on: str | None = None
    url: str | None = None
    language: str | None = None


class Source(SourceBase, table=True):
    __tablename__ = "naive_source"


class ActorBase(SQLModel):
    name: str
    role: str
    kind: str


class Actor(ActorBase, table=True):
    __tablename__ = "naive_actor"
    id: int | None = Field(default=None, primary_key=True)
    incident_id: str = Field(foreign_key="naive_incident.id", index=True)


class TollReportBase(SQLModel):
    id: str = Field(primary_key=True)
    measure: str
    victims: str
    bound: str
    low: int | None = None
    best: int | None = None
    high: int | None = None
    reported_on: date
    supersedes: str | None = None


class TollReport(TollReportBase, table=True):
    __tablename__ = "naive_toll_report"
    incident_id: str = Field(foreign_key="naive_incident.id", index=True)
    reporter_id: str = Field(foreign_key="naive_reporter.id")
    source_id: str = Field(foreign_key="naive_source.id")
    reported_by: Reporter = Relationship()
    source: Source = Relationship()


class IncidentBase(SQLModel):
    id: str = Field(primary_key=True)
    title: str
    summary: str | None = None
    date_start: date = Field(index=True)
    date_end: date
    date_precision: str
    country: str = Field(index=True)
    region_code: str | None = Field(default=None, index=True)
    region_name: str | None = None
    district: str | None = None
    place: str | None = None
    latitude: float | None = Field(default=None, index=True)
    longitude: float | None = None
    place_precision: str | None = None
    near_border: list[str] = Field(default_factory=list, sa_column=Column(JSON))
    event_type: str | None = None
    sub_event_type: str | None = None
    type_of_violence: int | None = None
    claimed_by: str | None = None
    external_ids: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON))
    recorded_at: str


class Incident(IncidentBase, table=True):
    __tablename__ = "naive_incident"
    killed_best: int | None = Field(default=None, index=True)
    first_reported: date
    actors: list[Actor] = Relationship()
    toll_reports: list[TollReport] = Relationship()


class Headline(SQLModel):
    low: int | None
    best: int | None
    high: int | None
    reports: int


class IncidentOut(IncidentBase):
    actors: list[ActorBase]
    sources: list[SourceBase]
    toll: dict[str, Headline]


class ReportOut(TollReportBase):
    reported_by: ReporterBase
    source: SourceBase


class Page(SQLModel):
    items: list[IncidentOut]


app = FastAPI()


def get_session() -> Iterator[Session]:
    with Session(app.state.engine) as session:
        yield session


Db = Annotated[Session, Depends(get_session)]


def render(incident: Incident, as_of: date | None) -> IncidentOut:
    known = [r for r in incident.toll_reports if as_of is None or r.reported_on <= as_of]
    toll = {}
    for measure in sorted({r.measure for r in known}):
        reports = sorted((r for r in known if r.measure == measure), key=lambda r: r.reported_on)
        newest = reports[-1]
        toll[measure] = Headline(low=newest.low, best=newest.best, high=newest.high, reports=len(reports))
    sources = list({r.source.id: r.source for r in known}.values())
    return IncidentOut.model_validate(incident, update={"toll": toll, "sources": sources})


@app.get("/v1/incidents", response_model=Page)
def incidents(
    session: Db,
    country: str | None = None,
    region: str | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    bbox: str | None = None,
    killed_min: int | None = None,
    as_of: date | None = None,
    offset: int = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Any:
    wanted = select(Incident)
    if country:
        wanted = wanted.where(Incident.country == country)
    if region:
        wanted = wanted.where(Incident.region_code == region)
    if date_from:
        wanted = wanted.where(Incident.date_end >= date_from)
    if date_to:
        wanted = wanted.where(Incident.date_start <= date_to)
    if bbox:
        west, south, east, north = map(float, bbox.split(","))
        wanted = wanted.where(col(Incident.longitude).between(west, east), col(Incident.latitude).between(south, north))
    if killed_min is not None:
        wanted = wanted.where(col(Incident.killed_best) >= killed_min)
    if as_of:
        wanted = wanted.where(Incident.first_reported <= as_of)
    wanted = wanted.order_by(col(Incident.date_start).desc(), col(Incident.id).desc())
    found = session.exec(wanted.offset(offset).limit(limit)).all()
    return Page(items=[render(incident, as_of) for incident in found])


@app.get("/v1/incidents/{incident_id}", response_model=IncidentOut)
def incident(session: Db, incident_id: str) -> Any:
    found = session.get(Incident, incident_id)
    if found is None:
        raise HTTPException(404)
    return render(found, None)


@app.get("/v1/incidents/{incident_id}/toll-history", response_model=list[ReportOut])
def toll_history(session: Db, incident_id: str) -> Any:
    found = session.get(Incident, incident_id)
    if found is None:
        raise HTTPException(404)
    return sorted(found.toll_reports, key=lambda r: r.reported_on)


def main() -> None:
    """Serves."""
    database, port = sys.argv[1:]
    app.state.engine = create_engine(f"sqlite:///{database}", connect_args={"check_same_thread": False})
    uvicorn.run(app, port=int(port), loop="uvloop", http="httptools", ws="none", log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
