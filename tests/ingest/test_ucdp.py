"""Files of UCDP GED, in all known layouts, become incidents with one figure each."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidInput
from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import Result, Summary
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.write.writer import Outcome
from tests import ged
from tests.builders import incident_draft, record
from tests.support import Client

EVENTS = list(ged.events(3))


def text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """A file of comma-separated cells, with these columns."""
    names = list(columns or rows[0])
    quoted = ['"' + str(row[name]).replace('"', '""') + '"' for row in rows for name in names]
    lines = [",".join(quoted[at : at + len(names)]) for at in range(0, len(quoted), len(names))]
    return "\n".join([",".join(names), *lines, ""])


def reports(client: Client, incident: str) -> Any:
    """All reports of an incident, in the order in which they were told."""
    return client.json(f"/v1/incidents/{incident}/toll-history")["reports"]


def load(database: Database, path: Path, content: str | bytes, name: str = "26.1", on: str = "2026-06-01") -> Any:
    """What became of a file, and of each of its rows."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    heard: list[Result] = []
    importer = importer_of(FileFormat.UCDP_GED, name, on)
    return import_file(importer, path, database, "tests", on_result=heard.append), heard


def test_a_file_becomes_incidents_with_a_figure_of_the_release(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given
    event = ged.with_figure(EVENTS[0], 12) | {"low": 10, "high": 15}

    # when
    summary, _ = load(database, tmp_path / "ged.csv", text([event]))

    # then
    assert (summary.created, summary.refused, summary.absent) == (1, 0, [])
    incident = client.json("/v1/incidents/ucdp-1")
    assert incident["external_ids"] == {"ucdp": "1"}
    (report,) = reports(client, "ucdp-1")
    assert {name: report[name] for name in ("id", "measure", "victims", "low", "best", "high", "reported_on")} == {
        "id": "ucdp-1.26.1", "measure": "killed", "victims": "all", "low": 10, "best": 12, "high": 15,
        "reported_on": "2026-06-01",
    }  # fmt: skip
    assert report["breakdown"] == {"side_a": 0, "side_b": 0, "civilian": 0, "unknown": 12}
    assert (report["reported_by"]["id"], report["reported_by"]["kind"]) == ("ucdp", "dataset")
    assert report["source"]["id"] == "ucdp-ged-26.1"
    assert report["source"]["licence"] == "CC BY 4.0"


def test_a_figure_goes_to_the_incident_with_the_external_id(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    record(database, incident_draft("ml-2020-ours", external_ids={"ucdp": "1"}, title="As we tell it"))

    # when
    summary, _ = load(database, tmp_path / "ged.csv", text(EVENTS))

    # then
    assert (summary.created, summary.revised) == (2, 1)
    ours = client.json("/v1/incidents/ml-2020-ours")
    assert ours["title"] == "As we tell it"
    assert [r["reported_by"]["id"] for r in reports(client, "ml-2020-ours")] == ["ucdp"]
    assert client.get("/v1/incidents/ucdp-1").status_code == 404


def variants() -> Iterator[Any]:
    """The same three events, as each kind of copy has them."""
    columns = list(EVENTS[0])
    yield pytest.param(text(EVENTS), id="final release")
    renamed = [name if name not in ("low", "best", "high") else f"{name}_est" for name in columns]
    yield pytest.param(text(EVENTS).replace(",".join(columns), ",".join(renamed), 1), id="best_est")
    extra = [{"": n, **e, "Unnamed: 50": ""} for n, e in enumerate(EVENTS)]
    yield pytest.param(text(extra), id="index and unnamed column")
    tags = ["#event+id" if name == "id" else f"#x+{name}" for name in columns]
    header, body = text(EVENTS).split("\n", 1)
    yield pytest.param(f"{header}\n{','.join(tags)}\n{body}", id="row of hashtags")
    trailing = "\n".join(line + ",," if line else line for line in text(EVENTS).split("\n"))
    yield pytest.param(trailing, id="trailing commas")
    yield pytest.param("\ufeff" + text(EVENTS), id="byte order mark")
    stamped = [e | {n: f"{e[n]} 00:00:00.000" for n in ("date_start", "date_end")} for e in EVENTS]
    yield pytest.param(text(stamped), id="timestamps")
    american = [e | {n: e[n].strftime("%m/%d/%Y") for n in ("date_start", "date_end")} for e in EVENTS]
    yield pytest.param(text(american), id="MM/DD/YYYY")
    fractions = [
        e | {n: f"{e[n]}.0" for n in ("id", "best", "low", "high", "where_prec", "country_id")} for e in EVENTS
    ]
    yield pytest.param(text(fractions), id="fractions")
    yield pytest.param(text(EVENTS).upper().split("\n", 1)[0] + "\n" + body, id="capitals")
    yield pytest.param(text([dict(reversed(e.items())) for e in EVENTS]), id="another order of columns")


@pytest.mark.parametrize("content", list(variants()))
def test_all_known_layouts_give_the_same_incidents(
    client: Client, database: Database, tmp_path: Path, content: str
) -> None:
    # given
    load(database, tmp_path / "plain.csv", text(EVENTS))

    # when
    summary, rows = load(database, tmp_path / "copy.csv", content)

    # then
    assert [(row.outcome, row.reason) for row in rows] == [(Outcome.UNCHANGED, None)] * 3
    assert (summary.unchanged, summary.absent) == (3, [])


def test_a_repaired_row_is_marked_everywhere(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    event = ged.with_figure(EVENTS[0], 12) | {"low": 15, "high": 10}

    # when
    summary, (row,) = load(database, tmp_path / "ged.csv", text([event]))

    # then
    told = "given as low 15, best 12, high 10; read as low 10, high 15"
    assert (summary.created, summary.repaired) == (1, 1)
    assert list(row.item.repairs) == [told]
    incident = client.json("/v1/incidents/ucdp-1")
    (report,) = reports(client, "ucdp-1")
    assert (report["low"], report["best"], report["high"]) == (10, 12, 15)
    assert report["note"] == f"Repaired on import: {told}."
    assert incident["attributes"]["repaired"] == told


def test_rejected_rows_are_reported_by_line_and_the_others_imported(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given
    rows = [
        EVENTS[0] | {"id": ""},
        EVENTS[1],
        EVENTS[2] | {"date_start": "2019-02-30"},
        EVENTS[2] | {"country": "Atlantis", "country_id": ""},
    ]

    # when
    summary, heard = load(database, tmp_path / "ged.csv", text(rows))

    # then
    assert (summary.created, summary.refused) == (1, 3)
    assert [reason.partition(": is")[0] for reason in summary.reasons[:2]] == [
        "ged.csv, line 2: id", "ged.csv, line 4: date_start",
    ]  # fmt: skip
    assert summary.reasons[2].startswith("ged.csv, line 5: country: ")
    assert [row.item.cells["id"] for row in heard if row.outcome is Outcome.REFUSED] == ["", "3", "3"]
    assert client.ids("/v1/incidents") == ["ucdp-2"]


def test_a_contradicting_duplicate_event_is_rejected(client: Client, database: Database, tmp_path: Path) -> None:
    # when
    rows = [ged.with_figure(EVENTS[0], 5), ged.with_figure(EVENTS[0], 5), ged.with_figure(EVENTS[0], 6)]
    summary, heard = load(database, tmp_path / "ged.csv", text(rows))

    # then
    assert [row.outcome.value for row in heard] == ["created", "unchanged", "refused"]
    assert summary.reasons
    assert [r["best"] for r in reports(client, "ucdp-1")] == [5]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a,b\n1,2\n", "is not a UCDP GED file: missing columns id, type_of_violence, side_a, country, date_start, best (found a, b)"),
        (text(EVENTS, [n for n in EVENTS[0] if n != "best"]), "is not a UCDP GED file: missing column best"),
        (b"\x00\x01", "is neither text nor a workbook"), (b"", "is empty"),
    ],
)  # fmt: skip
def test_a_file_of_another_format_is_rejected(
    client: Client, database: Database, tmp_path: Path, content: str | bytes, why: str
) -> None:
    # when
    with pytest.raises(InvalidInput) as error:
        load(database, tmp_path / "ged.csv", content)

    # then
    assert error.value.faults[0].message.startswith(why)
    assert client.json("/v1/log/checkpoint")["size"] == 0


@pytest.mark.parametrize(
    ("name", "on", "member"),
    [
        (None, "2026-06-01", "release"), ("26.1", None, "released_on"), ("26.1", "2026-02-30", "released_on"), ("26.1", "2999-01-01", "released_on"),
        ("26.1", "June", "released_on"), ("---", "2026-06-01", "release"),
    ],
)  # fmt: skip
def test_a_release_requires_a_name_and_a_past_day(name: str | None, on: str | None, member: str) -> None:
    with pytest.raises(InvalidInput) as error:
        importer_of(FileFormat.UCDP_GED, name, on)
    assert [fault.name for fault in error.value.faults] == [member]


def test_a_file_without_rows_is_a_release_that_lists_nothing(database: Database, tmp_path: Path) -> None:
    # when
    summary, _ = load(database, tmp_path / "ged.csv", ",".join(EVENTS[0]) + "\n")

    # then
    assert summary == Summary()
