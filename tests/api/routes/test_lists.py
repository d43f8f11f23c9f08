"""Toll reports, reporters, sources and regions across incidents."""

import csv
import io
import json
from typing import Any

import pytest

from app.query.parameters import ReportQuery
from app.query.query import parameters_of
from app.store.db.database import Database
from tests.builders import incident_draft, record, report_body
from tests.support import Client

ASSAULTS = ["ml-2019-10-burkina-border-1", "ml-2019-10-burkina-border-2"]
GOV_53, ARMY_49 = "tr-indelimane-killed-gov-1", "tr-indelimane-killed-fama-1"
WOUNDED_3, SURVIVED_20 = "tr-indelimane-wounded-fama-1", "tr-indelimane-survived-fama-1"
SHARED_40, MORE_THAN_40 = "tr-burkina-border-killed-article", "tr-burkina-border-killed-unnamed"
NEWEST_FIRST = [MORE_THAN_40, SHARED_40, SURVIVED_20, WOUNDED_3, ARMY_49, GOV_53]
ARTICLE = {
    "id": "article-2019-11-02-indelimane", "title": "Newspaper article on the attack at Indelimane",
    "publisher": None, "published_on": "2019-11-02", "url": None, "language": "en", "licence": None,
    "attribution": None,
}  # fmt: skip
NOTHING = {"low": None, "best": None, "high": None}
MENAKA = {
    "code": "ML-9", "name": "Ménaka", "kind": "region", "country": "ML", "incidents": 1, "date_from": "2019-11-01",
    "date_to": "2019-11-01",
}  # fmt: skip
MALI = {
    "code": "ML", "name": "Mali", "kind": "country", "country": "ML", "incidents": 3, "date_from": "2019-09-16",
    "date_to": "2019-11-01",
}  # fmt: skip
SUMS: dict[str, Any] = {
    f"{m}{kind}": NOTHING for kind in ("", "_shared") for m in ("killed", "wounded", "missing", "captured", "survived")
} | {
    "killed": {"low": 49, "best": 49, "high": 49},
    "wounded": {"low": 3, "best": 3, "high": 3},
    "survived": {"low": 20, "best": 20, "high": 20},
}


def test_toll_reports_are_listed_newest_first_with_their_status(client: Client) -> None:
    # when
    page = client.json("/v1/toll-reports?total=true")

    # then
    assert [(r["id"], r["status"]) for r in page["items"]] == [
        (name, "superseded" if name == GOV_53 else "standing") for name in NEWEST_FIRST
    ]
    assert (page["next"], page["total"]) == (None, 6)


def test_a_toll_report_has_its_figure_reporter_and_source(client: Client) -> None:
    # when
    found = client.json(f"/v1/toll-reports/{MORE_THAN_40}")

    # then
    assert found == {
        "id": MORE_THAN_40, "incidents": ASSAULTS, "measure": "killed", "victims": "military", "low": 41, "best": None,
        "high": None, "bound": "more_than", "reported_on": "2019-11-02", "source": ARTICLE, "breakdown": None,
        "reported_by": {
            "id": "anon-article-2019-11-02", "name": "Unnamed sources of the article of 2 November 2019",
            "kind": "anonymous",
        },
        "locator": "paragraph 9", "supersedes": None, "status": "standing", "superseded_by": None, "retraction": None,
        "note": "Unnamed sources hold the figure of 40 to be too low and give none of their own. Dated to the article.",
        "recorded_at": found["recorded_at"],
    }  # fmt: skip


@pytest.mark.parametrize("asked", ["", "?as_of=2019-11-01"])
def test_an_unknown_or_not_yet_reported_report_is_a_404(client: Client, asked: str) -> None:
    # when
    answer = client.get(f"/v1/toll-reports/{ARMY_49 if asked else 'nothing'}{asked}")

    # then
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


REPORT_CASES = {
    "incident=ml-2019-11-01-indelimane": [SURVIVED_20, WOUNDED_3, ARMY_49, GOV_53],
    f"incident={ASSAULTS[1]}": [MORE_THAN_40, SHARED_40],
    "reported_by=gov-ml": [GOV_53],
    "reported_by=nobody": [],
    "source=article-2019-11-02-indelimane": NEWEST_FIRST,
    "source=another": [],
    "reported_from=2019-11-02": NEWEST_FIRST[:5],
    "reported_to=2019-11-01": [GOV_53],
    "reported_to=2019-11-01T23:59:59Z": [],
    "measure=wounded": [WOUNDED_3],
    "measure=missing": [],
    "measure=killed&reported_by=fama": [ARMY_49],
    "as_of=2019-11-01": [GOV_53],
    "as_of=2019-10-31": [],
    "recorded_as_of=2000-01-01": [],
    "limit=2": NEWEST_FIRST[:2],
}


@pytest.mark.parametrize("question", REPORT_CASES)
def test_a_report_filter_finds_exactly_the_matching_reports(client: Client, question: str) -> None:
    assert client.ids(f"/v1/toll-reports?{question}") == REPORT_CASES[question]


def test_every_report_filter_has_a_case() -> None:
    named = {pair.split("=")[0] for question in REPORT_CASES for pair in question.split("&")}
    assert parameters_of(ReportQuery).keys() - named == {"cursor", "total", "bom", "f"}


def test_as_of_the_first_day_the_first_report_stands(client: Client) -> None:
    assert client.json("/v1/toll-reports?as_of=2019-11-01")["items"][0]["status"] == "standing"


def test_paging_through_reports_returns_each_once(client: Client) -> None:
    # when
    seen, address = [], "/v1/toll-reports?limit=4"
    while address:
        page = client.json(address)
        seen += [r["id"] for r in page["items"]]
        address = page["next"]

    # then
    assert seen == NEWEST_FIRST


def test_reports_are_available_as_ndjson_and_csv(client: Client) -> None:
    # when
    lines = client.get("/v1/toll-reports?f=ndjson")
    table = client.get("/v1/toll-reports", headers={"Accept": "text/csv"})

    # then
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["id"] for line in lines.text.splitlines()] == NEWEST_FIRST
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["id"] for row in rows] == NEWEST_FIRST
    assert [rows[0][name] for name in ("incidents", "low", "best", "high")] == ["; ".join(ASSAULTS), "41", "", ""]


def test_reporters_are_counted_by_reports_and_incidents(client: Client) -> None:
    assert client.json("/v1/reporters?total=true") == {
        "items": [
            {
                "id": "anon-article-2019-11-02", "name": "Unnamed sources of the article of 2 November 2019",
                "kind": "anonymous", "reports": 1, "incidents": 2,
            },
            {"id": "fama", "name": "Malian Armed Forces", "kind": "military", "reports": 3, "incidents": 1},
            {"id": "gov-ml", "name": "Government of Mali", "kind": "government", "reports": 1, "incidents": 1},
            {
                "id": "media-article-2019-11-02", "name": "Newspaper article of 2 November 2019", "kind": "media",
                "reports": 1, "incidents": 2,
            },
        ],
        "next": None,
        "next_cursor": None,
        "total": 4,
    }  # fmt: skip


def test_sources_are_counted_by_reports_and_incidents(client: Client) -> None:
    assert client.json("/v1/sources") == {
        "items": [ARTICLE | {"reports": 6, "incidents": 3}],
        "next": None,
        "next_cursor": None,
    }


def test_counts_hold_at_as_of(client: Client) -> None:
    assert client.json("/v1/sources?as_of=2019-11-01")["items"] == [ARTICLE | {"reports": 1, "incidents": 1}]


def test_a_country_is_followed_by_its_regions(client: Client) -> None:
    assert client.json("/v1/regions") == {"items": [MALI, MENAKA]}
    assert client.json("/v1/regions?as_of=2019-11-01") == {
        "items": [MALI | {"incidents": 1, "date_from": "2019-11-01"}, MENAKA]
    }


def test_a_country_has_sums_and_the_sums_of_its_regions(client: Client) -> None:
    shared = {"killed_shared": {"low": 40, "best": 40, "high": 41}}
    assert client.json("/v1/regions/ML") == MALI | SUMS | shared | {"regions": [MENAKA]}


def test_a_region_has_the_sums_of_its_incidents(client: Client) -> None:
    assert client.json("/v1/regions/ML-9") == MENAKA | SUMS | {"regions": []}
    assert client.json("/v1/regions/ml-9") == client.json("/v1/regions/ML-9")


def test_a_region_without_incidents_exists_and_is_empty(client: Client) -> None:
    # when
    found = client.json("/v1/regions/ML-8")

    # then
    assert (found["name"], found["incidents"], found["date_from"], found["killed"]) == ("Kidal", 0, None, NOTHING)


@pytest.mark.parametrize("address", ["/v1/regions/FR", "/v1/regions/ML?as_of=2000-01-01"])
def test_a_country_without_incidents_exists_and_is_empty(client: Client, address: str) -> None:
    # when
    found = client.json(address)

    # then
    assert (found["kind"], found["incidents"], found["date_to"], found["regions"]) == ("country", 0, None, [])


@pytest.mark.parametrize("code", ["XX", "ML-99", "menaka", "MLI", "%20"])
def test_an_unknown_iso_code_is_a_404(client: Client, code: str) -> None:
    # when
    answer = client.get(f"/v1/regions/{code}")

    # then
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_region_without_an_iso_code_is_listed_by_name(empty_client: Client, database: Database) -> None:
    # given
    somewhere = incident_draft(
        "a", country="SO", region={"code": None, "name": "Far Coast"}, toll_reports=[report_body(2)]
    )
    record(database, somewhere)

    # when
    region = empty_client.json("/v1/regions")["items"][1]
    sums = empty_client.json("/v1/stats?group_by=region")["items"]

    # then
    assert (region["code"], region["name"], region["incidents"]) == (None, "Far Coast", 1)
    assert [(s["region"], s["region_name"], s["killed"]["best"]) for s in sums] == [("Far Coast", "Far Coast", 2)]


def test_a_file_of_reports_contains_all_of_them(client: Client) -> None:
    whole = client.get("/v1/toll-reports?f=csv").text.splitlines()
    assert len(whole) == 1 + len(client.ids("/v1/toll-reports")) == 7
    assert len(client.get("/v1/toll-reports?f=ndjson").text.splitlines()) == 6
    cut = client.get("/v1/toll-reports?f=csv&limit=2")
    assert len(cut.text.splitlines()) == 3 and 'rel="next"' in cut.headers["link"]
    assert client.get("/v1/toll-reports?f=csv&reported_by=nobody").text.splitlines() == whole[:1]


def test_statistics_by_day_use_the_first_day_of_an_incident(client: Client) -> None:
    months, days = (client.json(f"/v1/stats?country=ML&group_by={by}")["items"] for by in ("month", "day"))
    assert [d["day"] for d in days] == sorted(d["day"] for d in days)
    assert [(d["day"], d["incidents"], d["killed"]["best"]) for d in days if d["killed"]["best"]] == [
        ("2019-11-01", 1, 49)
    ]
    assert sum(d["incidents"] for d in days) == sum(m["incidents"] for m in months)


def test_statistics_as_csv_have_a_header_without_matches(client: Client) -> None:
    told = client.get("/v1/stats?f=csv&group_by=region&country=FR").text.splitlines()
    assert len(told) == 1 and told[0].startswith("region,region_name,incidents,killed_low")
    assert client.get("/v1/stats?f=csv").text.splitlines()[1].startswith("3,49,49,49")
