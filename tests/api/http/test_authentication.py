"""Authentication: every route with every kind of key, as the OpenAPI document declares it."""

import hashlib
import re
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from app.api.application import create_app
from app.domain.dates import DAY_LENGTH
from app.domain.vocabulary import Scope
from app.errors import Conflict, InvalidInput, NotFound
from app.settings import Settings
from app.store import keys
from app.store.db.database import Database
from tests.builders import incident_body, report_body
from tests.support import Client, Editor

APP = create_app(Settings(_env_file=None))  # type: ignore[call-arg]
PATHS: dict[str, Any] = APP.openapi()["paths"]
OPERATIONS: dict[str, Any] = {
    f"{method.upper()} {path}": found["security"]
    for path, methods in PATHS.items()
    for method, found in methods.items()
}
"""What each operation says that it needs."""
STREAM = "GET /v1/changes/stream"
REQUESTED = [operation for operation in OPERATIONS if operation != STREAM]
"""Those that end."""
WRITING = [operation for operation in OPERATIONS if not operation.startswith("GET ")]
GUARDED = [operation for operation in OPERATIONS if operation not in ("GET /healthz", "GET /readyz")]
HOLDERS = [held for count in (1, 2, 3) for held in combinations(Scope, count)]
TABLE = "SELECT * FROM api_key ORDER BY key"


class Keys:
    """A service, and keys that hold and that do not."""

    def __init__(self, client: Client, database: Database) -> None:
        self.client, self.database = client, database
        self.holding = {held: self.make(*held) for held in HOLDERS}
        good, other = self.make(*Scope), self.make(*Scope)
        revoked, expired = self.make(*Scope), self.make(*Scope, expires_at=_now() + DAY_LENGTH)
        keys.revoke(database, revoked.split("_")[1])
        with database.writing() as transaction:
            passed = "UPDATE api_key SET expires_at = ? WHERE id = ?"
            transaction.connection.execute(passed, (transaction.now - 1, expired.split("_")[1]))
        mark, id_, secret, check = good.split("_")
        _, other_id, other_secret, _ = other.split("_")
        bearer = f"Bearer {good}"
        self.bad: dict[str, list[str]] = {
            "of nobody": [f"Bearer {_checked(f'ci_000000000000_{secret}')}"],
            "another's secret": [f"Bearer {_checked(f'ci_{id_}_{other_secret}')}"],
            "another's id": [f"Bearer {_checked(f'ci_{other_id}_{secret}')}"],
            "mistyped": [f"Bearer {good[:30]}{'0' if good[30] != '0' else '1'}{good[31:]}"],
            "a wrong checksum": [f"Bearer {mark}_{id_}_{secret}_{int(check, 16) ^ 1:08x}"],
            "cut short": [bearer[:-1]],
            "with more after it": [f"{bearer}0"],
            "in capitals": [f"Bearer {good.upper()}"],
            "without its mark": [f"Bearer {good[3:]}"],
            "revoked": [f"Bearer {revoked}"],
            "out of date": [f"Bearer {expired}"],
            "nothing": [""],
            "a scheme alone": ["Bearer"],
            "a scheme and a space": ["Bearer "],
            "a key alone": [good],
            "another scheme": [f"Basic {good}"],
            "two words": [f"{bearer} {good}"],
            "a comma": [f"{bearer},"],
            "no ASCII": [f"Bearer {good[:-1]}²"],
            "two headers": [bearer, bearer],
            "two keys": [bearer, f"Bearer {other}"],
            "very long": ["Bearer " + "a" * 20_000],
        }
        """What is sent as `Authorization`."""

    def make(self, *scopes: Scope, expires_at: int | None = None) -> str:
        return keys.create(self.database, f"key {time.time_ns()}", scopes, expires_at)

    def request(self, operation: str, *authorization: str) -> httpx.Response:
        """The answer of an operation to a request that is otherwise as empty as can be."""
        method, path = operation.split(" ")
        headers = [(b"authorization", sent.encode("latin-1")) for sent in authorization]
        headers += [] if method == "GET" else [(b"content-type", b"application/json")]
        content = None if method == "GET" else b"{}"
        return self.client.request(method, re.sub(r"{\w+}", "nowhere", path), headers=headers, content=content)


def _now() -> int:
    return time.time_ns() // 1000


def _checked(unchecked: str) -> str:
    return f"{unchecked}_{zlib.crc32(unchecked.encode()):08x}"


@pytest.fixture(scope="module")
def made(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """Keys of a service in which nothing is recorded."""
    path = tmp_path_factory.mktemp("keys") / "incidents.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    client = Client(database)
    yield Keys(client, database)
    client.close()
    database.close()


def _is_past(answer: httpx.Response) -> bool:
    """Whether a request was let in, whatever became of it then."""
    assert answer.status_code < 500, answer.text
    return answer.status_code not in (401, 403)


def _expect_unauthorized(answer: httpx.Response, said: str) -> None:
    assert answer.status_code == 401, f"{said}: {answer.status_code} {answer.text[:200]}"
    assert answer.headers["www-authenticate"].startswith("Bearer realm="), said
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/docs/errors#key-needed"
    assert "no-store" in answer.headers["cache-control"]


def test_openapi_declares_the_scope_of_every_write_route() -> None:
    routes = [route for route in APP.routes if isinstance(route, Route)]
    writing = {f"{method} {r.path}" for r in routes for method in r.methods or () if method not in ("GET", "HEAD")}
    assert writing == set(WRITING) and len(WRITING) >= 8
    for operation in WRITING:
        assert OPERATIONS[operation] == [{"key": ["write"]}], operation


def test_openapi_declares_that_reads_need_no_key() -> None:
    reading = {operation: needed for operation, needed in OPERATIONS.items() if operation.startswith("GET ")}
    assert len(reading) >= 25
    for operation, needed in reading.items():
        assert needed == [], operation


@pytest.mark.parametrize("operation", REQUESTED)
@pytest.mark.parametrize("held", HOLDERS, ids=" and ".join)
def test_a_key_is_accepted_where_it_has_the_scope(made: Keys, operation: str, held: Sequence[Scope]) -> None:
    # given
    needed = OPERATIONS[operation]
    required = [scope for scheme in needed for scope in scheme["key"]]

    # when
    answer = made.request(operation, f"Bearer {made.holding[tuple(held)]}")

    # then
    allowed = Scope.ADMIN in held or set(required) <= set(held)
    assert _is_past(answer) is allowed, f"{answer.status_code} {answer.text[:200]}"
    if not allowed:
        assert answer.status_code == 403
        assert answer.headers["www-authenticate"].endswith('error="insufficient_scope", scope="write"')
        told = answer.json()
        assert (told["scope"], told["detail"]) == ("write", "The key lacks the scope `write`.")
        assert told["type"] == "/docs/errors#scope-missing"


@pytest.mark.parametrize("operation", REQUESTED)
def test_without_a_key_public_records_can_be_read_and_nothing_written(made: Keys, operation: str) -> None:
    answer = made.request(operation)
    if operation in WRITING:
        _expect_unauthorized(answer, operation)
        assert answer.json()["detail"] == "send a key that has the scope write"
    else:
        assert _is_past(answer), answer.text


@pytest.mark.parametrize("operation", GUARDED)
def test_an_invalid_key_is_rejected_everywhere_even_for_reads(made: Keys, operation: str) -> None:
    for said, sent in made.bad.items():
        answer = made.request(operation, *sent)
        _expect_unauthorized(answer, said)
        assert all(part not in answer.text for header in sent for part in header.split("_") if len(part) > 8), said


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"])
def test_routes_without_records_need_no_key(made: Keys, address: str) -> None:
    assert made.client.get(address, headers={"Authorization": "Bearer wrong"}).status_code == 200


def test_a_wrong_secret_is_rejected_like_an_unknown_key(made: Keys) -> None:
    answers = [
        made.request("GET /v1/incidents", *made.bad[said]) for said in ("of nobody", "another's secret", "another's id")
    ]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json()["detail"] == "no such key exists"


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ("mistyped", "this is not a key of this service; check that it was copied completely"),
        ("cut short", "this is not a key of this service; check that it was copied completely"),
        ("revoked", "the key was revoked"),
        ("out of date", "the key has expired"),
        ("another scheme", "Send exactly one header `Authorization: Bearer <key>`."),
        ("two headers", "Send exactly one header `Authorization: Bearer <key>`."),
    ],
)
def test_a_rejection_states_what_is_wrong_with_the_key(made: Keys, said: str, detail: str) -> None:
    assert made.request("GET /v1/incidents", *made.bad[said]).json()["detail"] == detail


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_authentication_scheme_is_case_insensitive(made: Keys, scheme: str) -> None:
    key = made.holding[Scope.WRITE,]
    assert made.request("POST /v1/sources", f"{scheme} {key}").status_code == 422
    assert made.request("POST /v1/sources", f"{scheme}   {key} ").status_code == 422


def test_a_missing_write_scope_is_rejected_before_the_body_is_read(made: Keys) -> None:
    for authorization, status in ((None, 401), (f"Bearer {made.holding[Scope.READ_CONFIDENTIAL,]}", 403)):
        headers = {"Authorization": authorization} if authorization else {}
        for address in ("/v1/incidents", "/v1/incidents?x=1", "/v1/incidents/nowhere/withdrawal"):
            answer = made.client.request("POST", address, content=b"\xff" * 2_000_000, headers=headers)
            assert answer.status_code == status


def test_rejected_requests_record_nothing(made: Keys) -> None:
    assert made.client.json("/v1/log/checkpoint")["size"] == 0


def test_only_the_hash_of_a_key_is_stored(database: Database, empty_client: Client) -> None:
    # given
    editor = Editor(empty_client, database, Scope.WRITE, Scope.READ_CONFIDENTIAL, name="an editor")
    editor.create("/v1/incidents", incident_body(toll_reports=[report_body(1)]))

    # when
    with database.writing() as transaction:
        names = [column[0] for column in transaction.connection.execute(TABLE).description]
        (row,) = transaction.connection.execute(TABLE).fetchall()

    # then
    kept = dict(zip(names, row, strict=True))
    mark, key_id, secret, check = editor.key.split("_")
    assert (mark, kept["id"], kept["name"], kept["scopes"]) == ("ci", key_id, "an editor", "read:confidential write")
    assert kept["hash"] == hashlib.sha256(editor.key.encode()).digest()
    assert check == f"{zlib.crc32(editor.key[:-9].encode()):08x}"
    path = Path(database.url.database or "")
    for file in path.parent.glob(f"{path.name}*"):
        content = file.read_bytes()
        assert all(part not in content for part in (secret.encode(), bytes.fromhex(secret), editor.key.encode())), file
    assert all(secret not in str(value) for key in keys.list_keys(database) for value in key.model_dump().values())


def test_every_key_is_unique(database: Database) -> None:
    made = [keys.create(database, f"key {n}", [Scope.WRITE], None) for n in range(20)]
    assert all(re.fullmatch(r"ci_[0-9a-f]{12}_[0-9a-f]{64}_[0-9a-f]{8}", key) for key in made)
    assert len({part for key in made for part in key.split("_")[1:3]}) == 40


def test_keys_are_listed_with_scopes_and_expiry(database: Database) -> None:
    # given
    ends = _now() + DAY_LENGTH
    first = keys.create(database, "An Editor", [Scope.WRITE, Scope.WRITE, Scope.ADMIN], ends)
    second = keys.create(database, "reader@example.org", [Scope.READ_CONFIDENTIAL], None)
    keys.revoke(database, second.split("_")[1])

    # when
    listed = keys.list_keys(database)

    # then
    assert [(key.id, key.name, key.scopes, key.expires_at) for key in listed] == [
        (first.split("_")[1], "An Editor", "admin write", ends),
        (second.split("_")[1], "reader@example.org", "read:confidential", None),
    ]
    assert [key.revoked_at is None for key in listed] == [True, False]
    assert all(key.created_at <= _now() for key in listed)


@pytest.mark.parametrize(
    "name", ["", " a", "-a", "a" * 101, "é", "a\n", "a\x00", "a<b>", "a\u202eb", "seeds", "Seeds", "SEEDS"], ids=ascii
)
def test_a_key_name_is_plain_text_and_not_reserved(database: Database, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.create(database, name, [Scope.WRITE], None)
    assert [fault.name for fault in refused.value.faults] == ["name"]
    assert keys.list_keys(database) == []


def test_a_key_name_is_never_reused(database: Database) -> None:
    # given
    key = keys.create(database, "an editor", [Scope.WRITE], None)

    # then
    for _ in range(2):
        with pytest.raises(Conflict, match='a key is already named "an editor"'):
            keys.create(database, "an editor", [Scope.ADMIN], None)
        keys.revoke(database, key.split("_")[1])
    assert len(keys.list_keys(database)) == 1


@pytest.mark.parametrize("ago", [0, 1, DAY_LENGTH])
def test_a_key_cannot_be_created_already_expired(database: Database, ago: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.create(database, "an editor", [Scope.WRITE], _now() - ago)
    assert [(fault.name, fault.message) for fault in refused.value.faults] == [("expires", "is in the past")]
    assert keys.list_keys(database) == []


def test_a_key_is_valid_until_it_expires(database: Database, empty_client: Client) -> None:
    # given
    headers = {"Authorization": f"Bearer {keys.create(database, 'an editor', [Scope.WRITE], _now() + DAY_LENGTH)}"}

    for left, status in ((DAY_LENGTH // 2, 200), (0, 401)):
        # when
        with database.writing() as transaction:
            transaction.connection.execute("UPDATE api_key SET expires_at = ?", (_now() + left,))

        # then
        assert empty_client.get("/v1/incidents", headers=headers).status_code == status


def test_a_revoked_key_is_rejected_and_its_records_stay(editor: Editor, database: Database) -> None:
    # given
    editor.create("/v1/incidents", incident_body())
    ids = [key.id for key in keys.list_keys(database)]

    # when
    for _ in range(2):
        keys.revoke(database, ids[0])

    # then
    assert editor.post("/v1/incidents", incident_body("other")).status_code == 401
    assert editor.get("/v1/incidents/attack").status_code == 401
    assert editor.client.json("/v1/incidents/attack/versions")["items"][0]["recorded_by"] == "an editor"
    with pytest.raises(NotFound, match='no key has the id "nowhere"'):
        keys.revoke(database, "nowhere")
