"""The OpenAPI document, where FastAPI would say something else than what is answered."""

from typing import Any

from fastapi import FastAPI

from app.api.http.authentication import SECURITY
from app.api.http.problems import MEDIA_TYPE
from app.api.http.read_route import ReadRoute
from app.api.http.write_route import WriteRoute


class Application(FastAPI):
    """FastAPI takes the nulls out of examples, and files a problem's schema under `application/json`."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for route in self.routes:
                if isinstance(route, (ReadRoute, WriteRoute)) and route.include_in_schema:
                    (method,) = route.methods or {"GET"}
                    _mend(document["paths"][route.path][method.lower()], route)
            document["components"]["securitySchemes"] = {SECURITY: KEYS}
            self.openapi_schema = _with_whole_numbers(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


def _with_whole_numbers(value: Any) -> Any:
    """FastAPI writes the bounds of whole numbers as fractions (`1000.0`), which some generators refuse."""
    if isinstance(value, dict):
        return {name: _with_whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


KEYS = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key made by `incidents keys create`. Writing needs one with the scope `write`. Reading needs "
    "none; operations with `x-optional-security` disclose what is confidential to a key with the scope that they name. "
    "A key with the scope `admin` may do everything.",
}
TAGS = [
    {
        "name": "Incidents",
        "description": "Incidents with their headline tolls, their toll histories and their versions.",
    },
    {"name": "Toll reports", "description": "Single figures: who gave them, when, and whether they stand."},
    {"name": "Reporters and sources", "description": "Who gave the figures, and in which publications."},
    {"name": "Statistics", "description": "Counts and toll sums by group; countries and regions that have incidents."},
    {
        "name": "Changes",
        "description": "The log of all changes, as pages or as a stream, with proofs that it only grew.",
    },
    {"name": "Import", "description": "Files of UCDP GED, of ACLED, and of this service's own columns."},
    {"name": "OGC API – Features", "description": "The incidents as features, for QGIS, GDAL and other GIS clients."},
    {"name": "Health", "description": "Probes for those who run the service."},
]
"""The groups of operations, in the order in which pages show them."""
LICENSE = {"name": "MIT", "identifier": "MIT"}


def _mend(operation: dict[str, Any], route: ReadRoute | WriteRoute) -> None:
    for response in operation["responses"].values():
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            content[MEDIA_TYPE] = content.pop("application/json")
    succeeded = operation["responses"].get("200", {}).get("content", {})
    declared = route.responses.get(200, {}).get("content", {})
    if "example" in declared.get("application/json", {}):
        succeeded["application/json"]["example"] = declared["application/json"]["example"]
    if isinstance(route, WriteRoute):
        (sent,) = operation["requestBody"]["content"].values()
        operation["requestBody"]["content"] = {route.media_types[0]: sent}
    if declared and route.response_model is None:
        succeeded.pop("application/json", None)
