"""HTTP semantics of every read route: HEAD, OPTIONS, CORS, compression, security headers."""

import gzip
import re

import brotli
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import __version__
from tests.support import PAGES, READ_ADDRESSES, Client

INDELIMANE = "/v1/incidents/ml-2019-11-01-indelimane"
UNCACHED = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/errors", "/redoc"]
FILES = ["/favicon.ico", "/assets/pages.css", "/assets/vendor/leaflet/leaflet.js"]
ERRORS = [
    ("GET", "/v1/incidents?regoin=x", 422), ("GET", "/v1/incidents/nowhere", 404), ("GET", "/nowhere", 404),
    ("PUT", "/v1/incidents", 405), ("POST", "/v1/incidents", 401), ("DELETE", INDELIMANE, 405), ("PUT", "/healthz", 405), ("BREW", "/v1/stats", 405),
    ("POST", "/docs", 405), ("POST", "/assets/docs.css", 405), ("GET", "/assets/nowhere", 404),
    ("GET", "/v1/incidents/", 404), ("GET", f"/v1/incidents?q={'a' * 17_000}", 414), ("OPTIONS", "/nowhere", 404),
]  # fmt: skip
WRITTEN = {
    "/v1/incidents": {"post"}, "/v1/toll-reports": {"post"}, "/v1/reporters": {"post"}, "/v1/sources": {"post"},
    INDELIMANE: {"patch"},
}  # fmt: skip
"""What may be done at an address besides reading."""
SAFETY = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


def _vary(header: str) -> set[str]:
    return {part.strip().lower() for part in header.split(",")}


@pytest.mark.parametrize("address", [*READ_ADDRESSES, *PAGES, *UNCACHED, *FILES, "/v1/incidents/nowhere"])
def test_head_has_the_headers_of_get_and_no_body(client: Client, address: str) -> None:
    # when
    told, got = client.request("HEAD", address), client.get(address)

    # then
    assert (told.status_code, told.content) == (got.status_code, b"")
    varying = {"x-request-id"} | ({"content-length"} if address == "/metrics" else set())
    assert {k: v for k, v in told.headers.items() if k not in varying} == {
        k: v for k, v in got.headers.items() if k not in varying
    }


@pytest.mark.parametrize(
    "address", [*(a.split("?")[0] for a in READ_ADDRESSES), *PAGES, *FILES, "/healthz", "/openapi.json", "/docs"]
)
def test_options_lists_the_methods(client: Client, address: str) -> None:
    # when
    answer = client.request("OPTIONS", address)

    # then
    assert (answer.status_code, answer.content) == (204, b"")
    assert _vary(answer.headers["allow"]) == {"get", "head", "options"} | WRITTEN.get(address.split("?")[0], set())


def test_other_origins_may_read(client: Client) -> None:
    # when
    answer = client.get("/v1/incidents", headers={"Origin": "https://elsewhere.example"})

    # then
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = _vary(answer.headers["access-control-expose-headers"])
    assert {"etag", "link", "last-modified", "x-request-id"} <= exposed


def test_a_preflight_request_is_accepted(client: Client) -> None:
    # when
    asked = {
        "Origin": "https://elsewhere.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "if-none-match",
    }
    answer = client.request("OPTIONS", "/v1/incidents", headers=asked)

    # then
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert _vary(answer.headers["access-control-allow-methods"]) == {"get", "head", "options"}
    assert "if-none-match" in _vary(answer.headers["access-control-allow-headers"])


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br", "zstd"])
@pytest.mark.parametrize("headers", [{}, {"Origin": "https://elsewhere.example"}, {"If-None-Match": "*"}])
@pytest.mark.parametrize(
    "address", [*READ_ADDRESSES, *PAGES, *UNCACHED, *FILES, "/v1/incidents?f=ndjson", "/v1/incidents/nowhere", "/ogc"]
)
def test_vary_names_each_field_once(client: Client, address: str, headers: dict[str, str], encoding: str) -> None:
    # when
    answer = client.get(address, headers=headers | {"Accept-Encoding": encoding})

    # then
    fields = [field.strip().lower() for line in answer.headers.get_list("vary") for field in line.split(",")]
    assert len(set(fields)) == len(fields)
    assert answer.headers.get("content-encoding") is None or "accept-encoding" in fields


@pytest.mark.parametrize("address", [*READ_ADDRESSES, *PAGES, *FILES])
def test_a_response_without_a_body_has_no_length(client: Client, address: str) -> None:
    unchanged, options = client.get(address, headers={"If-None-Match": "*"}), client.request("OPTIONS", address)
    assert (unchanged.status_code, options.status_code) == (304, 204)
    for answer in (unchanged, options):
        assert answer.content == b"" and {"content-length", "content-type"}.isdisjoint(answer.headers)


@pytest.mark.parametrize("address", FILES)
def test_a_known_asset_gets_a_304(client: Client, address: str) -> None:
    had = client.get(address).headers
    assert client.get(address, headers={"If-None-Match": had["etag"]}).status_code == 304
    assert client.get(address, headers={"If-Match": '"x"'}).status_code == 412
    again = client.get(address, headers={"If-None-Match": '"x"'})
    assert (again.status_code, again.headers["etag"]) == (200, had["etag"])


def test_the_favicon_is_served(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/vnd.microsoft.icon")
    assert answer.content[:6] == b"\0\0\1\0\1\0" and answer.content[22:30] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize(
    "address",
    ["/v1/incidents", "/v1/incidents?f=csv", "/v1/incidents?f=ndjson", "/v1/incidents?f=geojson", "/openapi.json"],
)
def test_responses_are_compressed_as_requested(client: Client, encoding: str, address: str) -> None:
    # given
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    # when
    answer = client.get(address, headers={"Accept-Encoding": encoding})

    # then
    assert (plain.headers.get("content-encoding"), answer.headers["content-encoding"]) == (None, encoding)
    assert answer.content == plain.content
    raw = client.raw(address, headers={"Accept-Encoding": encoding})
    assert len(raw) < len(plain.content)
    if encoding != "zstd":
        assert {"gzip": gzip.decompress, "br": brotli.decompress}[encoding](raw) == plain.content


@pytest.mark.parametrize("sent", ["abc-1", "A" * 64, "018f.7_x"])
def test_a_request_id_is_returned(client: Client, sent: str) -> None:
    assert client.get("/v1/incidents", headers={"X-Request-ID": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "A" * 65, "a b", "<script>", "a\x0bb", "é"])
def test_an_invalid_request_id_is_replaced(client: Client, sent: str) -> None:
    # when
    made = client.get("/nowhere", headers={"X-Request-ID": sent.encode()}).headers["x-request-id"]

    # then
    assert re.fullmatch("[0-9a-f]{16}", made)
    assert made != client.get("/nowhere").headers["x-request-id"]


@pytest.mark.parametrize("address", [*READ_ADDRESSES, *PAGES, *UNCACHED, *(address for _, address, _ in ERRORS)])
def test_every_response_has_the_security_headers(client: Client, address: str) -> None:
    # when
    headers = client.get(address).headers

    # then
    assert {name: headers[name] for name in SAFETY} == SAFETY
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(("method", "address", "status"), ERRORS)
def test_every_error_is_a_problem_document(client: Client, method: str, address: str, status: int) -> None:
    # when
    answer = client.request(method, address)

    # then
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert told.keys() - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert (told["status"], told["instance"]) == (status, address.split("?")[0])
    assert re.fullmatch(r"/docs/errors#[a-z-]+", told["type"])
    assert answer.headers["cache-control"] == "no-store"
    assert ("allow" in answer.headers) == (status == 405)
    written = WRITTEN.get(address.split("?")[0], set())
    assert status != 405 or _vary(answer.headers["allow"]) == {"get", "head", "options"} | written


def test_a_preflight_for_a_write_is_rejected_with_a_problem_document(client: Client) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "DELETE"}
    answer = client.request("OPTIONS", "/v1/incidents", headers=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_the_service_reports_its_health(client: Client) -> None:
    for address in ("/healthz", "/readyz"):
        answer = client.get(address)
        assert answer.json() == {"status": "ok", "version": __version__, "detail": None}
        assert answer.headers["cache-control"] == "no-store"


def test_metrics_count_requests_by_route_not_by_address(client: Client) -> None:
    # given
    client.get("/v1/incidents/a-name-that-nobody-bears")
    # when
    text = client.get("/metrics").text

    # then
    series = r'http_requests_total\{method="GET",route="/v1/incidents/\{incident_id\}",status="404"\} [1-9]'
    assert re.search(series, text)
    assert "a-name-that-nobody-bears" not in text


COUNTED = {
    **dict(zip(PAGES, ["/", "/incidents/{incident_id}", *["/regions/{code}"] * 2, "/sources/{id}", "/reporters/{id}",
                       "/feed.atom", "/guide"], strict=True)),
    "/incidents/nowhere": "/incidents/{incident_id}", "/docs": "/docs", "/openapi.json": "/openapi.json",
    "/metrics": "/metrics", "/assets/pages.css": "/assets/{path}",
    "/assets/vendor/swagger-ui/swagger-ui.css": "/assets/vendor/{path}", "/assets/nowhere": "/assets/{path}",
    "/v1/incidents": "/v1/incidents", "/ogc": "/ogc", "/healthz": "/healthz", "/nowhere": "unmatched",
}  # fmt: skip


@pytest.mark.parametrize(("address", "route"), COUNTED.items())
def test_metrics_name_the_route_of_pages_and_files_too(client: Client, address: str, route: str) -> None:
    # given
    def counted() -> dict[str, float]:
        samples = (s for m in text_string_to_metric_families(client.get("/metrics").text) for s in m.samples)
        told: dict[str, float] = {}
        for sample in samples:
            if sample.name == "http_requests_total":
                told[sample.labels["route"]] = told.get(sample.labels["route"], 0) + sample.value
        return told

    before = counted()

    # when
    client.get(address)

    # then: besides the request for the metrics themselves
    after = counted()
    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert grown == ({"/metrics": 2} if route == "/metrics" else {"/metrics": 1, route: 1})
