"""One request blocks no other: long work is limited with advice, or runs in a worker thread."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from app.domain.places import load_names
from app.domain.text import Names
from app.formats import csv_tables, encoding
from app.query import feature_query
from app.query.parameters import MAX_GROUPS
from app.query.query import MAX_ERRORS, MAX_SUGGESTIONS
from app.query.value_types import MAX_WORDS
from app.store.db.database import Database
from app.store.read import statistics as read_statistics
from app.web import render
from tests.builders import incident_draft, record, record_report
from tests.support import Client

COUNT = 60


@pytest.fixture
def many(database: Database) -> Iterator[Client]:
    """Sixty incidents, each of its own day, region and length, with a report or two."""
    days = [f"2020-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(COUNT)]
    texts = ["x" * (80 * n) for n in range(COUNT)]
    record(database, *(incident_draft(f"i-{n:02}", day=days[n], summary=texts[n] or None) for n in range(COUNT)))
    for n in range(0, COUNT, 2):
        source = {"id": f"src-{n:02}", "title": "A page" + texts[n], "published_on": "2021-01-01"}
        reporter = {"id": f"rep-{n:02}", "name": "Someone" + texts[n][:100], "kind": "ngo"}
        record_report(database, f"i-{n:02}", best=n, reported_on="2021-01-01", source=source, reported_by=reporter)
    client = Client(database)
    yield client
    client.close()


# Statistics


def test_too_many_groups_are_rejected_with_advice(many: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_statistics, "MAX_GROUPS", 12)
    assert len(many.json("/v1/stats?group_by=month")["items"]) == 3
    for address, hint in (
        ("/v1/stats?group_by=day", "filter by country"),
        ("/v1/stats?group_by=country,day&f=csv", "group by fewer"),
    ):
        answer = many.get(address)
        assert answer.status_code == 422
        told = answer.json()
        assert told["type"].endswith("#too-many-groups")
        assert hint in told["errors"][0]["message"]
        assert told["errors"][0]["name"] == "group_by"


def test_statistics_of_fifty_years_by_day_are_allowed() -> None:
    assert MAX_GROUPS > 50 * 366


# Words


@pytest.mark.parametrize("name", ["q", "place", "actor"])
def test_search_words_are_deduplicated_and_limited(client: Client, name: str) -> None:
    once = client.json(f"/v1/incidents?{name}=army")["items"]
    assert client.json(f"/v1/incidents?{name}={'army+' * 40}")["items"] == once
    different = [f"w{n}" for n in range(MAX_WORDS)]
    assert client.get(f"/v1/incidents?{name}={'+'.join(different)}").status_code == 200
    answer = client.get(f"/v1/incidents?{name}={'+'.join([*different, 'more'])}")
    assert answer.status_code == 422
    assert f"more than {MAX_WORDS}" in answer.json()["errors"][0]["message"]


def test_a_single_letter_or_digit_matches_a_whole_word(database: Database) -> None:
    titles = {"letter": "Team A", "longer": "Attack", "digit": "Sector 7", "number": "72 people", "cjk": "马里袭击"}
    record(database, *(incident_draft(name, title=title) for name, title in titles.items()))
    client = Client(database)
    for asked, found in (("a", ["letter"]), ("A", ["letter"]), ("at", ["longer"]), ("7", ["digit"]), ("马", ["cjk"])):
        assert client.ids(f"/v1/incidents?q={quote(asked)}") == found, asked
    client.close()


# Suggestions


def test_every_error_is_listed_and_the_first_ones_have_suggestions(client: Client) -> None:
    load_names()
    for kind in ("country=Malix{}", "region=Menaxka{}", "countri{}=x", "event_type=batles{}"):
        address = "/v1/incidents?" + "&".join(kind.format(chr(97 + n)) for n in range(MAX_SUGGESTIONS + 5))
        answer = client.get(address)
        assert answer.status_code == 422, answer.text
        errors = answer.json()["errors"]
        assert len(errors) == MAX_SUGGESTIONS + 5
        hinted = ["did you mean" in fault["message"] for fault in errors]
        assert hinted == [True] * MAX_SUGGESTIONS + [False] * 5, kind


def test_the_list_of_errors_is_limited(client: Client) -> None:
    for kind in ("country=Malix{}", "countri{}=x", "region=Menaxka{}"):
        errors = client.get("/v1/incidents?" + "&".join(kind.format(n) for n in range(95))).json()["errors"]
        assert len(errors) <= MAX_ERRORS


# Threads

BESIDE: list[tuple[Any, str, str]] = [
    (Names, "nearest", "/v1/incidents?country=Malix"),
    (Names, "nearest", "/v1/incidents?region=Menaxka"),
    (Names, "nearest", "/v1/stats?countri=x"),
    (Names, "nearest", "/?event_type=batles"),
    (Names, "nearest", "/feed.atom?event_type=batles"),
    (csv_tables, "csv_lines", "/v1/incidents?limit=1000&f=csv"),
    (csv_tables, "csv_lines", "/v1/incidents?limit=1000&f=ucdp"),
    (csv_tables, "csv_lines", "/v1/incidents?f=csv"),
    (csv_tables, "csv_lines", "/v1/toll-reports?limit=1000&f=csv"),
    (csv_tables, "csv_lines", "/v1/toll-reports?f=csv"),
    (encoding, "geojson_feature", "/v1/incidents?limit=1000&f=geojson"),
    (encoding, "_picked", "/v1/incidents?limit=1000&fields=id"),
    (render, "feed", "/feed.atom?limit=1000"),
    (render, "page", "/?limit=1000"),
    (render, "listed", "/?limit=1000"),
    (read_statistics, "_keys", "/v1/stats?group_by=day"),
]


@pytest.mark.parametrize(("owner", "name", "address"), BESIDE, ids=[f"{name} {at}" for _, name, at in BESIDE])
def test_long_work_runs_in_a_worker_thread(
    many: Client, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, address: str
) -> None:
    monkeypatch.setattr(encoding, "FEW_ITEMS", 50)
    for module, few in (("app.web.contents", "MANY_LISTED"), ("app.store.read.statistics", "MANY_GROUPS")):
        monkeypatch.setattr(f"{module}.{few}", 50)
    made_in: list[threading.Thread] = []
    original: Callable[..., Any] = getattr(owner, name)

    def watched(*arguments: Any, **options: Any) -> Any:
        made_in.append(threading.current_thread())
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, watched)
    assert many.get(address).status_code in (200, 422)
    lines = [thread for thread in made_in if thread is threading.main_thread()]
    assert made_in
    assert len(lines) <= (1 if name in ("csv_lines", "_keys") else 0), "a header or the total alone is made on the loop"


def test_a_long_query_string_is_parsed_in_a_worker_thread(many: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    read_in: list[threading.Thread] = []
    original = feature_query.read_predicate

    def watched(*arguments: Any) -> Any:
        read_in.append(threading.current_thread())
        return original(*arguments)

    monkeypatch.setattr(feature_query, "read_predicate", watched)
    text = " OR ".join(f"killed_best = {n}" for n in range(100))
    assert many.get(f"/ogc/collections/incidents/items?filter={quote(text)}").status_code == 200
    assert read_in[-1] is not threading.main_thread()


# Pages

LISTS = [
    "/v1/incidents?limit=25", "/v1/incidents?limit=25&f=ndjson", "/v1/toll-reports?limit=25", "/v1/sources?limit=25",
    "/v1/reporters?limit=25", "/ogc/collections/incidents/items?limit=25", "/v1/incidents?limit=25&f=ucdp",
    "/v1/incidents?limit=25&f=csv", "/v1/incidents?limit=25&f=geojson&sort=killed",
]  # fmt: skip


def _walked(client: Client, address: str) -> tuple[list[str], int]:
    """The bodies of all pages along `Link`, without what only says where they are, and how many there are."""
    told, pages, following = [], 0, address
    while following:
        answer = client.get(following)
        assert answer.status_code == 200, answer.text
        pages += 1
        if "json" in answer.headers["content-type"] and "ndjson" not in answer.headers["content-type"]:
            page = answer.json()
            items = page.get("items", page.get("features"))
            told += [str(item) for item in items]
        else:
            lines = answer.text.splitlines()
            items = lines if "ndjson" in address else lines[1:]
            told += items
        assert items, "a page has at least one item"
        following = answer.links.get("next", {}).get("url", "")
    return told, pages


@pytest.mark.parametrize("address", LISTS)
def test_a_page_of_long_items_ends_early(many: Client, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    everything, few_pages = _walked(many, address)
    monkeypatch.setattr("app.store.db.statements.MAX_BYTES", 20_000 if "incidents" in address else 1_000)
    monkeypatch.setattr("app.store.read.incidents.MAX_BYTES", 20_000)
    told, pages = _walked(many, address)
    assert told == everything
    assert pages > few_pages


def test_an_item_above_the_size_limit_is_a_page_of_its_own(many: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.db.statements.MAX_BYTES", 1)
    told, pages = _walked(many, "/v1/incidents?limit=25")
    assert len(told) == pages == COUNT
    assert len(set(told)) == COUNT


def test_a_long_response_is_sent_in_chunks_with_its_length(many: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.http.pieces.LONG", 100_000)
    plain = many.get("/v1/incidents?limit=60", headers={"Accept-Encoding": "identity"})
    assert len(plain.content) > 100_000
    assert int(plain.headers["content-length"]) == len(plain.content)
    packed = many.get("/v1/incidents?limit=60", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
