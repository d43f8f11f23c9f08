"""`/docs` (Swagger UI), `/redoc` and `/docs/errors`, with all assets served from here: they work offline.

All addresses are relative to the page: they work behind a proxy that adds a prefix (`root_path`).
"""

import re
from functools import cache

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app import __version__
from app.web import error_catalogue, render

SWAGGER_UI_VERSION = "5.35.0"
REDOC_VERSION = "2.5.4"

REVALIDATED = "no-cache"
"""For our own files: cached, but revalidated each time (an `ETag` makes that cheap)."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SWAGGER_UI_POLICY = f"{_POLICY}; style-src 'self'"
REDOC_POLICY = f"{_POLICY}; style-src 'self' 'unsafe-inline'; worker-src blob:"
"""Redoc writes its styles from JavaScript, and searches in a worker that it creates from a blob."""


def _page(title: str, element: str, *, styles: list[str], scripts: list[str]) -> str:
    """An HTML page whose scripts fill the element `#docs`. It has no inline script."""
    links = "".join(f'<link rel="stylesheet" href="{address}">\n' for address in styles)
    sources = "".join(f'<script src="{address}"></script>\n' for address in scripts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/png" href="{_swagger_ui("favicon-32x32.png")}">
{links}</head>
<body>
<{element} id="docs"></{element}>
<noscript><p class="notice">This page needs JavaScript. The same content is in the
<a href="openapi.json">OpenAPI document</a>.</p></noscript>
{sources}</body>
</html>
"""


def _swagger_ui(file: str) -> str:
    return f"assets/vendor/swagger-ui/{file}?v={SWAGGER_UI_VERSION}"


def _redoc(file: str) -> str:
    return f"assets/vendor/redoc/{file}?v={REDOC_VERSION}"


def _own(file: str) -> str:
    return f"assets/{file}?v={__version__}"


SWAGGER_UI_PAGE = _page(
    "Conflict Incidents: try the API",
    "div",  # Swagger UI brings a `main` of its own
    styles=[_swagger_ui("swagger-ui.css"), _own("docs.css")],
    scripts=[_swagger_ui("swagger-ui-bundle.js"), _own("docs.js")],
)
REDOC_PAGE = _page(
    "Conflict Incidents: API reference",
    "main",
    styles=[_own("docs.css")],
    scripts=[_redoc("redoc.standalone.js"), _own("redoc.js")],
)


async def swagger_ui(_: Request) -> Response:
    """The OpenAPI document as an interactive page."""
    return _html(SWAGGER_UI_PAGE, SWAGGER_UI_POLICY)


async def redoc(_: Request) -> Response:
    """The OpenAPI document as a reference."""
    return _html(REDOC_PAGE, REDOC_POLICY)


async def errors(_: Request) -> Response:
    """Every error with its cause and its cure. The `type` of a problem document links here."""
    return _html(_errors_page(), render.POLICY)


@cache
def _errors_page() -> str:
    shown = [
        entry._replace(cause=_with_code(entry.cause), cure=_with_code(entry.cure))
        for entry in error_catalogue.entries()
    ]
    return render.page("errors.html", "../", entries=shown).decode()


def _with_code(text: str) -> Markup:
    """A text with the parts between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped


def _html(page: str, policy: str) -> HTMLResponse:
    return HTMLResponse(page, headers={"Cache-Control": REVALIDATED, "Content-Security-Policy": policy})


def routes() -> list[BaseRoute]:
    """The three pages."""
    return [
        Route("/docs", swagger_ui, methods=["GET"], name="docs"),
        Route("/redoc", redoc, methods=["GET"], name="redoc"),
        Route("/docs/errors", errors, methods=["GET"], name="errors"),
    ]
