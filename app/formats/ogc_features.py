"""Incidents as the features of OGC API – Features: flat properties, as `query.features` declares them."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.domain.json_text import json_of, list_object
from app.formats.layouts.plain_incidents import flat_incident
from app.query.features import PROPERTIES

_FLAGS = {"killed_open_ended": "open_ended", "killed_disputed": "disputed"}
"""Properties that are words in a table and booleans in a feature."""


def feature_of(incident: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a feature. Without coordinates its geometry is null."""
    row, killed = flat_incident(incident), incident["toll"].get("killed") or {}
    point = [incident["longitude"], incident["latitude"]]
    properties = {name: row[name] for name in PROPERTIES} | {name: killed.get(flag) for name, flag in _FLAGS.items()}
    geometry = None if None in point else {"type": "Point", "coordinates": point}
    return {"type": "Feature", "id": incident["id"], "geometry": geometry, "properties": properties}


def feature_collection(head: Mapping[str, Any], incidents: Sequence[str]) -> bytes:
    """A feature collection with the members of `head`, and a feature for the JSON text of each incident."""
    return list_object(json_of(head), "features", (json_of(feature_of(orjson.loads(text))) for text in incidents))
