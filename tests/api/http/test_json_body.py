"""Invalid and hostile bodies are rejected quickly with the wrong member, and nothing of them is recorded."""

import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.vocabulary import Scope
from app.store.db.database import Database
from tests.builders import incident_body, report_body
from tests.support import Client, Editor

MIB = 1024 * 1024
CHUNK = b" " * 65536
SENT: dict[str, Any] = {
    "POST /v1/incidents": incident_body(
        None, region={"code": "ML-7", "name": "Gao"}, latitude=14.9, longitude=0.7, type_of_violence=1,
        near_border=["NE"],
        actors=[{"name": "An army", "role": "target"}], external_ids={"ucdp": "1"}, attributes={"a": {"b": [1]}},
        sources=[{"id": "own", "title": "A page"}], toll_reports=[report_body(3), report_body(2, "army",
        breakdown={"civilian": 2})],
    ),
    "PATCH /v1/incidents/{incident_id}": {"title": "Another", "actors": [], "attributes": {"a": 1}, "sources": []},
    "POST /v1/incidents/{incident_id}/toll-reports": report_body(3),
    "POST /v1/toll-reports": report_body(3, incidents=["there"]),
    "POST /v1/toll-reports/{report_id}/retraction": {"reason": "x", "source": {"title": "An erratum"}},
    "POST /v1/incidents/{incident_id}/withdrawal": {"reason": "x", "merged_into": None},
    "POST /v1/sources": {"id": "s", "title": "A page"},
    "POST /v1/reporters": {"id": "r", "name": "Somebody", "kind": "local"},
}  # fmt: skip
"""What every write route takes."""
NO_JSON = {
    "nothing": (b"", "is empty"),
    "white space": (b" \n\t ", "is empty"),
    "a word": (b"title", "is not JSON at line 1, column 1"),
    "more after it": (b'{"title": "x"}}', "is not JSON at line 1, column 15"),
    "a comma too many": (b'{"title": "x",,}', "is not JSON at line 1, column 15"),
    "single quotes": (b"{'title': 'x'}", "is not JSON at line 1, column 2"),
    "a form": (b"title=x&country=ML", "is not JSON at line 1, column 1"),
    "a raw control character": (b'{"title": "\x00"}', "is not JSON at line 1, column 12"),
    "a byte order mark": (b'\xef\xbb\xbf{"title": "x"}', "is not JSON at line 1, column 1"),
    "no UTF-8": (b'{"title": "\xff\xfe"}', "is not UTF-8"),
    "an encoded surrogate": (b'{"title": "\xed\xa0\x80"}', "is not UTF-8"),
    "overlong UTF-8": (b'{"title": "\xc0\x80"}', "is not UTF-8"),
    "UTF-16": ('{"title": "x"}'.encode("utf-16"), "is not UTF-8"),
    "UTF-16 without a mark": ('{"title": "x"}'.encode("utf-16-le"), "is not JSON at line 1, column 2"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "is not UTF-8"),
    "NaN": (b'{"latitude": NaN}', "has NaN in it, which is not a number of JSON"),
    "Infinity": (b'{"latitude": Infinity}', "has Infinity in it, which is not a number of JSON"),
    "-Infinity": (b'{"a": {"b": [-Infinity]}}', "has -Infinity in it, which is not a number of JSON"),
    "1e400": (b'{"latitude": 1e400}', "has a number in it that is too large"),
    "-1e400": (b'[{"a": -1e400}]', "has a number in it that is too large"),
    "an exponent of 5,000 digits": (b'{"a": 1e' + b"9" * 5000 + b"}", "has a number in it that is too large"),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "has a number of more than 20 digits in it"),
    "-5,000 digits": (b'{"a": [-' + b"9" * 5000 + b"]}", "has a number of more than 20 digits in it"),
    "arrays 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "is nested more than 64 deep"),
    "arrays that never close": (b"[" * 100_000, "is nested more than 64 deep"),
    "objects 100,000 deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is nested more than 64 deep"),
    "objects that never close": (b'{"a":' * 100_000, "is nested more than 64 deep"),
    "attributes 65 deep": (b'{"attributes": {"a":' + b"[" * 63 + b"]" * 63 + b"}}", "is nested more than 64 deep"),
}
TWICE = {
    "at the top": (b'{"title": "a", "title": "b"}', "title"),
    "the same twice": (b'{"title": "a", "title": "a"}', "title"),
    "by an escape": (b'{"title": "a", "t\\u0069tle": "b"}', "title"),
    "in an object": (b'{"reported_by": {"id": "a", "id": "b"}}', "id"),
    "in a list": (b'{"toll_reports": [{"best": 1, "best": 2}]}', "best"),
    "deep in attributes": (b'{"attributes": {"a": [[{"x": 1, "y": 2, "x": 3}]]}}', "x"),
}
NO_OBJECT: list[Any] = [[], [[]], [{}], None, 1, "title", True, 1.5]

INCIDENT = "POST /v1/incidents"
NUMBERS = [b"-1", b"true", b"false", b"3.0", b"3.5", b"3e0", b'"3"', b'""', b"9223372036854775807",
           b"9223372036854775808", b"99999999999999999999", b"-9223372036854775809", b"10000000001", b"[3]", b"{}", b'"\\ud800"']  # fmt: skip
DEGREES = [b"true", b'"14.9"', b"1e300", b"-1e300", b"180.0000001", b"9223372036854775808", b"[]", b"{}", b'"NaN"']
NO_TEXT = [b"1", b"1.5", b"true", b"[]", b"{}", b'""', b'"\\ud800"', b'"a\\udfff\\ud800b"', b'"\\u0000"',
           b'"a\\u0000b"', b'"' + b"x" * 5001 + b'"', b'"' + b"\xf0\x9f\x92\xa3" * 5001 + b'"']  # fmt: skip
NO_ID = [b'"Attack"', b'"a b"', b'".a"', b'"-a"', b'"a\\n"', b'"a/b"', b'"\xc3\xa9"', b'"' + b"a" * 101 + b'"', b'""',
         b"1", b'["a"]', b'"\\u0000"', b'"\\ud800"', b"true"]  # fmt: skip
NO_DAY = [b'"2021-02-29"', b'"2021-13-01"', b'"0000-01-01"', b'"10000-01-01"', b'"-0001-01-01"', b'"+2021-01-01"',
          b'"20210315"', b'"2021-W11-1"', b'"2021-03-15T00:00:00Z"', b'"2021-03-15\\n"', b'" 2021-03-15"', b"20210315",
          b'"\\u0662021-03-15"', b'"today"', b'""', b"1e9", b"true", b"[]", b"{}", b'"\\ud800"']  # fmt: skip
NO_MOMENT = [b'"2021-03-15T10:00:00"', b'"2021-03-15T10:00Z"', b'"2021-03-15T25:00:00Z"', b'"2021-03-15T23:59:60Z"',
             b'"2021-03-15T10:00:00+99:99"', b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59-14:00"',
             b'"0000-12-31T23:59:59Z"', b'"2021-03-15T10:00:00.1234567Z"', b'"2021-02-30T10:00:00Z"', b"1615802400",
             b'"1615802400"', b'"now"', b'"0000-01-01"', b'"2021-02-29"', b'""', b"true", b"[]", b'"\\ud800"',
             b'"2021-03-15\\u0000"']  # fmt: skip
FUTURE = [b'"2999-01-01"', b'"9999-12-31"', b'"9999-12-31T23:59:59.999999Z"']
NO_WORD = [b'"Day"', b'""', b"1", b"true", b"[]", b"{}", b'"\\ud800"', b'"' + b"x" * 5001 + b'"']
NO_LIST = [b"{}", b'"NE"', b"1", b"true"]
NO_MAP = [b"[]", b'"NE"', b"1", b"true", b"[[]]"]
NOT_ALIKE = [b"9007199254740992", b"-9007199254740993", b"9007199254740992.0", b"1e16", b"-1E+16", b"9.99e20", b"1e20",
             b'"\\ud800"', b'"\\u0000"', b'{"\\u0000": 1}', b'[{"\\ud800": 1}]', b"[[9223372036854775808]]",
             b'{"b": [1, 12345678901234567890]}']  # fmt: skip
"""What not every reader of JSON understands alike, or no database keeps."""
WRONG: dict[tuple[str, str], list[bytes]] = {
    **{(INCIDENT, f"toll_reports.1.{member}"): NUMBERS for member in ("low", "best", "high", "breakdown.civilian")},
    ("POST /v1/toll-reports", "best"): NUMBERS,
    (INCIDENT, "type_of_violence"): [*NUMBERS, b"0", b"4"],
    (INCIDENT, "latitude"): DEGREES,
    (INCIDENT, "longitude"): DEGREES,
    **{(INCIDENT, member): NO_TEXT for member in
       ("title", "summary", "country", "district", "place", "claimed_by", "actors.0.name", "external_ids.ucdp",
        "region.name", "sources.0.title", "sources.0.publisher", "sources.0.url", "sources.0.licence",
        "sources.0.attribution", "toll_reports.0.reported_by.name", "toll_reports.0.locator", "toll_reports.0.note")},
    (INCIDENT, "region"): [v for v in NO_TEXT if v != b"{}"],
    (INCIDENT, "region.code"): NO_TEXT,
    (INCIDENT, "near_border.0"): [*NO_TEXT, b'"ne"', b'"NER"'],
    (INCIDENT, "sources.0.language"): [*NO_TEXT, b'"EN"', b'"fran\xc3\xa7ais"', b'"f"', b'"fr_FR"', b'"fr\\n"'],
    ("POST /v1/sources", "title"): NO_TEXT,
    ("POST /v1/reporters", "name"): NO_TEXT,
    ("POST /v1/reporters", "confidential"): [b"1", b"0", b'"true"', b"null", b"[]"],
    ("POST /v1/toll-reports/{report_id}/retraction", "reason"): NO_TEXT,
    ("POST /v1/incidents/{incident_id}/withdrawal", "reason"): NO_TEXT,
    ("PATCH /v1/incidents/{incident_id}", "title"): NO_TEXT,
    ("PATCH /v1/incidents/{incident_id}", "attributes.a"): NOT_ALIKE,
    **{(INCIDENT, member): NO_ID for member in
       ("id", "sources.0.id", "toll_reports.0.id", "toll_reports.0.supersedes")},
    ("POST /v1/toll-reports", "incidents.0"): NO_ID,
    ("POST /v1/incidents/{incident_id}/withdrawal", "merged_into"): NO_ID,
    **{(INCIDENT, member): NO_DAY for member in ("date_start", "date_end", "sources.0.published_on")},
    (INCIDENT, "toll_reports.0.reported_on"): [*NO_MOMENT, *FUTURE],
    ("POST /v1/toll-reports", "reported_on"): [*NO_MOMENT, *FUTURE],
    ("POST /v1/toll-reports/{report_id}/retraction", "reported_on"): NO_MOMENT,
    **{(INCIDENT, member): NO_WORD for member in
       ("date_precision", "place_precision", "event_type", "sub_event_type", "actors.0.role", "actors.0.kind",
        "toll_reports.0.measure", "toll_reports.0.victims", "toll_reports.0.bound", "toll_reports.0.reported_by.kind")},
    **{(INCIDENT, member): NO_LIST for member in ("near_border", "actors", "sources", "toll_reports")},
    ("POST /v1/toll-reports", "incidents"): [*NO_LIST, b"[]"],
    **{(INCIDENT, member): NO_MAP for member in
       ("external_ids", "attributes", "actors.0", "sources.0", "toll_reports.0", "toll_reports.0.reported_by",
        "toll_reports.0.source", "toll_reports.1.breakdown")},
    (INCIDENT, "attributes.a"): NOT_ALIKE,
    (INCIDENT, "attributes.a.b"): NOT_ALIKE,
}  # fmt: skip
"""Values that a member must not have."""


@pytest.fixture(scope="module")
def editor(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """Who sends all these bodies. Since nothing of them is recorded, one database does."""
    path = tmp_path_factory.mktemp("bodies") / "incidents.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    client = Client(database)
    made = Editor(client, database, Scope.WRITE, name="an editor")
    made.create("/v1/incidents", incident_body("there", toll_reports=[report_body(1, id="tr")]))
    yield made
    client.close()
    database.close()


def _send(editor: Editor, route: str, content: Any, **headers: str) -> httpx.Response:
    method, path = route.split()
    address = path.format(incident_id="there", report_id="tr")
    told = {"If-Match": "*", "Content-Type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
    return editor.request(method, address, headers=told, content=content)


def _refused(editor: Editor, route: str, content: Any, status: int = 422, **headers: str) -> dict[str, Any]:
    """The problem document of a body that is refused, of which nothing is recorded and which is not repeated."""
    size = editor.checkpoint()["size"]
    answer = _send(editor, route, content, **headers)
    said = f"{route} {content[:200]!r}: {answer.status_code} {answer.text[:300]}"
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), said
    assert editor.checkpoint()["size"] == size, said
    assert len(answer.text) < 4000, said
    for letter in ("x", "a", "9", "["):
        assert letter * 101 not in answer.text, said
    told: dict[str, Any] = answer.json()
    return told


def _with(document: Any, path: str, raw: bytes) -> bytes:
    """A body with this value, as it is written, in the place of a member."""
    changed = deepcopy(document)
    *parts, last = path.split(".")
    inner = changed
    for part in parts:
        inner = inner[int(part)] if part.isdigit() else inner[part]
    inner[int(last) if last.isdigit() else last] = "@here@"
    return json.dumps(changed).encode().replace(b'"@here@"', raw)


def _names(told: dict[str, Any], member: str) -> bool:
    """Whether a fault is named as this member or one inside of it."""
    return any(fault["name"] == member or fault["name"].startswith(f"{member}.") for fault in told["errors"])


def test_every_write_route_has_a_valid_example_body(editor: Editor) -> None:
    paths = editor.client.app.openapi()["paths"]
    writing = {f"{method.upper()} {path}" for path, found in paths.items() for method in found if method != "get"}
    assert SENT.keys() == writing - {"POST /v1/import"}, "files have tests of their own"
    for route, sent in SENT.items():
        broken = json.dumps(sent)[:-1].encode() + b', "no member": 1}'
        told = _refused(editor, route, broken)
        assert [fault["name"] for fault in told["errors"]] == ["no member"], route


@pytest.mark.parametrize("body", NO_JSON)
def test_every_write_route_rejects_invalid_json(editor: Editor, body: str) -> None:
    content, why = NO_JSON[body]
    for route in SENT:
        told = _refused(editor, route, content)
        assert told["errors"] == [{"in": "body", "name": "body", "message": why, "value": None}], route


@pytest.mark.parametrize("body", TWICE)
def test_every_write_route_rejects_a_repeated_member(editor: Editor, body: str) -> None:
    content, name = TWICE[body]
    for route in SENT:
        told = _refused(editor, route, content)
        assert told["errors"] == [{"in": "body", "name": name, "message": "is given more than once", "value": None}], (
            route
        )


@pytest.mark.parametrize("value", NO_OBJECT, ids=repr)
def test_every_write_route_rejects_a_body_that_is_not_an_object(editor: Editor, value: Any) -> None:
    for route in SENT:
        told = _refused(editor, route, json.dumps(value).encode())
        assert [fault["name"] for fault in told["errors"]] == ["body"], route


@pytest.mark.parametrize(("route", "member"), WRONG, ids=lambda part: part.removeprefix("POST /v1/"))
def test_an_invalid_value_is_rejected_with_its_member(editor: Editor, route: str, member: str) -> None:
    for raw in WRONG[route, member]:
        told = _refused(editor, route, _with(SENT[route], member, raw))
        assert _names(told, member), f"{raw[:60]!r}: {told['errors']}"


@pytest.mark.parametrize(
    "name", [b"\\ud800", b"\\u0000", b"x" * 5001, b"__proto__", b"", b"ti tle", b"\xf0\x9f\x92\xa3" * 99]
)
def test_an_unknown_member_is_rejected(editor: Editor, name: bytes) -> None:
    for route, sent in SENT.items():
        told = _refused(editor, route, b'{"' + name + b'": 1, ' + json.dumps(sent).encode()[1:])
        assert len(told["errors"]) == 1, route
    for member in ("external_ids", "attributes"):
        if name in (b"\\ud800", b"\\u0000", b"x" * 5001, b""):
            told = _refused(editor, INCIDENT, _with(SENT[INCIDENT], member, b'{"' + name + b'": "1"}'))
            assert _names(told, member), told["errors"]


def test_an_error_repeats_a_value_in_part_and_a_confidential_value_never(editor: Editor) -> None:
    wrong = _with(SENT["POST /v1/reporters"], "kind", b'"' + b"x" * 5000 + b'"')
    assert _refused(editor, "POST /v1/reporters", wrong)["errors"][0]["value"] == "x" * 79 + "…"
    hidden = json.dumps({"name": "Somebody", "kind": "x" * 50, "confidential": True}).encode()
    told = _refused(editor, "POST /v1/reporters", hidden)
    assert told["errors"][0]["value"] is None and "x" * 5 not in json.dumps(told)


@pytest.mark.parametrize(
    ("member", "value"),
    [("region.code", "x" * 3000), ("region", "x" * 500_000), ("country", "x" * 500_000), ("country", ["x" * 3000]),
     ("country", {"x" * 3000: 1})],
    ids=["code", "region", "country", "list", "object"],
)  # fmt: skip
def test_an_error_does_not_repeat_a_long_place(editor: Editor, member: str, value: Any) -> None:
    begun = time.process_time()
    told = _refused(editor, INCIDENT, _with(SENT[INCIDENT], member, json.dumps(value).encode()))
    assert len(told["detail"]) < 500
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (dict.fromkeys(["actors"], [{"name": "x", "role": "target"}] * 1001), "actors"),
        (dict.fromkeys(["sources"], [{"title": "x"}] * 1001), "sources"),
        (dict.fromkeys(["toll_reports"], [{}] * 1001), "toll_reports"),
        ({f"m{n}": 0 for n in range(49_000)}, "m0"),
        ({"toll_reports": [{f"m{n}": 0} for n in range(100)]}, "toll_reports.0.m0"),
        ({"external_ids": {f"m{n}": 0 for n in range(49_000)}}, "external_ids.m0"),
        ({"external_ids": {f"m{n}": 0 for n in range(51_000)}}, "body"),
        ({"near_border": [0] * 49_000}, "near_border"),
    ],
    ids=["actors", "sources", "reports", "members", "faults", "keys", "values", "borders"],
)
def test_very_many_errors_are_reported_briefly_and_quickly(editor: Editor, parts: dict[str, Any], why: str) -> None:
    # when
    begun = time.process_time()
    answer = _send(editor, INCIDENT, json.dumps(incident_body(**parts)).encode())

    # then
    assert answer.status_code == 422
    assert why in [fault["name"] for fault in answer.json()["errors"]]
    assert len(answer.json()["errors"]) <= 60 and len(answer.text) < 20_000
    assert time.process_time() - begun < 2, "of computing, whatever else the machine does"


def test_a_repeated_member_among_many_is_found_quickly(editor: Editor) -> None:
    """Everybody waits while a body is read."""
    members = ",".join(f'"m{n}":0' for n in range(20_000))
    begun = time.process_time()
    told = _refused(editor, "POST /v1/sources", f'{{{members},"m19999":0}}'.encode())
    assert told["errors"][0]["name"] == "m19999"
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "form", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
             "text/json", "application/jsonx", "application/ld+json", "application/json, text/plain", "json", "*/*", "x" * 5000]
)  # fmt: skip
def test_a_body_of_another_media_type_is_rejected(editor: Editor, form: str | None) -> None:
    for route, sent in SENT.items():
        content = json.dumps(sent).encode()
        if form is None:
            method, path = route.split()
            address = path.format(incident_id="there", report_id="tr")
            answer = editor.request(method, address, headers={"If-Match": "*"}, content=content)
            assert answer.status_code == 415 and answer.json()["detail"].endswith("not without a Content-Type.")
        else:
            told = _refused(editor, route, content, 415, Content_Type=form)
            assert told["detail"].startswith("Send application/")
    assert editor.get("/v1/incidents/there").status_code == 200


def test_a_merge_patch_is_accepted_only_by_patch(editor: Editor) -> None:
    for route in SENT.keys() - {"PATCH /v1/incidents/{incident_id}"}:
        _refused(editor, route, b"{}", 415, Content_Type="application/merge-patch+json")


@pytest.mark.parametrize(
    "form", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=UTF-16"]
)
def test_json_is_utf_8_whatever_the_charset_parameter_says(editor: Editor, form: str) -> None:
    assert [f["name"] for f in _refused(editor, "POST /v1/sources", b"{}", Content_Type=form)["errors"]] == ["title"]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x" * 200])
def test_a_compressed_body_is_rejected(editor: Editor, coding: str) -> None:
    for route, sent in SENT.items():
        told = _refused(editor, route, json.dumps(sent).encode(), 415, Content_Encoding=coding)
        assert told["detail"] == "Send the body without a Content-Encoding."


class _Chunks:
    """A body that comes piece by piece, and how many pieces were taken."""

    def __init__(self, count: int) -> None:
        self.count, self.taken = count, 0

    def __getitem__(self, _: slice) -> str:
        return f"{self.count} chunks"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.count):
            self.taken += 1
            yield CHUNK


def test_a_body_that_is_too_large_is_rejected_before_it_is_read(editor: Editor) -> None:
    # given
    too_much = {
        "type": "/docs/errors#body-too-large", "title": "Request body too large", "status": 413,
        "detail": "The body has more than 1048576 bytes, the maximum here.", "most": MIB,
    }  # fmt: skip

    for route in SENT:
        # when
        announced, unannounced = _Chunks(1600), _Chunks(1600)
        told = [
            _refused(editor, route, b" " * (MIB + 1), 413),
            _refused(editor, route, announced, 413, Content_Length=str(100 * MIB)),
            _refused(editor, route, unannounced, 413),
        ]

        # then
        assert [{k: v for k, v in t.items() if k != "instance"} for t in told] == [too_much] * 3
        assert announced.taken == 0 and unannounced.taken <= MIB // len(CHUNK) + 1


def test_a_body_of_the_maximum_size_is_recorded(editor: Editor) -> None:
    content = json.dumps({"id": "large", "title": "A page"}).encode().ljust(MIB)
    assert _send(editor, "POST /v1/sources", content).status_code == 201


def test_maximally_nested_json_is_returned_in_every_format(editor: Editor) -> None:
    # given
    deep: Any = 1
    for _ in range(61):
        deep = [deep]
    kept = {
        "deep": deep,
        "wide": [0] * 1000,
        "float": 1.5,
        "largest": 2**53 - 1,
        "é\u2028\U0001f4a3": "\u202e\ufeff",
        "n": None,
        "an escape, written out": "\\u0000 \\ud800",
        "small": 5e-324,
        "large": -1e300,
    }

    # when
    answer = editor.post("/v1/incidents", incident_body("deep", attributes=kept))

    # then
    assert (answer.status_code, answer.json()["attributes"]) == (201, kept)
    assert editor.json("/v1/incidents/deep?f=geojson")["properties"]["attributes"] == kept
    assert editor.json("/v1/incidents/deep/versions")["items"][0]["record"]["attributes"] == kept
    assert editor.json("/v1/changes?limit=1000")["items"][-1]["data"]["attributes"] == kept
    assert editor.get("/v1/incidents/deep?f=csv").status_code == 200


@pytest.mark.parametrize("route", ["POST /v1/toll-reports", "POST /v1/toll-reports/{report_id}/retraction"])
def test_dates_in_the_future_are_rejected(editor: Editor, route: str) -> None:
    later = datetime.now(UTC) + timedelta(hours=49)
    for moment in (f"{later:%Y-%m-%dT%H:%M:%SZ}", f"{later:%Y-%m-%d}"):
        told = _refused(editor, route, json.dumps(SENT[route] | {"reported_on": moment}).encode())
        assert told["errors"] == [
            {"in": "body", "name": "reported_on", "message": "lies in the future", "value": moment}
        ]


def test_a_report_of_today_is_accepted_in_every_time_zone(editor: Editor) -> None:
    furthest = datetime.now(UTC) + timedelta(hours=14)
    for moment in (f"{datetime.now(UTC):%Y-%m-%d}", f"{furthest:%Y-%m-%d}"):
        editor.create("/v1/toll-reports", report_body(3, incidents=["there"], reported_on=moment))


@pytest.mark.parametrize("part", ["%00", "%ED%A0%80", "%FF", "a" * 5000, "..%2f", "%0d%0aX-Injected:%201", "'--"])
def test_a_write_to_an_unknown_path_is_a_404(editor: Editor, part: str) -> None:
    for route in (route for route in SENT if "{" in route):
        method, path = route.split()
        address = path.format(incident_id=part, report_id=part)
        answer = editor.request(method, address, SENT[route], headers={"If-Match": "*"})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), route
        assert len(answer.text) < 1000 and "x-injected" not in answer.headers


def test_a_write_with_parameters_is_rejected(editor: Editor) -> None:
    for route, sent in SENT.items():
        method, path = route.split()
        address = path.format(incident_id="there", report_id="tr")
        answer = editor.request(method, f"{address}?dry_run=true", sent, headers={"If-Match": "*"})
        assert answer.status_code == 422
        fault = {"in": "query", "name": "dry_run", "message": "is not a parameter here", "value": "true"}
        assert answer.json()["errors"] == [fault]
