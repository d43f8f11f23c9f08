"""The OpenAPI document, with what FastAPI leaves out or writes differently."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.api.http.authentication import SECURITY
from app.api.http.problems import MEDIA_TYPE


class Application(FastAPI):
    """FastAPI removes nulls from examples, and puts the schema of a problem under `application/json`."""

    def openapi(self) -> dict[str, Any]:
        """The document, generated once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for route in self.routes:
                if isinstance(route, APIRoute) and route.include_in_schema:
                    for method in route.methods or ():
                        _complete(document["paths"][route.path][method.lower()], route)
            document["components"]["securitySchemes"] = {SECURITY: KEYS}
            self.openapi_schema = _with_whole_numbers(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


def _with_whole_numbers(value: Any) -> Any:
    """FastAPI writes the bounds of whole numbers as fractions (`1000.0`), which some generators reject."""
    if isinstance(value, dict):
        return {name: _with_whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


KEYS = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key from `incidents keys create`. Writing needs one with the scope `write`. Reading needs none, "
    "but operations with `x-optional-security` disclose confidential members to a key with the scope that they name. "
    "A key with the scope `admin` may do everything.",
}
TAGS = [
    {
        "name": "Incidents",
        "description": "Incidents with their headline tolls, their toll histories and their versions.",
    },
    {"name": "Toll reports", "description": "Single figures: who reported them, when, and whether they stand."},
    {"name": "Reporters and sources", "description": "Who reported the figures, and in which publications."},
    {"name": "Statistics", "description": "Counts and toll sums by group; countries and regions that have incidents."},
    {
        "name": "Changes",
        "description": "The log of all changes, as pages or as a stream, with proofs that it is append-only.",
    },
    {"name": "Import", "description": "Files of UCDP GED, of ACLED, and in the service's own columns."},
    {"name": "OGC API – Features", "description": "The incidents as features, for QGIS, GDAL and other GIS clients."},
    {"name": "Health", "description": "Probes for operators."},
]
"""The groups of operations, in the order of the documentation."""
LICENSE = {"name": "MIT", "identifier": "MIT"}


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    for response in operation["responses"].values():
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            content[MEDIA_TYPE] = content.pop("application/json")
    succeeded = operation["responses"].get("200", {}).get("content", {})
    declared = route.responses.get(200, {}).get("content", {})
    if "example" in declared.get("application/json", {}):
        succeeded["application/json"]["example"] = declared["application/json"]["example"]
