"""What a valid incident and a valid report may contain."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.incident import IncidentDraft
from app.domain.toll import TollReportDraft
from tests.builders import incident_body, report_body

INCIDENT = incident_body(None, date_start="2019-09-30", date_end="2019-10-01", date_precision="days")
REPORT = report_body(25, reported_on="2019-10-01T18:00:00Z", victims="military", source={"id": "src-1"})


def test_country_and_region_names_become_codes() -> None:
    draft = IncidentDraft.model_validate(INCIDENT | {"country": "Mali", "region": "Mopti region"})
    assert draft.country == "ML" and draft.region is not None
    assert draft.region.model_dump() == {"code": "ML-5", "name": "Mopti"}


def test_a_region_without_a_code_keeps_its_name() -> None:
    draft = IncidentDraft.model_validate(INCIDENT | {"region": {"code": None, "name": "Liptako"}})
    assert draft.region is not None and draft.region.code is None


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"region": "Menaca"}, "did you mean Ménaka, ML-9"),
        ({"region": {"code": "NE-1", "name": "Agadez"}}, "is not a region of ML"),
        ({"country": "Malli"}, "did you mean Mali"),
        ({"date_end": "2019-09-29"}, "before date_start"),
        ({"date_start": 1569801600}, "valid string"),
        ({"date_start": "2019-09-31"}, "day of the calendar"),
        ({"latitude": 15.9}, "together with latitude or not at all"),
        ({"latitude": 91, "longitude": 2}, "less than or equal to 90"),
        ({"latitude": float("nan"), "longitude": 2}, "finite"),
        ({"event_type": "Riots", "sub_event_type": "Armed clash"}, "sub_event_type: is not one of"),
        ({"latitude": True, "longitude": 3.0}, "valid number"),
        ({"latitude": 1, "longitude": "3"}, "valid number"),
        ({"type_of_violence": True}, "not 1, 2 or 3"),
        ({"attributes": {"x": 2**53}}, "beyond ±9007199254740991"),
        ({"attributes": {"x": [1e16]}}, "beyond ±9007199254740991"),
        ({"attributes": {"x": "\ud800"}}, "attributes|unicode"),
        ({"attributes": {"x": "a\x00b"}}, "NUL"),
        ({"country": None, "region": "Menaka"}, "valid string"),
        ({"title": ""}, "at least 1"),
        ({"title": "a\x00b"}, "NUL"),
        ({"title": "\ud800"}, "surrogate|unicode"),
        ({"summery": "x"}, "not permitted"),
        ({"toll": {}}, "not permitted"),
        ({"id": "UPPER"}, "pattern"),
    ],
)
def test_an_invalid_incident_is_rejected(members: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        IncidentDraft.model_validate(INCIDENT | members)


@pytest.mark.parametrize(
    ("members", "numbers"),
    [
        ({}, (25, 25, 25)),
        ({"best": 0}, (0, 0, 0)),
        ({"bound": "at_least"}, (25, 25, None)),
        ({"bound": "more_than"}, (26, None, None)),
        ({"bound": "at_most"}, (0, 25, 25)),
        ({"bound": "about"}, (None, 25, None)),
        ({"bound": "range", "low": 20, "high": 30}, (20, 25, 30)),
        ({"bound": "range", "low": 20, "high": 30, "best": None}, (20, None, 30)),
        ({"low": 25, "high": 25}, (25, 25, 25)),
    ],
)
def test_a_bound_determines_the_numbers(members: dict[str, Any], numbers: tuple[int | None, ...]) -> None:
    assert TollReportDraft.model_validate(REPORT | members).numbers == numbers


@pytest.mark.parametrize(
    "members",
    [
        {"best": None}, {"best": -1}, {"best": True}, {"best": 2.5}, {"best": "25"}, {"best": 2**63}, {"low": 20},
        {"bound": "range"}, {"bound": "range", "low": 30, "high": 20}, {"bound": "range", "low": 26, "high": 30},
        {"reported_on": "2019-10-01T18:00:00"}, {"reported_on": None}, {"incidents": []}, {"status": "standing"},
        {"victims": "soldiers"}, {"reported_by": {"id": "x", "name": "y", "kind": "king"}},
    ],
)  # fmt: skip
def test_an_invalid_report_is_rejected(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TollReportDraft.model_validate(REPORT | members)
