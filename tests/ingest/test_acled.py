"""ACLED's exports and its list of deleted events."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.written_days import DayOrder
from app.errors import InvalidInput
from app.formats.layouts.acled import COLUMNS
from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import Summary
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.tables import Incident
from app.store.write.writer import recording
from tests.builders import incident_draft, record, record_report, report_body
from tests.support import Client

FIRST, SECOND = 1_572_739_200, 1_604_361_600
"""3 November 2019 and 2020, when rows were changed."""


def event(number: int, fatalities: int | str, changed: int = FIRST, **more: Any) -> dict[str, Any]:
    """An invented event, in ACLED's columns."""
    told = {
        "event_id_cnty": f"MLI{number}", "event_date": "2019-11-01", "year": 2019, "time_precision": 1,
        "disorder_type": "Political violence", "event_type": "Battles", "sub_event_type": "Armed clash",
        "actor1": "Army of the River", "inter1": "State forces", "actor2": "Northern Front", "inter2": "Rebel group",
        "interaction": "State forces-Rebel group", "iso": 466, "region": "Western Africa", "country": "Mali",
        "admin1": "Gao", "admin2": "Ansongo", "location": f"Village {number}", "latitude": 15.5, "longitude": 0.5,
        "geo_precision": 1, "source": "A radio", "source_scale": "National", "notes": "Invented.",
        "fatalities": fatalities, "timestamp": changed,
    }  # fmt: skip
    return {name: (told | more).get(name, "") for name in COLUMNS}


def as_csv(*rows: Mapping[str, Any]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def reports(client: Client, incident: str) -> Any:
    """All reports of an incident, in the order in which they were told."""
    return client.json(f"/v1/incidents/{incident}/toll-history")["reports"]


def load(database: Database, folder: Path, content: bytes, *release: Any) -> Summary:
    path = folder / "acled.csv"
    path.write_bytes(content)
    return import_file(importer_of(FileFormat.ACLED, *release), path, database, "tests")


def test_an_acled_export_becomes_incidents_reported_at_the_row_timestamps(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # when
    summary = load(database, tmp_path, as_csv(event(1, 53), event(2, 0), event(3, "")))

    # then
    assert (summary.created, summary.repaired, summary.refused) == (3, 1, 0)
    one, two, three = (client.json(f"/v1/incidents/acled-mli{n}") for n in (1, 2, 3))
    (told,) = reports(client, "acled-mli1")
    assert (told["id"], told["best"], told["reported_on"]) == (f"acled-mli1.{FIRST}", 53, "2019-11-03T00:00:00Z")
    assert told["reported_by"]["id"] == "acled"
    assert two["toll"]["killed"]["best"] == 0
    assert "killed" not in three["toll"]
    assert one["region"]["code"] == "ML-7"


def test_json_of_acleds_api_gives_the_same_incidents(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    rows = [event(1, 53), event(2, 0, latitude="15.5", inter1="1", inter2=2)]
    load(database, tmp_path, as_csv(*rows))

    # when
    answer = orjson.dumps({"status": 200, "success": True, "data": rows, "count": 2})
    summary = load(database, tmp_path, answer)

    # then
    assert (summary.unchanged, summary.refused, summary.revised) == (2, 0, 0)


def test_a_later_export_adds_only_changed_figures(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    load(database, tmp_path, as_csv(event(1, 53), event(2, 7), event(3, 1)))

    # when
    later = as_csv(event(1, 49, SECOND), event(2, 7, SECOND), event(3, 1, SECOND, notes="Told at length."))
    summary = load(database, tmp_path, later)

    # then
    assert (summary.created, summary.revised, summary.unchanged) == (0, 2, 1)
    history = client.json("/v1/incidents/acled-mli1/toll-history")
    assert [(r["best"], r["change"], r["reported_on"]) for r in history["reports"]] == [
        (53, "first", "2019-11-03T00:00:00Z"), (49, "lowered", "2020-11-03T00:00:00Z"),
    ]  # fmt: skip
    assert len(reports(client, "acled-mli2")) == 1
    assert client.json("/v1/incidents/acled-mli3")["attributes"]["notes"] == "Told at length."
    assert client.json("/v1/incidents/acled-mli1?as_of=2020-01-01")["toll"]["killed"]["best"] == 53


def test_an_earlier_export_imported_later_keeps_its_reported_time(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given
    load(database, tmp_path, as_csv(event(1, 49, SECOND)))

    # when
    load(database, tmp_path, as_csv(event(1, 53, FIRST)))

    # then
    history = client.json("/v1/incidents/acled-mli1/toll-history")
    assert [(r["best"], r["change"]) for r in history["reports"]] == [(53, "first"), (49, "lowered")]
    assert client.json("/v1/incidents/acled-mli1")["toll"]["killed"]["best"] == 49


def test_deleted_events_are_withdrawn_or_lose_only_acleds_figures(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given: of the first two one is ACLED's alone, the other ours, with a figure of our own
    record(database, incident_draft("ours", day="2019-11-01", external_ids={"acled": "MLI2"}))
    record_report(database, "ours", best=40, reporter="gov")
    load(database, tmp_path, as_csv(event(1, 53), event(2, 60), event(3, 1)))

    # when
    deleted = b"event_id_cnty,deleted_timestamp\nMLI1,1604361600\nmli2,1604361600\nMLI99,1604361600\n"
    summary = load(database, tmp_path, deleted)
    again = load(database, tmp_path, deleted)

    # then
    assert (summary.withdrawn, summary.revised, summary.refused) == (1, 1, 0)
    assert (again.withdrawn, again.unchanged, again.refused) == (0, 3, 0)
    assert sorted(client.ids("/v1/incidents")) == ["acled-mli3", "ours"]
    assert client.get("/v1/incidents/acled-mli1").status_code == 410
    ours = client.json("/v1/incidents/ours")
    assert ours["toll"]["killed"]["best"] == 40
    assert {r["reported_by"]["id"]: r["status"] for r in reports(client, "ours")}["acled"] == "retracted"


def test_an_export_without_timestamps_requires_a_day(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    row = event(1, 53)
    del row["timestamp"]

    # when
    with pytest.raises(InvalidInput) as error:
        load(database, tmp_path, as_csv(row))
    load(database, tmp_path, as_csv(row), "October export", "2020-10-01")

    # then
    assert [fault.name for fault in error.value.faults] == ["released_on"]
    (told,) = reports(client, "acled-mli1")
    assert (told["reported_on"], told["source"]["id"]) == ("2020-10-01", "acled-october_export")


def test_a_table_that_is_no_acled_export_is_rejected(client: Client, database: Database, tmp_path: Path) -> None:
    # when
    with pytest.raises(InvalidInput) as error:
        load(database, tmp_path, b"id,best\n1,2\n")

    # then
    assert error.value.faults[0].message.startswith("is not an ACLED export: missing columns event_id_cnty")


def test_unclear_rows_are_rejected_with_their_line(database: Database, tmp_path: Path) -> None:
    # when
    rows = [event(1, 5), event(2, -5), event(3, 5, event_date="2019-13-01"), event(4, 5, changed="")]  # type: ignore[arg-type]
    summary = load(database, tmp_path, as_csv(*rows))

    # then
    assert (summary.created, summary.refused) == (1, 3)
    assert [reason.split(": ")[:2] for reason in summary.reasons] == [
        ["acled.csv, line 3", "fatalities"], ["acled.csv, line 4", "event_date"], ["acled.csv, line 5", "timestamp"],
    ]  # fmt: skip


def test_an_export_in_acleds_columns_round_trips(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    load(database, tmp_path, as_csv(event(1, 53), event(2, 0, time_precision=2), event(3, 9, inter2="", actor2="")))

    # when
    exported = client.get("/v1/incidents?f=acled").content
    summary = load(database, tmp_path, exported)

    # then
    assert exported.splitlines()[0].decode().split(",") == list(COLUMNS)
    assert (summary.unchanged, summary.refused, summary.repaired) == (3, 0, 0)


def test_an_acled_figure_stands_next_to_other_reporters_figures(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given
    record(
        database,
        incident_draft(
            "ours",
            day="2019-11-01",
            external_ids={"acled": "MLI1"},
            toll_reports=[report_body(49, "army", "2019-11-02")],
        ),
    )

    # when
    load(database, tmp_path, as_csv(event(1, 53)))

    # then
    assert [(r["reported_by"]["id"], r["best"], r["status"]) for r in reports(client, "ours")] == [
        ("army", 49, "standing"), ("acled", 53, "standing"),
    ]  # fmt: skip


def actor_rows(number: int, *actors: tuple[str, str], fatalities: int = 4, **more: Any) -> list[dict[str, Any]]:
    """An event of a file with a row per actor."""
    rows = [event(number, fatalities, actor1=name, inter1=inter, **more) for name, inter in actors]
    return [
        {name: cell for name, cell in row.items() if name not in ("actor2", "assoc_actor_2", "inter2")} for row in rows
    ]


@pytest.mark.parametrize("apart", [False, True], ids=["one after the other", "far apart"])
def test_a_row_per_actor_makes_one_incident_with_all_actors(
    client: Client, database: Database, tmp_path: Path, apart: bool
) -> None:
    # given
    first = actor_rows(
        1, ("Army of the River", "State forces"), ("Northern Front", "Rebel group"), ("Hill Guard", "Identity militia")
    )
    alone, pair = (
        actor_rows(2, ("Rioters (Mali)", "Rioters"), fatalities=0),
        actor_rows(3, ("A", "Rioters"), ("B", "Civilians")),
    )
    rows = [first[0], *pair[:1], *alone, first[2], *pair[1:], first[1]] if apart else [*first, *alone, *pair]

    # when
    loaded = load(database, tmp_path, as_csv(*rows))
    again = load(database, tmp_path, as_csv(*rows))

    # then
    assert (loaded.created, loaded.revised, loaded.refused) == (3, 0, 0)
    assert (again.created, again.revised, again.unchanged) == (0, 0, 3)
    one = client.json("/v1/incidents/acled-mli1")
    assert one["toll"]["killed"]["best"] == 4
    assert {actor["name"]: actor["kind"] for actor in one["actors"]} == {
        "Army of the River": "state_forces", "Northern Front": "rebel_group", "Hill Guard": "identity_militia"
    }  # fmt: skip
    assert [actor["role"] for actor in one["actors"]] == ["side_a", "side_b", "side_b"]


def test_contradicting_rows_of_one_event_are_rejected_once(database: Database, tmp_path: Path) -> None:
    rows = actor_rows(1, ("A", "Rioters"), ("B", "Civilians")) + actor_rows(2, ("A", "Rioters"))
    rows[1]["fatalities"] = 5
    summary = load(database, tmp_path, as_csv(*rows))
    assert (summary.created, summary.refused) == (1, 1)
    assert summary.reasons == ["acled.csv, line 2: fatalities: rows of this event contradict each other: 4, 5"]


def test_files_without_timestamps_are_reported_on_their_own_days(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given two weekly files
    first = [{n: c for n, c in event(1, 3).items() if n != "timestamp"}]
    second = [{n: c for n, c in event(number, 5).items() if n != "timestamp"} for number in (1, 2)]

    # when
    one = load(database, tmp_path, as_csv(*first), None, "2020-04-20")
    two = load(database, tmp_path, as_csv(*second), None, "2020-04-27")

    # then
    assert (one.created, two.created, two.revised, two.refused) == (1, 1, 1, 0)
    told = [(r["reported_on"], r["best"], r["source"]["id"]) for r in reports(client, "acled-mli1")]
    assert told == [("2020-04-20", 3, "acled-2020-04-20"), ("2020-04-27", 5, "acled-2020-04-27")]


WEEKS = [
    event(1, 10, event_date="2019-01-01", year=2019, time_precision=2), event(2, 4, event_date="2018-12-30", year=2018, time_precision=2),
    event(3, 5, event_date="2019-03-02", year=2019, time_precision=2), event(4, 7, event_date="2019-05-15", year=2019, time_precision=3),
]  # fmt: skip


def test_statistics_by_time_use_the_day_of_the_file(client: Client, database: Database, tmp_path: Path) -> None:
    # given weeks around days near the turn of a year and of a month
    load(database, tmp_path, as_csv(*WEEKS), None, "2020-01-01")

    # then
    def sums(group: str) -> dict[str, list[int]]:
        items = client.json(f"/v1/stats?group_by={group}")["items"]
        return {str(i[group]): [i["incidents"], i["killed"]["best"]] for i in items}

    assert sums("year") == {"2018": [1, 4], "2019": [3, 22]}
    assert sums("month") == {"2018-12": [1, 4], "2019-01": [1, 10], "2019-03": [1, 5], "2019-05": [1, 7]}
    assert sums("day") == {"2018-12-30": [1, 4], "2019-01-01": [1, 10], "2019-03-02": [1, 5], "2019-05-15": [1, 7]}
    assert client.ids("/v1/incidents?date_to=2018-12-30&sort=date") == ["acled-mli2", "acled-mli1"], (
        "the week is the interval"
    )

    # and the file that is given back says the same
    rows = csv.DictReader(io.StringIO(client.get("/v1/incidents?f=acled").text))
    assert {(r["event_id_cnty"], r["event_date"], r["year"]) for r in rows} == {
        (str(e["event_id_cnty"]), str(e["event_date"]), str(e["year"])) for e in WEEKS
    }


def test_an_event_after_its_report_is_rejected_unless_its_year_confirms_it(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given rows that were last changed on 3 November 2019
    summary = load(
        database, tmp_path,
        as_csv(
            event(1, 3, event_date="2019-11-04"), event(2, 3, event_date="2019-12-24"),
            event(3, 3, event_date="2019-12-24", year=""), event(4, 3, event_date="2205-12-24", year=2205),
        ),
    )  # fmt: skip

    # then
    assert (summary.created, summary.refused, summary.repaired) == (2, 2, 1)
    assert [r["reported_on"] for r in reports(client, "acled-mli2")] == ["2019-12-24"]
    assert (
        "lies before the event; read as 2019-12-24" in client.json("/v1/incidents/acled-mli2")["attributes"]["repaired"]
    )
    for reason, day in zip(summary.reasons, ("2019-12-24", "2205-12-24"), strict=True):
        assert f"date_start: {day} is after the report date 2019-11-03" in reason


@pytest.mark.parametrize("order", ["dmy", "mdy"])
def test_one_row_or_an_option_determines_the_day_order_of_a_column(
    client: Client, database: Database, tmp_path: Path, order: str
) -> None:
    # given a day that is 5 June or 6 May
    days = ["05/06/2019", "18/04/2019" if order == "dmy" else "04/18/2019"]
    rows = [event(n, 1, event_date=day) for n, day in enumerate(days)]

    # when
    load(database, tmp_path, as_csv(*rows))
    given = load(database, tmp_path, as_csv(event(9, 1, event_date="05/06/2019")), None, None, DayOrder(order))

    # then
    right = "2019-06-05" if order == "dmy" else "2019-05-06"
    assert given.created == 1
    assert [client.json(f"/v1/incidents/acled-mli{n}")["date_start"] for n in (0, 1, 9)] == [right, "2019-04-18", right]


@pytest.mark.parametrize("column", ["event_date", "timestamp"])
def test_an_undetermined_day_order_is_rejected_before_anything_is_recorded(
    database: Database, tmp_path: Path, column: str
) -> None:
    rows = [event(1, 1, event_date="2019-01-01"), event(2, 1, **{"event_date": "2019-01-01", column: "05/06/2019"})]
    with pytest.raises(InvalidInput) as error:
        load(database, tmp_path, as_csv(*rows))
    (fault,) = error.value.faults
    assert fault.message == (
        f"column {column} may have the day or the month first: line 3 has 05/06/2019, and no line decides it; "
        "pass --dates dmy or --dates mdy (over HTTP: dates=dmy)"
    )
    with recording(database, "tests") as writer:
        assert writer.appender.find(Incident, "acled-mli1") is None


def test_with_an_explicit_day_order_only_rows_in_another_order_are_rejected(database: Database, tmp_path: Path) -> None:
    content = as_csv(event(1, 1, event_date="25/11/2018", year=2018), event(2, 1, event_date="11/25/2018", year=2018))
    with pytest.raises(InvalidInput, match="mixes two orders"):
        load(database, tmp_path, content)
    summary = load(database, tmp_path, content, None, None, DayOrder.DAY_FIRST)
    assert (summary.created, summary.refused) == (1, 1)
    assert "has 25 as its month, read with the day first: 11/25/2018" in summary.reasons[0]


def test_importing_our_own_acled_export_changes_nothing(client: Client, database: Database, tmp_path: Path) -> None:
    # given an event whose figure was said on a day, with an event type from before 2019 and a point that cannot be
    rows = [
        event(1, 3, timestamp="2020-02-01", event_type="Battle-No change of territory", sub_event_type="", latitude=145)
    ]
    load(database, tmp_path, as_csv(*rows))

    # when
    again = load(database, tmp_path, client.get("/v1/incidents?f=acled").content)

    # then
    assert (again.created, again.refused) == (0, 0), again.reasons
    assert len(reports(client, "acled-mli1")) == 1


def test_an_event_with_too_many_rows_is_rejected_quickly(database: Database, tmp_path: Path) -> None:
    rows = actor_rows(1, *((f"Group {n}", "Rebel group") for n in range(3000)))
    summary = load(database, tmp_path, as_csv(*rows))
    assert (summary.created, summary.refused) == (0, 1)
    assert "the event has more than 100 rows" in summary.reasons[0]
