"""The OpenAPI document, where FastAPI would say something else than what is answered."""

from typing import Any

from fastapi import FastAPI

from app.api.parameters import ReadRoute
from app.api.problems import MEDIA_TYPE


class Application(FastAPI):
    """FastAPI takes the nulls out of examples, and files a problem's schema under `application/json`."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for route in self.routes:
                if isinstance(route, ReadRoute) and route.include_in_schema:
                    _mend(document["paths"][route.path]["get"]["responses"], route.responses)
        assert self.openapi_schema is not None
        return self.openapi_schema


def _mend(told: dict[str, Any], declared: dict[int | str, dict[str, Any]]) -> None:
    for response in told.values():
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            content[MEDIA_TYPE] = content.pop("application/json")
    example = declared.get(200, {}).get("content", {}).get("application/json", {}).get("example")
    if example is not None:
        told["200"]["content"]["application/json"]["example"] = example
