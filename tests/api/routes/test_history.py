"""One incident through time: its reports, its versions, and its retractions."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.source import SourceDraft
from app.store.db.database import Database
from app.store.write.writer import recording
from tests.builders import incident_draft, record, record_report, report_body
from tests.support import Client

INDELIMANE = "ml-2019-11-01-indelimane"
HISTORY = f"/v1/incidents/{INDELIMANE}/toll-history"
ARTICLE = {
    "id": "article-2019-11-02-indelimane", "title": "Newspaper article on the attack at Indelimane",
    "publisher": None, "published_on": "2019-11-02", "url": None, "language": "en", "licence": None,
    "attribution": None,
}  # fmt: skip
ARMY = {"id": "fama", "name": "Malian Armed Forces", "kind": "military"}
SAME = {
    "incidents": [INDELIMANE], "victims": "military", "source": ARTICLE, "breakdown": None, "retraction": None,
    "supersedes": None, "superseded_by": None, "status": "standing", "note": None,
}  # fmt: skip
FIRST = {"change": "first", "delta": None, "source_changed": None}
GOVERNMENT_53 = SAME | FIRST | {
    "id": "tr-indelimane-killed-gov-1", "measure": "killed", "low": 53, "best": 53, "high": 53, "bound": "exact",
    "reported_by": {"id": "gov-ml", "name": "Government of Mali", "kind": "government"}, "reported_on": "2019-11-01",
    "locator": "paragraph 5 and photo caption", "status": "superseded",
    "note": "The running text does not say whether all were soldiers; the caption does.",
    "superseded_by": "tr-indelimane-killed-fama-1",
}  # fmt: skip
ARMY_49 = SAME | {
    "id": "tr-indelimane-killed-fama-1", "measure": "killed", "low": 49, "best": 49, "high": 49, "bound": "exact",
    "reported_by": ARMY, "reported_on": "2019-11-02", "locator": "paragraphs 1 and 3",
    "note": "Given expressly as a lower toll than the earlier one.", "supersedes": "tr-indelimane-killed-gov-1",
    "change": "lowered", "delta": -4, "source_changed": True,
}  # fmt: skip
WOUNDED_3 = SAME | FIRST | {
    "id": "tr-indelimane-wounded-fama-1", "measure": "wounded", "low": 3, "best": 3, "high": 3, "bound": "exact",
    "reported_by": ARMY, "reported_on": "2019-11-02", "locator": "paragraph 3",
}  # fmt: skip
SURVIVED_20 = WOUNDED_3 | {
    "id": "tr-indelimane-survived-fama-1", "measure": "survived", "low": None, "best": 20, "high": None,
    "bound": "about",
}  # fmt: skip
KILLED_53 = {"measure": "killed", "from": "2019-11-01", "to": "2019-11-02", "low": 53, "best": 53, "high": 53}
KILLED_49 = {"measure": "killed", "from": "2019-11-02", "to": None, "low": 49, "best": 49, "high": 49}
WOUNDED = KILLED_49 | {"measure": "wounded", "low": 3, "best": 3, "high": 3}
SURVIVED = KILLED_49 | {"measure": "survived", "low": 20, "best": 20, "high": 20}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _without_recording(history: dict[str, Any]) -> dict[str, Any]:
    """The history less when its reports were recorded, which differs from run to run."""
    for told in history["reports"]:
        datetime.fromisoformat(told.pop("recorded_at"))
    return history


def test_the_history_of_indelimane_matches_the_article(client: Client) -> None:
    assert _without_recording(client.json(HISTORY)) == {
        "incident": INDELIMANE,
        "rule": "latest-standing",
        "reports": [GOVERNMENT_53, ARMY_49, WOUNDED_3, SURVIVED_20],
        "timeline": [KILLED_53, KILLED_49, WOUNDED, SURVIVED],
    }


def test_a_measure_has_a_history_of_its_own(client: Client) -> None:
    # when
    wounded = _without_recording(client.json(f"{HISTORY}?measure=wounded"))

    # then
    assert (wounded["reports"], wounded["timeline"]) == ([WOUNDED_3], [WOUNDED])
    assert client.json(f"{HISTORY}?measure=missing")["reports"] == []


def test_as_of_the_first_day_the_governments_figure_still_stands(client: Client) -> None:
    # when
    history = _without_recording(client.json(f"{HISTORY}?as_of=2019-11-01"))

    # then
    assert history["reports"] == [GOVERNMENT_53 | {"status": "standing", "superseded_by": None}]
    assert history["timeline"] == [KILLED_53 | {"to": None}]


def test_a_shared_toll_has_a_timeline_of_its_own(client: Client) -> None:
    # when
    history = client.json("/v1/incidents/ml-2019-10-burkina-border-1/toll-history")

    # then
    assert history["timeline"] == []
    assert history["shared"] == [
        {
            "incidents": ["ml-2019-10-burkina-border-1", "ml-2019-10-burkina-border-2"],
            "timeline": [KILLED_49 | {"low": 40, "best": 40, "high": 41}],
        }
    ]
    assert [(r["bound"], r["low"], r["best"], r["high"]) for r in history["reports"]] == [
        ("exact", 40, 40, 40),
        ("more_than", 41, None, None),
    ]


def test_the_history_as_csv_has_a_row_for_each_report(client: Client) -> None:
    # when
    answer = client.get(f"{HISTORY}?f=csv&measure=killed")

    # then
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [(r["id"], r["best"], r["status"], r["change"], r["delta"], r["source_changed"]) for r in rows] == [
        ("tr-indelimane-killed-gov-1", "53", "superseded", "first", "", ""),
        ("tr-indelimane-killed-fama-1", "49", "standing", "lowered", "-4", "true"),
    ]
    assert (rows[1]["reporter_name"], rows[1]["source_published_on"]) == ("Malian Armed Forces", "2019-11-02")


def test_a_late_report_changes_the_past_but_not_what_was_known_of_it(own_client: Client, seeded: Database) -> None:
    # given
    before = _now()
    then = own_client.json(f"/v1/incidents/{INDELIMANE}?as_of=2019-11-01")
    record_report(
        seeded, INDELIMANE, best=60, reporter="ngo", reported_on="2019-11-01T20:00:00+01:00", victims="military"
    )

    # when
    past = own_client.json(f"/v1/incidents/{INDELIMANE}?as_of=2019-11-01T20:00:00Z")
    cited = own_client.json(f"/v1/incidents/{INDELIMANE}?as_of=2019-11-01&recorded_as_of={before}")
    history = own_client.json(f"{HISTORY}?measure=killed")

    # then
    assert (past["toll"]["killed"]["best"], past["toll"]["killed"]["reported_on"]) == (60, "2019-11-01T20:00:00+01:00")
    assert cited == then
    assert [(r["best"], r["change"], r["delta"]) for r in history["reports"]] == [
        (60, "first", None),
        (53, "lowered", -7),
        (49, "lowered", -4),
    ]
    assert own_client.json(f"{HISTORY}?recorded_as_of={before}")["timeline"][0] == KILLED_53


def test_versions_list_what_changed_and_who_changed_it(own_client: Client, seeded: Database) -> None:
    # given
    record_before = own_client.json(f"/v1/incidents/{INDELIMANE}/versions")["items"][0]["record"]
    before = _now()
    with recording(seeded, "an editor") as writer:
        writer.revise_incident(INDELIMANE, {"district": "Andéramboukane"})

    # when
    answer = own_client.json(f"/v1/incidents/{INDELIMANE}/versions")

    # then
    first, second = answer["items"]
    assert answer["incident"] == INDELIMANE
    assert (first["version"], first["recorded_by"], first["changed"]) == (1, "seeds", [])
    assert (second["version"], second["recorded_by"], second["changed"]) == (2, "an editor", ["district"])
    assert second["record"] == record_before | {k: second["record"][k] for k in ("district", "recorded_at")}
    assert own_client.json(f"/v1/incidents/{INDELIMANE}")["district"] == "Andéramboukane"
    assert own_client.json(f"/v1/incidents/{INDELIMANE}?recorded_as_of={before}")["district"] is None
    assert len(own_client.json(f"/v1/incidents/{INDELIMANE}/versions?recorded_as_of={before}")["items"]) == 1


def test_a_withdrawn_incident_is_a_410_except_at_earlier_recorded_times(own_client: Client, seeded: Database) -> None:
    # given
    record(seeded, incident_draft("double", day="2019-11-01", toll_reports=[report_body(48, reported_on="2019-11-03")]))
    before = _now()
    stood = own_client.json("/v1/incidents/double")
    with recording(seeded, "tests") as writer:
        writer.withdraw_incident("double", "the same attack, recorded twice", merged_into=INDELIMANE)

    # when
    gone = own_client.get("/v1/incidents/double")

    # then
    assert (gone.status_code, gone.headers["content-type"]) == (410, "application/problem+json")
    withdrawn_at = gone.json()["withdrawn_at"]
    assert gone.json() == {
        "type": "/docs/errors#withdrawn",
        "title": "Withdrawn",
        "status": 410,
        "detail": '"double" was withdrawn: the same attack, recorded twice',
        "instance": "/v1/incidents/double",
        "reason": "the same attack, recorded twice",
        "merged_into": INDELIMANE,
        "withdrawn_at": withdrawn_at,
    }
    assert withdrawn_at > before
    for part in ("toll-history", "versions"):
        assert own_client.get(f"/v1/incidents/double/{part}").status_code == 410
        assert own_client.get(f"/v1/incidents/double/{part}?recorded_as_of={before}").status_code == 200
    assert "double" not in own_client.ids("/v1/incidents")
    assert own_client.json("/v1/stats")["total"]["killed"]["best"] == 49
    assert own_client.json("/v1/regions/ML")["incidents"] == 3
    assert own_client.json(f"/v1/incidents/double?recorded_as_of={before}") == stood
    assert own_client.json(f"/v1/stats?recorded_as_of={before}")["total"]["killed"]["best"] == 97


def test_a_retracted_report_stays_visible_and_restores_the_headline(own_client: Client, seeded: Database) -> None:
    # given
    before = _now()
    with recording(seeded, "tests") as writer:
        writer.retract_report(
            "tr-indelimane-killed-fama-1", "a misprint", "2019-11-05", SourceDraft(id="s2", title="Erratum")
        )

    # when
    history = own_client.json(f"{HISTORY}?measure=killed")

    # then
    old, void = history["reports"]
    assert (old["status"], void["status"], void["change"], void["delta"]) == (
        "standing",
        "retracted",
        "retracted",
        None,
    )
    retraction = void["retraction"]
    assert retraction == {"reason": "a misprint", "reported_on": "2019-11-05", "recorded_at": retraction["recorded_at"]}
    assert [(s["from"], s["to"], s["best"]) for s in history["timeline"]] == [
        ("2019-11-01", "2019-11-02", 53),
        ("2019-11-02", "2019-11-05", 49),
        ("2019-11-05", None, 53),
    ]
    killed = {
        asked: own_client.json(f"/v1/incidents/{INDELIMANE}?{asked}")["toll"]["killed"]["best"]
        for asked in ("", "as_of=2019-11-04", "as_of=2019-11-05", f"recorded_as_of={before}")
    }
    assert list(killed.values()) == [53, 49, 53, 49]


@pytest.mark.parametrize("part", ["toll-history", "toll-history?as_of=2019-11-01", "toll-history?f=csv", "versions"])
def test_an_unknown_id_has_neither_history_nor_versions(client: Client, part: str) -> None:
    # when
    answer = client.get(f"/v1/incidents/nowhere/{part}")

    # then
    assert (answer.status_code, answer.json()["detail"]) == (404, 'No incident has the id "nowhere".')
