"""Paging along `next`: nothing is skipped or returned twice, whatever is written meanwhile."""

import base64
import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import orjson
import pytest

from app.ingest.pipeline import Item, ingest
from app.query.code_lists import Sort
from app.store.db.database import Database
from tests.builders import incident_body, incident_draft, record, report_body
from tests.support import Client

pytestmark = pytest.mark.slow

COUNT = 10_000


def _generated(count: int, seed: int = 1) -> Iterator[Item]:
    """Incidents with many equal sort keys: 90 days, tolls from 0 to 40, a fifth without a report."""
    chance = random.Random(seed)
    for n in range(count):
        day = date(2020, 1, 1) + timedelta(days=chance.randrange(90))
        reports = [] if n % 5 == 0 else [report_body(chance.randrange(41), reported_on=str(day))]
        name, country = f"i-{chance.randrange(10**9)}-{n}", chance.choice(["ML", "NE", "BF"])
        yield Item(f"{n}", incident_body(name, str(day), title="Generated", country=country, toll_reports=reports))


@pytest.fixture(scope="module")
def many_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "incidents.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    summary = ingest(_generated(COUNT), database, "tests")
    assert (summary.created, summary.refused) == (COUNT, 0)
    database.close()
    return path


@pytest.fixture(scope="module")
def many(many_file: Path) -> Iterator[tuple[Client, Database]]:
    database = Database(f"sqlite:///{many_file}")
    made = Client(database)
    yield made, database
    made.close()
    database.close()


def _key(item: dict[str, Any], sort: Sort) -> Any:
    killed = item["toll"].get("killed")
    return {
        "date": item["date_start"],
        "killed": killed and killed["best"],
        "reported": killed and killed["reported_on"],
        "updated": item["updated_at"],
    }[sort.key]


def _in_order(items: list[dict[str, Any]], sort: Sort) -> list[str]:
    """The ids as they must come: nulls last both ways, ties by id in the direction of the sort."""
    told = [item for item in items if _key(item, sort) is not None]
    untold = [item for item in items if _key(item, sort) is None]
    return [
        item["id"]
        for part in (told, untold)
        for item in sorted(part, key=lambda i: (_key(i, sort) or 0, i["id"]), reverse=sort.down)
    ]


@pytest.mark.parametrize("sort", Sort)
def test_paging_returns_every_row_once_during_inserts(many: tuple[Client, Database], sort: Sort) -> None:
    # given
    client, database = many
    before = [orjson.loads(line) for line in client.get("/v1/incidents?f=ndjson").text.splitlines()]

    # when
    seen, pages, address = [], 0, f"/v1/incidents?limit=1000&fields=id&sort={sort}"
    while address:
        page = client.json(address)
        seen += [item["id"] for item in page["items"]]
        address = page["next"]
        pages += 1
        days = ("2019-12-31", "2020-02-15", "2020-04-30")
        record(
            database,
            *(
                incident_draft(
                    f"x{pages}-{sort.name.lower()}-{d}", day=d, toll_reports=[report_body(20, reported_on=d)]
                )
                for d in days
            ),
        )

    # then
    assert seen == _in_order(before, sort)
    assert (len(set(seen)), pages) == (len(before), -(-len(before) // 1000))


@pytest.mark.parametrize("sort", [Sort.KILLED_DOWN, Sort.DATE])
def test_small_pages_of_a_filtered_list_have_no_gaps(many: tuple[Client, Database], sort: Sort) -> None:
    # given
    client, _ = many
    asked = f"country=BF&date_from=2020-02-01&date_to=2020-02-09&sort={sort}"
    all_at_once = client.ids(f"/v1/incidents?limit=1000&{asked}")

    # when
    seen, address = [], f"/v1/incidents?limit=37&total=true&{asked}"
    while address:
        answer = client.get(address)
        page = answer.json()
        assert page["total"] == len(all_at_once)
        assert answer.headers.get("link") == (page["next"] and f'<http://testserver{page["next"]}>; rel="next"')
        assert page["next_cursor"] == (page["next"] and parse_qs(page["next"].partition("?")[2])["cursor"][0])
        assert len(page["items"]) == 37 or page["next"] is None
        seen += [item["id"] for item in page["items"]]
        address = page["next"]

    # then
    assert len(all_at_once) > 3 * 37
    assert seen == all_at_once


def test_an_exactly_full_last_page_has_no_next(client: Client) -> None:
    assert client.json("/v1/incidents?limit=3")["next"] is None
    assert client.json("/v1/incidents?limit=2")["next"] is not None


def test_the_limit_may_change_between_pages(client: Client) -> None:
    # given
    following = client.json("/v1/incidents?limit=1&sort=date")["next"]

    # then
    assert client.ids(following.replace("limit=1", "limit=1000")) == client.ids("/v1/incidents?sort=date")[1:]


@pytest.mark.parametrize("sort", ["-killed", "-updated", "killed", "date"])
def test_paging_continues_after_an_id_of_maximum_length(empty_client: Client, database: Database, sort: str) -> None:
    # given
    ids = [letter * 100 for letter in "abc"]
    record(database, *(incident_draft(name) for name in ids))

    # when
    seen, address = [], f"/v1/incidents?limit=1&sort={sort}"
    while address:
        page = empty_client.json(address)
        seen += [item["id"] for item in page["items"]]
        address = page["next"]

    # then
    assert sorted(seen) == ids


@pytest.mark.parametrize("route", ["/v1/reporters", "/v1/toll-reports"])
def test_other_lists_are_paged_in_the_same_way(client: Client, route: str) -> None:
    # when
    seen, address = [], f"{route}?limit=1&total=true"
    while address:
        answer = client.get(address)
        page = answer.json()
        assert answer.headers.get("link") == (page["next"] and f'<http://testserver{page["next"]}>; rel="next"')
        assert page["next_cursor"] == (page["next"] and parse_qs(page["next"].partition("?")[2])["cursor"][0])
        seen += [item["id"] for item in page["items"]]
        address = page["next"]

    # then
    assert seen == client.ids(route)
    assert len(seen) == page["total"] > 2


def _cursor(client: Client, address: str) -> str:
    following: str = client.json(address)["next_cursor"]
    return following


def _refused(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 422, f"{address[:200]}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert [fault["name"] for fault in answer.json()["errors"]] == ["cursor"]
    assert len(answer.text) < 1000


@pytest.mark.parametrize(
    "question", ["sort=date", "country=ML", "killed_min=0", "as_of=2019-11-02", "figure=high", "region=ML-9"]
)
def test_a_cursor_of_another_query_is_rejected(client: Client, question: str) -> None:
    _refused(client, f"/v1/incidents?{question}&cursor={_cursor(client, '/v1/incidents?limit=1')}")


@pytest.mark.parametrize(("of", "used_for"), [("reporters", "sources"), ("incidents", "toll-reports")])
def test_a_cursor_of_another_list_is_rejected(client: Client, of: str, used_for: str) -> None:
    _refused(client, f"/v1/{used_for}?cursor={_cursor(client, f'/v1/{of}?limit=1')}")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "A", "null", "%00", "é", "%F0%9F%92%A3", "%ED%A0%80", "W10", "bnVsbA", "e30", "MQ", "=" * 8, "a" * 10_000,
     "..%2f..%2fetc", "' OR 1=1 --", "LTE", "IiI", "W1tbW1tbW1tb"],
)  # fmt: skip
def test_an_invalid_cursor_is_rejected(client: Client, cursor: str) -> None:
    answer = client.get(f"/v1/incidents?cursor={cursor}")
    assert answer.status_code == 422, answer.text[:300]
    assert len(answer.text) < 1000


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 20])
def test_a_truncated_cursor_is_rejected(client: Client, cut: int) -> None:
    _refused(client, f"/v1/incidents?cursor={_cursor(client, '/v1/incidents?limit=1')[:-cut]}")


@pytest.mark.parametrize(
    "forged",
    [
        ["then", 737000, "a"], [None, 737000, "a"], [True, 737000, "a"], [1.5, 737000, "a"], [-1, 737000, "a"],
        [2**63, 737000, "a"], [10**30, 737000, "a"], [{}, 737000, "a"], [[], 737000, "a"], [0, "737000", "a"],
        [0, True, "a"], [0, 1.5, "a"], [0, 2**63, "a"], [0, 737000, 1], [0, 737000, None], [0, 737000], [0],
        [], [0, 737000, "a", "b"],
    ],
)  # fmt: skip
def test_a_forged_cursor_is_rejected(client: Client, forged: list[Any]) -> None:
    """The text is no secret: whoever has one can make another with the same question and other keys."""
    # given
    cursor = _cursor(client, "/v1/incidents?limit=1")
    digest = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[0]
    packed = str([digest, *forged]).replace("'", '"').replace("None", "null").replace("True", "true")

    # then
    _refused(client, f"/v1/incidents?cursor={quote(base64.urlsafe_b64encode(packed.encode()).decode().rstrip('='))}")
