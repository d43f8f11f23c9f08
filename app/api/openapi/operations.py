"""Read routes: handled without FastAPI's dependency machinery, described in OpenAPI from `domain.filters`."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response

from app.api.http.authentication import SECURITY
from app.api.openapi import schemas
from app.domain.vocabulary import Scope
from app.formats.encoding import media_type
from app.query.parameters import Format, Parameter

PROBLEM: dict[str, Any] = {"model": schemas.Problem, "content": {"application/problem+json": {}}}
"""What every error is answered with."""
ANY_ROUTE: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request is not well-formed HTTP.", **PROBLEM},
    414: {"description": "The address is too long.", **PROBLEM},
    431: {"description": "The headers are too long.", **PROBLEM},
}
"""Errors that come before the route is looked at."""
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class ReadRoute(APIRoute):
    """A route whose endpoint takes the request and gives the response.

    The parameters of a question are read by `domain.question`; passing them through FastAPI as well would cost more
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


def forms_of(parameters: Sequence[Parameter]) -> list[Format]:
    """The forms in which an answer can be given; JSON is the first."""
    values = next((p.kind.schema["enum"] for p in parameters if p.name == "f"), [Format.JSON])
    return [Format(value) for value in values]


def described(
    parameters: Sequence[Parameter] = (),
    *,
    path: dict[str, str] | None = None,
    example: Any = None,
    missing: bool = False,
    withdrawn: bool = False,
    stream: str | None = None,
    malformed: int = 422,
    media: str | None = None,
    confidential: bool = False,
) -> dict[str, Any]:
    """Keyword arguments of a route that describe what it takes and which answers it gives.

    `confidential`: a key with the scope `read:confidential` gets more than others.
    """
    answers: dict[int | str, dict[str, Any]] = {
        **ANY_ROUTE,
        304: {"description": "Not changed since the answer with this `If-None-Match`, or since `If-Modified-Since`."},
        401: {"description": "The API key is invalid, expired or revoked.", **PROBLEM},
        412: {"description": "It is not what `If-Match` or `If-Unmodified-Since` names.", **PROBLEM},
        malformed: {"description": "A parameter is unknown or cannot be read; every one is named.", **PROBLEM},
        429: {"description": "Your address has as many exports or streams open as one may have.", **PROBLEM},
        503: {"description": "The question takes too long, or the database cannot be read.", **PROBLEM},
    }
    if Format.PARQUET in forms_of(parameters):
        answers[507] = {"description": "There is no room for the file that the answer is made in.", **PROBLEM}
    if missing:
        answers[404] = {"description": "Unknown, or not yet known at the time asked for.", **PROBLEM}
    if withdrawn:
        answers[410] = {"description": "Withdrawn, with the reason and `merged_into`.", **PROBLEM}
    files = {
        media_type(form): {"schema": _SCHEMAS.get(form, {"type": "string"})}
        for form in forms_of(parameters)
        if form is not Format.JSON
    }
    if files:
        # Without its content: generated types of a response would be those of a page or of a file.
        answers[206] = {"description": "The `Range` of bytes that was requested, of a file; not of JSON."}
        answers[416] = {"description": "The `Range` begins behind the end; `Content-Range` says where.", **PROBLEM}
    content: dict[str, Any] = {} if example is None else {"application/json": {"example": example}}
    content |= files
    if media:
        content = {media: {"schema": {"type": "object"}}}
    paged = any(parameter.name in ("cursor", "after") for parameter in parameters)
    headers = _HEADERS | (_LINK if paged else {})
    if stream:
        content, headers = {stream: {"schema": {"type": "string"}}}, {"X-Request-ID": _HEADERS["X-Request-ID"]}
        del answers[304], answers[412]
    answers[200] = {"description": "The answer.", "headers": headers, **({"content": content} if content else {})}
    told = [*path_parameters(path or {}), *map(openapi_parameter, parameters)]
    extra: dict[str, Any] = {"parameters": told, "security": []}
    if confidential:
        extra["x-optional-security"] = [{SECURITY: [Scope.READ_CONFIDENTIAL.value]}]
    return {"responses": answers, "openapi_extra": extra}


_SCHEMAS: dict[Format, dict[str, Any]] = {
    Format.GEOJSON: {"type": "object"},
    Format.PARQUET: {"type": "string", "format": "binary"},
}
_LAST_MODIFIED = (
    "When this service had begun to answer so, rounded up by some seconds: since the last recording, of one incident "
    "since its own last change, or since the service started. Send it back in `If-Modified-Since`."
)
_HEADERS = {
    "ETag": {"description": "Strong validator; send it back in `If-None-Match`.", "schema": {"type": "string"}},
    "Last-Modified": {"description": _LAST_MODIFIED, "schema": {"type": "string"}},
    "X-Request-ID": {"description": "The request's id, as sent or made.", "schema": {"type": "string"}},
}
_LINK = {
    "Link": {
        "description": 'The absolute address of the next page, `rel="next"`; absent on the last one.',
        "schema": {"type": "string"},
    }
}


def path_parameters(told: Mapping[str, str]) -> list[dict[str, Any]]:
    """Parts of a path as OpenAPI describes them."""
    return [
        {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in told.items()
    ]


def openapi_parameter(parameter: Parameter) -> dict[str, Any]:
    """A parameter as OpenAPI describes it."""
    schema = parameter.kind.schema
    if parameter.repeatable:
        schema = {"type": "array", "items": schema, "maxItems": 100}
    told = {"name": parameter.name, "in": "query", "required": False, "description": parameter.help, "schema": schema}
    if parameter.kind.example is not None:
        example = [parameter.kind.example] if parameter.repeatable else parameter.kind.example
        told["examples"] = {"example": {"value": example}}
    return told
