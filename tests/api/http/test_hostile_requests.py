"""Invalid and hostile requests get a problem document that names the error without echoing it, never a 500."""

import time
from urllib.parse import unquote

import httpx
import pytest

from app.query.parameters import (
    ClockQuery,
    HistoryQuery,
    IncidentByIdQuery,
    IncidentQuery,
    ListQuery,
    RecordedQuery,
    ReportQuery,
    StatisticsQuery,
)
from app.query.query import Query, parameters_of
from tests.support import INDELIMANE, READ_ADDRESSES, Client

ONE_REPORT = "/v1/toll-reports/tr-indelimane-killed-gov-1"
ROUTES = {
    "/v1/incidents": IncidentQuery, INDELIMANE: IncidentByIdQuery, f"{INDELIMANE}/toll-history": HistoryQuery,
    f"{INDELIMANE}/versions": RecordedQuery, "/v1/toll-reports": ReportQuery, ONE_REPORT: ClockQuery,
    "/v1/reporters": ListQuery, "/v1/sources": ListQuery, "/v1/regions": ClockQuery, "/v1/regions/ML": ClockQuery,
    "/v1/stats": StatisticsQuery,
}  # fmt: skip
NOT_TEXT = ["%ED%A0%80", "%00", "a%00b", "%FF%FE", "%C0%80", "%F5%80%80%80"]
NUMBERS = ["9223372036854775808", "-9223372036854775809", "9" * 5000, "-" + "9" * 5000, "NaN", "Infinity", "-Infinity",
           "1e400", "1e3", "0x10", "1_000", "1.0", "+1", " 1", "1%20", "%D9%A1%D9%A0", "%C2%B2", "true", "", "1,000",
           "1%0A"]  # fmt: skip
MOMENTS = ["2019-11-01T12:00:00", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "10000-01-01",
           "%2B10000-01-01", "-0001-01-01", "2019-02-29", "2019-13-01", "2019-11-31", "20191101", "2019-W44-5",
           "2019-11-01T25:00:00Z", "2019-11-01T23:59:60Z", "2019-11-01T00:00:00%2B99:99", "2019-11-01T00:00:00Z;",
           "1572566400", "now", "", "%D9%A2%D9%A0%D9%A1%D9%A9-11-01", "2019-11-01%0A", "0000-01-01", "1e9",
           "2019-11-01T00:00:00.1234567Z", "NaN"]  # fmt: skip
PLACES = {
    "bbox": ["", ",", "1,2,3", "1,2,3,4,5", "a,b,c,d", "NaN,0,1,1", "0,0,Infinity,1", "-181,0,0,1", "0,-91,1,1",
             "0,2,1,1", "1e,0,2,2", "1e1.5,0,2,2", "e1,0,2,2", "1e1000,0,2,2", "0,0,1,1e400", "0;0;1;1", "%D9%A1,0,1,1", "0,0,1," + "9" * 400],
    "near": ["", "15.9", "91,0", "0,181", "15.9,2.4,1", "NaN,NaN", "1e400,0", "15.9;2.4", "-90.0000001,0"],
    "radius_km": ["", "0", "-1", "NaN", "Infinity", "1e400", "20041", "0.0", "true", "%D9%A1"],
}  # fmt: skip
SEARCHES = ["--", "'", '"', "*", "a*", "NEAR(", "NEAR(a b, 2)", "AND", "OR", "NOT", "a AND", "AND AND AND", "a NOT b", "-",
            "-a", ":", "title:", "title: a", "title : a", "^a", "{title}: a", "a+b", "(", ")", "((((", "a OR", '"a', 'a"b',
            "'; DROP TABLE segment; --", "%25", "_", "\\", "a\nb", "²", "ﷺ" * 200, "a " * 100, "💣", "\u202e", "é" * 200,
            "a'b", "Ⅷ", "ﬀ", "İ", "ß", "ـ", "ா", "\U000e0041", "1", "0", "null"]  # fmt: skip
DEFAULT = {"near": "15.9,2.4", "radius_km": "10"}


def _names(model: type[Query]) -> list[str]:
    return list(parameters_of(model))


def _is_problem(answer: httpx.Response, sent: str, *statuses: int) -> None:
    """A short problem document of one of these statuses that repeats at most 300 characters of what was sent."""
    assert answer.status_code in (statuses or (422,)), f"{sent[:100]!r}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    decoded = unquote(sent)
    for value in (sent, decoded):
        assert len(value) < 300 or value[:300] not in answer.text, "echoed at length"
    assert len(answer.text) < 3000
    assert all(len(fault["value"] or "") <= 500 for fault in told.get("errors", ()))


@pytest.mark.parametrize("route", ROUTES)
def test_every_parameter_rejects_invalid_text(client: Client, route: str) -> None:
    for name in _names(ROUTES[route]):
        for value in [*NOT_TEXT, "", "a" * 10_000, "%F0%9F%92%A3" * 1000]:
            _is_problem(client.get(f"{route}?{name}={value}"), value)


@pytest.mark.parametrize(
    "name", ["limit", "killed_min", "survived_max", "revisions_min", "spread_min", "ever_killed_min"]
)
def test_a_value_that_is_not_an_integer_is_rejected(client: Client, name: str) -> None:
    for value in [*NUMBERS, *(["0", "-1", "1001"] if name == "limit" else ["-1", "9007199254740992"])]:
        _is_problem(client.get(f"/v1/incidents?{name}={value}"), value)


@pytest.mark.parametrize("name", ["as_of", "recorded_as_of", "date_from", "date_to", "updated_since", "reported_to"])
def test_a_value_that_is_not_an_instant_is_rejected(client: Client, name: str) -> None:
    for value in MOMENTS:
        _is_problem(client.get(f"/v1/incidents?{name}={value}"), value)


@pytest.mark.parametrize("name", ["as_of", "recorded_as_of", "reported_from", "reported_to", "updated_since"])
@pytest.mark.parametrize(
    "value", ["0001-01-01", "9999-12-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
              "0001-01-01T00:00:00-14:00", "9999-12-31T23:59:59%2B14:00", "2019-11-01T00:00:00+00:00"]
)  # fmt: skip
def test_the_first_and_last_instant_are_accepted(client: Client, name: str, value: str) -> None:
    assert client.get(f"/v1/incidents?{name}={value}").status_code == 200


@pytest.mark.parametrize("name", PLACES)
def test_a_value_that_is_not_a_place_is_rejected(client: Client, name: str) -> None:
    for value in PLACES[name]:
        others = "".join(f"&{other}={v}" for other, v in DEFAULT.items() if other != name and name != "bbox")
        _is_problem(client.get(f"/v1/incidents?{name}={value}{others}"), value)


def test_an_incomplete_circle_is_rejected_with_the_missing_parameter(client: Client) -> None:
    for given, missing in (("near=0,0", "radius_km"), ("radius_km=5", "near")):
        answer = client.get(f"/v1/incidents?{given}")
        _is_problem(answer, given)
        assert [fault["name"] for fault in answer.json()["errors"]] == [missing]


@pytest.mark.parametrize("value", ["1", "0", "yes", "on", "None", "null", "[]", "tru", "true,false", "true%20"])
def test_a_value_that_is_not_a_boolean_is_rejected(client: Client, value: str) -> None:
    for name in ("disputed", "total"):
        _is_problem(client.get(f"/v1/incidents?{name}={value}"), value)


@pytest.mark.parametrize("name", ["q", "place", "actor"])
def test_a_search_accepts_any_words(client: Client, name: str) -> None:
    for words in SEARCHES:
        answer = client.get("/v1/incidents", params={name: words})
        assert answer.status_code in (200, 422), f"{words[:50]!r}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code == 422:
            _is_problem(answer, words)


def test_search_operators_are_ordinary_words(client: Client) -> None:
    assert client.ids("/v1/incidents?q=attack%20NOT%20indelimane") == []
    assert client.ids('/v1/incidents?q="army%20post"%20-title:*') == []
    assert client.ids('/v1/incidents?q="army%20-%20post*') == ["ml-2019-11-01-indelimane"]


@pytest.mark.parametrize("route", ROUTES)
def test_an_unknown_parameter_is_rejected_by_name(client: Client, route: str) -> None:
    for name in ["unknown", "Limit", "limit[]", "limit%00", "__proto__", "", "id", "%F0%9F%92%A3", "a" * 5000]:
        answer = client.get(f"{route}?{name}=1")
        _is_problem(answer, name)
        assert answer.json()["errors"][0]["in"] == "query"


@pytest.mark.parametrize("route", ROUTES)
def test_a_repeated_parameter_is_rejected(client: Client, route: str) -> None:
    name = _names(ROUTES[route])[-1]
    value = {"f": "json", "cursor": "x"}.get(name, "2019-11-02")
    if route in ("/v1/reporters", "/v1/sources"):
        name, value = "total", "true"
    answer = client.get(f"{route}?{name}={value}&{name}={value}")
    _is_problem(answer, value)
    assert answer.json()["errors"][0] == {
        "in": "query", "name": name, "message": "is given more than once", "value": value,
    }  # fmt: skip


@pytest.mark.parametrize("pair", ["limit=1", "country=ML", "country=nowhere{}", "region=Menaca{}", "region=qwertz{}",
                                  "x{}=1", "f={}", "&", "", "=", "sub_event_type=Armed%20clsh{}"])  # fmt: skip
def test_a_thousand_parameters_are_rejected_quickly(client: Client, pair: str) -> None:
    # when
    begun = time.process_time()
    answer = client.get("/v1/incidents?" + "&".join(pair.format(n) for n in range(1000))[:16_000])

    # then
    assert answer.status_code == 422
    assert time.process_time() - begun < 2
    assert len(answer.text) < 50_000


@pytest.mark.parametrize(
    "name", [*NOT_TEXT, "9" * 5000, "a" * 10_000, "%F0%9F%92%A3" * 500, "..%2F..%2Fetc%2Fpasswd", "%25", "'%20OR%201=1--",
             "%0d%0aX-Injected:%201", "<script>", "%2e%2e", "ML-", "-", "%C2%A0", "%E2%80%AE"]
)  # fmt: skip
@pytest.mark.parametrize("route", ["/v1/incidents/{}", "/v1/incidents/{}/toll-history", "/v1/incidents/{}/versions",
                                   "/v1/toll-reports/{}", "/v1/regions/{}", "/{}", "/assets/{}"])  # fmt: skip
def test_an_unknown_path_is_a_404(client: Client, route: str, name: str) -> None:
    # when
    answer = client.get(route.format(name))

    # then
    _is_problem(answer, name, 404)
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize("sent", [b"", b";;;,,,", b"text/csv;q=\xb2", b"text/csv;q=1e400", b"text/csv;q=nan", b"\xff\xfe",
                                  b"*/*" * 5000, b",".join([b"a/b"] * 9000), b"text/csv;q=-1", b"text/csv;q=.", b"a" * 9000,
                                  b"text/csv;q=1.1.1", b"application/geo+json;q", b"/", b"text/csv;q=99999"])  # fmt: skip
def test_an_invalid_accept_header_is_ignored(client: Client, sent: bytes) -> None:
    for address in READ_ADDRESSES:
        assert client.get(address, headers={"Accept": sent}).status_code == 200


@pytest.mark.parametrize("header", ["If-None-Match", "If-Modified-Since", "Accept-Encoding", "Range", "X-Request-ID",
                                    "Origin", "Content-Length", "Expect", "Cookie"])  # fmt: skip
def test_an_invalid_header_is_ignored(client: Client, header: str) -> None:
    for sent in (b"", b"\xff\xfe", b"a" * 20_000, b'"' * 500, b"\xb2", b"-1", b"gzip;q=\xb2"):
        assert client.get("/v1/incidents", headers={header: sent}).status_code == 200


@pytest.mark.parametrize(
    "sent", [b"", b"\xff\xfe", b"a" * 20_000, b'"' * 500, b"Bearer", b"Bearer \xb2", b"Basic eDp5"]
)
def test_an_invalid_key_is_never_treated_as_no_key(client: Client, sent: bytes) -> None:
    _is_problem(client.get("/v1/incidents", headers={"Authorization": sent}), "/v1/incidents", 401)


@pytest.mark.parametrize("route", ["/v1/stats", f"{INDELIMANE}/toll-history", "/v1/toll-reports", INDELIMANE])
@pytest.mark.parametrize("form", ["geojson", "ndjson", "csv", "json"])
def test_an_unknown_format_is_rejected(client: Client, route: str, form: str) -> None:
    # when
    answer = client.get(f"{route}?f={form}")

    # then
    if answer.status_code == 422:
        _is_problem(answer, form)
    elif form == "geojson":
        assert answer.json()["type"] in ("Feature", "FeatureCollection")
    elif form == "ndjson":
        assert '"items"' not in answer.text[:20]
