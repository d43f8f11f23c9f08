"""Release after release: the changes of each, in any order of import."""

from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import Summary
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.maintenance import schema
from app.store.maintenance.verify import verify
from app.store.write.writer import recording
from tests import ged
from tests.builders import incident_draft, record, report_body, report_draft
from tests.support import Client

FINAL = ("24.1", "25.1", "26.1")
DAYS = {release: f"20{release[:2]}-06-01" for release in FINAL}
DAYS |= {f"24.0.{month}": f"2024-{month + 1:02}-20" for month in (3, 4, 5, 11)} | {"24.0.2": "2025-01-20"}
"""When releases came out: final ones, and candidates of a month."""
BEFORE, AFTER = "24.1", "25.1"
Load = Callable[[str, Sequence[Any]], Summary]


@pytest.fixture
def load(database: Database, tmp_path: Path) -> Load:
    def loaded(release: str, events: Sequence[Any]) -> Summary:
        file = ged.write(tmp_path / f"{release}.csv", events)
        return import_file(importer_of(FileFormat.UCDP_GED, release, DAYS[release]), file, database, "tests")

    return loaded


def event(best: int, number: int = 1, **more: Any) -> Any:
    """An event of a release, of this figure."""
    (made,) = ged.events(1, seed=7, first=number)
    return ged.with_figure(made, best) | more


def told(client: Client, incident: str = "ucdp-1") -> Any:
    """The figures that were told of an incident, what each did, and the timeline: without ids and instants of ours."""
    history = client.json(f"/v1/incidents/{incident}/toll-history")
    reports = [(r["reported_on"], r["best"], r["change"], r["delta"], r["source"]["id"]) for r in history["reports"]]
    return reports, [(step["from"], step["to"], step["best"]) for step in history["timeline"]]


class Releases:
    """Two releases: of 300 events 25 are raised, 25 lowered and 10 removed by the second, and 20 added."""

    def __init__(self) -> None:
        self.first = [ged.with_figure(e, 40 + int(e["id"]) % 7) for e in ged.events(300)]
        kept = self.first[10:]
        self.raised = {f"ucdp-{e['id']}": e["best"] + 5 for e in kept[:25]}
        self.lowered = {f"ucdp-{e['id']}": e["best"] - 5 for e in kept[25:50]}
        moved = self.raised | self.lowered
        self.removed = sorted(f"ucdp-{e['id']}" for e in self.first[:10])
        self.added = list(ged.events(20, seed=2, first=1001))
        self.second = [ged.with_figure(e, moved.get(f"ucdp-{e['id']}", e["best"])) for e in kept] + self.added


def test_importing_a_release_reports_its_changes(client: Client, load: Load) -> None:
    # given
    releases = Releases()
    first = load(BEFORE, releases.first)

    # when
    second = load(AFTER, releases.second)

    # then
    assert (first.created, first.absent, first.refused) == (300, [], 0)
    assert (second.created, second.revised, second.unchanged, second.absent) == (20, 50, 240, releases.removed)
    for change, moved in (("raised", releases.raised), ("lowered", releases.lowered)):
        found = client.json(f"/v1/incidents?change={change}&limit=1000&fields=id,toll")["items"]
        assert {item["id"]: item["toll"]["killed"]["best"] for item in found} == moved
    of_second = client.json("/v1/toll-reports?source=ucdp-ged-25.1&total=true")["total"]
    assert of_second == 50 + 20, "an unchanged figure is no new report"
    one = next(iter(releases.lowered))
    reports, steps = told(client, one)
    before = releases.lowered[one] + 5
    assert reports == [
        ("2024-06-01", before, "first", None, "ucdp-ged-24.1"),
        ("2025-06-01", before - 5, "lowered", -5, "ucdp-ged-25.1"),
    ]
    assert steps == [("2024-06-01", "2025-06-01", before), ("2025-06-01", None, before - 5)]


def _answers(client: Client) -> Any:
    """All that is answered about tolls, now and as of days between the releases, without what redundant reports add."""

    def toll(item: Any) -> Any:
        killed = dict(item["toll"].get("killed", {}))
        killed.pop("reports", None), killed.pop("reported_on", None)
        return item["id"], item["title"], item["date_start"], killed

    whole = [
        sorted(map(toll, client.json(f"/v1/incidents?limit=1000{at}")["items"]), key=repr)
        for at in (
            "",
            "&as_of=2024-05-31",
            "&as_of=2024-06-01",
            "&as_of=2025-05-31",
            "&as_of=2025-06-01",
            "&as_of=2026-06-01",
        )
    ]
    ids = [item[0] for item in whole[0]]
    return whole, {incident: told(client, incident)[1] for incident in ids[:80]}


def test_importing_releases_in_reverse_gives_the_same_responses(tmp_path: Path, load: Load, client: Client) -> None:
    # given
    releases = Releases()
    load(BEFORE, releases.first)
    load(AFTER, releases.second)
    right = _answers(client)

    # when
    other = Database(f"sqlite:///{tmp_path}/other.db")
    schema.migrate(other)
    for release, events in ((AFTER, releases.second), (BEFORE, releases.first)):
        file = ged.write(tmp_path / f"{release}.csv", events)
        import_file(importer_of(FileFormat.UCDP_GED, release, DAYS[release]), file, other, "tests")
    client_of_other = Client(other)

    # then
    assert _answers(client_of_other) == right
    client_of_other.close()


SEQUENCES = [
    (10, 12, 10),
    (10, 10, 12),
    (10, 12, 12),
    (10, 10, 10),
    (10, 12, 14),
    (10, None, 12),
    (None, 10, 10),
    (10, 12, None),
]


@pytest.mark.parametrize("figures", SEQUENCES, ids=str)
@pytest.mark.parametrize("order", [*permutations(FINAL)], ids=" ".join)
def test_three_releases_give_the_same_timeline_in_every_order(
    database: Database, client: Client, load: Load, figures: tuple[int | None, ...], order: tuple[str, ...]
) -> None:
    by_release = dict(zip(FINAL, figures, strict=True))
    # when
    for release in order:
        load(release, [event(by_release[release])] if by_release[release] is not None else [event(1, number=2)])  # type: ignore[arg-type]

    # then
    steps: list[Any] = []
    for release, best in by_release.items():
        if best is not None and (not steps or steps[-1][1] != best):
            steps.append((DAYS[release], best))
    ends = [start for start, _ in steps[1:]] + [None]
    assert told(client)[1] == [(start, end, best) for (start, best), end in zip(steps, ends, strict=True)]
    killed = client.json("/v1/incidents/ucdp-1")["toll"]["killed"]
    assert (killed["first"], killed["best"]) == (steps[0][1], steps[-1][1])
    for release in FINAL:
        then = [best for start, best in steps if start <= DAYS[release]]
        answer = client.get(f"/v1/incidents/ucdp-1?as_of={DAYS[release]}")
        assert (answer.json()["toll"]["killed"]["best"] if then else answer.status_code) == (then[-1] if then else 404)
    assert verify(database).entries


def test_importing_a_release_again_changes_nothing(database: Database, client: Client, load: Load) -> None:
    releases = Releases()
    load(BEFORE, releases.first)
    load(AFTER, releases.second)
    head = client.json("/v1/log/checkpoint")

    again = load(AFTER, releases.second), load(BEFORE, releases.first)

    assert [(s.created, s.revised, s.unchanged, s.refused) for s in again] == [(0, 0, 310, 0), (0, 0, 300, 0)]
    assert (again[0].absent, again[1].absent) == (releases.removed, [])
    assert client.json("/v1/log/checkpoint") == head


def test_a_changed_record_gets_a_version_that_an_older_release_keeps(client: Client, load: Load) -> None:
    load(BEFORE, [event(3, where_coordinates="Old name")])
    summary = load(AFTER, [event(3, where_coordinates="New name")])
    assert (summary.revised, client.json("/v1/incidents/ucdp-1")["place"]) == (1, "New name")

    summary = load(BEFORE, [event(3, where_coordinates="Old name")])

    assert (summary.unchanged, client.json("/v1/incidents/ucdp-1")["place"]) == (1, "New name")
    assert len(client.json("/v1/incidents/ucdp-1/versions")["items"]) == 2


def test_an_older_release_loaded_later_leaves_the_record(client: Client, load: Load) -> None:
    load(AFTER, [event(3, where_coordinates="New name")])
    summary = load(BEFORE, [event(5, where_coordinates="Old name")])
    assert (summary.revised, client.json("/v1/incidents/ucdp-1")["place"]) == (1, "New name")
    assert told(client)[1] == [("2024-06-01", "2025-06-01", 5), ("2025-06-01", None, 3)]


def test_an_editors_change_stays_unless_the_release_changes_the_same_member(
    database: Database, client: Client, load: Load
) -> None:
    # given
    load(BEFORE, [event(3, adm_2="Old district")])
    with recording(database, "an editor") as writer:
        writer.revise_incident(
            "ucdp-1", {"title": "A better title", "attributes": {"checked": "yes", "source_office": "corrected"}}
        )

    # when
    load(AFTER, [event(3, adm_2="New district")])

    # then
    incident = client.json("/v1/incidents/ucdp-1")
    assert (incident["title"], incident["district"]) == ("A better title", "New district")
    assert (incident["attributes"]["checked"], incident["attributes"]["source_office"]) == ("yes", "corrected")


def test_figures_go_to_the_incident_with_the_external_id(database: Database, client: Client, load: Load) -> None:
    # given
    record(
        database,
        incident_draft(
            "ml-attack", external_ids={"ucdp": "1"}, toll_reports=[report_body(9)], attributes={"region": "mine"}
        ),
    )

    # when
    summary = load(BEFORE, [event(3)])

    # then
    assert (summary.created, summary.revised) == (0, 1)
    assert client.get("/v1/incidents/ucdp-1").status_code == 404
    incident = client.json("/v1/incidents/ml-attack")
    assert (incident["title"], incident["attributes"]["region"]) == ("An attack", "mine")
    assert incident["attributes"]["dyad_name"] == event(3)["dyad_name"], "columns that it did not have are added"
    assert [r["reported_by"]["id"] for r in client.json("/v1/incidents/ml-attack/toll-history")["reports"]] == [
        "gov",
        "ucdp",
    ]


def test_figures_follow_a_merged_incident(database: Database, client: Client, load: Load) -> None:
    load(BEFORE, [event(3)])
    record(database, incident_draft("ml-attack"))
    with recording(database, "an editor") as writer:
        writer.withdraw_incident("ucdp-1", "the same event", "ml-attack")

    summary = load(AFTER, [event(4)])

    assert (summary.revised, summary.refused) == (1, 0)
    assert told(client, "ml-attack")[1] == [("2025-06-01", None, 4)]
    again = load(BEFORE, [event(3)])
    assert (again.unchanged, again.refused) == (1, 0), "what was told before the merge stays where it is"


def test_an_event_of_a_withdrawn_incident_is_rejected_with_the_reason(database: Database, load: Load) -> None:
    load(BEFORE, [event(3), event(4, number=2)])
    with recording(database, "an editor") as writer:
        writer.withdraw_incident("ucdp-1", "it never happened")
    summary = load(AFTER, [event(5), event(6, number=2)])
    assert (summary.revised, summary.refused) == (1, 1)
    assert summary.reasons == ['25.1.csv, line 2: "ucdp-1" is withdrawn']


def test_a_release_that_contradicts_its_earlier_import_is_rejected(client: Client, load: Load) -> None:
    load(BEFORE, [event(3)])
    summary = load(BEFORE, [event(4)])
    assert summary.refused == 1 and "already exists and differs in" in summary.reasons[0]
    assert told(client)[1] == [("2024-06-01", None, 3)]


def test_a_retracted_figure_is_recorded_again_with_the_next_release(
    database: Database, client: Client, load: Load
) -> None:
    load(BEFORE, [event(3)])
    with recording(database, "an editor") as writer:
        writer.retract_report("ucdp-1.24.1", "mistyped")
    load(AFTER, [event(3)])
    assert told(client)[1] == [("2024-06-01", "2025-06-01", None), ("2025-06-01", None, 3)]


def test_a_figure_of_zero_killed_is_a_figure(client: Client, load: Load) -> None:
    load(BEFORE, [event(0)])
    load(AFTER, [event(2)])
    assert told(client)[1] == [("2024-06-01", "2025-06-01", 0), ("2025-06-01", None, 2)]


def test_a_figure_of_another_reporter_is_not_one_of_the_release(database: Database, client: Client, load: Load) -> None:
    load(BEFORE, [event(3)])
    with recording(database, "an editor") as writer:
        writer.record_report(report_draft(8, reported_on="2024-08-01"), ["ucdp-1"])
    summary = load(AFTER, [event(3)])
    assert summary.unchanged == 1
    assert client.json("/v1/incidents/ucdp-1")["toll"]["killed"]["best"] == 8


@pytest.mark.parametrize("order", [("24.0.11", "25.1"), ("25.1", "24.0.11")], ids=" ".join)
def test_dropped_events_can_be_selected_and_excluded(client: Client, load: Load, order: Sequence[str]) -> None:
    # given a candidate of November 2024 with an event that the release of the next year has not
    events = {
        "24.0.11": [event(6, 1, **_in(2024, 11)), event(3, 2, **_in(2024, 11))],
        "25.1": [event(4, 1, **_in(2024, 11)), event(9, 3, **_in(2024, 5))],
    }

    # when
    for release in order:
        load(release, events[release])

    # then
    assert client.ids("/v1/incidents?dropped=true") == ["ucdp-2"]
    assert client.ids("/v1/incidents?dropped_by=ucdp-ged-25.1") == ["ucdp-2"]
    assert client.ids("/v1/incidents?dropped_by=ucdp-ged-24.0.11") == []
    sums = [client.json(f"/v1/stats?dropped={d}")["total"]["killed"]["best"] for d in ("true", "false")]
    assert sums == [3, 13]
    assert client.ids("/v1/incidents?dropped=true&as_of=2025-05-31") == []


def _in(year: int, month: int) -> dict[str, Any]:
    day = f"{year}-{month:02}-01"
    return {"year": year, "date_start": day, "date_end": day, "date_prec": 1}


def test_a_partial_release_drops_no_events_outside_of_its_coverage(client: Client, load: Load) -> None:
    # given events of two countries and three months
    places = {"Mali": 432, "Niger": 436}
    whole = [
        event(1, n, **_in(2024, month), country=country, country_id=places[country], adm_1="")
        for n, (country, month) in enumerate((c, m) for c in places for m in (1, 2, 3))
    ]
    load("24.1", whole)

    # when files follow that hold a part: of one country, of one month with a late addition of another
    late = event(1, 8, **_in(2024, 1), country="Mali", country_id=432, adm_1="")
    load("24.0.11", [event(1, 7, **_in(2024, 11), country="Mali", country_id=432, adm_1=""), late])

    # then
    assert client.ids("/v1/incidents?dropped=true") == []

    # when a later candidate of February leaves one of Mali out
    load("24.0.2", [event(5, 9, **_in(2024, 2), country="Mali", country_id=432, adm_1="")])

    # then
    assert client.ids("/v1/incidents?dropped=true") == ["ucdp-1"]


def test_an_event_listed_again_is_no_longer_dropped(client: Client, load: Load) -> None:
    both, one = [event(1, 1, **_in(2023, 2)), event(2, 2, **_in(2023, 2))], [event(1, 1, **_in(2023, 2))]
    load("24.1", both)
    load("25.1", one)
    assert client.ids("/v1/incidents?dropped=true") == ["ucdp-2"]

    load("26.1", both)

    assert client.ids("/v1/incidents?dropped=true") == []
    assert client.ids("/v1/incidents?dropped=true&as_of=2025-12-31") == ["ucdp-2"]
    assert client.ids("/v1/incidents?dropped_by=ucdp-ged-25.1") == ["ucdp-2"]


def test_a_release_without_changes_is_still_recorded(client: Client, database: Database, load: Load) -> None:
    # given
    same = [event(1, 1, **_in(2023, 2)), event(2, 2, **_in(2023, 2))]
    load("24.1", same)
    load("25.1", same[:1])
    tag = client.get("/v1/incidents?dropped=true").headers["etag"]
    head = client.json("/v1/log/checkpoint")["size"]

    # when the only news is that a release lists an event, in a batch that records nothing
    load("25.1", same)

    # then
    answer = client.get("/v1/incidents?dropped=true", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert client.json("/v1/log/checkpoint")["size"] == head
    assert verify(database).entries == head
