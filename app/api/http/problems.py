"""Every error as a problem document (RFC 9457). The 422s are rendered here, and everything else that goes wrong."""

import logging
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.errors import (
    AppError,
    BodyTooLarge,
    DatabaseBusy,
    DatabaseUnusable,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    RangeNotSatisfiable,
    ReadTooLong,
    ServiceStopping,
    TooManyExports,
    TooManyImports,
    TooManyReads,
    TooManyStreams,
    Unauthorized,
    echo,
)

MEDIA_TYPE = "application/problem+json"
TYPES = "/docs/errors#"
"""Begins the `type` of a problem: the address of its entry in the catalogue of errors, the same on every host."""
log = logging.getLogger("app")

CHALLENGE = 'Bearer realm="incidents"'
EXPECTED = (
    DatabaseBusy,
    ReadTooLong,
    ServiceStopping,
    TooManyExports,
    TooManyImports,
    TooManyReads,
    TooManyStreams,
)
"""What comes of much being asked, and is no fault to be logged."""
_REFUSALS = {
    400: ("malformed", "The request is malformed"),
    401: (Unauthorized.slug, Unauthorized.title),
    404: (NotFound.slug, NotFound.title),
    405: ("method-not-allowed", "Method not allowed"),
    413: (BodyTooLarge.slug, BodyTooLarge.title),
    414: ("address-too-long", "The address is too long"),
    431: ("headers-too-long", "The headers are too long"),
}
"""Slug and title of what the router refuses, by status."""


def problem(
    request_path: str,
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """A problem document. `instance` is the path that was asked for, at most 200 characters of it, escaped."""
    body = {
        "type": f"{TYPES}{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(request_path, errors="replace")[:200],
        **more,
    }
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


class Shown(NamedTuple):
    """What is told of an error: the detail, and the headers that go with it."""

    detail: str
    headers: dict[str, str]


def shown(error: AppError) -> Shown:
    """What a caller may know of one of our own errors. What only we may know goes to the log."""
    headers = {"Retry-After": "1"} if error.status in (429, 503) else {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = CHALLENGE
    elif isinstance(error, Forbidden):
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope", scope="{error.facts["scope"]}"'
    elif isinstance(error, BodyTooLarge):
        headers["Connection"] = "close"
    elif isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.facts['size']}"
    if error.status >= 500 and not isinstance(error, EXPECTED):
        log.error("%s: %s", error.slug, error.detail)
    if isinstance(error, DatabaseUnusable):  # whose detail names paths of the machine
        return Shown("the database cannot be used; the log of the service says why", headers)
    return Shown(error.detail, headers)


async def app_error(request: Request, error: Exception) -> Response:
    """One of our own errors, with its facts."""
    assert isinstance(error, AppError)
    more = dict(error.facts)
    if isinstance(error, InvalidInput):
        more["errors"] = [fault.as_json() for fault in error.faults]
    detail, headers = shown(error)
    return problem(request.url.path, error.status, error.slug, error.title, detail, headers=headers, **more)


async def http_exception(request: Request, error: Exception) -> Response:
    """What the router refuses. `OPTIONS` on a path that has other methods is answered with them."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    if request.method == "OPTIONS" and request.scope["path"] == "*":  # the service as a whole
        return Response(status_code=204)
    slug, title = _REFUSALS.get(error.status_code, ("request-failed", "The request failed"))
    details = {
        404: f"nothing is at {echo(request.url.path)}; /docs lists what there is",
        405: f"{echo(request.method)} is not for {echo(request.url.path)}",
    }
    detail = details.get(error.status_code, str(error.detail))
    return problem(request.url.path, error.status_code, slug, title, detail, headers=headers)


def _methods(request: Request) -> set[str]:
    """The methods of all routes at the address that was asked for."""
    path, found = request.scope["path"], set[str]()
    for route in request.app.routes:
        if isinstance(route, Route) and route.methods and route.path_regex.match(path):
            found |= route.methods
    found = found or {"GET"}  # files
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())


async def request_invalid(request: Request, error: Exception) -> Response:
    """What FastAPI's own validation refuses."""
    assert isinstance(error, RequestValidationError)
    faults = [
        FieldError(
            ".".join(map(str, e["loc"][1:])) or str(e["loc"][0]), e["msg"], _sent(e.get("input")), str(e["loc"][0])
        )
        for e in error.errors()
    ]
    return await app_error(request, InvalidInput(faults))


def _sent(value: object) -> str | None:
    return value if isinstance(value, str) else None if value is None else repr(value)[:200]


async def stored_json_invalid(request: Request, error: Exception) -> Response:
    """Damage inside of a stored JSON text. Bodies of requests are parsed elsewhere, with errors of their own."""
    why = f"a stored text is no JSON ({error}); `incidents verify` names the first place"
    return await app_error(request, DatabaseUnusable(why))


async def unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours. Says nothing of what was sent; the log has the traceback."""
    log.exception("unexpected error at %s", echo(request.url.path), exc_info=error)
    return problem(request.url.path, 500, "internal", AppError.title, "an unexpected error; it was logged")


def install(app: FastAPI) -> None:
    """Sets the handlers."""
    app.add_exception_handler(AppError, app_error)
    app.add_exception_handler(HTTPException, http_exception)
    app.add_exception_handler(RequestValidationError, request_invalid)
    app.add_exception_handler(orjson.JSONDecodeError, stored_json_invalid)
    app.add_exception_handler(Exception, unexpected)
