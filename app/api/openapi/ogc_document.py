"""The OpenAPI document of `/ogc`, in version 3.0 as OGC API – Features requires; the service's own is in version 3.1.

Clients read more than addresses from it. QGIS takes its page size from `components/parameters/limit`, and the types of
properties from their parameters. GDAL takes the properties that it may filter by, and the languages of `filter-lang`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from app.api.openapi.ogc_schemas import SCHEMA
from app.api.openapi.operations import openapi_parameter, path_parameters
from app.query.feature_query import FeatureByIdQuery, FeatureInfoQuery, FeatureQuery
from app.query.features import QUERYABLES
from app.query.query import Parameter, Query, parameters_of

OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
_JSON, _GEOJSON, _PROBLEM = "application/json", "application/geo+json", "application/problem+json"
_ID = {"incident_id": "The incident's id, like `ml-2019-11-01-indelimane`."}
_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
_FORM = {"style": "form", "explode": False}
_OF_STANDARD = ("bbox", "bbox-crs", "datetime", "limit", "filter", "filter-lang", "filter-crs")
"""Parameters that the standards define, along with their OpenAPI fragments."""


def document(base: str, title: str, version: str) -> dict[str, Any]:
    """The document; `base` is the address of the landing page."""
    info = FeatureInfoQuery
    collection = "/collections/incidents"
    return {
        "openapi": "3.0.3",
        "info": {"title": f"{title}: OGC API – Features", "version": version, "license": {"name": "MIT"}},
        "servers": [{"url": base}],
        "paths": {
            "/": _get("landing", "Landing page", _JSON, info),
            "/api": _get("api", "Get this document", OPENAPI, info),
            "/conformance": _get("conformance", "List conformance classes", _JSON, info),
            "/collections": _get("collections", "List collections", _JSON, info),
            collection: _get("collection", "Get the collection of incidents", _JSON, info),
            f"{collection}/queryables": _get("queryables", "List properties for filters", SCHEMA, info),
            f"{collection}/schema": _get("schema", "List properties of incidents", SCHEMA, info),
            f"{collection}/feature-schema": _get("featureSchema", "Get the JSON Schema of a feature", SCHEMA, info),
            f"{collection}/items": _get("features", "List incidents as features", _GEOJSON, FeatureQuery),
            f"{collection}/items/{{incident_id}}": _get(
                "feature", "Get an incident as a feature", _GEOJSON, FeatureByIdQuery, path_parameters(_ID)
            ),
        },
        "components": {
            "parameters": {
                name: _parameter(p) for name, p in parameters_of(FeatureQuery).items() if name in _OF_STANDARD
            }
        },
    }


def _get(
    name: str, summary: str, media_type: str, model: type[Query], path: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    problem = {"content": {_PROBLEM: {"schema": {"type": "object"}}}}
    responses: dict[str, Any] = {
        "200": {"description": "The response.", "content": {media_type: {"schema": {"type": "object"}}}},
        "400": {"description": "A parameter is unknown or invalid.", **problem},
    }
    if path:
        responses |= {"404": {"description": "Unknown.", **problem}, "410": {"description": "Withdrawn.", **problem}}
    of_request = [*path, *_parameters(parameters_of(model).values())]
    return {"get": {"operationId": name, "summary": summary, "parameters": of_request, "responses": responses}}


def _parameters(parameters: Iterable[Parameter]) -> Iterable[dict[str, Any]]:
    for parameter in parameters:
        if parameter.name in _OF_STANDARD:
            yield {"$ref": f"#/components/parameters/{parameter.name}"}
        else:
            yield _parameter(parameter)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """A parameter in version 3.0: an exclusive bound is a flag there, and a box is a list of numbers."""
    described = openapi_parameter(parameter)
    name = parameter.name
    if name == "bbox":
        return described | _FORM | {"schema": _NUMBERS, "examples": {"example": {"value": [-5, 10, 5, 20]}}}
    if queryable := QUERYABLES.get(name):
        described.pop("examples", None)
        schema = {key: value for key, value in queryable.schema.items() if key != "description"}
        return described | _FORM | {"description": queryable.description, "schema": schema}
    schema = dict(described["schema"])
    if "exclusiveMinimum" in schema:
        schema |= {"minimum": schema.pop("exclusiveMinimum"), "exclusiveMinimum": True}
    return described | (_FORM if name in _OF_STANDARD else {}) | {"schema": schema}
