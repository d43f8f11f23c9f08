"""No digest, id, tag or cursor that leaves the service confirms a guess at what is confidential.

The same public facts are recorded twice, with the same clock and the same randomness, once with each of two values in
every confidential member. What the public gets may then differ in the salted commitments alone, and in the hashes of
the log, which everybody can compute from the public entries.
"""

import hashlib
import itertools
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import httpx
import orjson
import pytest
import rfc8785

from app.domain.vocabulary import Scope
from app.store.db.database import Database
from app.store.maintenance import schema
from tests.api.test_confidential import World, _addresses, _readable, _streamed
from tests.builders import REPORTERS, SOURCE, incident_body, report_body
from tests.proofs import root_of_leaves
from tests.support import Client, Editor

DICTIONARY = ("Anna Keita", "Bartholomew Traoré-Maïga")
"""Two guesses of different length and alphabet."""
CSV = {"Content-Type": "text/csv"}


BEGIN = 1_704_067_200_000_000
LATER = BEGIN + 10**11
"""Instants: 1 January 2024, and some hours after everything that is recorded then."""


@contextmanager
def same_clock_and_randomness(begin: int = BEGIN) -> Iterator[None]:
    instants, drawn = itertools.count(begin, 61_000_001), itertools.count()

    def token_bytes(length: int = 32) -> bytes:
        return hashlib.sha256(b"drawn %d" % next(drawn)).digest()[:length]

    with (
        patch("app.store.db.transaction.now", lambda: next(instants)),
        patch("secrets.token_bytes", token_bytes),
        patch("secrets.token_hex", lambda length=32: token_bytes(length).hex()),
    ):
        yield


def reporter(of: str | None, secret: str) -> dict[str, Any]:
    return {"name": secret, "kind": "local", "confidential": True} | ({"id": of} if of else {})


def source(of: str | None, secret: str) -> dict[str, Any]:
    told = dict.fromkeys(("title", "publisher", "licence", "attribution"), secret)
    told |= {"url": f"https://{len(secret)}.example/", "language": "fr" if secret == DICTIONARY[0] else "en"}
    return told | {"published_on": "2021-03-16", "confidential": True} | ({"id": of} if of else {})


def sealed(best: int, secret: str, of: str | None = None, **fields: Any) -> dict[str, Any]:
    told = {"locator": secret, "note": f"Told by {secret}", "reported_on": "2021-03-16"}
    return report_body(best, **told, **({"id": of} if of else {}), **fields)


def reports_table(secret: str) -> str:
    """Reports without ids: of a reporter named by its id, of one described in full, and twice the same row."""
    head = (
        "incidents,measure,best,reporter_id,reporter_name,reporter_kind,reporter_confidential,reported_on,source_id,"
        "source_title,source_confidential,note\n"
    )
    by_id = f'gao,killed,11,r-own,,,,2021-03-17,s-own,,,"{secret}"\n'
    in_full = f'gao,killed,12,,"{secret}",local,true,2021-03-17,,"{secret}",true,"{secret}"\n'
    shared = f'gao; other,killed,13,r-own,,,,2021-03-17,src-test,,,"{secret}"\n'
    return head + by_id + in_full + in_full + shared


def incidents_table(secret: str) -> str:
    """An incident with a source and a report in JSON, all without ids."""
    reports = [sealed(14, secret, reported_by=reporter(None, secret), source=source(None, secret))]
    cells = ["file", "From a file", "2021-03-15", "ML", _json([source(None, secret)]), _json(reports)]
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    return f"id,title,date_start,country,sources,toll_reports\n{quoted}\n"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


class Twin:
    """A database with one of the two values, and everything that went out to the public."""

    def __init__(self, path: Path, secret: str) -> None:
        self.database, self.secret = Database(f"sqlite:///{path}"), secret
        self.client = Client(self.database)
        self.client._http.headers["Accept-Encoding"] = "identity"  # the length of what is packed depends on its hashes
        self.editor = Editor(self.client, self.database, Scope.WRITE, name="an editor")
        self.trusted = Editor(self.client, self.database, Scope.WRITE, Scope.READ_CONFIDENTIAL, name="a trusted editor")
        self.answers: list[tuple[str, httpx.Response]] = []

    def send(self, address: str, body: Any, **headers: str) -> None:
        """What somebody without the scope sends, and the answer to it."""
        self.answers.append((f"POST {address}", self.editor.post(address, body, **headers)))

    def load(self, table: str) -> httpx.Response:
        """An import by somebody with the scope."""
        return self.trusted.request("POST", "/v1/import?format=csv", content=table.encode(), headers=CSV)

    def record(self) -> None:
        secret, keyed = self.secret, {"Idempotency_Key": "a-key"}
        first = sealed(15, secret, "tr-own", reported_by=reporter("r-own", secret), source=source("s-own", secret))
        self.send("/v1/incidents", incident_body("gao", region="Gao", sources=[SOURCE], toll_reports=[first]), **keyed)
        self.send("/v1/incidents", incident_body("gao", region="Gao", sources=[SOURCE], toll_reports=[first]), **keyed)
        self.send("/v1/incidents", incident_body("gao", toll_reports=[first]), **keyed)
        self.send("/v1/incidents", incident_body("other", region="Gao", sources=[source(None, secret)]))
        self.send("/v1/reporters", reporter(None, secret))
        self.send("/v1/reporters", reporter(None, secret))
        self.send("/v1/reporters", reporter("r-own", secret))
        self.send("/v1/sources", source(None, secret))
        self.send("/v1/sources", source("s-own", secret))
        self.send(
            "/v1/incidents/gao/toll-reports", sealed(16, secret, reported_by=reporter(None, secret), source=SOURCE)
        )
        both = {"incidents": ["gao", "other"], "reported_by": REPORTERS["ngo"], "source": source(None, secret)}
        self.send("/v1/toll-reports", sealed(17, secret, "tr-both", **both))
        self.send("/v1/toll-reports/tr-own/retraction", {"reason": "a misprint", "source": source(None, secret)})
        self.send("/v1/incidents", incident_body("double", sources=[source(None, secret)]))
        self.send("/v1/incidents/double/withdrawal", {"reason": "twice", "merged_into": "gao"})
        for table in (reports_table(secret), incidents_table(secret)):
            size = self.editor.checkpoint()["size"]
            assert b'"refused":0' in self.load(table).content
            assert self.editor.checkpoint()["size"] > size

    def guess(self) -> None:
        """What outsiders get who send right and wrong guesses; those of both twins are the same."""
        for secret in DICTIONARY:
            for address, body in (
                ("/v1/reporters", reporter("r-own", secret)),
                ("/v1/sources", source("s-own", secret)),
                ("/v1/incidents/gao/toll-reports", sealed(15, secret, "tr-own", reported_by={"id": "r-own"}, source={"id": "s-own"})),
            ):  # fmt: skip
                self.send(address, body)
            for table in (reports_table(secret), incidents_table(secret)):
                answer = self.editor.request("POST", "/v1/import?format=csv", content=table.encode(), headers=CSV)
                self.answers.append(("import", answer))

    def request(self) -> None:
        """Every address, and a second time with the tags that were given."""
        world = cast(World, None)
        for address in _addresses(world, self.client, canaries=False):
            if address.startswith("/metrics"):  # which counts seconds
                continue
            answer = self.client.get(address)
            self.answers.append((address, answer))
            if "etag" in answer.headers:
                again = self.client.get(address, headers={"If-None-Match": answer.headers["etag"]})
                self.answers.append((f"again {address}", again))
        walk = ("/v1/toll-reports?limit=1", "/v1/sources?limit=1", "/v1/reporters?limit=1", "/v1/incidents?limit=1")
        for address in walk:
            following: str | None = address
            while following:
                answer = self.client.get(following)
                self.answers.append((address, answer))
                following = answer.json()["next"]

    def public_hashes(self) -> dict[str, str]:
        """Commitments, and what everybody can compute from the public log: each with its place in it."""
        entries = self.client.json("/v1/changes?limit=1000")["items"]
        leaves = [_leaf(entry) for entry in entries]
        assert [leaf.hex() for leaf in leaves] == [entry["hash"] for entry in entries]
        named = {
            root_of_leaves(leaves[a:b]).hex(): f"<hash of {a} to {b}>"
            for a, b in itertools.combinations(range(len(leaves) + 1), 2)
        }
        found = itertools.chain.from_iterable(_commitments(entry["data"]) for entry in entries)
        return named | {commitment: f"<commitment {n}>" for n, commitment in enumerate(dict.fromkeys(found))}


def _leaf(entry: dict[str, Any]) -> bytes:
    told = {name: value for name, value in entry.items() if name not in ("hash", "opened")}
    return hashlib.sha256(b"\0" + rfc8785.dumps(told)).digest()


def _commitments(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "commitment" in value:
            yield value["commitment"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _commitments(inner)


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    """What the service logged; what the client of the tests logs are times and addresses."""
    return "\n".join(entry.getMessage() for entry in caplog.records if not entry.name.startswith(("httpx", "asyncio")))


def _headers(answer: httpx.Response) -> list[tuple[str, str]]:
    """Without what is drawn for each request."""
    return sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id")


def _masked(text: str, hashes: dict[str, str]) -> str:
    for value, name in hashes.items():
        text = text.replace(value, name)
    text = re.sub(r'"timeStamp":"[^"]*"', '"timeStamp":"now"', text)
    return text


@pytest.fixture
def twins(migrated_file: Path, tmp_path: Path) -> Iterator[list[Twin]]:
    made = []
    for n, secret in enumerate(DICTIONARY):
        path = tmp_path / f"{n}.db"
        shutil.copy(migrated_file, path)
        with same_clock_and_randomness():
            made.append(Twin(path, secret))
            made[-1].record()
    yield made
    for twin in made:
        twin.client.close()
        twin.database.close()


def test_only_salted_commitments_depend_on_confidential_members(
    twins: list[Twin], caplog: pytest.LogCaptureFixture
) -> None:
    # given
    caplog.set_level(logging.DEBUG)
    seen = []
    for twin in twins:
        caplog.clear()
        with same_clock_and_randomness(LATER):
            twin.request()
            streamed = twin.client.run(_streamed(twin.client, None, b'"incident.withdrawn"'))
            twin.guess()
        hashes = twin.public_hashes()
        told = [
            (asked, answer.status_code, _masked(f"{_headers(answer)}\n{_readable(answer)}", hashes))
            for asked, answer in twin.answers
        ]
        seen.append(
            [*told, ("the stream", 0, _masked(streamed, hashes)), ("the log file", 0, _masked(_logged(caplog), hashes))]
        )

    # then
    one, other = seen
    assert len(one) > 500
    assert [asked for asked, *_ in one] == [asked for asked, *_ in other]
    for mine, theirs in zip(one, other, strict=True):
        assert mine == theirs
        assert mine[1] < 500 and not any(secret in mine[2] for secret in DICTIONARY if not mine[0].startswith("import"))


def test_commitments_of_one_value_differ_with_the_salt(twins: list[Twin], tmp_path: Path) -> None:
    # given the facts of the first twin once more, with true randomness
    path = tmp_path / "again.db"
    database = Database(f"sqlite:///{path}")
    schema.migrate(database)
    again = Twin(path, DICTIONARY[0])
    again.record()

    # then
    first, second = (
        {c for entry in twin.client.json("/v1/changes?limit=1000")["items"] for c in _commitments(entry["data"])}
        for twin in (twins[0], again)
    )
    assert len(first) == len(second) > 10
    assert not first & second
    again.client.close()
    again.database.close()
    database.close()


def test_importing_the_same_confidential_file_again_changes_nothing(twins: list[Twin]) -> None:
    for twin in twins:
        # given
        before = twin.editor.checkpoint()

        # when
        answers = [twin.load(table(twin.secret)) for table in (reports_table, incidents_table)]

        # then
        outcomes = [orjson.loads(line).get("outcome") for answer in answers for line in answer.content.splitlines()]
        assert outcomes == ["unchanged"] * 4 + [None, "unchanged", None]
        assert twin.editor.checkpoint() == before


def test_a_confidential_row_requires_an_id_without_the_scope(twins: list[Twin]) -> None:
    """It could be recognized when it comes again only by what it says, and that would confirm a guess."""
    twin = twins[0]
    before = twin.editor.checkpoint()
    for secret in DICTIONARY:
        for table, rows in ((reports_table(secret), 4), (incidents_table(secret), 1)):
            # when
            answer = twin.editor.request("POST", "/v1/import?format=csv", content=table.encode(), headers=CSV)

            # then
            *told, last = map(orjson.loads, answer.content.splitlines())
            assert last["summary"]["refused"] == rows
            assert all("Without the scope read:confidential" in row["reason"] for row in told)
    assert twin.editor.checkpoint() == before
