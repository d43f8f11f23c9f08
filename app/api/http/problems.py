"""Every error as a problem document (RFC 9457): the errors of `app.errors`, of the router, and unexpected ones."""

import logging
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.errors import (
    AppError,
    BodyTooLarge,
    DatabaseBusy,
    DatabaseUnusable,
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
"""The start of the `type` of a problem: the address of its entry in the error catalogue, equal on all hosts."""
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
"""Errors of a busy or stopping service, which are not logged."""
_ROUTER_ERRORS = {
    400: ("malformed", "The request is malformed"),
    401: (Unauthorized.slug, Unauthorized.title),
    404: (NotFound.slug, NotFound.title),
    405: ("method-not-allowed", "Method not allowed"),
    413: (BodyTooLarge.slug, BodyTooLarge.title),
    414: ("address-too-long", "The address is too long"),
    431: ("headers-too-long", "The headers are too long"),
}
"""Slug and title of the errors of the router, by status."""


def problem(
    request_path: str,
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **extensions: Any,
) -> Response:
    """A problem document. `instance` is the path of the request, escaped and truncated to 200 characters."""
    body = {
        "type": f"{TYPES}{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(request_path, errors="replace")[:200],
        **extensions,
    }
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


class PublicError(NamedTuple):
    """The public part of an error: its detail, and the headers that go with it."""

    detail: str
    headers: dict[str, str]


def public_error(error: AppError) -> PublicError:
    """What a client may know of an error. The rest goes to the log."""
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
    if isinstance(error, DatabaseUnusable):  # its detail names paths of the machine
        return PublicError("The database cannot be used. The log of the service says why.", headers)
    return PublicError(error.detail, headers)


async def app_error(request: Request, error: Exception) -> Response:
    """The response to one of our own errors, with its facts."""
    assert isinstance(error, AppError)
    extensions = dict(error.facts)
    if isinstance(error, InvalidInput):
        extensions["errors"] = [fault.as_json() for fault in error.faults]
    detail, headers = public_error(error)
    return problem(request.url.path, error.status, error.slug, error.title, detail, headers=headers, **extensions)


async def http_exception(request: Request, error: Exception) -> Response:
    """The response to an error of the router. `OPTIONS` on a path with other methods gets a 204 that lists them."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    if request.method == "OPTIONS" and request.scope["path"] == "*":  # the service as a whole
        return Response(status_code=204)
    slug, title = _ROUTER_ERRORS.get(error.status_code, ("request-failed", "The request failed"))
    details = {
        404: f"Nothing is at {echo(request.url.path)}. All addresses are listed at /docs.",
        405: f"{echo(request.url.path)} does not support {echo(request.method)}.",
    }
    detail = details.get(error.status_code, str(error.detail))
    return problem(request.url.path, error.status_code, slug, title, detail, headers=headers)


def _methods(request: Request) -> set[str]:
    """The methods of all routes at the path of the request."""
    path, found = request.scope["path"], set[str]()
    for route in request.app.routes:
        if isinstance(route, Route) and route.methods and route.path_regex.match(path):
            found |= route.methods
    found = found or {"GET"}  # files
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())


async def stored_json_invalid(request: Request, error: Exception) -> Response:
    """The response if a stored JSON text is damaged. Request bodies are parsed elsewhere, with errors of their own."""
    why = f"a stored text is not JSON ({error}); `incidents verify` names the first place"
    return await app_error(request, DatabaseUnusable(why))


async def unexpected(request: Request, error: Exception) -> Response:
    """The response to a bug. It repeats nothing of the request; the log has the traceback."""
    log.exception("unexpected error at %s", echo(request.url.path), exc_info=error)
    return problem(request.url.path, 500, "internal", AppError.title, "An unexpected error. It was logged.")


def install(app: FastAPI) -> None:
    """Adds the handlers."""
    app.add_exception_handler(AppError, app_error)
    app.add_exception_handler(HTTPException, http_exception)
    app.add_exception_handler(orjson.JSONDecodeError, stored_json_invalid)
    app.add_exception_handler(Exception, unexpected)
