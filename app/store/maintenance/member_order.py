"""The one way in which a record is written: canonical JSON does not tell the order of members, or 49 from 49.0.

What is recorded is written so from the beginning; `verify` writes it so again, and compares the texts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from app.domain.canonical import canonical
from app.domain.incident import MERGED, Actor, IncidentFields, RegionRecord
from app.domain.source import ReporterDraft, SourceDraft
from app.domain.toll import Breakdown

_MARKS = ("confidential", "commitment")
_SOURCE = ("id", *(name for name in SourceDraft.model_fields if name not in ("id", "confidential")), *_MARKS)
_REPORTER = ("id", *(name for name in ReporterDraft.model_fields if name not in ("id", "confidential")), *_MARKS)
_INCIDENT = ("id", *IncidentFields.model_fields, "recorded_at")
_REPORT = (
    "id", "incidents", "measure", "victims", "low", "best", "high", "bound", "reported_by", "reported_on", "source",
    "breakdown", "locator", "note", "supersedes", "commitment", "recorded_at",
)  # fmt: skip
Arranger = Callable[[Any], Any]


def source(record: Mapping[str, Any]) -> dict[str, Any]:
    """A source."""
    return _object(record, _SOURCE)


def reporter(record: Mapping[str, Any]) -> dict[str, Any]:
    """A reporter."""
    return _object(record, _REPORTER)


def incident(record: Mapping[str, Any]) -> dict[str, Any]:
    """A version of an incident's record."""
    return _object(
        record,
        _INCIDENT,
        region=lambda region: _object(region, tuple(RegionRecord.model_fields)),
        actors=lambda actors: [_object(actor, tuple(Actor.model_fields)) for actor in actors],
        latitude=lambda degrees: float(degrees) + 0.0,
        longitude=lambda degrees: float(degrees) + 0.0,
        **dict.fromkeys(MERGED, lambda kept: orjson.loads(canonical(kept))),
    )


def report(record: Mapping[str, Any]) -> dict[str, Any]:
    """A toll report."""
    return _object(
        record,
        _REPORT,
        reported_by=reporter,
        source=source,
        breakdown=lambda numbers: _object(numbers, tuple(Breakdown.model_fields)),
    )


def secret(record: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """What a record keeps to itself."""
    return _object(record, names)


def _object(record: Mapping[str, Any], order: Sequence[str], **inner: Arranger) -> dict[str, Any]:
    """The members in their order. Raises `ValueError` for one that no such record has."""
    if strays := record.keys() - set(order):
        raise ValueError(f"has a member {min(strays)}, which no such record has")
    told = ((name, record[name]) for name in order if name in record)
    return {name: None if value is None else inner.get(name, _plain)(value) for name, value in told}


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
