"""Canaries: confidential members are disclosed only to keys with the scope, and appear nowhere else."""

import asyncio
import csv
import hashlib
import io
import json
import logging
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.cli.exporting import SUFFIXES
from app.domain.vocabulary import Scope
from app.store.db.database import Database
from app.store.maintenance.verify import verify
from app.store.write import appender
from tests.builders import REPORTERS, SOURCE, incident_body, report_body
from tests.cli.test_commands import CommandLine
from tests.support import Client, Editor, parquet_rows

SEALED_OF = {
    "reporter": ("name",),
    "source": ("title", "publisher", "url", "language", "licence", "attribution"),
    "report": ("locator", "note"),
}
LETTERS = "ghjkmnpqrstvwxz"
"""None of them is a digit of a hash, and no word is made of them."""
STREAM = "/v1/changes/stream"
FORMS_OF_DOCS = ("/metrics", "/openapi.json", "/docs", "/redoc", "/healthz", "/readyz", "/guide")
PAGES_OF = {"/incidents": "incident_id", "/regions": "code", "/sources": "source_id", "/reporters": "reporter_id"}


class World:
    """A record in which every confidential member is a canary, and the answers to those who recorded it."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.where: dict[str, str] = {}
        """Each canary with the member that it was put into."""
        self.answers: list[httpx.Response] = []

    def canary(self, where: str) -> str:
        made = "".join(random.choices(LETTERS, k=8))
        self.where[made] = where
        return made

    def reporter(self, of: str | None, kind: str = "local") -> dict[str, Any]:
        named = {"id": of} if of else {}
        return named | {"name": f"Mme {self.canary(f'{of}.name')}", "kind": kind, "confidential": True}

    def source(self, of: str | None) -> dict[str, Any]:
        told = {name: self.canary(f"{of}.{name}") for name in SEALED_OF["source"]}
        told |= {"url": f"https://{told['url']}.example/é", "language": f"qaa-{told['language']}"}
        return told | ({"id": of} if of else {}) | {"published_on": "2021-03-16", "confidential": True}

    def report(self, best: int, of: str, **fields: Any) -> dict[str, Any]:
        """A report whose locator and note are sealed because its reporter or source is."""
        told = {"id": of, "reported_on": "2021-03-16", "locator": self.canary(f"{of}.locator")}
        return report_body(best, **told, note=f"“{self.canary(f'{of}.note')}” \U0001f4a3\n", **fields)

    def send(self, address: str, body: Any) -> httpx.Response:
        answer = self.editor.post(address, body)
        assert answer.status_code in (200, 201), f"{address}: {answer.status_code} {answer.text[:500]}"
        self.answers.append(answer)
        return answer

    def found_in(self, text: str) -> list[str]:
        """The members whose canaries are in a text."""
        lower = text.lower()
        return [where for made, where in self.where.items() if made in lower]


@pytest.fixture
def world(editor: Editor) -> World:
    """Everything that can be confidential, recorded in every way by somebody who may not read it."""
    made = World(editor)
    first = made.report(15, "tr-first", reported_by=made.reporter("r-first", "military"), source=made.source("s-first"))
    gao = incident_body("gao", region="Gao", sources=[made.source("s-own"), SOURCE], toll_reports=[first])
    made.send("/v1/incidents", gao)
    made.send("/v1/reporters", made.reporter("r-alone"))
    made.send("/v1/sources", made.source("s-alone"))
    by_id = made.report(20, "tr-by-id", reported_by={"id": "r-alone"}, source={"id": "s-alone"})
    made.send("/v1/incidents/gao/toll-reports", by_id)
    made.send("/v1/incidents", incident_body("other", region="Gao"))
    both = ["gao", "other"]
    by_source = made.report(
        40, "tr-by-source", incidents=both, reported_by=REPORTERS["ngo"], source=made.source("s-shared")
    )
    made.send("/v1/toll-reports", by_source)
    by_reporter = made.report(
        41, "tr-by-reporter", incidents=both, reported_by=made.reporter("r-shared"), source=SOURCE
    )
    made.send("/v1/toll-reports", by_reporter)
    erratum = {"reason": "a misprint", "source": made.source("s-erratum")}
    made.send("/v1/toll-reports/tr-by-id/retraction", erratum)
    answer = editor.patch("other", {"sources": [made.source("s-changed")], "title": "Another attack"})
    assert answer.status_code == 200
    made.answers.append(answer)
    double = made.report(9, "tr-double", reported_by={"id": "r-first"}, source=made.source("s-double"))
    made.send("/v1/incidents", incident_body("double", sources=[{"id": "s-alone"}], toll_reports=[double]))
    made.send("/v1/incidents/double/withdrawal", {"reason": "recorded twice", "merged_into": "gao"})
    return made


def _addresses(world: World, client: Client, *, canaries: bool = True) -> Iterator[str]:
    """Every GET operation of the document with everything that it tells of, in every form; then the pages."""
    feed = client.json("/v1/changes?limit=1000")["items"]
    there = {
        "incident_id": ["gao", "other", "double", "nowhere"],
        "report_id": [e["data"]["id"] for e in feed if e["kind"] == "toll.reported"] + ["nowhere"],
        "reporter_id": [e["data"]["id"] for e in feed if e["kind"] == "reporter.created"] + ["nowhere"],
        "source_id": [e["data"]["id"] for e in feed if e["kind"] == "source.created"] + ["nowhere"],
        "code": ["ML", "ML-7", "ML-9", "nowhere"],
    }
    before = feed[-2]["at"]
    usual = {
        "f": ["json", "geojson", "csv", "ndjson", "acled", "ucdp", "parquet"], "as_of": ["2021-03-17"], "recorded_as_of": [before],
        "fields": ["sources", "id,sources,toll"], "limit": ["1"], "total": ["true"], "group_by": ["actor,month"],
        "reported_by": there["reporter_id"], "source": there["source_id"], "measure": ["killed"], "seq": ["1", "5"],
        "from": ["1", "7"], "after": ["0", "3"], "sort": ["-reported"], "ever_killed_min": ["0"],
    }  # fmt: skip
    for path, methods in client.app.openapi()["paths"].items():
        if "get" not in methods or path == STREAM:
            continue
        told = {p["name"]: p for p in methods["get"].get("parameters", ())}
        (name,) = [name for name in told if f"{{{name}}}" in path] or [""]
        for filled in [path.replace(f"{{{name}}}", value) for value in there.get(name, [""])]:
            yield filled
            for parameter, values in usual.items():
                if parameter in told:
                    allowed = told[parameter]["schema"].get("enum", values)
                    yield from (f"{filled}?{parameter}={quote(value)}" for value in values if value in allowed)
            if "recorded_as_of" in told and "f" in told:
                yield f"{filled}?f=csv&recorded_as_of={before}"
            if "hxl" in told:
                yield f"{filled}?f=csv&hxl=true"
            for parameter in (p for p in ("q", "actor", "place", "region") if p in told and canaries):
                yield from (f"{filled}?{parameter}={made}" for made in world.where)
    clocks = ("", "?as_of=2021-03-17", f"?recorded_as_of={before}")
    for page, name in PAGES_OF.items():
        yield from (f"{page}/{value}{clock}" for value in there[name] for clock in clocks)
    for page in ("/", "/feed.atom"):
        yield from (f"{page}{clock}" for clock in clocks)
        if canaries:
            yield from (f"{page}?q={made}" for made in world.where)
    yield from FORMS_OF_DOCS


def _readable(answer: httpx.Response) -> str:
    """The text of an answer, also of one that is packed."""
    if answer.headers.get("content-type") == "application/vnd.apache.parquet":
        return str(parquet_rows(answer.content))
    return answer.text


def _expect_silence(world: World, answer: httpx.Response, asked: str = "") -> None:
    """Asserts that an answer tells no canary but one that it was asked about, if it repeats what it was asked."""
    linking = asked.startswith(("/ogc/", "/?", "/feed.atom?"))  # to themselves
    repeating = answer.status_code in (400, 422) or linking
    told = [where for made, where in world.where.items() if made in asked and repeating]
    found = [where for where in world.found_in(f"{_readable(answer)}\n{answer.headers}") if where not in told]
    assert found == [], f"{asked} tells {found}: {answer.status_code} {answer.text[:300]}"


def _records(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, Mapping):
        yield dict(value)
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _records(inner)


def _kind(record: Mapping[str, Any]) -> str:
    return "report" if "measure" in record else "reporter" if "kind" in record else "source"


def _canonical(document: Any) -> bytes:
    """RFC 8785, for texts under names of ASCII."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


async def _streamed(client: Client, key: str | None, until: bytes) -> str:
    """What the stream of changes sends until something is in it; it never ends by itself."""
    sent, done = bytearray(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.extend(message.get("body", b""))
        if until in sent:
            done.set()

    headers = [(b"host", b"testserver"), *([(b"authorization", f"Bearer {key}".encode())] if key else [])]
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": STREAM, "raw_path": STREAM.encode(),
        "query_string": b"", "headers": headers, "scheme": "http", "server": ("testserver", 80), "client": ("::1", 1),
        "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.3"},
    }  # fmt: skip
    async with asyncio.timeout(10):
        await client.app(scope, receive, send)
    return sent.decode()


def test_every_confidential_member_has_a_canary(world: World) -> None:
    records = [f"{of}-{n}" for of in "rs" for n in ("first", "own", "alone", "shared", "erratum", "changed", "double")]
    members = {where.split(".")[1] for where in world.where.values()}
    assert members == {name for names in SEALED_OF.values() for name in names}
    assert {where.split(".")[0] for where in world.where.values() if not where.startswith("tr-")} <= set(records)
    assert len(world.where) == len(set(world.where.values())) == 7 * 6 + 3 + 5 * 2


def test_a_writer_without_the_scope_does_not_get_confidential_members_back(world: World) -> None:
    for answer in world.answers:
        _expect_silence(world, answer)
        assert answer.headers["cache-control"] == "no-store"


def test_no_response_without_a_key_contains_a_canary(world: World, empty_client: Client) -> None:
    for address in _addresses(world, empty_client):
        answer = empty_client.get(address)
        assert answer.status_code < 500
        _expect_silence(world, answer, address)


def test_no_response_to_a_write_only_key_contains_a_canary(world: World, empty_client: Client) -> None:
    for address in _addresses(world, empty_client, canaries=False):
        _expect_silence(world, world.editor.get(address), address)


def test_confidential_members_cannot_be_searched(world: World, confidential_reader: Editor) -> None:
    for made in world.where:
        for parameter in ("q", "actor", "place"):
            for question in (f"{parameter}={made}&total=true", f"{parameter}={made}&f=ndjson"):
                for asking in (world.editor, confidential_reader):
                    told = asking.get(f"/v1/incidents?{question}").text
                    assert told in ("", '{"items":[],"next":null,"next_cursor":null,"total":0}')


def test_the_change_stream_discloses_canaries_only_with_the_scope(
    world: World, confidential_reader: Editor, empty_client: Client
) -> None:
    last = b'"incident.withdrawn"'
    for key in (None, world.editor.key):
        assert world.found_in(empty_client.run(_streamed(empty_client, key, last))) == []
    told = empty_client.run(_streamed(empty_client, confidential_reader.key, last))
    assert set(world.found_in(told)) == set(world.where.values())


def test_no_error_contains_a_canary(
    world: World, confidential_reader: Editor, caplog: pytest.LogCaptureFixture
) -> None:
    # given: what is recorded, sent again and sent differently, and new secrets that cannot be recorded
    caplog.set_level(logging.DEBUG)
    gao = "/v1/incidents/gao/toll-reports"
    hidden = world.reporter("r-new")
    whole = {"reported_by": hidden, "source": world.source("s-new")}
    differing = [
        ("/v1/reporters", world.reporter("r-alone")),
        ("/v1/reporters", world.reporter("r-alone") | {"confidential": False}),
        ("/v1/sources", world.source("s-first")),
        ("/v1/incidents", incident_body("gao", sources=[world.source("s-own")])),
        (gao, world.report(3, "tr-first", reported_by={"id": "r-first"}, source={"id": "s-first"})),
        (gao, world.report(3, "tr-new", reported_by=world.reporter("r-first"), source=SOURCE)),
        (gao, world.report(3, "tr-new", reported_by=REPORTERS["gov"], source=world.source("s-first"))),
        ("/v1/toll-reports/tr-by-id/retraction", {"reason": "x", "source": world.source("s-later")}),
    ]
    unreadable: list[tuple[str, Any]] = [
        *(("/v1/reporters", world.reporter("r-new") | wrong) for wrong in (
            {"name": [world.canary("list")]}, {"name": {world.canary("name"): 1}}, {"kind": world.canary("kind")},
            {"name": f"{world.canary('NUL')}\0"}, {"name": world.canary("long") * 1000},
            {"nmae": world.canary("stray")}, {"id": world.canary("id").upper()})),
        *(("/v1/sources", world.source("s-new") | wrong) for wrong in (
            {"language": world.canary("language")}, {"published_on": world.canary("day")},
            {"url": [world.canary("url")]}, {"title": "", "publisher": world.canary("long") * 1000},
            {"licence": {"a": world.canary("inner")}}, {"confidential": world.canary("confidential")})),
        *((gao, world.report(3, "tr-new", **whole) | wrong) for wrong in (
            {"locator": [world.canary("locator")]}, {"note": {"a": world.canary("note")}},
            {"best": world.canary("best")}, {"supersedes": "nowhere"}, {"reported_on": "2999-01-01"},
            {"measure": world.canary("measure")}, {"bound": "range"}, {"breakdown": world.canary("breakdown")}, {"incidents": ["other"]})),
        ("/v1/incidents", incident_body("new", sources=[world.source("s-new")], title=[world.canary("title")])),
        ("/v1/incidents", incident_body("new", toll_reports=[world.report(3, "tr-new", **whole), report_body(-1)])),
        ("/v1/incidents", incident_body("new", toll_reports=[
            world.report(3, "tr-new", **whole), report_body(1, supersedes="nowhere")])),
        ("/v1/toll-reports", world.report(3, "tr-new", **whole)),
        ("/v1/toll-reports/tr-first/retraction", {"reason": "", "source": world.source("s-new")}),
    ]  # fmt: skip

    # when
    refused = [(world.editor.post(address, body), 409) for address, body in differing]
    refused += [(world.editor.post(address, body), 422) for address, body in unreadable]
    refused += [(world.editor.post("/v1/toll-reports", report_body(3, incidents=["gao", "nowhere"], **whole)), 422)]
    refused += [(confidential_reader.post("/v1/reporters", hidden), 403)]
    refused += [(world.editor.client.request("POST", "/v1/reporters", json=hidden), 401)]
    refused += [(world.editor.patch("gao", {"sources": [world.source("s-new")]}, '"x"'), 412)]
    refused += [(world.editor.patch("gao", {"sources": [world.source("s-new")], "title": None}), 422)]
    refused += [(world.editor.patch("gao", {"sources": [world.source("s-first")]}), 409)]

    # then
    for answer, status in refused:
        assert answer.status_code == status, (
            f"{answer.request.content[:300]!r}: {answer.status_code} {answer.text[:300]}"
        )
        _expect_silence(world, answer)
    assert world.found_in(caplog.text) == []


@pytest.mark.parametrize(
    ("before", "after", "form", "status"),
    [
        ("", "", "text/plain", 415),
        ("", "}", "application/json", 422),
        ("[", "", "application/json", 422),
        ('{"id": "a", "id": "b", "c": ', "}", "application/json", 422),
        ('{"c": NaN, "d": ', "}", "application/json", 422),
        ('{"c": ', "}\ud800", "application/json", 422),
        ("[" * 100, "]" * 100, "application/json", 422),
        ("", " " * 1024 * 1024, "application/json", 413),
    ],
)
def test_no_error_repeats_a_malformed_body(
    world: World, caplog: pytest.LogCaptureFixture, before: str, after: str, form: str, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    for address, body in (("/v1/reporters", world.reporter("r-new")), ("/v1/sources", world.source("s-new"))):
        content = f"{before}{json.dumps(body)}{after}".encode(errors="surrogatepass")
        answer = world.editor.request("POST", address, content=content, headers={"Content-Type": form})
        assert answer.status_code == status
        _expect_silence(world, answer)
    assert world.found_in(caplog.text) == []


def test_an_internal_error_contains_no_canary(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    def broken(*_: Any) -> Any:
        raise RuntimeError("out of order")

    monkeypatch.setattr(appender.log_entries, "append", broken)

    # when
    answer = world.editor.post("/v1/sources", world.source("s-new"))

    # then
    assert answer.status_code == 500 and "out of order" in caplog.text
    _expect_silence(world, answer)
    assert world.found_in(caplog.text) == []


def test_a_confidential_record_is_recognized_when_a_reader_sends_it_again(
    world: World, editor: Editor, database: Database
) -> None:
    # given
    reporter, source = world.reporter("r-again"), world.source("s-again")
    first = world.report(3, "tr-again-1", reported_by=reporter, source=source)
    second = world.report(4, "tr-again-2", reported_by=reporter, source=source)
    editor.create("/v1/incidents/other/toll-reports", first)
    size = editor.checkpoint()["size"]
    trusted = Editor(editor.client, database, Scope.WRITE, Scope.READ_CONFIDENTIAL, name="a trusted editor")

    # when
    answers = [
        trusted.post("/v1/incidents/other/toll-reports", second),
        trusted.post("/v1/reporters", reporter),
        trusted.post("/v1/sources", source),
        trusted.patch("other", {"sources": [source]}),
        trusted.patch("other", {"sources": [source]}),
    ]

    # then
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200]
    assert editor.checkpoint()["size"] == size + 2, "a report and a version of the incident"
    differing = trusted.post("/v1/reporters", reporter | {"name": "Somebody else"})
    assert (differing.status_code, differing.json()["differs"]) == (409, ["name"])
    laid_open = trusted.post("/v1/reporters", reporter | {"confidential": False, "name": "Somebody else"})
    assert (laid_open.status_code, laid_open.json()["differs"]) == (409, ["confidential"])


def test_right_and_wrong_guesses_at_confidential_members_get_equal_responses(world: World, editor: Editor) -> None:
    # given
    reporter, source = world.reporter("r-guess"), world.source("s-guess")
    report = world.report(3, "tr-guess", reported_by=reporter, source=source)
    editor.create("/v1/incidents/other/toll-reports", report)
    by_id = {"reported_by": {"id": "r-guess"}, "source": {"id": "s-guess"}}

    # when
    pairs = [
        ("/v1/reporters", reporter, {"name": "Somebody else"}),
        ("/v1/sources", source, {"title": "Another title"}),
        ("/v1/incidents/other/toll-reports", report | by_id, {"note": "Another note"}),
    ]
    answers = [(editor.post(address, right), editor.post(address, right | wrong)) for address, right, wrong in pairs]

    # then
    for right, wrong in answers:
        assert (right.status_code, wrong.status_code) == (409, 409)
        assert right.json() == wrong.json()
        _expect_silence(world, right)
    assert editor.post("/v1/incidents/other/toll-reports", report_body(5, **by_id)).status_code == 201


def test_generated_ids_reveal_nothing_confidential(world: World) -> None:
    # given
    reporter, source = world.reporter(None), world.source(None)

    # when
    made = [world.send("/v1/reporters", reporter).json()["id"] for _ in range(2)]
    made += [world.send("/v1/sources", source).json()["id"] for _ in range(2)]

    # then: the same is another each time, or a guess could be tried
    assert len(set(made)) == 4
    assert world.found_in(str(made)) == []
    digests = {hashlib.sha256(_canonical(sent)).hexdigest()[:16] for sent in (reporter, source)}
    assert not any(digest in text for digest in digests for text in made)


def test_the_command_line_prints_no_canary(
    world: World,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # given
    incidents = CommandLine(Path(str(database.url.database)), monkeypatch, capsys)
    monkeypatch.setenv("COLUMNS", "1000")
    asked = [["find"], ["toll", "gao"], ["toll", "other"], ["keys", "list"], ["verify"]]
    asked += [["find", "--f", form] for form in ("json", "csv", "geojson", "ndjson")]
    asked += [["find", "--f", "json", "--source", "s-first"], ["find", "--reported-by", "r-first", "--f", "ndjson"]]
    asked += [["find", "--q", made, "--f", "ndjson"] for made in list(world.where)[:5]]
    files = [tmp_path / f"export{suffix}" for suffix in SUFFIXES]
    hxl, ucdp, acled = (tmp_path / f"{name}.csv" for name in ("hxl", "ucdp", "acled"))
    folder = tmp_path / "partitions"

    # when
    told = [incidents.run(*words) for words in asked]
    told += [incidents.run("export", str(file)) for file in files]
    told += [incidents.run("export", str(hxl), "--hxl"), incidents.run("export", str(folder), "--partition")]
    told += [incidents.run("export", str(file), "--f", file.stem) for file in (ucdp, acled)]
    told += [incidents.run("toll", "double", expect=1)]

    # then
    for shown in told:
        assert world.found_in(shown.stdout + shown.stderr) == []
    for file in (*files, hxl, *folder.rglob("*.parquet")):
        text = str(parquet_rows(file.read_bytes())) if file.suffix == ".parquet" else file.read_text("utf-8")
        assert "gao" in text and world.found_in(text) == []
    for file in (ucdp, acled):
        assert "Gao" in file.read_text("utf-8") and world.found_in(file.read_text("utf-8")) == []
    history = told[1].stdout
    assert "15" in history and "gao" in told[0].stdout


@pytest.fixture(
    params=[(Scope.READ_CONFIDENTIAL,), (Scope.ADMIN,), (Scope.WRITE, Scope.READ_CONFIDENTIAL)], ids=" ".join
)
def reader(request: pytest.FixtureRequest, empty_client: Client, database: Database) -> Editor:
    """Everybody who may read what is confidential."""
    return Editor(empty_client, database, *request.param, name="a reader")


def test_a_confidential_reader_gets_each_canary_in_its_places(world: World, reader: Editor) -> None:
    def told(address: str) -> set[str]:
        answer = reader.get(address)
        assert answer.status_code == 200, f"{address}: {answer.text[:300]}"
        return set(world.found_in(_readable(answer)))

    def of(*records: str) -> set[str]:
        return {where for where in world.where.values() if where.split(".")[0] in records}

    page, csv_of = of("s-first", "s-own", "s-alone", "s-shared", "s-changed"), "?f=csv"
    history = of("tr-first", "r-first", "s-first", "tr-by-id", "r-alone", "s-alone", "tr-by-source", "s-shared",
                 "tr-by-reporter", "r-shared")  # fmt: skip
    shared = of("tr-by-source", "s-shared", "tr-by-reporter", "r-shared")
    everything = page | history
    sources = of(*(f"s-{n}" for n in ("first", "own", "alone", "shared", "erratum", "changed", "double")))
    reporters = of("r-first", "r-alone", "r-shared")
    places = {
        "/v1/incidents/gao": of("s-first", "s-own", "s-alone", "s-shared"),
        "/v1/incidents/gao?f=geojson": of("s-first", "s-own", "s-alone", "s-shared"),
        "/v1/incidents/gao?fields=sources": of("s-first", "s-own", "s-alone", "s-shared"),
        "/v1/incidents/other": of("s-changed", "s-shared"),
        "/v1/incidents": page, "/v1/incidents?f=ndjson": page, "/v1/incidents?f=geojson": page,
        "/v1/incidents?limit=10&f=ndjson": page,
        "/v1/incidents?f=csv": everything, "/v1/incidents?f=csv&hxl=true": everything,
        "/v1/incidents?f=parquet": everything, "/v1/incidents?f=parquet&fields=id,sources": page,
        "/v1/incidents?f=parquet&limit=10": everything,
        "/v1/incidents/gao/toll-history": history,
        f"/v1/incidents/gao/toll-history{csv_of}": history,
        "/v1/incidents/gao/versions": of("s-own"),
        "/v1/incidents/other/versions": of("s-changed"),
        "/v1/toll-reports/tr-first": of("tr-first", "r-first", "s-first"),
        "/v1/toll-reports/tr-by-id": of("tr-by-id", "r-alone", "s-alone"),
        "/v1/toll-reports/tr-by-source": of("tr-by-source", "s-shared"),
        "/v1/toll-reports/tr-by-reporter": of("tr-by-reporter", "r-shared"),
        "/v1/toll-reports?reported_by=r-shared": of("tr-by-reporter", "r-shared"),
        "/v1/toll-reports": history | of("tr-double", "s-double"),
        "/v1/toll-reports?f=ndjson": history | of("tr-double", "s-double"),
        "/v1/reporters": reporters, "/v1/reporters/r-first": of("r-first"),
        "/v1/sources": sources, "/v1/sources/s-erratum": of("s-erratum"),
        "/v1/changes?limit=1000": set(world.where.values()),
        "/v1/stats?group_by=actor": set(), "/v1/regions/ML-7": set(), "/v1/log/checkpoint": set(),
    }  # fmt: skip
    assert {address: told(address) for address in places} == places
    assert shared <= told(f"/v1/incidents/other/toll-history{csv_of}") | of("s-shared")


def test_disclosed_members_are_complete(world: World, confidential_reader: Editor) -> None:
    # when
    report = confidential_reader.json("/v1/toll-reports/tr-first")
    (row,) = [
        r
        for r in csv.DictReader(io.StringIO(confidential_reader.get("/v1/toll-reports?f=csv").text))
        if r["id"] == "tr-first"
    ]
    public = world.editor.json("/v1/toll-reports/tr-first")

    # then
    canary = {where: made for made, where in world.where.items()}
    assert (report["reported_by"]["name"], report["locator"]) == (
        f"Mme {canary['r-first.name']}",
        canary["tr-first.locator"],
    )
    assert report["note"] == f"“{canary['tr-first.note']}” \U0001f4a3\n"
    assert report["source"] == public["source"] | {
        "title": canary["s-first.title"], "publisher": canary["s-first.publisher"],
        "url": f"https://{canary['s-first.url']}.example/é", "language": f"qaa-{canary['s-first.language']}",
        "licence": canary["s-first.licence"], "attribution": canary["s-first.attribution"],
        "salt": report["source"]["salt"],
    }  # fmt: skip
    assert (row["reporter_name"], row["note"]) == (report["reported_by"]["name"], report["note"])


def test_figures_and_kinds_stay_public(world: World, empty_client: Client) -> None:
    # when
    toll = empty_client.json("/v1/incidents/gao")["toll"]
    report = empty_client.json("/v1/toll-reports/tr-first")

    # then
    assert (toll["killed"]["best"], toll["killed"]["reports"]) == (15, 2)
    assert toll["shared"][0]["killed"]["reports"] == 2
    assert (report["low"], report["best"], report["high"], report["victims"]) == (15, 15, 15, "all")
    assert report["reported_by"] == {
        "id": "r-first", "name": None, "kind": "military", "confidential": True,
        "commitment": report["reported_by"]["commitment"],
    }  # fmt: skip
    assert report["source"] == dict.fromkeys(SEALED_OF["source"]) | {
        "id": "s-first", "published_on": "2021-03-16", "confidential": True,
        "commitment": report["source"]["commitment"],
    }  # fmt: skip
    assert (report["locator"], report["note"]) == (None, None)
    history = empty_client.json("/v1/incidents/gao/toll-history")["reports"]
    assert [(r["id"], r["best"], r["status"], r["reported_by"]["kind"]) for r in history] == [
        ("tr-first", 15, "standing", "military"),
        ("tr-by-id", 20, "retracted", "local"),
        ("tr-by-source", 40, "standing", "ngo"),
        ("tr-by-reporter", 41, "standing", "local"),
    ]


def test_filters_by_confidential_ids_work_for_everybody(world: World, empty_client: Client) -> None:
    assert empty_client.ids("/v1/incidents?reported_by=r-first") == ["gao"]
    assert set(empty_client.ids("/v1/incidents?source=s-shared")) == {"gao", "other"}
    assert empty_client.ids("/v1/toll-reports?reported_by=r-shared") == ["tr-by-reporter"]
    counts = empty_client.json("/v1/reporters/r-first")
    assert (counts["kind"], counts["reports"], counts["name"]) == ("military", 2, None)
    assert empty_client.json("/v1/stats?reported_by=r-first")["total"]["killed"]["best"] == 15


def test_disclosed_responses_are_not_cached(world: World, confidential_reader: Editor, empty_client: Client) -> None:
    for address in _addresses(world, empty_client, canaries=False):
        if not address.startswith("/v1/"):
            continue
        opened, public = confidential_reader.get(address), empty_client.get(address)
        assert opened.status_code == public.status_code, address
        if opened.status_code == 200:
            assert opened.headers["cache-control"] == "private, no-store", address
            assert public.headers["cache-control"].startswith("public, "), address
            assert opened.headers["etag"] != public.headers["etag"], address
            assert "Authorization" in public.headers["vary"] and "Authorization" in opened.headers["vary"], address
    tag = empty_client.get("/v1/incidents/gao").headers["etag"]
    assert confidential_reader.get("/v1/incidents/gao", headers={"If-None-Match": tag}).status_code == 200
    tag = confidential_reader.get("/v1/incidents/gao").headers["etag"]
    assert empty_client.get("/v1/incidents/gao", headers={"If-None-Match": tag}).status_code == 200
    unchanged = confidential_reader.get("/v1/incidents/gao", headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.headers["cache-control"]) == (304, "private, no-store")


def test_openapi_names_the_scope_of_every_response_that_depends_on_it(
    world: World, confidential_reader: Editor, empty_client: Client
) -> None:
    # given
    paths = empty_client.app.openapi()["paths"]
    patterns = {path: re.compile(re.sub(r"{\w+}", "[^/?]+", path) + r"(\?.*)?") for path in paths}

    # when
    differing = {
        path
        for address in _addresses(world, empty_client, canaries=False)
        for path, pattern in patterns.items()
        if pattern.fullmatch(address) and confidential_reader.get(address).content != empty_client.get(address).content
    }

    # then
    named = {path for path, found in paths.items() if "x-optional-security" in found.get("get", {})}
    assert differing | {STREAM} == named
    for path in named:
        assert paths[path]["get"]["x-optional-security"] == [{"key": ["read:confidential"]}]


def test_disclosed_members_match_their_commitments(
    world: World, confidential_reader: Editor, empty_client: Client
) -> None:
    # given
    addresses = [a for a in _addresses(world, empty_client, canaries=False) if a.startswith("/v1/") and "csv" not in a]

    # when
    opened = [r for a in addresses for r in _records(_json(confidential_reader.get(a))) if "salt" in r]
    sealed = [r for a in addresses for r in _records(_json(empty_client.get(a))) if "commitment" in r]

    # then
    commitments: dict[tuple[str, str], set[str]] = {}
    for record in opened:
        kept = {name: record[name] for name in SEALED_OF[_kind(record)] if record.get(name) is not None}
        told = hashlib.sha256(bytes.fromhex(record["salt"]) + _canonical(kept)).hexdigest()
        assert kept and told == record["commitment"], record
        commitments.setdefault((_kind(record), record["id"]), set()).add(told)
    assert len(commitments) == 3 + 7 + 5 and all(len(found) == 1 for found in commitments.values())
    assert len({record["salt"] for record in opened}) == len(commitments)
    assert all(len(record["salt"]) == 64 for record in opened)
    for record in sealed:
        assert "salt" not in record
        assert all(record[name] is None for name in SEALED_OF[_kind(record)])
        assert commitments[_kind(record), record["id"]] == {record["commitment"]}


def _json(answer: httpx.Response) -> Any:
    """The documents of an answer, be it one or one a line."""
    if "json" not in answer.headers["content-type"]:
        return []
    return [json.loads(line) for line in answer.text.splitlines() if line]


def test_the_log_entry_is_public_and_disclosures_are_separate(
    world: World, confidential_reader: Editor, empty_client: Client, database: Database
) -> None:
    # when
    public = empty_client.json("/v1/changes?limit=1000")["items"]
    told = confidential_reader.json("/v1/changes?limit=1000")["items"]

    # then
    assert [{k: v for k, v in entry.items() if k != "opened"} for entry in told] == public
    assert [entry["kind"] for entry in told if "opened" not in entry] == [
        "source.created", "incident.created", "reporter.created", "incident.withdrawn",
    ]  # fmt: skip
    for entry in told:
        text = json.dumps(entry["data"]) + entry["hash"]
        assert world.found_in(text) == []
        if "opened" in entry:
            assert entry["opened"].keys() >= entry["data"].keys()
    assert verify(database).entries == len(public)


def test_a_writer_with_both_scopes_gets_confidential_members_back(
    world: World, empty_client: Client, database: Database
) -> None:
    # given
    both = Editor(empty_client, database, Scope.WRITE, Scope.READ_CONFIDENTIAL, name="both")
    report = world.report(30, "tr-both", reported_by=world.reporter("r-both"), source=world.source("s-both"))

    # when
    first = both.post("/v1/incidents/other/toll-reports", report, Idempotency_Key="k-1")
    again = both.post("/v1/incidents/other/toll-reports", report, Idempotency_Key="k-1")
    changed = both.patch("other", {"title": "A third attack"})

    # then
    assert first.content == again.content == both.get("/v1/toll-reports/tr-both").content
    assert first.json()["reported_by"]["name"] == report["reported_by"]["name"]
    assert (first.json()["locator"], first.json()["source"]["title"]) == (report["locator"], report["source"]["title"])
    assert (first.headers["cache-control"], again.headers["cache-control"]) == ("no-store", "no-store")
    assert changed.content == both.get("/v1/incidents/other").content
    assert world.found_in(changed.text) and not world.found_in(empty_client.get("/v1/incidents/other").text)
    answer = world.editor.post("/v1/incidents/other/toll-reports", report, Idempotency_Key="k-1")
    assert answer.status_code == 409
    _expect_silence(world, answer)
