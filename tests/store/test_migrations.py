"""A database that an earlier version wrote is brought up to date, and is then what this version would have written."""

from pathlib import Path
from typing import Any

from alembic import command

from app.domain.filters import FileFormat
from app.ingest.formats import import_file, importer_of
from app.store.engine import Database, _scripts
from app.store.verify import verify
from tests.ged import events as ged_events
from tests.ged import with_figure, write
from tests.ingest.test_acled import WEEKS, as_csv
from tests.support import Client, draft, record


def migrate_to(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        config = _scripts(database.url)
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


ASKED = (
    "/v1/stats?group_by=year",
    "/v1/stats?group_by=month",
    "/v1/stats?group_by=day",
    "/v1/incidents?dropped=true&fields=id",
    "/v1/incidents?dropped=false&limit=1000",
)


def answers(database: Database) -> dict[str, Any]:
    client = Client(database)
    found = {address: client.json(address) for address in ASKED}
    client.close()
    return found


def test_days_that_data_sets_state_and_spans_of_releases_are_found_again(database: Database, tmp_path: Path) -> None:
    # given weeks around days, an interval that goes on into the stated year, and an event that a release dropped
    content = tmp_path / "acled.csv"
    content.write_bytes(as_csv(*WEEKS))
    import_file(importer_of(FileFormat.ACLED, None, "2020-01-01"), content, database, "tests")
    record(
        database,
        draft(
            "turn", date_start="2018-12-20", date_end="2019-01-10", date_precision="longer", attributes={"year": 2019}
        ),
        draft(
            "odd",
            date_start="2018-12-20",
            date_end="2019-01-10",
            date_precision="longer",
            attributes={"year": "2²", "event_date": "soon"},
        ),
    )
    events = [
        with_figure(event, 5)
        | {
            "year": 2020,
            "date_start": "2020-05-01",
            "date_end": "2020-05-01",
            "country": "Mali",
            "country_id": 432,
            "adm_1": "",
        }
        for event in ged_events(1000)
    ]
    for release, listed in (("24.1", events), ("25.1", events[1:])):
        file = write(tmp_path / f"{release}.csv", listed)
        import_file(importer_of(FileFormat.UCDP_GED, release, f"20{release[:2]}-06-01"), file, database, "tests")
    right = answers(database)
    assert [item["id"] for item in right["/v1/incidents?dropped=true&fields=id"]["items"]] == ["ucdp-1"]

    # when it goes down to the schema before, and up again
    migrate_to(database, "0004")
    database.migrate()

    # then
    assert answers(database) == right
    assert verify(database).entries > 1000
