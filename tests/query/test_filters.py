"""Every filter and every order, against four incidents that differ in everything that filters compare."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from app.domain.dates import parse_moment
from app.query.code_lists import Sort
from app.query.parameters import MatchingQuery
from app.query.query import filters_of
from app.store.db.database import Database
from app.store.tables import Incident, Listing, ReleaseSpan, Reporter, Source, table_of
from app.store.write.writer import recording
from tests.builders import incident_draft, record, record_report, report_body
from tests.support import Client

NAMES = {f.name for f in filters_of(MatchingQuery)} - {"predicate"}
MEASURES = ("wounded", "missing", "captured", "survived")


def _others(*numbers: int, on: str = "2020-01-20") -> list[dict[str, Any]]:
    """Reports of the other four measures."""
    return [report_body(n, measure=m, reported_on=on) for m, n in zip(MEASURES, numbers, strict=True)]


MENAKA = incident_draft(
    "menaka", day="2020-01-10", region="ML-9", place="Indelimane Nord", latitude=15.9, longitude=2.4, place_precision="exact",
    title="Raid at dawn", summary="A column burned.", near_border=["NE", "BF"], event_type="Battles",
    sub_event_type="Armed clash", type_of_violence=1,
    actors=[
        {"name": "Malian Armed Forces", "role": "target", "kind": "state_forces"},
        {"name": "Katiba Macina", "role": "attacker", "kind": "rebel_group"},
    ],
    toll_reports=[report_body(30, "gov", "2020-01-10", id="menaka-gov"), *_others(4, 3, 2, 1)],
)  # fmt: skip
CENTRE = incident_draft(
    "centre", date_start="2020-02-01", date_end="2020-02-29", date_precision="month", country="NE",
    region={"code": None, "name": "Vieux Centre"}, event_type="Riots", sub_event_type="Mob violence",
    type_of_violence=2, latitude=13.5, longitude=2.1, near_border=["NG"], place_precision="region",
    actors=[{"name": "Market traders", "role": "target", "kind": "civilians"}],
    toll_reports=[report_body(0, "ngo", "2020-03-01", id="centre-ngo"), *_others(0, 0, 0, 0, on="2020-03-01")],
)  # fmt: skip
FIJI = incident_draft(
    "fiji", day="2020-03-05", country="FJ", latitude=-17.0, longitude=179.9, type_of_violence=3,
    sources=[{"id": "src-fiji", "title": "A page on Fiji", "published_on": "2020-03-06"}],
)  # fmt: skip
SOMEWHERE = incident_draft(
    "somewhere", day="2020-04-01", date_precision="week", event_type="Protests",
    toll_reports=[report_body(10, "gov", "2020-04-01"), report_body(25, "ngo", "2020-04-02", source={"id": "src-4", "title": "P"})],
)  # fmt: skip


@pytest.fixture(scope="module")
def asked(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    path = tmp_path_factory.mktemp("filters") / "incidents.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    record(database, MENAKA, CENTRE, FIJI, SOMEWHERE)
    record_report(database, "menaka", best=12, reporter="gov", reported_on="2020-01-11", supersedes="menaka-gov")
    _list(database, "src-fiji", "2020-03-06", "menaka", "centre")
    _list(database, "src-4", "2020-04-02", "centre")
    made = Client(database)
    yield made
    made.close()
    database.close()


def _list(database: Database, release: str, listed_on: str, *incidents: str) -> None:
    """Notes what a release of a data set lists, which speaks of Mali and Niger in the first half of 2020."""
    with recording(database, "tests") as writer:
        source, reporter = (writer.appender.find(model, name) for model, name in ((Source, release), (Reporter, "gov")))
        assert source and reporter
        keys = {"source": source["key"], "reporter": reporter["key"], "recorded_at": writer.appender.now}
        keys["listed_at"] = parse_moment(listed_on).instant
        days = {"first_day": date(2020, 1, 1).toordinal(), "last_day": date(2020, 6, 30).toordinal()}
        listed = [writer.appender.get(Incident, incident) for incident in incidents]
        writer.appender.add_rows(table_of(Listing), *({"incident": found["key"], **keys} for found in listed))
        writer.appender.add_rows(table_of(ReleaseSpan), *({"country": c, **keys, **days} for c in ("ML", "NE")))


CASES = {
    "dropped=true": "menaka",
    "dropped=false": "centre fiji somewhere",
    "dropped=true&as_of=2020-04-01": "",
    "dropped_by=src-4": "menaka",
    "dropped_by=src-fiji": "",
    "country=Mali": "menaka somewhere",
    "country=NER&country=fj": "centre fiji",
    "country=BF": "",
    "region=M%C3%A9naka": "menaka",
    "region=vieux%20centre&region=ML-9": "menaka centre",
    "region=ML-9&country=NE": "",
    "place=INDEL": "menaka",
    "place=dawn": "",
    "actor=macina%20katiba": "menaka",
    "actor=indelimane": "",
    "q=raid%20column": "menaka",
    "q=raid%20traders": "",
    "near_border=NG": "centre",
    "near_border=BF&near_border=Nigeria": "menaka centre",
    "date_from=2020-02-29": "centre fiji somewhere",
    "date_from=2020-03-01": "fiji somewhere",
    "date_to=2020-02-01": "menaka centre",
    "date_to=2020-01-31": "menaka",
    "date_from=2020-02-10&date_to=2020-02-10": "centre",
    "date_precision=month&date_precision=week": "centre somewhere",
    "place_precision=exact": "menaka",
    "place_precision=region&place_precision=EXACT": "menaka centre",
    "place_precision=country": "",
    "event_type=battles": "menaka",
    "event_type=Riots&event_type=Protests": "centre somewhere",
    "sub_event_type=Mob%20violence": "centre",
    "type_of_violence=3": "fiji",
    "type_of_violence=1&type_of_violence=2": "menaka centre",
    "target_kind=civilians": "centre",
    "target_kind=rebel_group": "",
    "bbox=2,13,3,16": "menaka centre",
    "bbox=2.4,15.9,2.4,15.9": "menaka",
    "bbox=179,-20,-179,0": "fiji",
    "bbox=-179,-20,179,0": "",
    "near=15.9,2.4&radius_km=1": "menaka",
    "near=1.59e1,24E-1&radius_km=1e0": "menaka",
    "bbox=2,1.3e%2B1,3e0,16": "menaka centre",
    "bbox=2,1.3e+1,3.,.16e2": "menaka centre",
    "bbox=-1.00000000000000008e-05,-90,180,90": "menaka centre fiji",
    "near=14.7,2.25&radius_km=200": "menaka centre",
    "near=-17,-179.9&radius_km=25": "fiji",
    "killed_min=0": "menaka centre somewhere",
    "killed_min=13": "somewhere",
    "killed_max=0": "centre",
    "killed_max=12": "menaka centre",
    "killed_min=12&figure=low": "menaka",
    "killed_max=10&figure=low": "centre somewhere",
    "killed_min=25&figure=high": "somewhere",
    "wounded_min=4": "menaka",
    "wounded_max=0": "centre",
    "missing_min=3": "menaka",
    "missing_max=2": "centre",
    "captured_min=2": "menaka",
    "captured_min=3": "",
    "captured_max=2": "menaka centre",
    "survived_min=0": "menaka centre",
    "survived_max=0": "centre",
    "ever_killed_min=30": "menaka",
    "ever_killed_min=0": "menaka centre somewhere",
    "first_killed_min=30": "menaka",
    "first_killed_min=11": "menaka",
    "first_killed_min=10": "menaka somewhere",
    "change=raised": "somewhere",
    "change=lowered": "menaka",
    "change=none": "centre",
    "revisions_min=1": "menaka somewhere",
    "revisions_min=2": "",
    "spread_min=15": "somewhere",
    "spread_min=0": "menaka centre somewhere",
    "disputed=true": "somewhere",
    "disputed=false": "menaka centre",
    "reported_by=ngo": "centre somewhere",
    "reported_by=nobody": "",
    "source=src-4": "somewhere",
    "source=src-4&reported_by=gov": "",
    "reported_from=2020-03-01": "centre somewhere",
    "reported_from=2020-03-01T23:59:59.999999Z": "centre somewhere",
    "reported_to=2020-01-10": "menaka",
    "reported_to=2020-01-10T23:59:59Z": "",
    "reported_from=2020-01-12&reported_to=2020-03-31": "menaka centre",
    "reported_from=2020-01-11&reported_to=2020-01-11": "menaka",
    "updated_since=2000-01-01": "menaka centre fiji somewhere",
    "updated_since=9999-01-01": "",
    "as_of=2020-03-05": "menaka centre",
    "as_of=2020-03-06": "menaka centre fiji",
    "recorded_as_of=2000-01-01": "",
}


@pytest.mark.parametrize("question", CASES)
def test_a_filter_finds_exactly_the_matching_incidents(asked: Client, question: str) -> None:
    assert asked.ids(f"/v1/incidents?sort=date&{question}") == CASES[question].split()


@pytest.mark.parametrize("question", CASES)
def test_counts_and_files_use_the_same_filters(asked: Client, question: str) -> None:
    """Pages, totals, sums and exports take the same filters: none may leave one out."""
    # when
    lines = asked.get(f"/v1/incidents?sort=date&f=ndjson&fields=id&{question}").text.split()
    sums = asked.json(f"/v1/stats?{question}")["total"]
    page = asked.json(f"/v1/incidents?total=true&limit=1&{question}")

    # then
    expected = CASES[question].split()
    assert lines == [f'{{"id":"{incident}"}}' for incident in expected]
    assert (sums["incidents"], page["total"]) == (len(expected), len(expected))


def test_every_filter_has_a_case() -> None:
    named = {name for question in CASES for name, _ in parse_qsl(question)}
    assert named >= NAMES
    matching = {name for question, found in CASES.items() if found for name, _ in parse_qsl(question)}
    assert matching >= NAMES, "each finds something at least once"


ORDERS = {
    Sort.DATE: "menaka centre fiji somewhere",
    Sort.DATE_DOWN: "somewhere fiji centre menaka",
    Sort.KILLED: "centre menaka somewhere fiji",
    Sort.KILLED_DOWN: "somewhere menaka centre fiji",
    Sort.REPORTED: "menaka centre somewhere fiji",
    Sort.REPORTED_DOWN: "somewhere centre menaka fiji",
    Sort.UPDATED: "centre fiji somewhere menaka",
    Sort.UPDATED_DOWN: "menaka somewhere fiji centre",
}


@pytest.mark.parametrize("sort", Sort)
def test_every_order_puts_nulls_last_and_breaks_ties_by_id(asked: Client, sort: Sort) -> None:
    assert asked.ids(f"/v1/incidents?sort={sort}") == ORDERS[sort].split()


def test_the_default_order_is_newest_first(asked: Client) -> None:
    assert asked.ids("/v1/incidents") == ORDERS[Sort.DATE_DOWN].split()


@pytest.mark.parametrize(
    ("figure_asked", "best_first"),
    [("low", "menaka somewhere"), ("best", "somewhere menaka"), ("high", "somewhere menaka")],
)
def test_figure_selects_the_number_that_killed_is_ordered_by(asked: Client, figure_asked: str, best_first: str) -> None:
    assert asked.ids(f"/v1/incidents?sort=-killed&figure={figure_asked}&killed_min=1") == best_first.split()


def test_equal_figures_are_ordered_by_id_in_the_direction_of_the_sort(empty_client: Client, database: Database) -> None:
    # given
    record(database, *(incident_draft(name, toll_reports=[report_body(7)]) for name in ("b", "a", "c")))

    # then
    assert empty_client.ids("/v1/incidents?sort=killed") == ["a", "b", "c"]
    assert empty_client.ids("/v1/incidents?sort=-killed") == ["c", "b", "a"]


def test_a_box_finds_the_same_by_index_and_by_scan(asked: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few places are looked up in the tree of boxes, many are met on a walk along the order."""
    # given
    boxes = [question for question in CASES if question.startswith(("bbox", "near="))]

    # when
    monkeypatch.setattr("app.store.read.incidents.FEW_IN_BOX", -1)

    # then
    assert {question: asked.ids(f"/v1/incidents?sort=date&{question}") for question in boxes} == {
        question: CASES[question].split() for question in boxes
    }
