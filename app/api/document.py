"""The OpenAPI document, where FastAPI would say something else than what is answered."""

from typing import Any

from fastapi import FastAPI

from app.api.access import SECURITY
from app.api.parameters import ReadRoute
from app.api.problems import MEDIA_TYPE
from app.api.writing import WriteRoute


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
        assert self.openapi_schema is not None
        return self.openapi_schema


KEYS = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key made by `incidents keys create`. Reading what is public needs none; an operation names the "
    "scope that it needs, or with which it tells more. A key with the scope `admin` may do everything.",
}


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
        operation["requestBody"]["content"] = dict.fromkeys(route.media_types, sent)
    elif declared and route.response_model is None:
        succeeded.pop("application/json", None)
