"""Read routes: FastAPI routes and describes them; their endpoints take the request itself."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class ReadRoute(APIRoute):
    """A route whose endpoint takes the request and returns the response.

    Query parameters are validated by `parse_request`. FastAPI's dependencies would take longer than the read itself
    (`docs/decisions/1-fastapi-on-the-read-path.md`).
    """

    def get_route_handler(self) -> RouteHandler:
        """The endpoint, as FastAPI's guide on custom routes has it."""
        return self.endpoint


def read_router(prefix: str = "", *tags: str, route_class: type[APIRoute] = ReadRoute) -> APIRouter:
    """A router of read routes. Operation ids in OpenAPI are the names of the endpoints."""
    return APIRouter(
        prefix=prefix,
        tags=list(tags),
        route_class=route_class,
        generate_unique_id_function=lambda route: route.name,
    )
