"""Our own CSV layout: export and import are the identity, and hand-written tables are accepted."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.formats.layouts.plain_incidents import HEADLINE_COLUMNS
from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import Summary
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.maintenance.verify import verify
from app.store.write.writer import recording
from tests.builders import incident_body, incident_draft, record, record_report, report_body, report_draft
from tests.support import Client

INCIDENTS = "/v1/incidents?f=csv&sort=date"
REPORTS = "/v1/toll-reports?f=csv"


@pytest.fixture
def second(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Another empty database."""
    path = tmp_path / "second.db"
    path.write_bytes(migrated_file.read_bytes())
    made = Database(f"sqlite:///{path}")
    yield made
    made.close()


def exported(database: Database, address: str = INCIDENTS) -> bytes:
    client = Client(database)
    answer = client.get(address)
    client.close()
    assert answer.status_code == 200, answer.text
    return answer.content


def load(database: Database, content: bytes | str) -> Summary:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(importer_of(FileFormat.CSV), path, database, "tests")


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def reports_of(client: Client, incident: str) -> Any:
    """The reports of an incident: what each said and did."""
    history = client.json(f"/v1/incidents/{incident}/toll-history")
    return [(r["id"], r["best"], r["status"], r["change"]) for r in history["reports"]]


def same_history(first: Database, second: Database) -> None:
    """Both databases answer alike what a report did and how the headline moved."""
    one, other = Client(first), Client(second)
    for incident in one.ids("/v1/incidents?limit=1000"):
        address = f"/v1/incidents/{incident}/toll-history"
        mine, theirs = one.json(address), other.json(address)
        for history in (mine, theirs):
            for told in history["reports"]:
                del told["recorded_at"]
                (told["retraction"] or {}).pop("recorded_at", None)
        assert theirs == mine
    one.close()
    other.close()


def test_export_import_export_is_byte_identical(seeded: Database, second: Database) -> None:
    # given
    first = exported(seeded)

    # when
    summary = load(second, first)
    again = load(second, first)

    # then
    assert exported(second) == first
    assert (summary.created, summary.refused, again.unchanged) == (len(rows(first)), 0, len(rows(first)))
    same_history(seeded, second)
    verify(second)


@pytest.mark.parametrize("asked", ["bom=true", "hxl=true", "bom=true&hxl=true", "fields=id,title,date_start,country"])
def test_every_container_imports_the_same_records(seeded: Database, second: Database, asked: str) -> None:
    # given
    first = exported(seeded, f"{INCIDENTS}&{asked}")

    # when
    load(second, first)

    # then
    assert exported(second, f"{INCIDENTS}&{asked}") == first


def typed(country: str, name: str, iso3: str) -> str:
    return f"id,title,date_start,country,country_name,country_iso3\na,An attack,2020-01-01,{country},{name},{iso3}\n"


@pytest.mark.parametrize(
    ("cells", "country"),
    [
        (("NA", "Namibia", "NAM"), "NA"), (("NA", "", ""), "NA"), (("ML", "Mali", ""), "ML"),
        (("ML", "a name that nobody knows", "XXX"), "ML"), (("Mali", "MLI", "ml"), "ML"),
        (("", "Namibia", "NAM"), "NA"), (("", "", "NAM"), "NA"), (("", "Namibia", ""), "NA"),
    ],
)  # fmt: skip
def test_the_country_is_read_from_its_other_columns_when_empty(
    database: Database, empty_client: Client, cells: tuple[str, str, str], country: str
) -> None:
    assert load(database, typed(*cells)).created == 1
    assert empty_client.json("/v1/incidents/a")["country"] == country


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (("ML", "Niger", "MLI"), "country_name: Niger contradicts country ML; change one of them, or clear it"),
        (("ML", "Mali", "NER"), "country_iso3: NER contradicts country ML; change one of them, or clear it"),
        (("", "Mali", "NER"), "country_name: Mali contradicts country_iso3 NER; change one of them, or clear it"),
    ],
)
def test_contradicting_country_columns_are_rejected(
    database: Database, cells: tuple[str, str, str], reason: str
) -> None:
    summary = load(database, typed(*cells))
    assert (summary.created, summary.refused) == (0, 1)
    assert reason in summary.reasons[0]


def test_exported_toll_reports_round_trip(seeded: Database, second: Database) -> None:
    # given
    of_reports = {"toll_reports", *HEADLINE_COLUMNS}
    incidents = [{n: v for n, v in row.items() if n not in of_reports} for row in rows(exported(seeded))]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(incidents[0]))
    writer.writeheader()
    writer.writerows(incidents)
    load(second, out.getvalue())

    # when
    summary = load(second, exported(seeded, REPORTS))

    # then
    assert summary.refused == 0
    clock = {"recorded_at"}
    mine, theirs = (
        sorted(sorted((n, v) for n, v in row.items() if n not in clock) for row in rows(exported(database, REPORTS)))
        for database in (seeded, second)
    )
    assert theirs == mine


def test_values_that_are_hard_to_represent_in_a_table_round_trip(database: Database, second: Database) -> None:
    # given
    record(
        database,
        incident_draft("zero", toll_reports=[report_body(0, id="r-zero"), report_body(3, bound="at_least", measure="wounded", id="r-min")]),
        incident_draft("none", title="=1+1", summary="'quoted'\nsecond line; \"and\" more, ", place="-5"),
        incident_draft("a", title="@home; ünïcode 🕊 \u202bعربى\u202c", attributes={"=x": "+1", "n": "007", "empty": ""}),
        incident_draft("b", actors=[{"name": "A; B", "role": "side_a", "kind": "unknown"}, {"name": "C", "role": "target", "kind": "civilians"}]),
        incident_draft("c", external_ids={"ucdp": "1", "acled": "MLI1"}, near_border=["NE", "BF"], region={"code": None, "name": "Nowhere"}),
    )  # fmt: skip
    record_report(
        database,
        ["a", "b"],
        id="r-shared",
        best=4,
        locator="p. 3",
        note="'tis so",
        breakdown={"civilian": 4, "side_a": 0},
    )
    record_report(database, "a", id="r-later", best=2, reported_on="2020-02-01T05:06:07.5+02:00", supersedes="r-shared")
    record_report(database, "zero", id="r-range", bound="range", low=1, best=None, high=5, reporter="army")
    record_report(database, "zero", id="r-void", best=9, reporter="ngo")
    record_report(database, "zero", id="r-back", best=8, reporter="rebels")
    with recording(database, "tests") as writer:
        writer.retract_report("r-void", "It was counted twice.")
        writer.retract_report("r-back", "Taken back.", "2020-03-01")

    # when
    first = exported(database)
    summary = load(second, first)

    # then
    assert (summary.created, summary.refused) == (5, 0)
    assert exported(second) == first
    same_history(database, second)
    assert exported(second, REPORTS).count(b"\n") == exported(database, REPORTS).count(b"\n")


def test_a_report_may_come_before_the_report_that_it_supersedes(database: Database, second: Database) -> None:
    # given: newest first, so that what is named comes last
    record(
        database,
        incident_draft("x1", day="2020-01-01"),
        incident_draft("x2", day="2020-01-02"),
        incident_draft("x3", day="2020-01-03"),
    )
    record_report(database, "x1", id="r1", best=1)
    record_report(database, ["x3", "x1"], id="r2", best=2, supersedes="r1", reported_on="2020-02-01")
    record_report(database, ["x3", "x2"], id="r3", best=3, supersedes="r2", reported_on="2020-03-01")
    first = exported(database, "/v1/incidents?f=csv&sort=-date")

    # when
    summary = load(second, first)

    # then
    assert (summary.created, summary.refused) == (3, 0)
    assert exported(second, "/v1/incidents?f=csv&sort=-date") == first


def test_more_reports_than_one_request_allows_round_trip(database: Database, second: Database) -> None:
    # given
    record(database, incident_draft("much"))
    with recording(database, "tests") as writer:
        for n in range(250):
            told = report_draft(n, id=f"r-{n:03}", reported_on=f"2020-{1 + n // 28:02}-{1 + n % 28:02}")
            writer.record_report(told, ["much"])
    first = exported(database)

    # when
    summary = load(second, first)

    # then
    assert (summary.created, summary.refused) == (1, 0)
    assert exported(second) == first


def test_a_changed_cell_becomes_a_version_and_an_added_report_a_report(seeded: Database, tmp_path: Path) -> None:
    # given
    table = rows(exported(seeded))
    row = next(row for row in table if row["id"] == "ml-2019-11-01-indelimane")
    added = report_body(50, "ngo", "2019-12-01")
    told = orjson.loads(row["toll_reports"])
    row |= {"title": "Told anew", "toll_reports": orjson.dumps([*told, added]).decode()}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]))
    writer.writeheader()
    writer.writerows(table)

    # when
    summary, again = load(seeded, out.getvalue()), load(seeded, out.getvalue())

    # then
    assert (summary.revised, summary.created, summary.refused) == (1, 0, 0)
    assert (again.revised, again.unchanged) == (0, len(table))
    client = Client(seeded)
    incident = client.json("/v1/incidents/ml-2019-11-01-indelimane")
    assert incident["title"] == "Told anew"
    assert len(client.json(f"/v1/incidents/{incident['id']}/versions")["items"]) == 2
    assert [figure for _, figure, *_ in reports_of(client, incident["id"])].count(50) == 1
    client.close()


def test_missing_columns_leave_their_members_unchanged(database: Database) -> None:
    # given
    record(database, incident_draft("x", summary="Kept.", place="Kept", toll_reports=[report_body(3, id="r")]))

    # when
    summary = load(database, "id,title,date_start,country\nx,New,2020-01-01,Mali\n")

    # then
    assert summary.revised == 1
    client = Client(database)
    incident = client.json("/v1/incidents/x")
    assert (incident["title"], incident["summary"], incident["place"]) == ("New", "Kept.", "Kept")
    assert incident["toll"]["killed"]["best"] == 3
    client.close()


def test_a_hand_written_table_is_read(database: Database) -> None:
    # when
    incidents = load(
        database,
        "ID;Title;date_start;country;region_name;side_a;side_b\n"
        "typed-1;A fight;01/11/2019;ML;Ménaka;Army;Front; \ntyped-2;Another;25/10/2019;Niger;;;\n",
    )
    reports = load(
        database,
        "incidents,measure,best,low,high,reporter_name,reporter_kind,reported_on,source_title\n"
        "typed-1,killed,53,,,A government,government,2019-11-01,A page\n"
        "typed-1; typed-2,wounded,,3,5,A government,government,2019-11-01,A page\n",
    )

    # then
    assert (incidents.created, incidents.refused, reports.created, reports.refused) == (2, 0, 2, 0)
    client = Client(database)
    told = client.json("/v1/incidents/typed-1")
    assert (told["date_start"], told["date_precision"], told["region"]["code"]) == ("2019-11-01", "day", "ML-9")
    assert [(actor["name"], actor["role"]) for actor in told["actors"]] == [("Army", "side_a"), ("Front", "side_b")]
    assert told["toll"]["killed"]["best"] == 53
    assert client.json("/v1/toll-reports?measure=wounded")["items"][0]["incidents"] == ["typed-1", "typed-2"]
    client.close()


def test_a_report_without_an_id_is_recorded_once(database: Database) -> None:
    # given
    record(database, incident_draft("x"))
    table = "incidents,measure,best,reporter_id,reporter_name,reporter_kind,reported_on,source_title\nx,killed,5,g,G,government,2020-01-01,P\n"

    # when
    first, second = load(database, table), load(database, table)

    # then
    assert (first.created, second.created, second.unchanged) == (1, 0, 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("id,title,date_start,country,tittle\n", "has the column tittle, which this layout does not have; did you mean title?"),
        ("title,date_start,country\n", "is not a table of incidents: missing column id"),
        ("measure,best\n", "is not a table of toll reports: missing columns incidents, reported_on"),
    ],
)  # fmt: skip
def test_a_table_of_another_layout_is_rejected(database: Database, content: str, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        load(database, content)
    assert error.value.faults[0].message.startswith(why)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("x,,2020-01-01,ML,,", "title"), (",T,2020-01-01,ML,,", "id: is empty"), ("x,T,,ML,,", "date_start"), ("x,T,2020-01-01,,,", "country"),
        ("x,T,2020-01-01,ML,not JSON,", "toll_reports: is not JSON"), ('x,T,2020-01-01,ML,"[{""best"": 1}]",', "toll_reports"),
        ('x,T,2020-01-01,ML,7,', "toll_reports"), ('x,T,2020-01-01,ML,,"[{""name"": 1}]"', "actors"),
    ],
)  # fmt: skip
def test_an_unclear_row_is_rejected_with_its_line(database: Database, row: str, why: str) -> None:
    # when
    summary = load(database, f"id,title,date_start,country,toll_reports,actors\n{row}\ny,T,2020-01-01,ML,,\n")

    # then
    assert (summary.created, summary.refused) == (1, 1)
    assert summary.reasons[0].startswith("table.csv, line 2: ")
    assert why in summary.reasons[0]


@pytest.mark.parametrize("named", ["incidents", "supersedes"])
def test_a_report_that_supersedes_an_unknown_report_is_rejected_at_the_end(database: Database, named: str) -> None:
    # given
    record(database, incident_draft("x"))
    row = {"incidents": "x", "supersedes": ""} | {named: "x; nowhere" if named == "incidents" else "nowhere"}

    # when
    summary = load(
        database,
        "incidents,supersedes,measure,best,reporter_name,reporter_kind,reported_on,source_title\n"
        f"{row['incidents']},{row['supersedes']},killed,5,G,government,2020-01-01,P\n",
    )

    # then
    assert (summary.created, summary.refused) == (0, 1)
    assert "nowhere" in summary.reasons[0]


def test_another_figure_under_the_same_id_is_rejected(database: Database) -> None:
    # given
    record(database, incident_draft("x", toll_reports=[report_body(3, id="r")]))
    changed = rows(exported(database))[0]
    changed["toll_reports"] = changed["toll_reports"].replace('"best":3', '"best":4')
    out = io.StringIO()
    writer = csv.DictWriter(out, list(changed))
    writer.writeheader()
    writer.writerow(changed)

    # when
    summary = load(database, out.getvalue())

    # then
    assert summary.refused == 1
    client = Client(database)
    assert [best for _, best, *_ in reports_of(client, "x")] == [3]
    client.close()


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)
NUMBERS = st.one_of(st.none(), st.integers(0, 5000))


@st.composite
def incidents(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for number in range(draw(st.integers(1, 3))):
        fields = incident_body(f"x-{number}") | {
            "title": draw(TEXTS), "summary": draw(st.none() | TEXTS), "place": draw(st.none() | TEXTS),
            "date_end": f"2020-01-0{number + 1}", "date_precision": "days",
            "latitude": draw(st.none() | st.floats(-90, 90, allow_subnormal=False)), "attributes": draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
            "actors": [
                {"name": name, "role": draw(st.sampled_from(["side_a", "target"])), "kind": "unknown"}
                for name in draw(st.lists(TEXTS, max_size=2))
            ],
            "toll_reports": [
                report_body(draw(st.integers(0, 99)), draw(st.sampled_from(["gov", "army"])), f"2020-02-0{n + 1}", id=f"r-{number}-{n}",
                       note=draw(st.none() | TEXTS), measure=draw(st.sampled_from(["killed", "wounded"])))
                for n in range(draw(st.integers(0, 3)))
            ],
        }  # fmt: skip
        fields["longitude"] = None if fields["latitude"] is None else draw(st.floats(-180, 180, allow_subnormal=False))
        made.append(fields)
    return made


@given(told=incidents())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_records_round_trip_through_a_table(migrated_file: Path, told: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        # given
        databases = []
        for name in ("one", "other"):
            path = Path(folder) / f"{name}.db"
            path.write_bytes(migrated_file.read_bytes())
            databases.append(Database(f"sqlite:///{path}"))
        one, other = databases
        record(one, *(incident_draft(**{"incident_id": fields.pop("id")} | fields) for fields in told))

        # when
        first = exported(one)
        summary = load(other, first)

        # then
        assert summary.reasons == []
        assert exported(other) == first
        same_history(one, other)
        for database in databases:
            database.close()


PLAIN_HEADER = "id,title,date_start,country"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2002-11", ("2002-11-01", "2002-11-30", "month")), ("November 2002", ("2002-11-01", "2002-11-30", "month")), ("2004-02", ("2004-02-01", "2004-02-29", "month")),
        ("2002", ("2002-01-01", "2002-12-31", "longer")), ("15-Apr-2020", ("2020-04-15", "2020-04-15", "day")), ("43936", ("2020-04-15", "2020-04-15", "day")),
    ],
)  # fmt: skip
def test_days_months_and_years_are_read_as_dates(database: Database, given: str, read: tuple[str, str, str]) -> None:
    summary = load(database, f"{PLAIN_HEADER}\nx,A,{given},ML\n")
    assert summary.created == 1
    client = Client(database)
    one = client.json("/v1/incidents/x")
    client.close()
    assert (one["date_start"], one["date_end"], one["date_precision"]) == read


def test_a_span_of_months_is_read(database: Database) -> None:
    load(database, f"{PLAIN_HEADER},date_end\nx,A,2002-11,ML,2003-01\ny,B,2002-11-05,ML,2002-11\n")
    client = Client(database)
    found = client.json("/v1/incidents?sort=date&fields=date_start,date_end,date_precision")["items"]
    client.close()
    assert [tuple(item.values()) for item in found] == [
        ("2002-11-01", "2003-01-31", "longer"), ("2002-11-05", "2002-11-30", "longer"),
    ]  # fmt: skip


def test_a_two_digit_year_is_rejected(database: Database) -> None:
    summary = load(database, f"{PLAIN_HEADER}\nx,A,0016-10-07,ML\n")
    assert summary.reasons == ["table.csv, line 2: date_start: is before the year 1000: 0016-10-07"]


def test_ids_are_lowercased_and_reported(database: Database) -> None:
    # when
    incidents = load(database, f"{PLAIN_HEADER}\nYEM001,A,2020-01-01,YE\n")
    reports = load(
        database,
        "incidents,measure,best,reporter_name,reporter_kind,reported_on,source_title\nYEM001,killed,5,A,ngo,2020-01-02,P\n",
    )

    # then
    assert (incidents.created, incidents.repaired, reports.created, reports.repaired) == (1, 1, 1, 1)
    client = Client(database)
    assert client.json("/v1/incidents/yem001")["toll"]["killed"]["best"] == 5
    client.close()


@pytest.mark.parametrize(
    ("region", "read"),
    [
        ("Ménaka", {"code": "ML-9", "name": "Ménaka"}),
        ("Northern front line", {"code": None, "name": "Northern front line"}),
        ("", None),
    ],
)
def test_a_region_may_have_no_code(database: Database, region: str, read: Any) -> None:
    for country in ("ML", "Mali"):
        load(database, f"{PLAIN_HEADER},region_name\nx-{country.lower()},A,2020-01-01,{country},{region}\n")
    client = Client(database)
    assert [item["region"] for item in client.json("/v1/incidents")["items"]] == [read, read]
    client.close()


@pytest.mark.parametrize("column", ["killed_best", "killed_low", "killed_high", "wounded_best", "survived_low"])
@pytest.mark.parametrize("reports", ["", "[]", '[{"measure": "missing"}]'])
def test_a_headline_figure_without_a_report_is_rejected(database: Database, column: str, reports: str) -> None:
    quoted = '"' + reports.replace('"', '""') + '"'
    for more, cells in ((column, "5"), (f"{column},toll_reports", f"5,{quoted}")):
        summary = load(database, f"{PLAIN_HEADER},{more}\nx,A,2020-01-01,ML,{cells}\n")
        assert (summary.created, summary.refused) == (0, 1)
        assert (
            f"{column}: is a derived column, and no toll report of the row has the figure 5. Figures are toll reports"
            in summary.reasons[0]
        )


@pytest.mark.parametrize("column", ["killed", "deaths", "Fatalities", "people killed", "wounded", "nr_injured"])
def test_an_unknown_figure_column_is_rejected_with_advice(database: Database, column: str) -> None:
    with pytest.raises(
        InvalidInput,
        match="Figures are toll reports, each with its reporter and date: put them into another file",
    ):
        load(database, f"{PLAIN_HEADER},{column}\nx,A,2020-01-01,ML,5\n")


def test_a_rejected_row_is_reported_once_over_several_passes(database: Database) -> None:
    # given rows that wait for each other, and three that are wrong
    load(database, f"{PLAIN_HEADER}\nx,A,2020-01-01,ML\n")
    header = "id,incidents,measure,best,reporter_name,reporter_kind,reported_on,source_title,supersedes\n"
    rows = [
        "r3,x,killed,5,A,ngo,2020-01-04,P,r2", "r2,x,killed,6,A,ngo,2020-01-03,P,r1", "r1,x,killed,7,A,ngo,2020-01-02,P,", "r4,x,killed,6-8,A,ngo,2020-01-02,P,",
        "r5,x,injured,6,A,ngo,2020-01-02,P,", "r6,nowhere,killed,6,A,ngo,2020-01-02,P,",
    ]  # fmt: skip

    # when
    summary = load(database, header + "\n".join(rows) + "\n")

    # then
    assert (summary.created, summary.refused, len(summary.reasons)) == (3, 3, 3)
    assert {reason.split(":")[0] for reason in summary.reasons} == {f"table.csv, line {n}" for n in (5, 6, 7)}


def test_placeholders_are_empty_and_round_trip_in_texts(database: Database, second: Database) -> None:
    # given a table that R wrote, and texts that look like its words
    load(database, f"{PLAIN_HEADER},summary,district,place\nx,A,2020-01-01,ML,NA,NaN,-\n")
    record(
        database,
        incident_draft("y", title="None", place="NULL", near_border=["NA"], actors=[{"name": "NA", "role": "target"}]),
    )

    # when
    load(second, exported(database))

    # then
    client = Client(database)
    one = client.json("/v1/incidents/x")
    client.close()
    assert (one["summary"], one["district"], one["place"]) == (None, None, None)
    assert exported(second) == exported(database)


@pytest.mark.parametrize(
    ("column", "outcome"),
    [
        (["ML", "NA"], {"t-0": "ML", "t-1": "NA"}), (["NA", "NA"], {"t-0": "NA", "t-1": "NA"}), (["Namibia", "Mali"], {"t-0": "NA", "t-1": "ML"}),
        (["Mali", "NA"], {"t-0": "ML"}), (["NA", "Mali"], {"t-1": "ML"}), (["NAM", "nan"], {"t-0": "NA"}), (["CSHH", "NA"], {"t-0": "CSHH", "t-1": "NA"}),
    ],
)  # fmt: skip
def test_na_is_namibia_as_a_code_and_empty_as_a_name(
    database: Database, client: Client, tmp_path: Path, column: list[str], outcome: dict[str, str]
) -> None:
    # given
    file = tmp_path / "plain.csv"
    rows = [f"t-{n},Made up,2020-01-01,{country}" for n, country in enumerate(column)]
    file.write_text("\n".join(["id,title,date_start,country", *rows]))

    # when
    summary = import_file(importer_of(FileFormat.CSV), file, database, "tests")

    # then
    assert {item["id"]: item["country"] for item in client.json("/v1/incidents")["items"]} == outcome
    assert summary.refused == len(column) - len(outcome)
    assert all("country: is empty" in reason for reason in summary.reasons)


def test_a_rejected_waiting_row_does_not_cause_endless_passes(database: Database) -> None:
    # given a row whose reports are new, wait for what is nowhere, and contradict one that is recorded
    record(database, incident_draft("x", toll_reports=[report_body(3, id="r")]), incident_draft("y"))
    both = {"incidents": ["x", "y"]}
    told = [
        report_body(5, id="new") | both,
        report_body(6, id="waits", supersedes="nowhere"),
        report_body(4, id="r") | both,
    ]
    text = orjson.dumps(told).decode().replace('"', '""')
    # when
    summary = load(database, f'id,title,date_start,country,toll_reports\nx,T,2020-01-01,ML,"{text}"\n')
    # then it is refused once, and nothing of it is kept
    assert (summary.created, summary.revised, summary.refused) == (0, 0, 1)
    assert '"r" already exists' in summary.reasons[0]
