"""Routes that read: FastAPI describes them, and their endpoints take the request itself."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class ReadRoute(APIRoute):
    """A route whose endpoint takes the request and gives the response.

    The parameters of a question are read by `query.query`; passing them through FastAPI as well would cost more
    than the answer.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)


def read_router(prefix: str = "", *tags: str, route_class: type[ReadRoute] = ReadRoute) -> APIRouter:
    """A router of read routes; in OpenAPI each is called as its endpoint is."""
    return APIRouter(
        prefix=prefix,
        tags=list(tags),
        route_class=route_class,
        generate_unique_id_function=lambda route: route.name,
    )
