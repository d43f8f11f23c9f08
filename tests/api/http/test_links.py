"""The `Link` header has an absolute address for the client; `next` in the body is a path."""

import asyncio

import httpx
import pytest

from app.api.application import create_app
from app.settings import Settings
from app.store.db.database import Database
from tests.support import Client, Service

PAGED = [
    "/v1/incidents", "/v1/incidents?f=csv", "/v1/incidents?f=ndjson", "/v1/incidents?f=geojson", "/v1/toll-reports",
    "/v1/toll-reports?f=csv", "/v1/reporters", "/v1/changes", "/ogc/collections/incidents/items",
]  # fmt: skip
PAGE = "/v1/incidents?limit=1&region=M%C3%A9naka&near_border=NE&near_border=BF&region=ML-9&sort=date"


def _with_limit(address: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}limit=1"


@pytest.mark.parametrize("address", PAGED)
def test_every_list_can_be_paged_by_its_links(service: Service, address: str) -> None:
    # when: the way that `requests` and httpx users go
    url, pages = f"{service.base}{_with_limit(address)}", []
    while url:
        answer = httpx.get(url)
        assert answer.status_code == 200, f"{url}: {answer.text[:300]}"
        pages.append(answer.content)
        url = answer.links.get("next", {}).get("url")

    # then
    assert len(pages) == len(set(pages)) >= 3


def test_a_link_combines_the_clients_origin_with_the_path_of_next(client: Client) -> None:
    # when
    answer = client.get("/v1/incidents?limit=1", headers={"Host": "data.example:8443"})

    # then
    path = answer.json()["next"]
    assert path.startswith("/v1/incidents?limit=1&cursor=")
    assert answer.headers["link"] == f'<http://data.example:8443{path}>; rel="next"'


def test_the_link_contains_the_escaped_query(client: Client) -> None:
    # when
    answer = client.get("/v1/incidents?limit=1&place=a%22%3E%3Cb%0D%0A%2C&f=ndjson")
    other = client.get("/v1/toll-reports?limit=1&measure=killed")

    # then
    assert answer.status_code == 200 and "link" not in answer.headers
    assert other.links["next"]["url"].startswith("http://testserver/v1/toll-reports?limit=1&measure=killed&cursor=")


@pytest.mark.parametrize("host", [
    'evil.example"><x', "evil.example>; rel=next, <http://evil.example", "evil.example/path?x", "a b", "user@evil.example",
    "evil.example:http", "evil.example:99999999", "[::1", "é.example", "", "a\\b",
])  # fmt: skip
def test_an_invalid_host_never_appears_in_a_link(service: Service, host: str) -> None:
    # when: such a header as only a hostile client sends
    answer = httpx.get(f"{service.base}/v1/incidents?limit=1", headers=[(b"host", host.encode("latin-1"))])

    # then: the address that the service listens on stands in its place
    assert answer.headers["link"] == f'<{service.base}{answer.json()["next"]}>; rel="next"'


def test_the_base_url_in_the_settings_overrides_the_request(seeded: Database) -> None:
    # given
    made = Client(seeded, public_url="https://data.example/conflict/")

    # when
    answer = made.get("/v1/incidents?limit=1", headers={"Host": "inside:8000"})
    made.close()

    # then
    path = answer.json()["next"]
    assert path.startswith("/v1/")
    assert answer.headers["link"] == f'<https://data.example/conflict{path}>; rel="next"'


def test_a_local_proxy_sets_the_scheme(service: Service) -> None:
    told = {"Host": "data.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    answer = httpx.get(f"{service.base}/v1/incidents?limit=1", headers=told)
    assert answer.links["next"]["url"] == f"https://data.example{answer.json()['next']}"


def test_a_path_prefix_is_in_path_and_link_once(seeded: Database) -> None:
    # given
    url = seeded.url.render_as_string(hide_password=False)
    app = create_app(Settings(_env_file=None, database_url=url))  # type: ignore[call-arg]
    transport = httpx.ASGITransport(app, root_path="/conflict")

    async def read() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://data.example") as http:
            found = [await http.get(f"/conflict{_with_limit(path)}") for path in ("/v1/incidents", "/v1/changes")]
            return found + [await http.get(answer.links["next"]["url"]) for answer in found]

    # when
    answers = asyncio.run(read())
    app.state.reader.close()

    # then
    assert [answer.status_code for answer in answers] == [200] * 4
    for answer, path in zip(answers, ("/conflict/v1/incidents?", "/conflict/v1/changes?"), strict=False):
        assert answer.json()["next"].startswith(path)
        assert answer.links["next"]["url"] == f"http://data.example{answer.json()['next']}"


def test_a_304_has_no_link(client: Client) -> None:
    # given one page under two names of the service
    here, there = (client.get("/v1/incidents?limit=1", headers={"Host": host}) for host in ("here", "there"))

    # when
    unchanged = client.get("/v1/incidents?limit=1", headers={"Host": "there", "If-None-Match": here.headers["etag"]})

    # then: the bytes are the same, and so is their tag; a cache keeps the link that came with its own address
    assert (here.content, here.headers["etag"]) == (there.content, there.headers["etag"])
    assert here.headers["link"] != there.headers["link"]
    assert (unchanged.status_code, "link" in unchanged.headers) == (304, False)
