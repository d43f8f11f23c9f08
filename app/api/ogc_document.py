"""The OpenAPI document of `/ogc`, in version 3.0, which OGC API – Features asks for; the service's own is of 3.1."""

from collections.abc import Sequence
from typing import Any

from app.api.parameters import openapi_parameter, path_parameters
from app.domain import filters
from app.domain.filters import Parameter

_JSON, _GEOJSON, _PROBLEM = "application/json", "application/geo+json", "application/problem+json"
_ID = {"incident_id": "The incident's id, like `ml-2019-11-01-indelimane`."}
_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}


def document(base: str, title: str, version: str) -> dict[str, Any]:
    """The document; `base` is the address of the landing page."""
    form = filters.ABOUT_FEATURES
    collection = "/collections/incidents"
    return {
        "openapi": "3.0.3",
        "info": {"title": f"{title}: OGC API – Features", "version": version, "license": {"name": "MIT"}},
        "servers": [{"url": base}],
        "paths": {
            "/": _get("landing", "Where everything is", _JSON, form),
            "/api": _get("api", "This document", "application/vnd.oai.openapi+json;version=3.0", form),
            "/conformance": _get("conformance", "Conformance classes", _JSON, form),
            "/collections": _get("collections", "The collections", _JSON, form),
            collection: _get("collection", "The collection of incidents", _JSON, form),
            f"{collection}/items": _get("features", "Incidents as features", _GEOJSON, filters.FEATURES),
            f"{collection}/items/{{incident_id}}": _get(
                "feature", "One incident as a feature", _GEOJSON, filters.FEATURE, path_parameters(_ID)
            ),
        },
    }


def _get(
    name: str, summary: str, media_type: str, parameters: Sequence[Parameter], path: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    problem = {"content": {_PROBLEM: {"schema": {"type": "object"}}}}
    responses: dict[str, Any] = {
        "200": {"description": "The answer.", "content": {media_type: {"schema": {"type": "object"}}}},
        "400": {"description": "A parameter is unknown or cannot be read.", **problem},
    }
    if path:
        responses |= {"404": {"description": "Unknown.", **problem}, "410": {"description": "Withdrawn.", **problem}}
    told = [*path, *map(_parameter, parameters)]
    return {"get": {"operationId": name, "summary": summary, "parameters": told, "responses": responses}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """A parameter as version 3.0 has it: a bound that is left out is a flag there, and a box a list of numbers."""
    told = openapi_parameter(parameter)
    if parameter.name == "bbox":
        return told | {
            "schema": _NUMBERS,
            "style": "form",
            "explode": False,
            "examples": {"example": {"value": [-5, 10, 5, 20]}},
        }
    schema = dict(told["schema"])
    if "exclusiveMinimum" in schema:
        schema |= {"minimum": schema.pop("exclusiveMinimum"), "exclusiveMinimum": True}
    return told | {"schema": schema}
