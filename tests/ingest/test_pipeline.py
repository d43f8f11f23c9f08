"""The import pipeline: every item is recorded, or rejected with a reason."""

import pytest

from app.domain.toll import TollReportDraft
from app.ingest.pipeline import Item, Result, ingest
from app.ingest.seeds import load_seeds, read_seeds
from app.settings import data_folder
from app.store.db.database import Database
from app.store.write import segments, writer
from tests.builders import incident_body, report_body
from tests.store.reads import StoreReads

GOOD = incident_body("good")


def test_an_invalid_item_is_rejected_with_its_position_and_reason(database: Database) -> None:
    items = [
        Item("row 1", GOOD),
        Item("row 2", GOOD | {"id": "bad", "region": "Menaca"}),
        Item("row 3", GOOD | {"title": "other"}),
        Item("row 4", GOOD),
    ]
    summary = ingest(items, database, "test")
    assert (summary.created, summary.unchanged) == (1, 1)
    assert summary.refused == 2
    assert summary.reasons[0].startswith("row 2: ") and "did you mean Ménaka, ML-9" in summary.reasons[0]
    assert summary.reasons[1] == 'row 3: "good" already exists and differs in title'
    assert StoreReads(database).ids() == ["good"]


def report_item(number: int, on: str) -> Item:
    """A report about the incident of `GOOD`."""
    data = report_body(number, f"paper-{number}", on, id=f"r-{number}", incidents=["good"])
    return Item(f"row {number}", data, TollReportDraft)


def test_a_row_rejected_at_the_end_of_a_batch_does_not_affect_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an incident with as many segments as are stored again
    ingest([Item("row 0", GOOD), *(report_item(n, f"2020-01-{n:02}") for n in range(2, 29))], database, "test")
    monkeypatch.setattr(writer, "MAX_SEGMENTS", 20)
    monkeypatch.setattr(segments, "MAX_REWRITTEN", 10)
    # when a batch has a report from before all others among ones that fit
    rows = [
        report_item(30, "2020-02-01"),
        report_item(31, "2020-01-01"),
        report_item(32, "2020-02-02"),
        Item("last", GOOD | {"id": "next"}),
    ]
    heard: list[Result] = []
    summary = ingest(rows, database, "test", on_result=heard.append)
    # then it alone is refused, with its reason
    assert (summary.created, summary.refused) == (3, 1)
    assert summary.reasons[0].startswith('row 31: The history of "good" has 20 segments or more')
    assert [result.outcome for result in heard] == ["created", "refused", "created", "created"]
    assert sorted(StoreReads(database).ids()) == ["good", "next"]


def test_loading_the_seeds_twice_records_them_once(database: Database) -> None:
    first, second = load_seeds(database), load_seeds(database)
    assert (first.created, first.unchanged, first.refused) == (5, 0, 0)
    assert (second.created, second.unchanged, second.refused) == (0, 5, 0)


def test_the_seeds_have_only_the_figures_of_the_article() -> None:
    """53, 49, 3, about 20; 40 and more than 40 for both assaults together. Nothing else, and no coordinates."""
    told = []
    for item in read_seeds(data_folder("seeds")):
        assert item.data.get("latitude") is None and item.data.get("longitude") is None
        reports = item.data.get("toll_reports", [item.data] if "measure" in item.data else [])
        told += [(r["measure"], r["bound"], r["best"], len(r.get("incidents", "1"))) for r in reports]
    assert sorted(told) == [
        ("killed", "exact", 40, 2), ("killed", "exact", 49, 1), ("killed", "exact", 53, 1),
        ("killed", "more_than", 40, 2), ("survived", "about", 20, 1), ("wounded", "exact", 3, 1),
    ]  # fmt: skip
