"""The one way in: what is read is written, or refused with its reason."""

import pytest

from app.domain.toll import TollReportDraft
from app.ingest.pipeline import Item, Result, ingest
from app.ingest.seeds import load_seeds, read_seeds
from app.settings import data_folder
from app.store.db.database import Database
from app.store.write import segments, writer
from tests.store.recorded import Asking

GOOD = {
    "id": "good", "title": "t", "country": "ML", "date_start": "2019-11-01", "date_end": "2019-11-01",
    "date_precision": "day",
}  # fmt: skip


def test_what_cannot_be_taken_is_refused_with_its_place_and_reason(database: Database) -> None:
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
    assert Asking(database).ids() == ["good"]


def told(number: int, on: str) -> Item:
    """A report about the incident of `GOOD`."""
    data = {
        "id": f"r-{number}", "incidents": ["good"], "measure": "killed", "victims": "all", "bound": "exact",
        "best": number, "reported_on": on, "source": {"id": "paper", "title": "A newspaper"},
        "reported_by": {"id": f"party-{number}", "name": "A party", "kind": "media"},
    }  # fmt: skip
    return Item(f"row {number}", data, TollReportDraft)


def test_a_row_that_is_refused_at_the_end_of_its_batch_takes_no_other_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an incident with as many segments as are stored again
    ingest([Item("row 0", GOOD), *(told(n, f"2019-11-{n:02}") for n in range(2, 29))], database, "test")
    monkeypatch.setattr(writer, "MAX_SEGMENTS", 20)
    monkeypatch.setattr(segments, "MAX_REWRITTEN", 10)
    # when a batch has a report from before all others among ones that fit
    rows = [told(30, "2019-12-01"), told(31, "2019-11-01"), told(32, "2019-12-02"), Item("last", GOOD | {"id": "next"})]
    heard: list[Result] = []
    summary = ingest(rows, database, "test", told=heard.append)
    # then it alone is refused, with its reason
    assert (summary.created, summary.refused) == (3, 1)
    assert summary.reasons[0].startswith('row 31: the history of "good" is stored in 20 segments or more')
    assert [result.outcome for result in heard] == ["created", "refused", "created", "created"]
    assert sorted(Asking(database).ids()) == ["good", "next"]


def test_the_seeds_load_once(database: Database) -> None:
    first, second = load_seeds(database), load_seeds(database)
    assert (first.created, first.unchanged, first.refused) == (5, 0, 0)
    assert (second.created, second.unchanged, second.refused) == (0, 5, 0)


def test_the_seeds_have_no_figure_that_the_article_does_not_give() -> None:
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
