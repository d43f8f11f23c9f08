"""Confidential records stay confidential in CSV wherever it is imported, or the file is rejected with advice."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.vocabulary import Scope
from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import Summary
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.maintenance.verify import verify
from tests.builders import REPORTERS, SOURCE, incident_draft, record, report_body
from tests.support import Client, Editor

INCIDENTS = "/v1/incidents?f=csv&sort=date"
REPORTS = "/v1/toll-reports?f=csv"
WITNESS = {"id": "witness", "name": "CANARY a witness", "kind": "local", "confidential": True}
LEAK = {
    "id": "leak", "title": "CANARY a leak", "publisher": "CANARY", "url": "https://canary.example/CANARY",
    "published_on": "2020-01-02", "confidential": True,
}  # fmt: skip
OWN = {"id": "own", "title": "CANARY of the incident", "confidential": True}


class Place:
    """A database, and who reads it."""

    def __init__(self, database: Database) -> None:
        self.database, self.client = database, Client(database)
        self.confidential_reader = Editor(self.client, database, Scope.READ_CONFIDENTIAL, name="a confidential reader")

    def load(self, content: str, folder: Path) -> Summary:
        file = folder / "table.csv"
        file.write_text(content)
        return import_file(importer_of(FileFormat.CSV), file, self.database, "tests")

    def public(self) -> str:
        """What those without a key get."""
        addresses = (INCIDENTS, REPORTS, "/v1/incidents", "/v1/toll-reports", "/v1/sources", "/v1/reporters")
        return "\n".join(self.client.get(address).text for address in (*addresses, "/v1/changes"))


@pytest.fixture
def here(database: Database) -> Iterator[Place]:
    """Reports of a confidential reporter, of a confidential source, of both, of several incidents, and of neither."""
    secret = {"note": "CANARY note", "locator": "CANARY p. 1"}
    record(
        database,
        incident_draft("a", sources=[OWN, SOURCE], toll_reports=[
            report_body(5, id="r-1", **secret) | {"reported_by": WITNESS},
            report_body(6, "army", id="r-2", source=LEAK, **secret),
            report_body(7, "ngo", id="r-3", note="public"),
        ]),
        incident_draft("b", sources=[{"id": "leak"}], toll_reports=[
            report_body(8, id="r-4", source={"id": "leak"}, **secret) | {"reported_by": {"id": "witness"}},
        ]),
    )  # fmt: skip
    record(database, incident_draft("c", toll_reports=[report_body(9, id="r-5", incidents=["b", "c"], source=LEAK)]))
    made = Place(database)
    yield made
    made.client.close()


@pytest.fixture
def elsewhere(migrated_file: Path, tmp_path: Path) -> Iterator[Place]:
    path = tmp_path / "elsewhere.db"
    path.write_bytes(migrated_file.read_bytes())
    database = Database(f"sqlite:///{path}")
    made = Place(database)
    yield made
    made.client.close()
    database.close()


def test_a_confidential_export_stays_confidential_when_imported(here: Place, elsewhere: Place, tmp_path: Path) -> None:
    # given
    exported = here.confidential_reader.get(INCIDENTS).text
    assert exported.count("CANARY") > 10

    # when
    first, again = elsewhere.load(exported, tmp_path), elsewhere.load(exported, tmp_path)

    # then
    assert (first.created, first.refused, again.unchanged) == (3, 0, 3)
    assert elsewhere.confidential_reader.get(INCIDENTS).text == exported, "the same to the byte"
    assert "CANARY" not in elsewhere.public()
    assert "CANARY" not in here.public()
    verify(elsewhere.database)


def test_an_export_of_reports_stays_confidential_when_imported(here: Place, elsewhere: Place, tmp_path: Path) -> None:
    # given
    record(elsewhere.database, incident_draft("a"), incident_draft("b"), incident_draft("c"))
    exported = here.confidential_reader.get(REPORTS).text
    flags = {(row["id"], row["reporter_confidential"], row["source_confidential"]) for row in _rows(exported)}
    assert flags == {
        ("r-1", "true", ""),
        ("r-2", "", "true"),
        ("r-3", "", ""),
        ("r-4", "true", "true"),
        ("r-5", "", "true"),
    }

    # when
    first, again = elsewhere.load(exported, tmp_path), elsewhere.load(exported, tmp_path)

    # then
    assert (first.created, first.refused, again.unchanged) == (5, 0, 5)
    back = {row["id"]: row | {"recorded_at": ""} for row in _rows(elsewhere.confidential_reader.get(REPORTS).text)}
    assert back == {row["id"]: row | {"recorded_at": ""} for row in _rows(exported)}
    assert "CANARY" not in elsewhere.public()
    verify(elsewhere.database)


def test_a_redacted_export_is_rejected_when_it_would_lose_a_name(here: Place, elsewhere: Place, tmp_path: Path) -> None:
    # given
    record(elsewhere.database, incident_draft("a"), incident_draft("b"), incident_draft("c"))
    why = "is confidential, and missing from this file. Export it again with a key that has the scope read:confidential"

    # when
    of_reports = elsewhere.load(here.client.get(REPORTS).text, tmp_path)
    of_incidents = elsewhere.load(here.client.get(INCIDENTS).text, tmp_path)

    # then
    assert (of_reports.created, of_reports.refused) == (1, 4)
    assert of_incidents.refused == 3
    for reason in (*of_reports.reasons, *of_incidents.reasons):
        assert reason.endswith(why), reason


def test_an_older_export_with_commitments_and_salts_is_read(here: Place, elsewhere: Place, tmp_path: Path) -> None:
    # given a file that has the evidence of another log in it, as earlier versions wrote it
    rows = _rows(here.confidential_reader.get(INCIDENTS).text)
    for row in rows:
        row["sources"] = row["sources"].replace(
            '"confidential":true', '"confidential":true,"commitment":"00","salt":"00"'
        )
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)

    # then
    assert elsewhere.load(out.getvalue(), tmp_path).created == 3
    assert elsewhere.confidential_reader.get(INCIDENTS).text == here.confidential_reader.get(INCIDENTS).text


@pytest.mark.parametrize(
    ("flag", "outcome"),
    [
        ("true", "created"),
        ("TRUE", "created"),
        ("false", "created"),
        ("", "created"),
        ("yes", "refused"),
        ("1", "refused"),
    ],
)
def test_the_confidential_column_takes_true_false_or_nothing(
    here: Place, tmp_path: Path, flag: str, outcome: str
) -> None:
    # given
    table = (
        "id,incidents,measure,best,reporter_name,reporter_kind,reporter_confidential,reported_on,source_title\n"
        f"r-new,a,killed,5,Somebody,local,{flag},2020-01-03,A page\n"
    )

    # when
    summary = here.load(table, tmp_path)

    # then
    assert getattr(summary, outcome) == 1
    if outcome == "refused":
        assert "reporter_confidential: is not true or false" in summary.reasons[0]
    else:
        assert ("Somebody" in here.public()) == (flag.lower() != "true")


def test_a_table_without_confidential_columns_is_read(here: Place, tmp_path: Path) -> None:
    table = (
        "id,incidents,measure,best,reporter_id,reported_on,source_id\n"
        "r-new,a,killed,5,witness,2020-01-03,leak\nr-other,a,killed,6,ngo,2020-01-03,src-test\n"
    )
    assert here.load(table, tmp_path).created == 2


def test_generated_ids_of_public_reports_do_not_change(here: Place, tmp_path: Path) -> None:
    # given
    table = (
        "incidents,measure,best,reporter_id,reporter_name,reporter_kind,reported_on,source_title\n"
        "a,killed,5,g,G,government,2020-01-01,P\n"
    )

    # when
    here.load(table, tmp_path)

    # then
    assert "tr-23aa6dbe9f6353b6" in here.client.ids("/v1/toll-reports")


def test_acled_and_ucdp_columns_omit_confidential_records(here: Place) -> None:
    assert SOURCE["title"] in here.confidential_reader.get("/v1/incidents?f=acled").text
    assert "CANARY" not in here.confidential_reader.get("/v1/incidents?f=acled").text
    assert "CANARY" not in here.confidential_reader.get("/v1/incidents?f=ucdp").text


def test_a_member_reserved_for_the_importer_is_rejected(here: Place, tmp_path: Path) -> None:
    told: dict[str, Any] = report_body(5, id="r-new") | {"made_id": True, "reported_by": REPORTERS["ngo"]}
    cell = orjson.dumps([told]).decode().replace('"', '""')
    summary = here.load(f'id,title,date_start,country,toll_reports\nz,T,2020-01-01,ML,"{cell}"\n', tmp_path)
    assert "made_id: is not a field of a toll report" in summary.reasons[0]


def _rows(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content)))
