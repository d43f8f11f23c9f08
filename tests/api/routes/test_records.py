"""Writes over HTTP: what is sent is what is served, at both clocks, completely or not at all."""

import re
from typing import Any

import httpx
import pytest

from app.store.db.database import Database
from app.store.maintenance.verify import verify
from tests.builders import REPORTERS, SOURCE, incident_body, incident_draft, record, report_body
from tests.support import Editor

SOLDIERS: dict[str, Any] = {"victims": "military"}
MINISTER = {"id": "minister", "name": "The minister of defence", "kind": "government"}
CLAIM = {"reason": "the group took its claim back"}
NO_MOMENT = "is neither a day (2019-11-01) nor an instant with its offset (2019-11-01T18:00:00Z)"
NOTHING = {"low": None, "best": None, "high": None}
PLAIN = {
    "open_ended": False,
    "first": 15,
    "change": "none",
    "revisions": 0,
    "spread": 0,
    "disputed": False,
    "reports": 1,
}


def _toll(editor: Editor, incident_id: str, asked: str = "") -> dict[str, Any]:
    """The headline toll of an incident for the killed."""
    killed: dict[str, Any] = editor.json(f"/v1/incidents/{incident_id}?{asked}")["toll"]["killed"]
    return killed


def _numbers(editor: Editor, incident_id: str, asked: str = "") -> tuple[int | None, int | None, int | None]:
    killed = _toll(editor, incident_id, asked)
    return killed["low"], killed["best"], killed["high"]


def _at(instant: str) -> str:
    """The question for what was recorded by then."""
    return f"recorded_as_of={instant}"


def _size(editor: Editor) -> int:
    return int(editor.checkpoint()["size"])


def _is_refused(answer: httpx.Response, **faults: str) -> None:
    """A 422 with exactly these members (`__` for a dot) and messages."""
    assert answer.status_code == 422, f"{answer.status_code} {answer.text[:300]}"
    told = {fault["name"]: fault["message"] for fault in answer.json()["errors"]}
    assert told == {name.replace("__", "."): message for name, message in faults.items()}
    assert {fault["in"] for fault in answer.json()["errors"]} == {"body"}


def _is_conflict(answer: httpx.Response, detail: str, **facts: Any) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    told = answer.json()
    assert told["detail"] == detail
    assert {name: told[name] for name in facts} == facts


def test_a_created_incident_is_returned_as_its_address_serves_it(editor: Editor) -> None:
    # given
    source = {
        "id": "page",
        "title": "A page",
        "publisher": "A paper",
        "url": "https://paper.example/1",
        "language": "fr",
    }
    sent = incident_body(
        "ml-2021-03-15-gao", summary="Own words.", date_start="2021-03-15", date_end="2021-03-16", date_precision="days", country="Mali",
        region="gao", district="Ansongo", place="Labbézanga", latitude=14.95, longitude=0.7, place_precision="near",
        near_border=["NE"], event_type="Battles", sub_event_type="Armed clash", type_of_violence=1,
        actors=[{"name": "An army", "role": "target", "kind": "state_forces"}, {"name": "A band", "role": "attacker"}],
        claimed_by="A band", external_ids={"ucdp": "1"},
        attributes={"relid": "MLI-1", "notes": None, "score": [1, 2.5]},
        sources=[source], toll_reports=[report_body(15, "army", "2021-03-15T10:00:00Z", id="tr-1", **SOLDIERS)],
    )  # fmt: skip

    # when
    answer = editor.post("/v1/incidents", sent)
    read = editor.get("/v1/incidents/ml-2021-03-15-gao")

    # then
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/incidents/ml-2021-03-15-gao")
    assert (answer.content, answer.headers["etag"]) == (read.content, read.headers["etag"])
    assert (answer.headers["cache-control"], answer.headers["content-type"]) == ("no-store", "application/json")
    told = answer.json()
    unknown = {
        "published_on": None,
        "publisher": None,
        "url": None,
        "language": None,
        "licence": None,
        "attribution": None,
    }
    assert told == {name: value for name, value in sent.items() if name != "toll_reports"} | {
        "country": "ML",
        "region": {"code": "ML-7", "name": "Gao"},
        "actors": [sent["actors"][0], sent["actors"][1] | {"kind": "unknown"}],
        "recorded_at": editor.checkpoint()["at"],
        "updated_at": editor.checkpoint()["at"],
        "sources": [unknown | source, unknown | SOURCE],
        "toll": {
            "as_of": None,
            "rule": "latest-standing",
            "killed": PLAIN | {"low": 15, "best": 15, "high": 15, "reported_on": "2021-03-15T10:00:00Z"},
            "shared": [],
        },
    }


def test_the_etag_of_a_write_validates_the_next_read(editor: Editor) -> None:
    etag = editor.post("/v1/incidents", incident_body()).headers["etag"]
    assert editor.get("/v1/incidents/attack", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    "region", ["ML-7", "ml-7", "Gao", "gao region", {"code": "ML-7", "name": "Gao"}, {"code": "ML-7"}]
)
def test_a_region_is_accepted_by_code_name_or_object(editor: Editor, region: Any) -> None:
    assert editor.create("/v1/incidents", incident_body(region=region))["region"] == {"code": "ML-7", "name": "Gao"}


@pytest.fixture
def gao(editor: Editor) -> dict[str, str]:
    """The attack of the issue: five figures, sent one after another. When each was recorded, by its report."""
    editor.create("/v1/incidents", incident_body("gao", region="ML-7"))
    rebels = REPORTERS["rebels"]
    figures = [
        report_body(15, "army", "2021-03-15T10:00:00Z", id="army-15", **SOLDIERS),
        report_body(35, "army", "2021-03-15T16:30:00Z", id="army-35", **SOLDIERS),
        report_body(54, reported_by=MINISTER, reported_on="2021-03-15T21:00:00Z", id="minister-54",
               breakdown={"side_a": 53, "civilian": 1}),
        report_body(49, "army", "2021-03-16", id="army-49", supersedes="minister-54", **SOLDIERS),
        report_body(70, reported_by=rebels, reported_on="2021-03-18", id="claim-70", **SOLDIERS),
    ]  # fmt: skip
    recorded = {}
    for sent in figures:
        assert editor.create("/v1/incidents/gao/toll-reports", sent)["status"] == "standing"
        recorded[str(sent["id"])] = editor.checkpoint()["at"]
    return recorded


def test_the_toll_at_each_instant_is_what_had_been_reported(editor: Editor, gao: dict[str, str]) -> None:
    told = {
        "2021-03-15T10:00:00Z": (15, 15, 15), "2021-03-15T16:29:59Z": (15, 15, 15),
        "2021-03-15T16:30:00Z": (35, 35, 35), "2021-03-15T20:59:59Z": (35, 35, 35), "2021-03-15T21:00:00Z": (54, 54, 54), "2021-03-15": (54, 54, 54),
        "2021-03-16": (49, 49, 49), "2021-03-17": (49, 49, 49), "2021-03-18": (49, 49, 70),
    }  # fmt: skip
    assert {instant: _numbers(editor, "gao", f"as_of={instant}") for instant in told} == told
    assert editor.get("/v1/incidents/gao?as_of=2021-03-15T09:59:59Z").status_code == 404


def test_a_second_tier_claim_widens_and_disputes_the_toll(editor: Editor, gao: dict[str, str]) -> None:
    assert _toll(editor, "gao") == {
        "low": 49, "best": 49, "high": 70, "open_ended": False, "first": 15, "change": "raised", "revisions": 3,
        "spread": 21, "disputed": True, "reports": 5, "reported_on": "2021-03-16",
    }  # fmt: skip


def test_recorded_as_of_reproduces_earlier_responses(editor: Editor, gao: dict[str, str]) -> None:
    told = {report: _numbers(editor, "gao", _at(instant)) for report, instant in gao.items()}
    assert told == {
        "army-15": (15, 15, 15), "army-35": (35, 35, 35), "minister-54": (54, 54, 54), "army-49": (49, 49, 49),
        "claim-70": (49, 49, 70),
    }  # fmt: skip


def test_the_history_distinguishes_corrections_from_disagreements(editor: Editor, gao: dict[str, str]) -> None:
    # when
    history = editor.json("/v1/incidents/gao/toll-history")

    # then
    members = ("id", "status", "superseded_by", "change", "delta", "source_changed")
    assert [tuple(report[m] for m in members) for report in history["reports"]] == [
        ("army-15", "superseded", "army-35", "first", None, None),
        ("army-35", "superseded", "army-49", "raised", 20, False),
        ("minister-54", "superseded", "army-49", "raised", 19, True),
        ("army-49", "standing", None, "lowered", -5, True),
        ("claim-70", "standing", None, "unchanged", 0, True),
    ]
    assert history["reports"][2]["breakdown"] == {"side_a": 53, "side_b": None, "civilian": 1, "unknown": None}
    assert [tuple(step.values()) for step in history["timeline"]] == [
        ("killed", "2021-03-15T10:00:00Z", "2021-03-15T16:30:00Z", 15, 15, 15),
        ("killed", "2021-03-15T16:30:00Z", "2021-03-15T21:00:00Z", 35, 35, 35),
        ("killed", "2021-03-15T21:00:00Z", "2021-03-16", 54, 54, 54),
        ("killed", "2021-03-16", "2021-03-18", 49, 49, 49),
        ("killed", "2021-03-18", None, 49, 49, 70),
    ]


def test_an_undated_retraction_removes_a_report_everywhere_but_in_the_history(
    editor: Editor, gao: dict[str, str]
) -> None:
    # when
    answer = editor.post("/v1/toll-reports/claim-70/retraction", CLAIM)

    # then
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/toll-reports/claim-70")
    assert answer.content == editor.get("/v1/toll-reports/claim-70").content
    void = {"reason": CLAIM["reason"], "reported_on": None, "recorded_at": editor.checkpoint()["at"]}
    assert (answer.json()["status"], answer.json()["retraction"]) == ("retracted", void)
    assert [_numbers(editor, "gao", asked) for asked in ("", "as_of=2021-03-18")] == [(49, 49, 49)] * 2
    assert (_toll(editor, "gao")["disputed"], _toll(editor, "gao")["reports"]) == (False, 5)
    claim = editor.json("/v1/incidents/gao/toll-history")["reports"][-1]
    assert (claim["id"], claim["best"], claim["status"], claim["change"]) == ("claim-70", 70, "retracted", "retracted")
    assert claim["retraction"] == void
    assert _numbers(editor, "gao", _at(gao["claim-70"])) == (49, 49, 70)
    assert editor.json(f"/v1/toll-reports/claim-70?{_at(gao['claim-70'])}")["status"] == "standing"


def test_a_report_retracted_on_a_day_is_valid_until_then(editor: Editor, gao: dict[str, str]) -> None:
    # when
    answer = editor.post(
        "/v1/toll-reports/claim-70/retraction", CLAIM | {"reported_on": "2021-03-20", "source": SOURCE}
    )

    # then
    assert answer.json()["retraction"]["reported_on"] == "2021-03-20"
    told = {asked: _toll(editor, "gao", f"as_of={asked}") for asked in ("2021-03-18", "2021-03-19", "2021-03-20")}
    assert [(t["high"], t["disputed"]) for t in told.values()] == [(70, True), (70, True), (49, False)]
    assert _toll(editor, "gao") == told["2021-03-20"]
    assert editor.json("/v1/toll-reports/claim-70?as_of=2021-03-19")["status"] == "standing"


def test_retracting_a_correction_restores_the_earlier_figure(editor: Editor, gao: dict[str, str]) -> None:
    # when
    editor.create("/v1/toll-reports/army-49/retraction", {"reason": "a misprint"})

    # then: the minister's 54 about all victims answers again
    assert _numbers(editor, "gao", "as_of=2021-03-17") == (54, 54, 54)
    assert _numbers(editor, "gao", f"as_of=2021-03-17&{_at(gao['army-49'])}") == (49, 49, 49)


def test_retracting_twice_or_an_unknown_report_is_rejected(editor: Editor, gao: dict[str, str]) -> None:
    # given
    editor.create("/v1/toll-reports/claim-70/retraction", CLAIM)
    size = _size(editor)

    # when
    again = editor.post("/v1/toll-reports/claim-70/retraction", CLAIM | {"reported_on": "2021-03-20"})
    unknown = editor.post("/v1/toll-reports/nowhere/retraction", CLAIM)

    # then
    _is_conflict(again, '"claim-70" is already retracted')
    assert (unknown.status_code, unknown.json()["detail"]) == (404, 'no toll report has the id "nowhere"')
    assert _size(editor) == size


def test_a_late_report_changes_the_past_but_not_what_was_known_of_it(editor: Editor, gao: dict[str, str]) -> None:
    # given
    before = editor.checkpoint()["at"]
    asked = {"as_of=2021-03-15T17:00:00Z": (35, 35, 35), "as_of=2021-03-15T16:00:00Z": (15, 15, 15), "": (49, 49, 70)}
    assert {a: _numbers(editor, "gao", a) for a in asked} == asked

    # when: dated before the army's second figure, it arrives after everything else
    editor.create(
        "/v1/incidents/gao/toll-reports", report_body(28, "ngo", "2021-03-15T12:00:00Z", id="late", **SOLDIERS)
    )

    # then
    assert {a: _numbers(editor, "gao", a) for a in asked} == {
        "as_of=2021-03-15T17:00:00Z": (28, 35, 35), "as_of=2021-03-15T16:00:00Z": (15, 28, 28), "": (28, 49, 70),
    }  # fmt: skip
    assert {a: _numbers(editor, "gao", f"{a}&{_at(before)}") for a in asked} == asked
    late = editor.json("/v1/incidents/gao/toll-history")["reports"][1]
    assert (late["id"], late["change"], late["delta"], late["source_changed"]) == ("late", "raised", 13, True)


def test_a_shared_figure_is_counted_once(editor: Editor) -> None:
    # given
    for incident_id in ("a", "b"):
        editor.create("/v1/incidents", incident_body(incident_id, toll_reports=[report_body(5, "army", "2021-03-16")]))

    # when
    answer = editor.post("/v1/toll-reports", report_body(40, "gov", "2021-03-17", id="both", incidents=["b", "a", "b"]))

    # then
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/toll-reports/both")
    assert answer.content == editor.get("/v1/toll-reports/both").content
    assert answer.json()["incidents"] == ["a", "b"]
    forty = PLAIN | {"low": 40, "best": 40, "high": 40, "first": 40, "reported_on": "2021-03-17"}
    for incident_id in ("a", "b"):
        toll = editor.json(f"/v1/incidents/{incident_id}")["toll"]
        assert (toll["killed"]["best"], toll["shared"]) == (5, [{"incidents": ["a", "b"], "killed": forty}])
    total = editor.json("/v1/stats")["total"]
    assert (total["incidents"], total["killed"]["best"], total["killed_shared"]["best"]) == (2, 10, 40)


def test_a_split_by_incident_replaces_a_shared_figure(editor: Editor) -> None:
    # given
    for incident_id in ("a", "b"):
        editor.create("/v1/incidents", incident_body(incident_id))
    editor.create("/v1/incidents/a/toll-reports", report_body(40, id="both", incidents=["a", "b"]))

    # when
    editor.create("/v1/incidents/a/toll-reports", report_body(25, reported_on="2020-01-03", supersedes="both"))

    # then
    assert editor.json("/v1/toll-reports/both")["status"] == "superseded"
    assert [shared["killed"]["best"] for shared in editor.json("/v1/incidents/b")["toll"]["shared"]] == [None]
    assert editor.json("/v1/stats")["total"]["killed_shared"] == NOTHING


def test_a_report_covers_existing_incidents_including_that_of_its_address(editor: Editor) -> None:
    # given
    for incident_id in ("a", "b"):
        editor.create("/v1/incidents", incident_body(incident_id))
    size = _size(editor)

    # then
    _is_refused(editor.post("/v1/toll-reports", report_body(4)), incidents="names no incident")
    left_out = "leaves out the incident that it is sent with"
    _is_refused(editor.post("/v1/incidents/a/toll-reports", report_body(4, incidents=["b"])), incidents=left_out)
    for answer in (
        editor.post("/v1/incidents/nowhere/toll-reports", report_body(4)),
        editor.post("/v1/incidents/nowhere/toll-reports", report_body(4, incidents=["a", "nowhere"])),
    ):
        assert (answer.status_code, answer.json()["detail"]) == (404, 'No incident has the id "nowhere".')
    unknown = "names an incident that does not exist"
    _is_refused(editor.post("/v1/toll-reports", report_body(4, incidents=["a", "nowhere"])), incidents=unknown)
    assert _size(editor) == size


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"supersedes": "nowhere"}, "is not the id of a toll report"),
        ({"supersedes": "army-49", "measure": "wounded"}, "is a report of another measure"),
        ({"supersedes": "elsewhere"}, "is a report about other incidents"),
        ({"supersedes": "army-49", "reported_on": "2021-03-15T23:59:59Z"}, "was reported later than this one"),
    ],
)
def test_a_report_supersedes_only_a_comparable_earlier_one(
    editor: Editor, gao: dict[str, str], fields: dict[str, Any], why: str
) -> None:
    editor.create("/v1/incidents", incident_body("other", toll_reports=[report_body(1, id="elsewhere")]))
    sent = report_body(50, "ngo", "2021-03-19") | fields
    _is_refused(editor.post("/v1/incidents/gao/toll-reports", sent), supersedes=why)


def test_a_warning_says_that_the_reporters_total_still_stands(editor: Editor) -> None:
    # given
    editor.create(
        "/v1/incidents", incident_body(toll_reports=[report_body(54, id="whole", reported_on="2021-03-15T21:00:00Z")])
    )
    reports = "/v1/incidents/attack/toll-reports"

    # when
    part = editor.post(reports, report_body(49, reported_on="2021-03-16", id="part", **SOLDIERS))
    of_another = editor.create(reports, report_body(48, "army", "2021-03-17", **SOLDIERS))
    said = editor.create(reports, report_body(47, reported_on="2021-03-18", id="said", supersedes="whole", **SOLDIERS))
    after = editor.create(reports, report_body(46, reported_on="2021-03-19", **SOLDIERS))

    # then
    warning = "the same reporter's whole, about all victims, still stands; name it in supersedes"
    assert part.json() == editor.json("/v1/toll-reports/part") | {
        "warnings": [warning],
        "status": "standing",
        "superseded_by": None,
    }
    assert all("warnings" not in told for told in (of_another, said, after))
    assert "warnings" not in editor.json("/v1/toll-reports/part")


@pytest.fixture
def doubled(editor: Editor) -> dict[str, Any]:
    """An incident that was recorded twice, and taken back once. What was answered of it, and when, before."""
    report = report_body(48, "army", "2021-03-16", id="of-double")
    editor.create(
        "/v1/incidents", incident_body("kept", region="Gao", toll_reports=[report_body(49, reported_on="2021-03-16")])
    )
    stood = editor.create("/v1/incidents", incident_body("double", region="Gao", toll_reports=[report]))
    editor.create("/v1/incidents", incident_body("gone"))
    editor.create("/v1/incidents/gone/withdrawal", {"reason": "never happened"})
    before = editor.checkpoint()["at"]
    withdrawal = editor.post("/v1/incidents/double/withdrawal", {"reason": "recorded twice", "merged_into": "kept"})
    return {"stood": stood, "before": before, "withdrawal": withdrawal}


def test_a_withdrawal_returns_who_and_when(editor: Editor, doubled: dict[str, Any]) -> None:
    withdrawal = doubled["withdrawal"]
    assert (withdrawal.status_code, withdrawal.headers["location"]) == (201, "/v1/incidents/double")
    assert withdrawal.json() == {
        "incident": "double", "reason": "recorded twice", "merged_into": "kept",
        "withdrawn_at": editor.checkpoint()["at"], "withdrawn_by": "an editor",
    }  # fmt: skip


def test_a_withdrawn_incident_is_in_no_response(editor: Editor, doubled: dict[str, Any]) -> None:
    for part in ("", "/toll-history", "/versions", "?as_of=2021-03-17", "?f=geojson"):
        gone = editor.get(f"/v1/incidents/double{part}")
        assert gone.status_code == 410
        assert gone.json() == {
            "type": "/docs/errors#withdrawn", "title": "Withdrawn", "status": 410,
            "detail": '"double" was withdrawn: recorded twice', "instance": gone.json()["instance"],
            "reason": "recorded twice", "merged_into": "kept",
            "withdrawn_at": doubled["withdrawal"].json()["withdrawn_at"],
        }  # fmt: skip
    for question in ("", "as_of=2021-03-17", "killed_min=48", "q=attack", "reported_by=army&sort=killed"):
        assert "double" not in [item["id"] for item in editor.json(f"/v1/incidents?{question}")["items"]]
    assert "double" not in editor.get("/v1/incidents?f=csv").text
    total = editor.json("/v1/stats")["total"]
    assert (total["incidents"], total["killed"]["best"]) == (1, 49)
    assert editor.json("/v1/regions/ML-7")["incidents"] == 1
    assert editor.get("/v1/incidents/gone").json()["merged_into"] is None


def test_a_withdrawn_incident_is_served_at_earlier_recorded_times(editor: Editor, doubled: dict[str, Any]) -> None:
    then = _at(doubled["before"])
    assert editor.json(f"/v1/incidents/double?{then}") == doubled["stood"]
    assert editor.json(f"/v1/stats?{then}")["total"]["killed"]["best"] == 97
    assert {i["id"] for i in editor.json(f"/v1/incidents?{then}")["items"]} == {"kept", "double"}
    assert editor.json("/v1/toll-reports/of-double")["incidents"] == ["double"], "reports stay where they are"


def test_writes_to_a_withdrawn_incident_are_rejected(editor: Editor, doubled: dict[str, Any]) -> None:
    # given
    size = _size(editor)
    sent = report_body(47, "ngo", "2021-03-17")

    # then
    for answer in (
        editor.post("/v1/incidents/double/withdrawal", {"reason": "again"}),
        editor.post("/v1/incidents/double/toll-reports", sent),
        editor.post("/v1/toll-reports", sent | {"incidents": ["kept", "double"]}),
        editor.patch("double", {"title": "Another"}),
        editor.request("PATCH", "/v1/incidents/double", {"title": "Another"}),
    ):
        _is_conflict(answer, '"double" is withdrawn')
    again = editor.post("/v1/incidents", incident_body("double", region="Gao"))
    assert again.status_code == 409, "an id is never used again"
    assert _size(editor) == size


@pytest.mark.parametrize(
    ("into", "why"),
    [
        ("nowhere", "is not the id of an incident"),
        ("kept", "is the incident itself"),
        ("double", "is withdrawn itself"),
        ("", "String should match pattern '^[a-z0-9][a-z0-9._-]{0,99}$'"),
    ],
)
def test_an_incident_can_be_merged_only_into_an_existing_one(
    editor: Editor, doubled: dict[str, Any], into: str, why: str
) -> None:
    answer = editor.post("/v1/incidents/kept/withdrawal", {"reason": "recorded twice", "merged_into": into})
    _is_refused(answer, merged_into=why)
    assert answer.json()["errors"][0]["value"] == into
    assert editor.get("/v1/incidents/kept").status_code == 200


def test_a_withdrawal_requires_a_reason_and_an_incident(editor: Editor, doubled: dict[str, Any]) -> None:
    _is_refused(editor.post("/v1/incidents/kept/withdrawal", {}), reason="is missing")
    assert editor.post("/v1/incidents/nowhere/withdrawal", {"reason": "x"}).status_code == 404


@pytest.fixture
def recorded(editor: Editor) -> httpx.Response:
    """The answer to the recording of an incident that is to be changed."""
    return editor.post(
        "/v1/incidents",
        incident_body(external_ids={"ucdp": "1", "acled": "2"}, attributes={"relid": "R", "notes": "n", "empty": None},
               near_border=["NE", "BF"], summary="Own words.", sources=[SOURCE]),
    )  # fmt: skip


def test_a_patch_creates_a_version_with_author_time_and_changes(
    editor: Editor, confidential_reader: Editor, recorded: httpx.Response
) -> None:
    # given
    before = editor.checkpoint()["at"]

    # when
    answer = editor.patch("attack", {"title": "Attack at a ford", "region": "Gao"}, recorded.headers["etag"])

    # then
    read = editor.get("/v1/incidents/attack")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, read.content, read.headers["etag"])
    assert "location" not in answer.headers and answer.headers["etag"] != recorded.headers["etag"]
    now = editor.checkpoint()["at"]
    new = {"title": "Attack at a ford", "region": {"code": "ML-7", "name": "Gao"}}
    assert answer.json() == recorded.json() | new | {"recorded_at": now, "updated_at": now}
    first, second = editor.json("/v1/incidents/attack/versions")["items"]
    assert (first["version"], first["recorded_by"], first["recorded_at"], first["changed"]) == (
        1,
        "an editor",
        before,
        [],
    )
    assert (second["version"], second["recorded_by"], second["recorded_at"]) == (2, "an editor", now)
    assert sorted(second["changed"]) == ["region", "title"]
    assert second["record"] == first["record"] | new | {"recorded_at": now}
    assert editor.json(f"/v1/incidents/attack?{_at(before)}") == recorded.json()
    assert [e["kind"] for e in editor.json("/v1/changes")["items"]][-1] == "incident.updated"


def test_a_patch_requires_if_match(editor: Editor, recorded: httpx.Response) -> None:
    # given
    first = recorded.headers["etag"]
    second = editor.patch("attack", {"title": "Second"}, first).headers["etag"]
    size = _size(editor)

    # when
    without = editor.request("PATCH", "/v1/incidents/attack", {"title": "Third"})
    refused = [editor.patch("attack", {"title": "Third"}, tag) for tag in (first, f"W/{second}", '"x"', "")]

    # then
    assert (without.status_code, without.json()["type"]) == (428, "/docs/errors#if-match-needed")
    assert [answer.status_code for answer in refused] == [412] * 4
    assert refused[0].json()["type"] == "/docs/errors#stale"
    assert editor.patch("attack", {"title": "Third"}, f'"x", {second}').status_code == 200
    assert editor.patch("attack", {"title": "Fourth"}, "*").json()["title"] == "Fourth"
    assert _size(editor) == size + 2
    assert editor.patch("nowhere", {"title": "x"}).status_code == 404


def test_a_new_report_does_not_make_a_patch_stale(editor: Editor, recorded: httpx.Response) -> None:
    editor.create("/v1/incidents/attack/toll-reports", report_body(3))
    assert editor.patch("attack", {"title": "Second"}, recorded.headers["etag"]).status_code == 200


@pytest.mark.parametrize("form", ["application/merge-patch+json", "application/json"])
def test_a_patch_may_be_a_merge_patch(editor: Editor, recorded: httpx.Response, form: str) -> None:
    headers = {"If-Match": "*", "Content-Type": form}
    answer = editor.request("PATCH", "/v1/incidents/attack", headers=headers, content=b'{"place": "A ford"}')
    assert (answer.status_code, answer.json()["place"]) == (200, "A ford")


@pytest.mark.parametrize(
    ("changes", "member", "after"),
    [
        ({"external_ids": {"ucdp": "9", "gtd": "3"}}, "external_ids", {"ucdp": "9", "acled": "2", "gtd": "3"}),
        ({"external_ids": {"acled": None, "never": None}}, "external_ids", {"ucdp": "1"}),
        ({"attributes": {"notes": None, "more": [1, {"a": None}]}}, "attributes",
         {"relid": "R", "empty": None, "more": [1, {"a": None}]}),
        ({"attributes": {"relid": "S"}}, "attributes", {"relid": "S", "notes": "n", "empty": None}),
        ({"near_border": ["DZ"]}, "near_border", ["DZ"]),
        ({"summary": None}, "summary", None),
        ({"near_border": None}, "near_border", []),
        ({"external_ids": None}, "external_ids", {}),
        ({"attributes": None}, "attributes", {}),
        ({"actors": None, "summary": "x"}, "actors", []),
        ({"sources": None}, "sources", []),
        ({"sources": []}, "sources", []),
    ],
)  # fmt: skip
def test_a_patch_is_merged_as_in_rfc_7396(
    editor: Editor, recorded: httpx.Response, changes: dict[str, Any], member: str, after: Any
) -> None:
    answer = editor.patch("attack", changes)
    assert (answer.status_code, answer.json().get(member)) == (200, after)


def test_a_patch_replaces_the_sources_and_keeps_those_of_reports(editor: Editor, recorded: httpx.Response) -> None:
    # given
    editor.create(
        "/v1/incidents/attack/toll-reports", report_body(3, source={"id": "told", "title": "Where it was told"})
    )
    before = editor.checkpoint()["at"]

    # when
    answer = editor.patch("attack", {"sources": [{"id": "new", "title": "A new page"}, {"id": "told"}]})

    # then
    assert [source["id"] for source in answer.json()["sources"]] == ["new", "told"]
    version = editor.json("/v1/incidents/attack/versions")["items"][-1]
    assert (version["changed"], [s["id"] for s in version["record"]["sources"]]) == (["sources"], ["new", "told"])
    then = editor.json(f"/v1/incidents/attack?{_at(before)}")
    assert {source["id"] for source in then["sources"]} == {"src-test", "told"}


@pytest.mark.parametrize(
    "changes", [{}, {"title": "An attack"}, {"attributes": {"relid": "R", "never": None}}, {"sources": [SOURCE]},
                {"country": "Mali", "near_border": ["NE", "BF"]}]
)  # fmt: skip
def test_a_patch_without_changes_creates_no_version(
    editor: Editor, recorded: httpx.Response, changes: dict[str, Any]
) -> None:
    # given
    size = _size(editor)

    # when
    answer = editor.patch("attack", changes, recorded.headers["etag"])

    # then
    assert (answer.status_code, answer.content) == (200, recorded.content)
    assert answer.headers["etag"] == recorded.headers["etag"]
    assert (_size(editor), len(editor.json("/v1/incidents/attack/versions")["items"])) == (size, 1)


@pytest.mark.parametrize(
    ("changes", "member", "message"),
    [
        ({"titel": "x"}, "titel", "unknown member; did you mean title?"),
        ({"title": None}, "title", "Input should be a valid string"),
        ({"id": "other"}, "id", "unknown member"),
        ({"toll_reports": []}, "toll_reports", "unknown member"),
        ({"toll": {}}, "toll", "unknown member"),
        ({"date_end": "2019-12-31"}, "date_end", "is before date_start"),
        ({"sources": [{"id": "nowhere"}]}, "sources.0", "is not the id of a recorded source; send the full object"),
    ],
)
def test_an_invalid_patch_is_rejected_with_the_member(
    editor: Editor, recorded: httpx.Response, changes: dict[str, Any], member: str, message: str
) -> None:
    _is_refused(editor.patch("attack", changes), **{member.replace(".", "__"): message})
    assert editor.get("/v1/incidents/attack").content == recorded.content


def test_missing_ids_are_generated(editor: Editor) -> None:
    # given
    unnamed = report_body(
        3, reported_by={"name": "Armée malienne (FAMa)", "kind": "military"}, source={"title": "A page"}
    )

    # when
    made = editor.create("/v1/incidents", incident_body(None, toll_reports=[unnamed]))
    report = editor.json(f"/v1/incidents/{made['id']}/toll-history")["reports"][0]
    second = editor.create(
        f"/v1/incidents/{made['id']}/toll-reports", unnamed | {"best": 4, "reported_on": "2020-01-03"}
    )

    # then
    assert re.fullmatch(r"ml-2020-01-01-[0-9a-f]{8}", made["id"])
    assert re.fullmatch(r"tr-[0-9a-f]+-[0-9a-f]{8}", report["id"])
    assert report["reported_by"] == {"id": "armee-malienne-fama", "name": "Armée malienne (FAMa)", "kind": "military"}
    assert re.fullmatch(r"source-[0-9a-f]{16}", report["source"]["id"])
    assert (second["reported_by"], second["source"]) == (report["reported_by"], report["source"])
    assert second["id"] != report["id"]
    assert editor.json("/v1/reporters?total=true")["total"] == editor.json("/v1/sources?total=true")["total"] == 1
    names = {editor.create("/v1/reporters", {"name": name, "kind": "local"})["id"] for name in ("市民", "محلي")}
    assert len(names) == 2 and all(re.fullmatch(r"reporter-[0-9a-f]{16}", name) for name in names)


def test_reporters_and_sources_can_be_referenced_by_id(editor: Editor) -> None:
    # given
    editor.create("/v1/incidents", incident_body(toll_reports=[report_body(3)]))
    named: dict[str, Any] = {"reported_by": {"id": "gov"}, "source": {"id": "src-test"}}

    # when
    report = editor.create("/v1/incidents/attack/toll-reports", report_body(4, reported_on="2020-01-03", **named))
    editor.create("/v1/incidents/attack/toll-reports", report_body(5, reported_on="2020-01-04"))

    # then
    assert report["reported_by"] == REPORTERS["gov"]
    assert report["source"]["title"] == SOURCE["title"]
    assert [e["kind"] for e in editor.json("/v1/changes")["items"]].count("reporter.created") == 1
    assert editor.json("/v1/reporters/gov") == REPORTERS["gov"] | {"reports": 3, "incidents": 1}


@pytest.mark.parametrize(
    ("fields", "detail", "differs"),
    [
        ({"reported_by": REPORTERS["gov"] | {"name": "Another"}},
         '"gov" already exists and differs in name', ["name"]),
        ({"reported_by": {"id": "gov", "name": "Another", "kind": "ngo"}},
         '"gov" already exists and differs in name, kind', ["name", "kind"]),
        ({"reported_by": REPORTERS["gov"] | {"confidential": True}},
         '"gov" already exists and differs in confidential', ["confidential"]),
        ({"source": SOURCE | {"url": "https://x.example"}},
         '"src-test" already exists and differs in url', ["url"]),
        ({"source": {"id": "src-test", "title": "A page"}},
         '"src-test" already exists and differs in published_on', ["published_on"]),
        ({"id": "first"}, '"first" already exists and differs in low, best, high', ["low", "best", "high"]),
    ],
)  # fmt: skip
def test_an_id_cannot_be_reused_for_another_record(
    editor: Editor, fields: dict[str, Any], detail: str, differs: list[str]
) -> None:
    # given
    editor.create("/v1/incidents", incident_body(toll_reports=[report_body(3, id="first")]))
    size = _size(editor)

    # when
    answer = editor.post("/v1/incidents/attack/toll-reports", report_body(4) | fields)

    # then
    _is_conflict(answer, detail, differs=differs)
    assert _size(editor) == size


@pytest.mark.parametrize(
    ("fields", "name", "message"),
    [
        (
            {"reported_by": {"id": "nobody"}},
            "reported_by",
            "is not the id of a recorded reporter; send the full object",
        ),
        ({"source": {"id": "nothing"}}, "source", "is not the id of a recorded source; send the full object"),
        ({"reported_by": {"id": "gov", "kind": "government"}}, "reported_by.name", "is missing"),
    ],
)
def test_a_reference_by_id_requires_a_recorded_object(
    editor: Editor, fields: dict[str, Any], name: str, message: str
) -> None:
    editor.create("/v1/incidents", incident_body())
    answer = editor.post("/v1/incidents/attack/toll-reports", report_body(4) | fields)
    _is_refused(answer, **{name.replace(".", "__"): message})


@pytest.mark.parametrize(
    ("kind", "sent", "other"),
    [
        ("reporters", {"id": "un", "name": "United Nations", "kind": "international"}, {"name": "The UN"}),
        ("sources", {"id": "s1", "title": "A page", "publisher": "A paper", "published_on": "2021-03-16",
                     "url": "https://paper.example", "language": "fr", "licence": "CC BY 4.0",
                     "attribution": "A paper"},
         {"licence": None}),
    ],
)  # fmt: skip
def test_reporters_and_sources_can_be_recorded_before_reports(
    editor: Editor, kind: str, sent: dict[str, Any], other: dict[str, Any]
) -> None:
    # when
    first = editor.post(f"/v1/{kind}", sent)
    size = _size(editor)
    again = editor.post(f"/v1/{kind}", sent)
    different = editor.post(f"/v1/{kind}", sent | other)

    # then
    address = f"/v1/{kind}/{sent['id']}"
    assert (first.status_code, first.headers["location"], again.status_code) == (201, address, 200)
    assert first.json() == sent | {"reports": 0, "incidents": 0}
    assert first.content == again.content == editor.get(address).content
    assert "location" not in again.headers
    _is_conflict(different, f'"{sent["id"]}" already exists and differs in {next(iter(other))}', differs=[*other])
    assert (_size(editor), size) == (1, 1)


def test_a_record_is_created_once(editor: Editor) -> None:
    # given
    report = report_body(3, id="tr")
    editor.create("/v1/incidents", incident_body(toll_reports=[report]))
    size = _size(editor)

    # then
    _is_conflict(
        editor.post("/v1/incidents", incident_body(toll_reports=[report])), '"attack" already exists', differs=[]
    )
    other = editor.post("/v1/incidents", incident_body(title="Another", country="NE"))
    _is_conflict(other, '"attack" already exists and differs in title, country', differs=["title", "country"])
    for address in ("/v1/incidents/attack/toll-reports", "/v1/toll-reports"):
        _is_conflict(editor.post(address, report | {"incidents": ["attack"]}), '"tr" already exists', differs=[])
    elsewhere = editor.post("/v1/incidents", incident_body("other", toll_reports=[report]))
    _is_conflict(elsewhere, '"tr" already exists and differs in incidents', differs=["incidents"])
    assert _size(editor) == size


@pytest.mark.parametrize(
    ("second", "status"),
    [
        ({"supersedes": "nowhere"}, 422),
        ({"reported_on": "2999-01-01"}, 422),
        ({"reported_by": {"id": "nobody"}}, 422),
        ({"incidents": ["attack", "nowhere"]}, 422),
        ({"source": {"id": "page", "title": "Another title"}}, 409),
    ],
)
def test_an_incident_with_a_rejected_report_records_nothing(
    editor: Editor, second: dict[str, Any], status: int
) -> None:
    # given
    pages = [{"id": "own", "title": "A page about it"}]
    first = report_body(3, id="one", source={"id": "page", "title": "A page"})

    # when
    answer = editor.post(
        "/v1/incidents", incident_body(sources=pages, toll_reports=[first, report_body(4, id="two") | second])
    )

    # then
    assert answer.status_code == status
    if status == 422:
        (member,) = second
        assert [fault["name"] for fault in answer.json()["errors"]] == [f"toll_reports.1.{member}"]
    for address in ("incidents/attack", "toll-reports/one", "sources/own", "sources/page", "reporters/gov"):
        assert editor.get(f"/v1/{address}").status_code == 404, address
    assert editor.checkpoint()["size"] == 0
    assert editor.post("/v1/incidents", incident_body(sources=pages, toll_reports=[first])).status_code == 201


def test_every_error_of_a_body_has_the_path_of_its_member(editor: Editor) -> None:
    # given
    sent = incident_body(
        date_start="2021-02-30", sumary="x",
        actors=[{"name": "An army", "role": "target"}, {"name": "A band", "rôle": "x"}],
        sources=[{"title": "A page", "language": "French"}], latitude=91, longitude=0,
        toll_reports=[report_body(3), report_body(-1, mesure="killed", reported_by={"name": "Somebody", "kind": "goverment"}),
                      report_body(4, bound="range"), report_body(4, reported_on="yesterday", breakdown={"civilan": 4})],
    )  # fmt: skip
    del sent["title"]

    # when
    answer = editor.post("/v1/incidents", sent)

    # then
    kinds = (
        "'government', 'military', 'armed_group', 'international', 'ngo', 'media', 'local', 'dataset' or 'anonymous'"
    )
    _is_refused(
        answer,
        title="is missing",
        date_start="is not a day of the calendar",
        latitude="Input should be less than or equal to 90",
        actors__1__role="is missing",
        actors__1__rôle="unknown member; did you mean role?",
        sources__0__language="String should match pattern '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'",
        toll_reports__1__best="Input should be greater than or equal to 0",
        toll_reports__1__reported_by__kind=f"Input should be {kinds}",
        toll_reports__1__mesure="unknown member; did you mean measure?",
        toll_reports__2__bound="a range needs low and high",
        toll_reports__3__reported_on=NO_MOMENT,
        toll_reports__3__breakdown__civilan="unknown member; did you mean civilian?",
        sumary="unknown member; did you mean summary?",
    )
    values = {fault["name"]: fault["value"] for fault in answer.json()["errors"]}
    assert (values["toll_reports.1.best"], values["sumary"], values["title"]) == ("-1", "x", None)


@pytest.mark.parametrize(
    ("fields", "name", "message"),
    [
        ({"region": "Menaca"}, "region", "is not a region of Mali; did you mean Ménaka, ML-9?"),
        ({"region": "NE-1"}, "region", "is not a region of M"),
        ({"region": {"code": "NE-1", "name": "Agadez"}}, "region.code", "is not a region of M"),
        ({"country": "Malli"}, "country", "is not a country; did you mean Mali, ML?"),
    ],
)
def test_an_unknown_place_is_rejected_with_a_suggestion(
    editor: Editor, fields: dict[str, Any], name: str, message: str
) -> None:
    # when
    answer = editor.post("/v1/incidents", incident_body(**fields))

    # then
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert message in fault["message"]
    assert fault["name"] == name


def test_an_unknown_member_of_a_region_is_rejected(editor: Editor) -> None:
    answer = editor.post("/v1/incidents", incident_body(region={"code": "ML-9", "nam": "Ménaka"}))
    assert answer.status_code == 422
    assert [fault["name"] for fault in answer.json()["errors"]] == ["region.nam"]


@pytest.mark.parametrize(
    "derived", ["toll", "recorded_at", "updated_at", "status", "superseded_by", "retraction", "recorded_by"]
)
def test_derived_members_are_rejected(editor: Editor, derived: str) -> None:
    report = editor.post(
        "/v1/incidents", incident_body(toll_reports=[report_body(3, **{derived: "2021-03-15T00:00:00Z"})])
    )
    incident = editor.post("/v1/incidents", incident_body(**{derived: "2021-03-15T00:00:00Z"}))
    assert [fault["name"] for fault in report.json()["errors"]] == [f"toll_reports.0.{derived}"]
    assert [fault["name"] for fault in incident.json()["errors"]] == [derived]


@pytest.mark.parametrize(
    ("sent", "numbers"),
    [
        ({"bound": "exact", "best": 4}, (4, 4, 4)),
        ({"bound": "at_least", "best": 4}, (4, 4, None)),
        ({"bound": "more_than", "best": 4}, (5, None, None)),
        ({"bound": "at_most", "best": 4}, (0, 4, 4)),
        ({"bound": "about", "best": 4}, (None, 4, None)),
        ({"bound": "range", "best": None, "low": 2, "high": 6}, (2, None, 6)),
        ({"bound": "range", "best": 4, "low": 2, "high": 6}, (2, 4, 6)),
        ({"bound": "exact", "best": 0}, (0, 0, 0)),
        ({"bound": "exact", "best": 10**10}, (10**10, 10**10, 10**10)),
    ],
)
def test_a_bound_determines_the_numbers_that_were_not_sent(
    editor: Editor, sent: dict[str, Any], numbers: tuple[int | None, ...]
) -> None:
    editor.create("/v1/incidents", incident_body())
    report = editor.create("/v1/incidents/attack/toll-reports", report_body(**sent))
    assert (report["low"], report["best"], report["high"]) == numbers


def test_the_change_feed_lists_every_record_in_order(editor: Editor, gao: dict[str, str]) -> None:
    # given
    editor.create("/v1/toll-reports/claim-70/retraction", CLAIM)
    editor.patch("gao", {"place": "A ford"})
    editor.create("/v1/incidents/gao/withdrawal", {"reason": "for the sake of it"})

    # when
    told = [(e["seq"], e["kind"], e["incident"], e["by"]) for e in editor.json("/v1/changes")["items"]]

    # then
    source, reporter, reported = "source.created", "reporter.created", "toll.reported"
    kinds = ["incident.created", source, reporter, reported, reported, reporter, reported, reported, reporter, reported]
    kinds += ["toll.retracted", "incident.updated", "incident.withdrawn"]
    about = [None if kind in (source, reporter) else "gao" for kind in kinds]
    assert told == [(seq, kind, of, "an editor") for seq, (kind, of) in enumerate(zip(kinds, about, strict=True), 1)]


def test_everything_recorded_over_http_verifies(editor: Editor, database: Database, gao: dict[str, str]) -> None:
    # given
    secret = {"id": "hidden", "name": "Somebody", "kind": "local", "confidential": True}
    editor.create(
        "/v1/incidents", incident_body("other", toll_reports=[report_body(1, reported_by=secret, locator="p. 1")])
    )
    editor.create("/v1/toll-reports", report_body(80, "ngo", "2021-03-19", id="both", incidents=["gao", "other"]))
    editor.create("/v1/toll-reports/claim-70/retraction", CLAIM | {"reported_on": "2021-03-20"})
    editor.create("/v1/toll-reports/army-49/retraction", CLAIM | {"source": {"title": "An erratum"}})
    editor.patch("gao", {"sources": [SOURCE], "attributes": {"a": 1.5}})
    editor.create("/v1/incidents/other/withdrawal", {"reason": "recorded twice", "merged_into": "gao"})
    editor.post("/v1/incidents", incident_body("gao"))

    # when
    proved = verify(database)

    # then
    assert proved.entries == editor.checkpoint()["size"]
    assert proved.root == editor.checkpoint()["root"]


def test_the_etags_of_two_incidents_of_one_recording_differ(editor: Editor, database: Database) -> None:
    # given
    record(database, incident_draft("one"), incident_draft("other"))
    tag = editor.get("/v1/incidents/other").headers["etag"]

    # when
    answer = editor.patch("one", {"title": "Changed"}, tag)

    # then
    assert answer.status_code == 412
    assert editor.patch("other", {"title": "Changed"}, tag).status_code == 200


BEFORE = "is earlier than the day before attack, whose date_start is 2020-01-01"


@pytest.mark.parametrize(
    "reported_on", ["2019-12-30", "2019-12-30T23:59:59Z", "2019-12-31T01:00:00+02:00", "1999-01-01"]
)
def test_a_report_from_before_its_incident_is_rejected(editor: Editor, reported_on: str) -> None:
    # given
    editor.create("/v1/incidents", incident_body())
    editor.create(
        "/v1/incidents",
        incident_body("earlier", date_start="1990-01-01", date_end="2020-01-01", date_precision="longer"),
    )
    report = report_body(3, reported_on=reported_on)

    # when
    alone = editor.post("/v1/incidents/attack/toll-reports", report)
    shared = editor.post("/v1/toll-reports", report | {"incidents": ["earlier", "attack"]})
    new = editor.post("/v1/incidents", incident_body("new", toll_reports=[report]))

    # then
    for answer in (alone, shared):
        _is_refused(answer, reported_on=BEFORE)
        assert answer.json()["errors"][0]["value"] == reported_on
    _is_refused(new, **{"toll_reports.0.reported_on": BEFORE.replace("attack", "new")})
    assert editor.json("/v1/toll-reports")["items"] == []
    assert editor.create("/v1/incidents/earlier/toll-reports", report)["reported_on"] == reported_on


@pytest.mark.parametrize("reported_on", ["2019-12-31", "2019-12-31T00:00:00Z", "2020-01-01"])
def test_a_report_of_the_day_before_its_incident_is_accepted(editor: Editor, reported_on: str) -> None:
    editor.create("/v1/incidents", incident_body(toll_reports=[report_body(3, reported_on=reported_on)]))


def test_a_patch_cannot_move_an_incident_after_its_reports(editor: Editor) -> None:
    # given
    editor.create("/v1/incidents", incident_body(toll_reports=[report_body(3, id="early", reported_on="2020-01-01")]))
    later = {"date_start": "2020-01-03", "date_end": "2020-01-03"}

    # when
    refused = editor.patch("attack", later)
    a_day_later = {"date_start": "2020-01-02", "date_end": "2020-01-02"}
    taken = editor.patch("attack", a_day_later)
    editor.create("/v1/toll-reports/early/retraction", {"reason": "of another attack"})
    after = editor.patch("attack", later)

    # then
    why = "is later than the day after the report early, whose reported_on is 2020-01-01; retract that report first"
    _is_refused(refused, date_start=why)
    assert [answer.status_code for answer in (taken, after)] == [200, 200]


@pytest.mark.parametrize("reported_on", ["2020-01-01", "2020-01-01T23:59:59Z"])
def test_a_retraction_before_its_report_is_rejected(editor: Editor, reported_on: str) -> None:
    editor.create("/v1/incidents", incident_body(toll_reports=[report_body(3, id="given", reported_on="2020-01-02")]))
    answer = editor.post("/v1/toll-reports/given/retraction", {"reason": "wrong", "reported_on": reported_on})
    _is_refused(answer, reported_on="is earlier than the report, whose reported_on is 2020-01-02")
    same_day = {"reason": "wrong", "reported_on": "2020-01-02T08:00:00Z"}
    assert editor.create("/v1/toll-reports/given/retraction", same_day)["status"] == "retracted"


def test_a_source_published_in_the_future_is_rejected(editor: Editor) -> None:
    sent = {"id": "s", "title": "A page", "published_on": "2999-01-01"}
    _is_refused(editor.post("/v1/sources", sent), published_on="lies in the future")
    report = report_body(3) | {"source": sent}
    _is_refused(
        editor.post("/v1/incidents", incident_body(toll_reports=[report])),
        **{"toll_reports.0.source.published_on": "lies in the future"},
    )
