"""A POST with an `Idempotency-Key` may be repeated: it gets the same response, and nothing is recorded twice."""

import asyncio
from typing import Any

import httpx
import pytest

from app.domain.dates import DAY_LENGTH
from app.domain.vocabulary import Scope
from app.store.db.database import Database
from app.store.write.idempotency import KEPT_DAYS
from tests.builders import incident_body, report_body
from tests.support import Client, Editor

REPEATED = {
    "/v1/incidents": incident_body("new", toll_reports=[report_body(3), report_body(4, "army")]),
    "/v1/incidents/there/toll-reports": report_body(3, victims="military"),
    "/v1/toll-reports": report_body(3, "army", incidents=["there"]),
    "/v1/toll-reports/tr/retraction": {"reason": "a misprint"},
    "/v1/incidents/there/withdrawal": {"reason": "recorded twice"},
    "/v1/sources": {"title": "A page"},
    "/v1/reporters": {"name": "Somebody", "kind": "local", "confidential": True},
}
KEPT = ("location", "etag", "content-type", "cache-control")
TAKEN = "was used for another request; use a new one"


@pytest.fixture
def there(editor: Editor) -> Editor:
    """The editor, where an incident is recorded already."""
    editor.create("/v1/incidents", incident_body("there", toll_reports=[report_body(1, id="tr")]))
    return editor


def _size(editor: Editor) -> int:
    return int(editor.checkpoint()["size"])


def _told(answer: httpx.Response) -> tuple[Any, ...]:
    """All that a repeated answer has in common with the first."""
    return answer.status_code, answer.content, {name: answer.headers.get(name) for name in KEPT}


def _is_refused(answer: httpx.Response, message: str, value: str) -> None:
    assert answer.status_code == 422
    fault = {"in": "header", "name": "Idempotency-Key", "message": message, "value": value}
    assert answer.json()["errors"] == [fault]


@pytest.mark.parametrize("address", REPEATED)
def test_a_repeated_post_gets_the_same_response_and_records_nothing(there: Editor, address: str) -> None:
    # when
    first = there.post(address, REPEATED[address], Idempotency_Key="k-1")
    size = _size(there)
    again = [there.post(address, REPEATED[address], Idempotency_Key="k-1") for _ in range(2)]

    # then
    assert first.status_code == 201 and "idempotency-replayed" not in first.headers
    assert [_told(answer) for answer in again] == [_told(first)] * 2
    assert [answer.headers["idempotency-replayed"] for answer in again] == ["true"] * 2
    assert _size(there) == size


def test_a_kept_response_stays_the_same_when_the_record_changes(there: Editor) -> None:
    # given
    first = there.post("/v1/incidents", incident_body("new"), Idempotency_Key="k-1")
    there.create("/v1/incidents/new/toll-reports", report_body(3))
    there.patch("new", {"title": "Another"})
    there.create("/v1/incidents/new/withdrawal", {"reason": "recorded twice"})

    # then
    assert _told(there.post("/v1/incidents", incident_body("new"), Idempotency_Key="k-1")) == _told(first)


def test_an_idempotency_key_belongs_to_one_request(there: Editor) -> None:
    # given
    there.post("/v1/incidents/there/toll-reports", report_body(3), Idempotency_Key="k-1")
    size = _size(there)

    # then
    for address, body in (
        ("/v1/incidents/there/toll-reports", report_body(4)),
        ("/v1/toll-reports", report_body(3)),
        ("/v1/incidents/elsewhere/toll-reports", report_body(3)),
    ):
        _is_refused(there.post(address, body, Idempotency_Key="k-1"), TAKEN, "k-1")
    assert _size(there) == size
    assert there.post("/v1/incidents/there/toll-reports", report_body(4), Idempotency_Key="K-1").status_code == 201


def test_an_idempotency_key_belongs_to_its_api_key(there: Editor, empty_client: Client, database: Database) -> None:
    # given
    another = Editor(empty_client, database, Scope.WRITE, name="another editor")
    report = report_body(3)

    # when
    answers = [e.post("/v1/incidents/there/toll-reports", report, Idempotency_Key="k-1") for e in (there, another)]

    # then
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert all("idempotency-replayed" not in answer.headers for answer in answers)
    assert [entry["by"] for entry in there.json("/v1/changes")["items"]][-2:] == ["an editor", "another editor"]


def test_a_revoked_api_key_gets_no_kept_response(there: Editor, empty_client: Client) -> None:
    there.post("/v1/sources", {"title": "A page"}, Idempotency_Key="k-1")
    answer = empty_client.request("POST", "/v1/sources", json={"title": "A page"}, headers={"Idempotency-Key": "k-1"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("/v1/incidents", {}, 422),
        ("/v1/incidents", incident_body("there"), 409),
        ("/v1/incidents/nowhere/toll-reports", report_body(3), 404),
        ("/v1/toll-reports", report_body(3, incidents=["there"], supersedes="nowhere"), 422),
    ],
)
def test_rejected_requests_are_not_kept(there: Editor, address: str, body: Any, status: int) -> None:
    # given
    refused = [there.post(address, body, Idempotency_Key="k-1") for _ in range(2)]

    # when
    answer = there.post("/v1/incidents", incident_body("new"), Idempotency_Key="k-1")

    # then
    assert [r.status_code for r in refused] == [status] * 2
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "a b", "a\tb", "\xe9", "\x7f", "a\x00b"], ids=ascii)
def test_an_idempotency_key_must_be_visible_characters(there: Editor, key: str) -> None:
    # given
    size = _size(there)

    # when
    answer = there.post("/v1/incidents", incident_body("new"), Idempotency_Key=key.encode("latin-1"))  # type: ignore[arg-type]

    # then
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["in"], fault["name"]) == ("header", "Idempotency-Key")
    assert fault["message"] == "must be 1 to 255 visible ASCII characters"
    assert len(fault["value"]) <= 80
    assert _size(there) == size


def test_an_idempotency_key_may_be_long_and_unusual(there: Editor) -> None:
    for n, key in enumerate(("a" * 255, "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", "0")):
        first = there.post("/v1/incidents", incident_body(f"new-{n}"), Idempotency_Key=key)
        again = there.post("/v1/incidents", incident_body(f"new-{n}"), Idempotency_Key=key)
        assert (first.status_code, _told(again)) == (201, _told(first))


def test_two_idempotency_keys_are_rejected(there: Editor) -> None:
    headers = [("Authorization", f"Bearer {there.key}"), ("Idempotency-Key", "k-1"), ("Idempotency-Key", "k-1")]
    answer = there.client.request("POST", "/v1/incidents", json=incident_body("new"), headers=headers)
    _is_refused(answer, "must be 1 to 255 visible ASCII characters", "k-1")


async def _at_once(editor: Editor, asked: list[tuple[str, Any, str]]) -> list[httpx.Response]:
    key = {"Authorization": f"Bearer {editor.key}"}
    return await asyncio.gather(
        *(
            editor.client.send("POST", address, json=body, headers=key | {"Idempotency-Key": name})
            for address, body, name in asked
        )
    )


def test_two_simultaneous_posts_with_one_key_are_recorded_once(there: Editor) -> None:
    # given
    size = _size(there)
    asked = [("/v1/toll-reports", report_body(3, incidents=["there"]), "k-1")] * 4

    # when
    answers = there.client.run(_at_once(there, asked))

    # then
    assert {answer.status_code for answer in answers} <= {201, 409}
    recorded = [answer for answer in answers if answer.status_code == 201]
    assert recorded and all(answer.content == recorded[0].content for answer in recorded)
    for answer in answers:
        if answer.status_code == 409:
            told = "a request with this Idempotency-Key is in progress; retry when it is done"
            assert answer.json()["detail"] == told
    assert _size(there) == size + 1
    assert there.post(*asked[0][:2], Idempotency_Key="k-1").content == recorded[0].content


def test_posts_with_different_keys_do_not_wait_for_each_other(there: Editor) -> None:
    # given
    size = _size(there)

    # when
    asked = [("/v1/toll-reports", report_body(n, incidents=["there"]), f"k-{n}") for n in range(8)]
    answers = there.client.run(_at_once(there, asked))

    # then
    assert [answer.status_code for answer in answers] == [201] * 8
    assert [answer.json()["best"] for answer in answers] == [*range(8)]
    assert _size(there) == size + 8


def test_a_response_is_kept_for_thirty_days(there: Editor, database: Database) -> None:
    # given
    first = there.post("/v1/incidents", incident_body("new"), Idempotency_Key="old")
    for days, kept in ((KEPT_DAYS - 1, True), (2, False)):
        with database.writing() as transaction:
            later = "UPDATE kept_answer SET recorded_at = recorded_at - ? WHERE idempotency_key = 'old'"
            transaction.connection.execute(later, (days * DAY_LENGTH,))

        # when
        there.post("/v1/sources", {"title": f"A page {days}"}, Idempotency_Key=f"other-{days}")
        again = there.post("/v1/incidents", incident_body("new"), Idempotency_Key="old")

        # then
        assert (_told(again) == _told(first)) is kept
    assert again.status_code == 409, "it is another recording now, of the same id"


def test_get_and_patch_ignore_an_idempotency_key(there: Editor) -> None:
    there.post("/v1/sources", {"title": "A page"}, Idempotency_Key="k-1")
    for title in ("Second", "Third"):
        headers = {"If-Match": "*", "Idempotency-Key": "k-1"}
        answer = there.request("PATCH", "/v1/incidents/there", {"title": title}, headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (200, title)
    assert there.get("/v1/incidents/there", headers={"Idempotency-Key": "k-1"}).status_code == 200
