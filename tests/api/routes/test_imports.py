"""POST /v1/import: a file is streamed in, and the result of each row streamed out."""

import asyncio
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from app.api.routes import imports as import_route
from app.domain.vocabulary import Scope
from app.ingest.pipeline import BATCH
from app.store import keys
from app.store.db.database import Database
from tests import ged
from tests.builders import incident_body, incident_draft, record, report_body
from tests.support import Client, Editor, Service

GED = "/v1/import?format=ucdp-ged&release=26.1&released_on=2026-06-01"
CSV = {"Content-Type": "text/csv"}
TABLE = b"id,title,date_start,country\nx,T,2020-01-01,Mali\n,T,2020-01-01,ML\ny,T,2020-01-01,Niger\n"


@pytest.fixture
def file(tmp_path: Path) -> bytes:
    """A release of 250 events."""
    return ged.write(tmp_path / "ged.csv", ged.events(250)).read_bytes()


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/x-ndjson"
    return [orjson.loads(line) for line in answer.content.splitlines()]


def send(editor: Editor, address: str, content: Any, **headers: str) -> httpx.Response:
    return editor.request("POST", address, content=content, headers=CSV | headers)


def test_every_row_gets_a_result_followed_by_the_summary(editor: Editor, file: bytes) -> None:
    # when
    *rows, last = lines(send(editor, GED, file))

    # then
    assert rows == [{"line": n + 1, "outcome": "created", "id": f"ucdp-{n}"} for n in range(1, 251)]
    assert last == {
        "summary": {
            "created": 250, "revised": 0, "unchanged": 0, "withdrawn": 0, "repaired": 0, "refused": 0, "absent": [],
        }
    }  # fmt: skip
    assert editor.json("/v1/incidents?limit=1&total=true")["total"] == 250


def test_rejected_rows_are_reported_and_the_others_recorded(editor: Editor) -> None:
    # when
    told = lines(send(editor, "/v1/import?format=csv", TABLE))

    # then
    assert [(row["line"], row["outcome"]) for row in told[:-1]] == [(2, "created"), (3, "refused"), (4, "created")]
    assert told[1]["reason"] == "id: is empty"
    assert told[-1]["summary"]["refused"] == 1
    assert editor.client.ids("/v1/incidents") == ["y", "x"]


def test_a_file_with_ambiguous_days_requires_a_day_order(editor: Editor) -> None:
    # given
    table = b"id,title,date_start,country\nx,T,05/06/2001,Mali\n"

    # when
    refused = send(editor, "/v1/import?format=csv", table)
    *_, taken = lines(send(editor, "/v1/import?format=csv&dates=dmy", table))

    # then
    assert refused.status_code == 422
    assert "line 2 has 05/06/2001, and no line decides it" in refused.json()["detail"]
    assert taken["summary"]["created"] == 1
    assert editor.json("/v1/incidents/x")["date_start"] == "2001-06-05"


def test_sending_a_file_again_changes_nothing(editor: Editor, file: bytes) -> None:
    # given
    send(editor, GED, file)
    before = editor.checkpoint()

    # when
    told = lines(send(editor, GED, file))

    # then
    assert {row["outcome"] for row in told[:-1]} == {"unchanged"}
    assert editor.checkpoint() == before


def test_repairs_are_reported_with_their_row(editor: Editor) -> None:
    # given
    (event,) = ged.events(1)
    event = ged.with_figure(event, 5) | {"low": 9}
    table = (
        ",".join(event) + "\n" + ",".join(f'"{str(v).replace(chr(34), chr(34) * 2)}"' for v in event.values()) + "\n"
    )

    # when
    row, last = lines(send(editor, GED, table.encode()))

    # then
    assert row["repairs"] == ["given as low 9, best 5, high 5; read as low 5, high 9"]
    assert last["summary"]["repaired"] == 1


def test_json_of_acleds_api_is_imported_unchanged(editor: Editor) -> None:
    # given
    event = {
        "event_id_cnty": "MLI1", "event_date": "2019-11-01", "event_type": "Battles", "sub_event_type": "Armed clash",
        "country": "Mali", "fatalities": 5, "timestamp": 1572739200,
    }  # fmt: skip

    # when
    answer = editor.request("POST", "/v1/import?format=acled", {"status": 200, "data": [event]})

    # then
    assert lines(answer)[0] == {"line": 1, "outcome": "created", "id": "acled-mli1"}


def test_imported_records_name_the_key(editor: Editor, file: bytes) -> None:
    # when
    send(editor, GED, file)

    # then
    (version,) = editor.json("/v1/incidents/ucdp-1/versions")["items"]
    assert version["recorded_by"] == editor.name


@pytest.mark.parametrize(
    ("address", "content", "named", "why"),
    [
        ("/v1/import", TABLE, "format", "is missing; send one of ucdp-ged, acled, csv"),
        ("/v1/import?format=xls", TABLE, "format", "is not a value of this parameter; it is one of ucdp-ged"), ("/v1/import?format=csv&relese=1", TABLE, "relese", ""),
        ("/v1/import?format=ucdp-ged", TABLE, "release", "required for ucdp-ged"), ("/v1/import?format=ucdp-ged&release=1", TABLE, "released_on", "required for ucdp-ged"),
        (GED.replace("2026-06-01", "2999-01-01"), TABLE, "released_on", "is in the future"), (GED, TABLE, "file", "is not a UCDP GED file"),
        ("/v1/import?format=csv", b"", "file", "is empty"), ("/v1/import?format=csv", b"\x00\x01", "file", "is neither text nor a workbook"),
    ],
)  # fmt: skip
def test_an_unreadable_file_or_query_is_rejected(
    editor: Editor, address: str, content: bytes, named: str, why: str
) -> None:
    # when
    answer = send(editor, address, content)

    # then
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["name"] == named
    assert why in fault["message"]
    assert editor.checkpoint()["size"] == 0
    assert import_route.import_slots.taken == 0


def test_an_import_requires_a_key_with_the_write_scope(editor: Editor, confidential_reader: Editor) -> None:
    # when
    nobody = editor.client.request("POST", "/v1/import?format=csv", content=TABLE, headers=CSV)
    reader = send(confidential_reader, "/v1/import?format=csv", TABLE)

    # then
    assert (nobody.status_code, reader.status_code) == (401, 403)
    assert editor.checkpoint()["size"] == 0


def test_an_import_of_another_media_type_is_rejected(editor: Editor) -> None:
    # when
    answer = editor.request("POST", "/v1/import?format=csv", content=TABLE, headers={"Content-Type": "application/zip"})

    # then
    assert answer.status_code == 415
    assert "text/csv" in answer.json()["detail"]


def test_an_import_that_is_too_large_is_rejected_before_and_during_upload(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(import_route, "MAX_BYTES", 1000)

    async def unannounced() -> Any:
        for _ in range(20):
            yield b"a" * 100

    # when
    told, untold = (send(editor, "/v1/import?format=csv", body) for body in (b"a" * 1001, unannounced()))

    # then
    assert (told.status_code, untold.status_code) == (413, 413)
    assert import_route.import_slots.taken == 0


def test_a_third_simultaneous_import_is_rejected(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(import_route.import_slots, "taken", import_route.MAX_IMPORTS)

    # when
    answer = send(editor, "/v1/import?format=csv", TABLE)

    # then
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert import_route.import_slots.taken == import_route.MAX_IMPORTS


def test_reads_are_served_during_an_import(editor: Editor, file: bytes) -> None:
    # when
    async def together() -> Any:
        headers = CSV | {"Authorization": f"Bearer {editor.key}"}
        imports = [editor.client.send("POST", GED, content=file, headers=headers) for _ in range(2)]
        reads = [editor.client.send("GET", "/v1/incidents?limit=5") for _ in range(20)]
        return await asyncio.gather(*imports, *reads)

    answers = editor.client.run(together())

    # then: of two imports one address may have one
    assert [answer.status_code for answer in answers] == [200, 429] + [200] * 20
    assert [row["outcome"] for row in lines(answers[0])[:-1]] == ["created"] * 250
    assert answers[1].headers["retry-after"] == "1"
    assert answers[1].json()["type"] == "/docs/errors#too-many-from-your-address"
    assert "The limit for imports is 1 per address" in answers[1].json()["detail"]
    assert (import_route.import_slots.taken, import_route.import_slots.by_address) == (0, {})


def test_an_import_without_the_scope_reveals_nothing_confidential(
    editor: Editor, empty_client: Client, database: Database
) -> None:
    # given
    witness = {"id": "witness", "name": "A witness", "kind": "local", "confidential": True}
    record(database, incident_draft("x", toll_reports=[report_body(3, id="r") | {"reported_by": witness}]))
    table = (
        "incidents,measure,best,reporter_id,reporter_name,reporter_kind,reported_on,source_title\n"
        "x,killed,5,witness,Guessed name,local,2020-01-01,P\n"
    )

    # when
    row, _ = lines(send(editor, "/v1/import?format=csv", table))

    # then
    assert row["outcome"] == "refused"
    assert "A witness" not in row["reason"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that is written to, with a short deadline for slow clients."""
    made = Service(tmp_path_factory.mktemp("imports"), INCIDENTS_REQUEST_SECONDS="2")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def writer_key(service: Service) -> str:
    """A key of the running service."""
    database = Database(f"sqlite:///{service.database}")
    key = keys.create(database, "a writer", [Scope.WRITE], None)
    database.close()
    return key


@pytest.mark.slow
def test_a_slow_steady_upload_may_exceed_the_request_deadline(service: Service, writer_key: str, file: bytes) -> None:
    # given: a deadline of 2 seconds, and a body that takes 4
    padding = b" " * 1_000_000
    parts = [file, *[b"\n" + padding + b",\n"] * 8]
    head = (
        f"POST {GED} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {writer_key}\r\nContent-Type: text/csv\r\n"
        f"Content-Length: {sum(map(len, parts))}\r\nConnection: close\r\n\r\n"
    )

    # when
    got = b""
    with service.connect(timeout=20) as client:
        client.sendall(head.encode())
        for part in parts:
            client.sendall(part)
            time.sleep(0.5)
        while part := client.recv(65536):
            got += part

    # then
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b'{"summary":{"created":250,' in got


@pytest.mark.slow
def test_an_upload_that_is_too_slow_is_cut_off(service: Service, writer_key: str) -> None:
    # given
    head = (
        f"POST {GED} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {writer_key}\r\nContent-Type: text/csv\r\n"
        "Content-Length: 1000000\r\n\r\n"
    )

    # when
    begun = time.monotonic()
    with service.connect(timeout=10) as client:
        client.sendall(head.encode())
        try:
            while time.monotonic() - begun < 6:
                client.sendall(b"a")
                time.sleep(0.05)
        except OSError:
            pass

    # then
    assert time.monotonic() - begun < 4


@pytest.mark.slow
def test_an_import_ends_after_the_current_batch_when_its_client_disconnects(
    service: Service, writer_key: str, tmp_path: Path
) -> None:
    # given
    content = ged.write(tmp_path / "much.csv", ged.events(20_000, seed=9, first=5_000_000)).read_bytes()
    head = (
        f"POST {GED.replace('26.1', '27.1')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {writer_key}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {len(content)}\r\n\r\n"
    )

    # when
    with service.connect(timeout=20) as client:
        client.sendall(head.encode())
        client.sendall(content)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    # then: what was recorded stays, and no more comes
    counts = []
    for _ in range(40):
        time.sleep(0.5)
        counts.append(httpx.get(f"{service.base}/v1/incidents?limit=1&total=true").json()["total"])
        if counts[-3:] == [counts[-1]] * 3:
            break
    assert counts[-1] < 20_000
    assert httpx.get(f"{service.base}/readyz").status_code == 200


def _revoking(database: Database, editor: Editor, content: bytes) -> AsyncIterator[bytes]:
    """A body in two parts, between which the key is revoked."""

    async def parts() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]
        await asyncio.to_thread(keys.revoke, database, editor.key.split("_")[1])
        yield content[len(content) // 2 :]

    return parts()


def _recordings(database: Database) -> int:
    with closing(sqlite3.connect(str(database.url.database))) as connection:
        return int(connection.execute("SELECT count(*) FROM recording").fetchone()[0])


@pytest.mark.parametrize(
    ("address", "media_type", "content"),
    [
        ("/v1/incidents", "application/json", orjson.dumps(incident_body("late"))),
        ("/v1/import?format=csv", "text/csv", TABLE),
    ],
)
def test_a_key_revoked_during_the_upload_records_nothing(
    editor: Editor, database: Database, address: str, media_type: str, content: bytes
) -> None:
    # when
    body = _revoking(database, editor, content)
    answer = editor.request("POST", address, content=body, headers={"Content-Type": media_type})

    # then
    assert answer.status_code == 401, answer.text
    assert answer.json()["detail"] == "the key was revoked"
    assert _recordings(database) == 0


def test_an_import_ends_after_the_current_batch_when_its_key_is_revoked(
    editor: Editor, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a key that is revoked as soon as the first batch is recorded
    content = ged.write(tmp_path / "ged.csv", ged.events(3 * BATCH)).read_bytes()
    flush = import_route._Work._flush

    def revoke_then_flush(work: Any) -> None:
        keys.revoke(database, editor.key.split("_")[1])
        flush(work)

    monkeypatch.setattr(import_route._Work, "_flush", revoke_then_flush)

    # when
    *rows, last = lines(send(editor, GED, content))

    # then
    assert last == {"error": "the key was revoked"}
    assert [row["outcome"] for row in rows] == ["created"] * BATCH
    assert editor.client.json("/v1/incidents?limit=1&total=true")["total"] == BATCH


def test_a_kept_response_is_not_sent_to_a_key_revoked_during_the_upload(editor: Editor, database: Database) -> None:
    # given
    body, headers = orjson.dumps(incident_body("once")), {"Content-Type": "application/json", "Idempotency-Key": "k"}
    assert editor.request("POST", "/v1/incidents", content=body, headers=headers).status_code == 201

    # when
    answer = editor.request("POST", "/v1/incidents", content=_revoking(database, editor, body), headers=headers)

    # then
    assert answer.status_code == 401


@pytest.mark.parametrize("begin", [b"\x1f\x8b\x08\x00", b"PK\x03\x04"], ids=["gzip", "zip or workbook"])
@pytest.mark.parametrize("parts", [1, 4])
def test_a_compressed_file_is_rejected_at_its_first_bytes(editor: Editor, begin: bytes, parts: int) -> None:
    # given
    async def body() -> Any:
        for at in range(0, 4, 4 // parts):
            yield begin[at : at + 4 // parts]
        yield b"x" * 1000

    # when
    answer = editor.request("POST", "/v1/import?format=csv", content=body(), headers=CSV)

    # then
    assert answer.status_code == 415
    assert "send it unpacked" in answer.json()["detail"]
    assert import_route.import_slots.taken == 0
