"""`/v1/changes` and `/v1/log`: the change feed, and proofs that anybody can verify with RFC 8785 and RFC 9162."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import rfc8785

from app.domain.dates import instant_text
from app.domain.vocabulary import ChangeKind, Scope
from app.store import keys
from app.store.db.database import Database
from app.store.maintenance import schema
from app.store.maintenance.verify import Checkpoint, verify
from tests.builders import incident_draft, record, record_report
from tests.proofs import consistent, hash_of, includes, root_of_leaves
from tests.store.rich import STEPS, make_older, make_rich
from tests.support import Client, Service

EMPTY_ROOT = hashlib.sha256(b"").hexdigest()
WITHOUT_SECRETS = {
    "confided": lambda writer: None,
    "leaked": lambda writer: None,
    "secret party": lambda writer: None,
    "retracted in": lambda writer: writer.retract_report("sum-1", "wrong sum", "2019-11-13T08:00:00Z"),
}
"""Migration 0001 had nothing confidential."""


@pytest.fixture(scope="module")
def rich_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rich") / "rich.db"
    make_rich(path, migrated_file)
    return path


@pytest.fixture(scope="module")
def confidential_reader(rich_file: Path) -> str:
    """A key that may read what is confidential."""
    database = Database(f"sqlite:///{rich_file}")
    key = keys.create(database, "a confidential reader", [Scope.READ_CONFIDENTIAL], None)
    database.close()
    return key


@pytest.fixture(scope="module")
def rich(rich_file: Path, confidential_reader: str) -> Iterator[Client]:
    """The application over something of everything. To be read only."""
    made = Client(Database(f"sqlite:///{rich_file}"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def items(rich: Client) -> list[dict[str, Any]]:
    """All entries of the log."""
    found: list[dict[str, Any]] = rich.json("/v1/changes?limit=1000")["items"]
    return found


@pytest.fixture(scope="module")
def leaves(items: list[dict[str, Any]]) -> list[bytes]:
    """The hashes of all entries, made again from what they tell."""
    return [bytes.fromhex(hash_of(item)) for item in items]


# The feed


def test_entries_are_in_recorded_order_without_gaps(rich: Client, items: list[dict[str, Any]]) -> None:
    assert [item["seq"] for item in items] == list(range(1, rich.json("/v1/changes")["head"] + 1))
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    assert [by for n, by in enumerate(i["by"] for i in items) if n == 0 or by != items[n - 1]["by"]] == [
        f"by {s}" for s in STEPS
    ]


def test_every_kind_of_entry_appears_and_names_its_subject(items: list[dict[str, Any]]) -> None:
    # given
    assert {item["kind"] for item in items} == set(ChangeKind) - {ChangeKind.LEGACY_REPORTER_CREATED}

    # then
    for item in items:
        assert list(item) == ["seq", "at", "kind", "incident", "by", "data", "hash"]
        about = item["data"].get("incidents") or ([item["incident"]] if item["kind"].startswith("incident.") else [])
        assert item["incident"] == (about[0] if len(about) == 1 else None), "the incident, where it is a single one"
    several = [len(item["data"]["incidents"]) for item in items if item["kind"].startswith("toll.")]
    assert set(several) == {1, 2}


def _of(items: list[dict[str, Any]], kind: ChangeKind, **told: Any) -> dict[str, Any]:
    """The data of the entry of a kind that tells this."""
    (found,) = (i["data"] for i in items if i["kind"] == kind and told.items() <= i["data"].items())
    data: dict[str, Any] = found
    return data


def test_an_entry_about_a_report_contains_the_report(rich: Client, items: list[dict[str, Any]]) -> None:
    for report_id in ("full-1", "both-1", "told-1"):
        assert (
            _of(items, ChangeKind.TOLL_REPORTED, id=report_id).items()
            <= rich.json(f"/v1/toll-reports/{report_id}").items()
        )


def test_an_entry_about_an_incident_contains_its_version(rich: Client, items: list[dict[str, Any]]) -> None:
    # given
    told = [i["data"] for i in items if i["kind"].startswith("incident.") and i["incident"] == "full"]

    # then
    assert [data["version"] for data in told] == [1, 2, 3]
    now = rich.json("/v1/incidents/full")
    derived = {"version", "sources"}
    assert {n: v for n, v in told[-1].items() if n not in derived and n in now} == {
        n: now[n] for n in told[-1] if n not in derived and n in now
    }
    assert told[0]["title"] == "Attaque à Indelimane" and told[1]["title"] == "Attaque du poste"
    assert [[s["id"] for s in data["sources"]] for data in told] == [["journal"], ["journal"], ["journal", "wire"]]


def test_an_entry_about_a_retraction_or_withdrawal_contains_its_reason(items: list[dict[str, Any]]) -> None:
    dated = _of(items, ChangeKind.TOLL_RETRACTED, toll_report="full-2")
    assert (dated["reason"], dated["reported_on"], dated["source"]["id"]) == ("counted twice", "2019-11-12", "journal")
    undated = _of(items, ChangeKind.TOLL_RETRACTED, toll_report="both-2")
    assert undated == {
        "toll_report": "both-2",
        "incidents": ["full", "zero"],
        "reason": "a hoax",
        "reported_on": None,
        "source": None,
    }
    merged = _of(items, ChangeKind.INCIDENT_WITHDRAWN, incident="twin")
    assert merged == {"incident": "twin", "reason": "told twice", "merged_into": "full"}
    assert _of(items, ChangeKind.INCIDENT_WITHDRAWN, incident="hoax")["merged_into"] is None


@pytest.mark.parametrize("limit", [1, 5, 35, 36, 37, 1000])
def test_following_next_returns_every_entry_once(rich: Client, items: list[dict[str, Any]], limit: int) -> None:
    # given
    address, found = f"/v1/changes?limit={limit}", []

    # when
    while address:
        answer = rich.get(address)
        page = answer.json()
        found += page["items"]
        assert len(page["items"]) <= limit
        assert answer.headers.get("link") == (
            f'<http://testserver{page["next"]}>; rel="next"' if page["next"] else None
        )
        address = page["next"]

    # then
    assert found == items


@pytest.mark.parametrize("after", [0, 1, 17, 35])
def test_after_starts_with_the_following_entry(rich: Client, items: list[dict[str, Any]], after: int) -> None:
    assert rich.json(f"/v1/changes?after={after}")["items"] == items[after:]


@pytest.mark.parametrize("after", [36, 37, 10**6, 2**53 - 1])
def test_there_are_no_entries_after_the_newest(rich: Client, after: int) -> None:
    # when
    answer = rich.get(f"/v1/changes?after={after}")

    # then
    page = answer.json()
    assert (answer.status_code, page["items"], page["next"], page["head"]) == (200, [], None, 36)
    assert "link" not in answer.headers


def test_a_page_has_a_hundred_entries_by_default(database: Database, empty_client: Client) -> None:
    # given
    record(database, *(incident_draft(f"i-{n}") for n in range(120)))

    # then
    page = empty_client.json("/v1/changes")
    assert (len(page["items"]), page["next"], page["head"]) == (100, "/v1/changes?after=100&limit=100", 120)
    assert len(empty_client.json("/v1/changes?limit=1000")["items"]) == 120


def test_an_empty_log_has_an_empty_page(empty_client: Client) -> None:
    # when
    page, told = empty_client.json("/v1/changes"), empty_client.json("/v1/log/checkpoint")

    # then
    assert page == {"items": [], "next": None, "head": 0, "epoch": told["epoch"]}
    assert told == {"size": 0, "root": EMPTY_ROOT, "at": None, "epoch": page["epoch"]}
    for address in ("/v1/log/proof?seq=1", "/v1/log/proof?from=1"):
        assert empty_client.get(address).status_code == 422


def test_the_epoch_equals_that_of_the_checkpoint_and_stays(own_client: Client, seeded: Database) -> None:
    # given
    epoch = own_client.json("/v1/changes")["epoch"]
    assert len(epoch) == 16 and own_client.json("/v1/log/checkpoint")["epoch"] == epoch

    # when
    record(seeded, incident_draft("more"))
    schema.migrate(seeded)

    # then
    assert own_client.json("/v1/changes")["epoch"] == epoch


def test_a_new_record_is_at_the_end_of_the_feed(own_client: Client, seeded: Database) -> None:
    # given
    before = own_client.json("/v1/changes")

    # when
    report_id = record_report(seeded, "ml-2019-11-01-indelimane", best=50, reporter="ngo", reported_on="2019-11-03")

    # then
    now = own_client.json(f"/v1/changes?after={before['head']}")
    kinds = [item["kind"] for item in now["items"]]
    assert kinds == [ChangeKind.SOURCE_CREATED, ChangeKind.REPORTER_CREATED, ChangeKind.TOLL_REPORTED]
    assert (now["items"][-1]["data"]["id"], now["items"][-1]["by"]) == (report_id, "tests")
    assert own_client.json("/v1/changes")["items"][: before["head"]] == before["items"]


# Hashes


@pytest.mark.parametrize("kind", [kind for kind in ChangeKind if kind is not ChangeKind.LEGACY_REPORTER_CREATED])
def test_the_hash_of_an_entry_can_be_recomputed(items: list[dict[str, Any]], kind: ChangeKind) -> None:
    # given
    of_kind = [item for item in items if item["kind"] == kind]
    assert of_kind

    # then
    for item in of_kind:
        assert hash_of(item) == item["hash"], item


def test_any_change_of_an_entry_changes_its_hash(items: list[dict[str, Any]]) -> None:
    for item in items:
        for name in ("seq", "at", "kind", "incident", "by", "data"):
            assert hash_of(item | {name: "another"}) != item["hash"]
            assert hash_of({n: v for n, v in item.items() if n != name}) != item["hash"]
    assert len({item["hash"] for item in items}) == len(items)


def test_the_hashes_of_the_seeds_can_be_recomputed(client: Client) -> None:
    items = client.json("/v1/changes?limit=1000")["items"]
    assert [hash_of(item) for item in items] == [item["hash"] for item in items]
    told = client.json("/v1/log/checkpoint")
    assert root_of_leaves([bytes.fromhex(item["hash"]) for item in items]).hex() == told["root"]


def test_unusual_numbers_and_names_are_hashed_as_served(database: Database, empty_client: Client) -> None:
    """Members of `attributes` are kept as they come."""
    kept = {
        "numbers": [0, -0.0, 1.0, 15.5, 1e21, 1e-7, -1e300, 5e-324, 2**53 - 1, 0.1 + 0.2, 1e9, 123456789.25],
        "\ufb33": 1, "😀": 2, "\ue000": 3, "é": 4, 'a"\\/': "\u2028\x7f", "deep": {"z": [{}], "a": [[]]},
    }  # fmt: skip
    record(database, incident_draft("a", attributes=kept, title="Ménaka 😀", latitude=-0.0, longitude=180))
    for item in empty_client.json("/v1/changes")["items"]:
        assert hash_of(item) == item["hash"]
    assert verify(database).entries == 1


def test_a_confidential_reader_gets_disclosures_next_to_the_hashed_entry(
    rich: Client, items: list[dict[str, Any]], confidential_reader: str
) -> None:
    # when
    answer = rich.get("/v1/changes?limit=1000", headers={"Authorization": f"Bearer {confidential_reader}"})

    # then
    opened = answer.json()["items"]
    assert answer.headers["cache-control"] == "private, no-store"
    assert [{n: v for n, v in item.items() if n != "opened"} for item in opened] == items
    assert [hash_of(item) for item in opened] == [item["hash"] for item in items]
    told = {
        item["data"].get("id", item["data"].get("toll_report")): item["opened"] for item in opened if "opened" in item
    }
    assert set(told) == {"witness", "witness-2", "leak", "told-1", "told-2", "sum-1"}
    assert told["witness"]["name"] == "CANARY a witness" and told["told-1"]["note"] == "CANARY who told it"
    assert told["sum-1"]["source"]["title"] == "CANARY a leak"


def test_a_commitment_can_be_recomputed_from_the_salt_and_the_disclosure(
    rich: Client, confidential_reader: str
) -> None:
    # given
    page = rich.json("/v1/changes?limit=1000", headers={"Authorization": f"Bearer {confidential_reader}"})
    by_id = {item["data"].get("id"): item for item in page["items"] if "opened" in item}

    # then
    for name, members in (
        ("witness", ["name"]),
        ("leak", ["title", "url"]),
        ("told-1", ["locator", "note"]),
        ("told-2", ["note"]),
    ):
        told, opened = by_id[name]["data"], by_id[name]["opened"]
        secret = {member: opened[member] for member in members}
        assert all(told[member] is None for member in members)
        assert hashlib.sha256(bytes.fromhex(opened["salt"]) + rfc8785.dumps(secret)).hexdigest() == told["commitment"]


@pytest.mark.parametrize("address", ["/v1/changes?limit=1000", "/v1/log/checkpoint", "/v1/log/proof?seq=25"])
def test_nobody_else_gets_confidential_members(rich: Client, address: str) -> None:
    text = rich.get(address).text
    assert "CANARY" not in text and "salt" not in text and "opened" not in text


# Checkpoints and proofs


def test_the_root_of_the_checkpoint_can_be_recomputed_from_all_entries(
    rich: Client, items: list[dict[str, Any]], leaves: list[bytes]
) -> None:
    told = rich.json("/v1/log/checkpoint")
    assert (told["size"], told["root"], told["at"]) == (len(items), root_of_leaves(leaves).hex(), items[-1]["at"])


def test_the_checkpoint_equals_that_of_verify(rich: Client, rich_file: Path) -> None:
    told = rich.json("/v1/log/checkpoint")
    proved = verify(Database(f"sqlite:///{rich_file}"), Checkpoint(told["size"], told["root"]))
    assert (proved.entries, proved.root) == (told["size"], told["root"])


def test_the_checkpoint_of_every_recorded_time_describes_the_log_then(
    rich: Client, items: list[dict[str, Any]], leaves: list[bytes]
) -> None:
    for at in sorted({item["at"] for item in items}):
        # given
        size = sum(item["at"] <= at for item in items)

        # when
        answer = rich.get("/v1/log/checkpoint", params={"recorded_as_of": at})

        # then
        told = answer.json()
        assert (told["size"], told["root"], told["at"]) == (size, root_of_leaves(leaves[:size]).hex(), at)
        assert answer.headers["cache-control"] == "public, max-age=3600"


def test_the_checkpoint_between_two_recordings_is_the_earlier_one(rich: Client, rich_file: Path) -> None:
    with closing(sqlite3.connect(rich_file)) as connection:
        (at,) = connection.execute("SELECT recorded_at FROM recording WHERE key = 5").fetchone()
    then = rich.json("/v1/log/checkpoint", params={"recorded_as_of": instant_text(at)})
    after = rich.json("/v1/log/checkpoint", params={"recorded_as_of": instant_text(at + 1)})
    before = rich.json("/v1/log/checkpoint", params={"recorded_as_of": instant_text(at - 1)})
    assert after == then and before["size"] < then["size"] and before["at"] < then["at"]


def test_the_checkpoint_before_the_first_recording_is_empty(rich: Client) -> None:
    told = rich.json("/v1/log/checkpoint?recorded_as_of=2000-01-01")
    assert (told["size"], told["root"], told["at"]) == (0, EMPTY_ROOT, None)


def test_the_checkpoint_of_the_future_is_the_newest(rich: Client) -> None:
    answer = rich.get("/v1/log/checkpoint?recorded_as_of=2999-01-01")
    assert answer.json() == rich.json("/v1/log/checkpoint")
    assert answer.headers["cache-control"] == "public, no-cache"


def test_every_entry_has_an_inclusion_proof_in_every_later_log(rich: Client, leaves: list[bytes]) -> None:
    for size in range(1, len(leaves) + 1):
        root = root_of_leaves(leaves[:size])
        for seq in range(1, size + 1):
            told = rich.json(f"/v1/log/proof?seq={seq}&size={size}")
            path = [bytes.fromhex(node) for node in told["proof"]]
            assert (told["seq"], told["size"], told["hash"], told["root"]) == (
                seq,
                size,
                leaves[seq - 1].hex(),
                root.hex(),
            )
            assert includes(leaves[seq - 1], seq - 1, size, path, root), (seq, size)


def test_every_log_has_a_consistency_proof_with_every_later_one(rich: Client, leaves: list[bytes]) -> None:
    roots = {size: root_of_leaves(leaves[:size]) for size in range(1, len(leaves) + 1)}
    for second in roots:
        for first in range(1, second + 1):
            told = rich.json(f"/v1/log/proof?from={first}&to={second}")
            path = [bytes.fromhex(node) for node in told["proof"]]
            assert (told["from"], told["to"]) == (first, second)
            assert (told["from_root"], told["to_root"]) == (roots[first].hex(), roots[second].hex())
            assert consistent(first, second, roots[first], roots[second], path), (first, second)


def test_proofs_are_for_the_current_log_by_default(rich: Client) -> None:
    assert rich.json("/v1/log/proof?seq=5") == rich.json("/v1/log/proof?seq=5&size=36")
    assert rich.json("/v1/log/proof?from=5") == rich.json("/v1/log/proof?from=5&to=36")
    assert rich.json("/v1/log/proof?from=36&to=36")["proof"] == []


def test_a_saved_checkpoint_is_consistent_with_the_later_log(own_client: Client, seeded: Database) -> None:
    # given
    kept = own_client.json("/v1/log/checkpoint")
    for n in range(5):
        record(seeded, incident_draft(f"more-{n}"))

    # when
    told, now = own_client.json(f"/v1/log/proof?from={kept['size']}"), own_client.json("/v1/log/checkpoint")

    # then
    assert (told["from_root"], told["to_root"], told["to"]) == (kept["root"], now["root"], kept["size"] + 5)
    path = [bytes.fromhex(node) for node in told["proof"]]
    assert consistent(kept["size"], now["size"], bytes.fromhex(kept["root"]), bytes.fromhex(now["root"]), path)


# What cannot be asked


@pytest.mark.parametrize(("query", "name"), [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=", "limit"),
    ("limit=1.5", "limit"), ("limit=1&limit=2", "limit"), ("limit=" + "9" * 400, "limit"), ("after=-1", "after"),
    ("after=x", "after"), ("after=", "after"), ("after=1&after=2", "after"), (f"after={2**53}", "after"),
    ("after=" + "9" * 5000, "after"), ("after=1e3", "after"), ("after=%D9%A1", "after"), ("after=+1", "after"),
    ("afer=1", "afer"), ("cursor=x", "cursor"), ("recorded_as_of=2020-01-01", "recorded_as_of"), ("f=csv", "f"),
])  # fmt: skip
def test_an_invalid_feed_request_is_rejected_with_the_parameter(rich: Client, query: str, name: str) -> None:
    _is_refused(rich, f"/v1/changes?{query}", name)


@pytest.mark.parametrize(("query", "name"), [
    ("", "seq"), ("seq=1&from=1", "seq"), ("seq=0", "seq"), ("seq=-1", "seq"), ("seq=x", "seq"), ("seq=", "seq"),
    ("seq=37", "seq"), (f"seq={2**53 - 1}", "seq"), (f"seq={2**53}", "seq"), ("seq=" + "9" * 400, "seq"), ("seq=1&seq=2", "seq"),
    ("seq=5&size=4", "seq"), ("seq=5&size=0", "size"), ("seq=5&size=37", "size"), ("seq=5&size=-1", "size"),
    ("seq=5&to=7", "to"), ("seq=5&size=7&to=7", "to"), ("size=7", "seq"), ("to=7", "seq"),
    ("from=0", "from"), ("from=-1", "from"), ("from=x", "from"), ("from=37", "from"), ("from=8&to=7", "from"),
    ("from=1&to=37", "to"), ("from=1&to=0", "to"), ("from=1&size=7", "size"), (f"from=1&to={2**53 - 1}", "to"),
    ("from=1&sice=7", "sice"), ("seq=1&recorded_as_of=2020-01-01", "recorded_as_of"),
])  # fmt: skip
def test_an_invalid_proof_request_is_rejected_with_the_parameter(rich: Client, query: str, name: str) -> None:
    _is_refused(rich, f"/v1/log/proof?{query}", name)


@pytest.mark.parametrize(("query", "name"), [
    ("recorded_as_of=yesterday", "recorded_as_of"), ("recorded_as_of=", "recorded_as_of"), ("as_of=2020-01-01", "as_of"),
    ("size=1", "size"), ("recorded_as_of=2020-01-01&recorded_as_of=2020-01-02", "recorded_as_of"),
])  # fmt: skip
def test_an_invalid_checkpoint_request_is_rejected(rich: Client, query: str, name: str) -> None:
    _is_refused(rich, f"/v1/log/checkpoint?{query}", name)


def _is_refused(client: Client, address: str, name: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert name in [error["name"] for error in answer.json()["errors"]], answer.text
    assert len(answer.content) < 1000, "it does not echo at length"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("address", ["/v1/changes", "/v1/log/checkpoint", "/v1/log/proof"])
def test_the_log_is_read_only(rich: Client, address: str, method: str) -> None:
    assert rich.request(method, address).status_code == 405


# How answers are kept

ADDRESSES = ["/v1/changes", "/v1/changes?after=3&limit=2", "/v1/log/checkpoint", "/v1/log/proof?seq=3",
             "/v1/log/proof?from=3"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_unchanged_log_gets_a_304(rich: Client, address: str) -> None:
    # given
    had = rich.get(address)

    # when
    answer = rich.get(address, headers={"If-None-Match": had.headers["etag"]})

    # then
    assert (had.status_code, had.headers["cache-control"]) == (200, "public, no-cache")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", had.headers["etag"])


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_new_record_changes_the_etag_of_the_log(own_client: Client, seeded: Database, address: str) -> None:
    # given
    had = own_client.get(address).headers["etag"]
    record(seeded, incident_draft("more"))

    # when
    answer = own_client.get(address, headers={"If-None-Match": had})

    # then
    assert (answer.status_code, answer.headers["etag"] == had) == (200, False)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_confidential_reader_gets_another_etag(rich: Client, confidential_reader: str, address: str) -> None:
    opened = rich.get(address, headers={"Authorization": f"Bearer {confidential_reader}"}).headers["etag"]
    assert rich.get(address, headers={"If-None-Match": opened}).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
def test_head_returns_the_same_headers_without_a_body(rich: Client, address: str) -> None:
    had, told = rich.get(address), rich.request("HEAD", address)
    assert (told.status_code, told.content, told.headers["etag"]) == (200, b"", had.headers["etag"])


# A database of before there was a log


@pytest.fixture
def recorded(tmp_path: Path, migrated_file: Path) -> Path:
    """What was recorded, with its log."""
    path = tmp_path / "recorded.db"
    make_rich(path, migrated_file, **WITHOUT_SECRETS)
    return path


@pytest.fixture
def older(tmp_path: Path, recorded: Path) -> Iterator[Database]:
    """The same facts in a database of migration 0001."""
    path = tmp_path / "older.db"
    make_older(path, recorded)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def test_the_migration_enters_earlier_facts_into_the_log(older: Database, recorded: Path) -> None:
    # when
    schema.migrate(older)

    # then: into the log that there would have been
    there, would_be = (Client(Database(f"sqlite:///{path}")) for path in (older.url.database, recorded))
    items = there.json("/v1/changes?limit=1000")["items"]
    assert items == would_be.json("/v1/changes?limit=1000")["items"]
    assert [hash_of(item) for item in items] == [item["hash"] for item in items]
    told, wanted = there.json("/v1/log/checkpoint"), would_be.json("/v1/log/checkpoint")
    assert told | {"epoch": ""} == wanted | {"epoch": ""} and len(told["epoch"]) == 16
    for client in (there, would_be):
        client.close()


def test_a_migrated_database_verifies(older: Database, recorded: Path) -> None:
    schema.migrate(older)
    assert verify(older).root == verify(Database(f"sqlite:///{recorded}")).root


def test_migrating_again_adds_no_entries(older: Database) -> None:
    schema.migrate(older)
    first = verify(older)
    schema.migrate(older)
    assert verify(older) == first


def test_records_after_the_migration_continue_the_log(older: Database) -> None:
    # given
    schema.migrate(older)
    before = verify(older)

    # when
    record(older, incident_draft("more"))

    # then
    now = verify(older, Checkpoint(before.entries, before.root))
    assert now.entries == before.entries + 1


def test_the_migration_enters_earlier_seeds_into_the_log(seeded: Database, tmp_path: Path) -> None:
    # given
    make_older(tmp_path / "older.db", Path(str(seeded.url.database)))
    older = Database(f"sqlite:///{tmp_path / 'older.db'}")

    # when
    schema.migrate(older)

    # then
    assert verify(older).root == verify(seeded).root
    older.close()


def test_a_migrated_empty_database_has_an_empty_log(database: Database, tmp_path: Path) -> None:
    # given
    make_older(tmp_path / "older.db", Path(str(database.url.database)))
    older = Database(f"sqlite:///{tmp_path / 'older.db'}")

    # when
    schema.migrate(older)

    # then
    assert verify(older).entries == 0
    older.close()


def test_a_page_of_the_log_ends_at_a_size_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    whole = client.json("/v1/changes?limit=1000")
    monkeypatch.setattr("app.store.read.log.MAX_BYTES", 1)

    # when
    pages, address = [], "/v1/changes?limit=1000"
    while address:
        page = client.json(address)
        pages.append(page["items"])
        address = page["next"]

    # then
    assert {len(items) for items in pages} == {1}
    assert [item for items in pages for item in items] == whole["items"]


def test_the_number_of_streams_is_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("app.api.routes.changes_stream.streams.size", 0)

    # when
    answer = client.run(asyncio.wait_for(client.send("GET", "/v1/changes/stream"), 5))

    # then
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "/docs/errors#too-many-streams"


@pytest.mark.slow
def test_entries_of_the_stream_reach_onmessage(service: Service) -> None:
    """As the HTML standard has it: an event without a type is a `message`; a line with a colon first is a comment."""
    entries = httpx.get(f"{service.base}/v1/changes").json()["items"]
    for headers, expected in (({}, entries), ({"Last-Event-ID": "3"}, entries[3:])):
        # when
        with httpx.stream("GET", f"{service.base}/v1/changes/stream", headers=headers, timeout=5) as answer:
            events = events_of(answer.iter_lines())
            named, *messages = [next(events) for _ in range(len(expected) + 1)]

        # then
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
            "text/event-stream; charset=utf-8",
            "no-store",
        )
        assert (named["event"], named["retry"], "id" in named) == ("epoch", "2000", False)
        assert [(one["id"], json.loads(one["data"])) for one in messages] == [(str(e["seq"]), e) for e in expected]
        assert not [one for one in messages if "event" in one]


def events_of(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The fields of each event."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line and fields:
            yield fields
            fields = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
