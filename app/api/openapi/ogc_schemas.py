"""JSON Schemas of the collection under `/ogc`: the properties for filters, and those of a feature."""

from typing import Any

from app.query.features import GEOMETRY, PROPERTIES, QUERYABLES

SCHEMA = "application/schema+json"
_POINT = "https://geojson.org/schema/Point.json"
_TITLE = "Conflict incidents"
_NULLS = "Every property may be null: not reported."


def queryables(here: str) -> dict[str, Any]:
    """The properties for filters. QGIS finds the geometry by the address of its schema."""
    properties = {name: queryable.schema for name, queryable in QUERYABLES.items()}
    geometry = {"$ref": _POINT, "format": "geometry-point", "x-ogc-role": "primary-geometry"}
    return _document(here, properties | {GEOMETRY: geometry}) | {"additionalProperties": False}


def schema(here: str) -> dict[str, Any]:
    """The id, the geometry and the properties (OGC API – Features, Part 5). QGIS reads its fields from it."""
    properties: dict[str, Any] = {"id": QUERYABLES["id"].schema | {"x-ogc-role": "id"}}
    properties[GEOMETRY] = {"format": "geometry-point", "x-ogc-role": "primary-geometry"}
    properties |= {name: queryable.schema for name, queryable in PROPERTIES.items()}
    properties["date_start"] |= {"x-ogc-role": "primary-interval-start"}
    properties["date_end"] |= {"x-ogc-role": "primary-interval-end"}
    for number, described in enumerate(properties.values(), start=1):
        described |= {"readOnly": True, "x-ogc-propertySeq": number}
    return _document(here, properties)


def feature_schema(here: str) -> dict[str, Any]:
    """A GeoJSON feature. GDAL reads the types of its fields from it."""
    properties = {name: queryable.schema for name, queryable in PROPERTIES.items()}
    members = {
        "type": {"type": "string", "enum": ["Feature"]},
        "id": QUERYABLES["id"].schema,
        GEOMETRY: {"oneOf": [{"$ref": _POINT}, {"type": "null"}]},
        "properties": {"type": "object", "properties": properties},
    }
    return _document(here, members) | {"required": ["type", GEOMETRY, "properties"]}


def _document(here: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": here,
        "title": _TITLE,
        "description": _NULLS,
        "type": "object",
        "properties": properties,
    }
