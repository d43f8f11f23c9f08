"""The main queries of the service, over the seeds."""

from typing import Any

import pytest

from tests.support import Client

INDELIMANE = "ml-2019-11-01-indelimane"
ASSAULTS = ["ml-2019-10-burkina-border-1", "ml-2019-10-burkina-border-2"]
NOVEMBER = "/v1/incidents?region=menaka&date_from=2019-11-01&date_to=2019-11-30"
NOTHING = {"low": None, "best": None, "high": None}
ARMY = {
    "low": 49, "best": 49, "high": 49, "open_ended": False, "first": 53, "change": "lowered", "revisions": 1,
    "spread": 0, "disputed": False, "reports": 2, "reported_on": "2019-11-02",
}  # fmt: skip
GOVERNMENT = ARMY | {
    "low": 53, "best": 53, "high": 53, "change": "none", "revisions": 0, "reports": 1, "reported_on": "2019-11-01",
}  # fmt: skip
BOTH_ASSAULTS = {
    "incidents": ASSAULTS,
    "killed": {
        "low": 40, "best": 40, "high": 41, "open_ended": True, "first": 40, "change": "none", "revisions": 0,
        "spread": 1, "disputed": True, "reports": 2, "reported_on": "2019-11-02",
    },
}  # fmt: skip


def test_menaka_in_november_2019_finds_the_attack_on_indelimane(client: Client) -> None:
    # when
    page = client.json(NOVEMBER)

    # then
    assert [item["id"] for item in page["items"]] == [INDELIMANE]
    assert page["next"] is None
    toll = page["items"][0]["toll"]
    assert toll["killed"] == ARMY
    assert toll.keys() == {"as_of", "rule", "killed", "wounded", "survived", "shared"}, "nothing else was reported"
    assert (toll["as_of"], toll["rule"], toll["shared"]) == (None, "latest-standing", [])
    assert toll["wounded"]["best"] == 3
    assert (toll["survived"]["low"], toll["survived"]["best"], toll["survived"]["high"]) == (20, 20, 20)


@pytest.mark.parametrize("asked", ["2019-11-01", "2019-11-01T23:59:59.999999Z", "2019-11-02T23:59:59Z"])
def test_the_toll_on_the_first_day_is_the_governments_figure(client: Client, asked: str) -> None:
    # when
    toll = client.json(f"{NOVEMBER}&as_of={asked}")["items"][0]["toll"]

    # then
    assert toll == {"as_of": asked, "rule": "latest-standing", "killed": GOVERNMENT, "shared": []}


def test_an_incident_is_not_listed_before_its_first_report(client: Client) -> None:
    # when
    page = client.json(f"{NOVEMBER}&as_of=2019-10-31")
    alone = client.get(f"/v1/incidents/{INDELIMANE}?as_of=2019-10-31")

    # then
    assert page == {"items": [], "next": None, "next_cursor": None}
    assert alone.status_code == 404
    assert alone.headers["content-type"] == "application/problem+json"
    assert alone.json() == {
        "type": "/docs/errors#not-yet-known",
        "title": "Not found",
        "status": 404,
        "detail": f'"{INDELIMANE}" was not known at the requested time. It is known from 2019-11-01.',
        "instance": f"/v1/incidents/{INDELIMANE}",
        "known_from": "2019-11-01",
    }


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("killed_min=50", []),
        ("ever_killed_min=50", [INDELIMANE]),
        ("ever_killed_min=54", []),
        ("killed_min=50&as_of=2019-11-01", [INDELIMANE]),
        ("ever_killed_min=50&as_of=2019-10-31", []),
        ("killed_min=49", [INDELIMANE]),
        ("killed_max=49&killed_min=0", [INDELIMANE]),
        ("killed_max=48", []),
        ("change=lowered", [INDELIMANE]),
        ("change=lowered&as_of=2019-11-01", []),
        ("first_killed_min=53", [INDELIMANE]),
        ("first_killed_min=54", []),
    ],
)
def test_killed_limits_apply_to_the_headline_at_as_of_and_ever_limits_to_all_reports(
    client: Client, asked: str, found: list[str]
) -> None:
    assert client.ids(f"/v1/incidents?{asked}") == found


def test_near_border_finds_the_two_assaults_that_share_a_toll(client: Client) -> None:
    # when
    items = client.json("/v1/incidents?near_border=BF&sort=date")["items"]

    # then
    assert [item["id"] for item in items] == ASSAULTS
    for item in items:
        assert item["toll"] == {"as_of": None, "rule": "latest-standing", "shared": [BOTH_ASSAULTS]}
        assert (item["date_start"], item["date_end"], item["date_precision"]) == ("2019-09-16", "2019-10-16", "month")
        assert item["region"] is None


def _sums(**told: Any) -> dict[str, Any]:
    measures = ("killed", "wounded", "missing", "captured", "survived")
    return {f"{measure}{kind}": NOTHING for kind in ("", "_shared") for measure in measures} | told


def test_statistics_of_mali_count_a_shared_toll_once(client: Client) -> None:
    # when
    stats = client.json("/v1/stats?country=ML&group_by=country")

    # then
    mali = _sums(
        incidents=3,
        killed={"low": 49, "best": 49, "high": 49},
        wounded={"low": 3, "best": 3, "high": 3},
        survived={"low": 20, "best": 20, "high": 20},
        killed_shared={"low": 40, "best": 40, "high": 41},
    )
    assert stats == {"items": [{"country": "ML"} | mali], "total": mali}


def test_statistics_as_of_the_first_day_count_one_incident(client: Client) -> None:
    # when
    stats = client.json("/v1/stats?country=ML&group_by=country&as_of=2019-11-01")

    # then
    mali = _sums(incidents=1, killed={"low": 53, "best": 53, "high": 53})
    assert stats == {"items": [{"country": "ML"} | mali], "total": mali}


def test_every_group_has_the_shared_toll_of_its_members_and_the_total_counts_it_once(client: Client) -> None:
    # when
    stats = client.json("/v1/stats?group_by=month,actor")

    # then
    killed = {(i["month"], i["actor"]): (i["incidents"], i["killed"]["best"], i["killed_shared"]["best"])
              for i in stats["items"]}  # fmt: skip
    assert killed == {
        ("2019-09", "Malian Armed Forces"): (2, None, 40),
        ("2019-09", "Unidentified armed group"): (2, None, 40),
        ("2019-11", "Malian Armed Forces"): (1, 49, None),
        ("2019-11", "Unidentified armed group"): (1, 49, None),
    }
    assert (stats["total"]["killed"]["best"], stats["total"]["killed_shared"]["best"]) == (49, 40)


@pytest.mark.parametrize(
    ("asked", "name", "message", "value"),
    [
        ("regoin=menaka", "regoin", "is not a parameter here; did you mean region?", "menaka"),
        ("region=Menaca", "region", "is not a region; did you mean Ménaka, ML-9?", "Menaca"),
        ("country=Malli", "country", "is not a country; did you mean Mali, ML?", "Malli"),
        ("change=lowred", "change", "is not a value of this parameter; did you mean lowered?", "lowred"),
        ("limit=1001", "limit", "is not a whole number from 1 to 1000", "1001"),
        ("sort=-kiled", "sort", "is not a value of this parameter; did you mean -killed?", "-kiled"),
    ],
)
def test_a_misspelled_value_is_rejected_with_a_suggestion(
    client: Client, asked: str, name: str, message: str, value: str | None
) -> None:
    # when
    answer = client.get(f"/v1/incidents?{asked}")

    # then
    assert answer.status_code == 422
    assert answer.json() == {
        "type": "/docs/errors#invalid-input",
        "title": "Invalid request",
        "status": 422,
        "detail": f"{name}: {message}",
        "instance": "/v1/incidents",
        "errors": [{"in": "query", "name": name, "message": message, "value": value}],
    }


def test_all_errors_of_a_request_are_listed(client: Client) -> None:
    # when
    faults = client.get("/v1/incidents?regoin=x&limit=0&killed_min=many&as_of=yesterday").json()["errors"]

    # then
    assert [fault["name"] for fault in faults] == ["regoin", "limit", "killed_min", "as_of"]


@pytest.mark.parametrize(
    "region", ["menaka", "Ménaka", "MÉNAKA", "ml-9", "ML-9", "M%C3%A9naka%20region", "R%C3%A9gion%20de%20M%C3%A9naka"]
)
def test_a_region_is_found_by_code_or_any_spelling_of_its_name(client: Client, region: str) -> None:
    assert client.ids(f"/v1/incidents?region={region}") == [INDELIMANE]


def test_fields_selects_members_in_the_requested_order(client: Client) -> None:
    # when
    page = client.json("/v1/incidents?region=ML-9&fields=region,id")
    one = client.json(f"/v1/incidents/{INDELIMANE}?fields=title")

    # then
    assert page["items"] == [{"region": {"code": "ML-9", "name": "Ménaka"}, "id": INDELIMANE}]
    assert one == {"title": "Attack on the army post at Indelimane"}


@pytest.mark.parametrize(("asked", "total"), [("", 3), ("&region=ML-9", 1), ("&killed_min=50", 0), ("&limit=1", 3)])
def test_total_counts_all_pages(client: Client, asked: str, total: int) -> None:
    assert client.json(f"/v1/incidents?total=true{asked}")["total"] == total


def test_there_is_no_total_unless_requested(client: Client) -> None:
    assert (
        client.json("/v1/incidents").keys()
        == client.json("/v1/incidents?total=false").keys()
        == {"items", "next", "next_cursor"}
    )
