"""Generated incidents are the same each time, valid, and shaped like real ones."""

from collections import Counter
from itertools import islice

from app.domain.incident import IncidentDraft
from tests.benchmarks.generator import CENTRES, FIRST_DAY, LAST_DAY, SHARED_EVERY, items

COUNT = 800


def test_the_same_seed_gives_the_same_incidents() -> None:
    """Given one seed, when twice as many are made, then the first are the same; another seed gives others."""
    first = list(items(50, seed=1))

    again = list(islice(items(100, seed=1), 50))

    assert again == first
    assert list(items(50, seed=2)) != first


def test_every_item_is_valid() -> None:
    """Given some hundred items, when they are validated as the pipeline does, then none is refused."""
    drafts = [item.kind.model_validate(item.data) for item in items(SHARED_EVERY, seed=3)]

    incidents = [d for d in drafts if isinstance(d, IncidentDraft)]
    assert len(incidents) == SHARED_EVERY
    assert len(drafts) == SHARED_EVERY + 1
    assert len({d.id for d in drafts}) == len(drafts)
    assert all(d.region and d.region.code and d.region.code.startswith(d.country) for d in incidents)


def test_generated_incidents_have_the_shape_of_real_ones() -> None:
    """Given many incidents, when they are counted, then reports, revisions, dates and places are as declared."""
    incidents = [item.data for item in items(COUNT, seed=4) if "toll_reports" in item.data]

    reports = [r for i in incidents for r in i["toll_reports"]]
    assert 2.3 < len(reports) / COUNT < 2.7
    assert 0.07 < sum(r["id"].endswith("-later") for r in reports) / len(reports) < 0.13
    assert set(Counter(i["country"] for i in incidents)) == set(CENTRES)
    assert all(f"{FIRST_DAY}" <= i["date_start"] <= i["date_end"] <= f"{LAST_DAY}" for i in incidents)
    assert 0.85 < sum(i["latitude"] is not None for i in incidents) / COUNT < 0.97
