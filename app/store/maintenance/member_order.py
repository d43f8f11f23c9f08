"""The one way in which a record is written as JSON.

Hashes cover canonical JSON, which knows neither the order of members nor 49 from 49.0. Records are stored in the order
of their models; `verify` writes them again in that order and compares the texts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from app.domain.canonical import canonical
from app.domain.incident import MERGED, Actor, IncidentFields, RegionRecord
from app.domain.source import ReporterRecord, SourceRecord
from app.domain.toll import Breakdown, TollReportRecord

_SOURCE = tuple(SourceRecord.model_fields)
_REPORTER = tuple(ReporterRecord.model_fields)
_INCIDENT = ("id", *IncidentFields.model_fields, "recorded_at")
_REPORT = tuple(TollReportRecord.model_fields)
Write = Callable[[Any], Any]


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
    """The redacted members of a record."""
    return _object(record, names)


def _object(record: Mapping[str, Any], order: Sequence[str], **inner: Write) -> dict[str, Any]:
    """The members in their order. Raises `ValueError` for an unknown member."""
    if strays := record.keys() - set(order):
        raise ValueError(f"has the unknown member {min(strays)}")
    members = ((name, record[name]) for name in order if name in record)
    return {name: None if value is None else inner.get(name, _plain)(value) for name, value in members}


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
