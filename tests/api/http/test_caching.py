"""Cache headers and revalidation."""

import re
from email.utils import parsedate_to_datetime

import pytest

from app.store.db.database import Database
from tests.builders import record_report
from tests.support import PAGES, READ_ADDRESSES, Client

INDELIMANE = "ml-2019-11-01-indelimane"


def _vary(header: str) -> set[str]:
    return {part.strip().lower() for part in header.split(",")}


@pytest.mark.parametrize("address", [*READ_ADDRESSES, *PAGES])
def test_a_response_states_how_it_may_be_cached(client: Client, address: str) -> None:
    # when
    headers = client.get(address).headers

    # then
    assert re.fullmatch(r'"([0-9a-f]+-[0-9a-f]{8}\.)?[0-9a-f]{24}"', headers["etag"]), "strong"
    assert headers["cache-control"] == "public, no-cache"
    assert parsedate_to_datetime(headers["last-modified"]).year >= 2024
    assert {"accept", "accept-encoding"} <= _vary(headers["vary"])


@pytest.mark.parametrize("address", [*READ_ADDRESSES, *PAGES])
def test_a_new_report_changes_the_etag(own_client: Client, seeded: Database, address: str) -> None:
    # given
    had = own_client.get(address).headers["etag"]
    record_report(seeded, INDELIMANE, best=50, reporter="ngo", reported_on="2019-11-03")

    # when
    answer = own_client.get(address, headers={"If-None-Match": had})

    # then
    assert answer.status_code == 200
    assert answer.headers["etag"] != had


def test_a_report_about_another_incident_keeps_the_etag(own_client: Client, seeded: Database) -> None:
    # given
    had = own_client.get(f"/v1/incidents/{INDELIMANE}").headers
    record_report(seeded, "ml-2019-10-burkina-border-1", best=1)

    # when
    answer = own_client.get(f"/v1/incidents/{INDELIMANE}", headers={"If-None-Match": had["etag"]})

    # then
    assert (answer.status_code, answer.headers["last-modified"]) == (304, had["last-modified"])


@pytest.mark.parametrize("address", [*READ_ADDRESSES, *PAGES])
@pytest.mark.parametrize("sent", ["{}", 'W/"other", {}', "W/{}", "*", '"a",  {} ,"b"'])
def test_a_matching_etag_gets_a_304(client: Client, address: str, sent: str) -> None:
    # given
    had = client.get(address).headers

    # when
    answer = client.get(address, headers={"If-None-Match": sent.format(had["etag"])})

    # then
    assert (answer.status_code, answer.content) == (304, b"")
    for name in ("etag", "cache-control", "last-modified"):
        assert answer.headers[name] == had[name]
    assert _vary(answer.headers["vary"]) == _vary(had["vary"])


@pytest.mark.parametrize("sent", ['"another"', "", "W/*", '"'])
def test_another_etag_gets_the_whole_response(client: Client, sent: str) -> None:
    assert client.get("/v1/incidents", headers={"If-None-Match": sent}).status_code == 200


@pytest.mark.parametrize("address", ["/v1/incidents/nowhere", "/v1/incidents/nowhere/toll-history",
                                     "/v1/incidents/nowhere/versions", "/v1/toll-reports/nothing", "/v1/regions/XX",
                                     "/v1/incidents?region=Menaca"])  # fmt: skip
def test_a_missing_record_is_a_404_whatever_the_etag(client: Client, address: str) -> None:
    """`If-None-Match: *` matches whatever there is; here there is nothing (RFC 9110, 13.1.2)."""
    assert client.get(address, headers={"If-None-Match": "*"}).status_code in (404, 422)


def test_every_format_has_its_own_etag(client: Client) -> None:
    # when
    asked = [("f=json", {}), ("f=csv", {}), ("f=geojson", {}), ("f=ndjson", {}), ("", {"Accept": "text/csv"}),
             ("", {"Accept-Encoding": "gzip"}), ("", {"Accept-Encoding": "br"}), ("", {"Accept-Encoding": "identity"}),
             ("limit=2", {}), ("", {})]  # fmt: skip
    tags = [client.get(f"/v1/incidents?{query}", headers=headers).headers["etag"] for query, headers in asked]

    # then
    assert len(set(tags)) == len(asked)


@pytest.mark.parametrize(("accept", "kind"), [
    ("application/json", "application/json"), ("text/csv", "text/csv; charset=utf-8"), ("*/*", "application/json"),
    ("application/geo+json", "application/geo+json"), ("text/html", "application/json"),
    ("text/csv;q=0.1, application/x-ndjson;q=0.9", "application/x-ndjson"), ("TEXT/CSV", "text/csv; charset=utf-8"),
    ("text/csv;q=0", "application/json"),
])  # fmt: skip
def test_accept_selects_the_format(client: Client, accept: str, kind: str) -> None:
    # when
    answer = client.get("/v1/incidents", headers={"Accept": accept})

    # then
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


def test_f_overrides_accept(client: Client) -> None:
    answer = client.get("/v1/incidents?f=json", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"


def test_a_response_about_a_past_instant_may_be_cached(client: Client) -> None:
    assert client.get("/v1/incidents?recorded_as_of=2000-01-01").headers["cache-control"] == "public, max-age=3600"
    assert client.get("/v1/incidents?recorded_as_of=2999-01-01").headers["cache-control"] == "public, no-cache"


def test_the_earliest_instant_gives_a_valid_http_date(client: Client) -> None:
    told = client.get("/v1/incidents?recorded_as_of=0001-01-01").headers["last-modified"]
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", told), told
