"""Pages for people: the explorer, and one page for each incident, region, source and reporter.

They read like the routes of `/v1`, and show the same in HTML.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.api.http.addresses import base
from app.api.http.problems import public_error
from app.api.http.read_request import ParsedRequest, parse_pairs, parse_request
from app.api.http.read_response import Content, respond
from app.errors import AppError, IncidentWithdrawn, InvalidInput
from app.query.code_lists import Sort
from app.query.parameters import ClockQuery, ExplorerQuery, FeedQuery, IncidentQuery, ListQuery, PageQuery, ReportQuery
from app.query.query import Q, Query
from app.store.read import incidents as read_incidents
from app.store.read import reports as read_reports
from app.store.read import statistics as read_statistics
from app.web import contents, render
from app.web.contents import PageRequest, Variables

HTML = "text/html"
ATOM = "application/atom+xml"
INCIDENTS_ON_A_PAGE = 50
REPORTS_ON_A_PAGE = 100
L = TypeVar("L", bound=ListQuery)


def _page(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route whose errors are pages too."""

    async def route(request: Request) -> Response:
        pairs = parse_pairs(request.scope["query_string"])
        if any(not value for _, value in pairs):  # a form also sends its empty fields
            given = urlencode([(name, value) for name, value in pairs if value])
            return RedirectResponse(f"{_here(request)}{'?' if given else ''}{given}", 303)
        try:
            return await endpoint(request)
        except AppError as error:
            return _error_page(request, error)

    return Route(path, route, methods=["GET"], name=endpoint.__name__)


def _here(request: Request) -> str:
    """The address of the page relative to itself, without its query.

    It begins with `./`: a last segment like `https:evil.example` by itself would lead to another host.
    """
    return f"./{quote(request.scope['path'].rpartition('/')[2], safe='')}"


def _root(request: Request) -> str:
    return "../" * (request.scope["path"].count("/") - 1) or "./"


def _error_page(request: Request, error: AppError) -> Response:
    shown = public_error(error)
    moved = error.facts.get("merged_into") if isinstance(error, IncidentWithdrawn) else None
    faults = error.faults if isinstance(error, InvalidInput) else ()
    body = render.page("error.html", _root(request), title=error.title, detail=shown.detail, faults=faults, moved=moved)
    headers = shown.headers | {"Content-Security-Policy": render.POLICY, "Cache-Control": "no-store"}
    return Response(body, error.status, headers, media_type=HTML)


async def _render(
    parsed: ParsedRequest[Q], template: str, show: Callable[[PageRequest[Q]], Awaitable[Variables]]
) -> Response:
    """The page that a template makes of the variables that `show` returns, or a 304."""

    async def make(parsed: ParsedRequest[Q]) -> Content:
        page = _page_request(parsed)
        return Content(await contents.html(page, template, await show(page)))

    policy = {"Content-Security-Policy": render.POLICY}
    return await respond(
        parsed, make, media_type=HTML, extra_headers=policy, extra_etag_parts=_extra_etag_parts(parsed)
    )


def _page_request(parsed: ParsedRequest[Q]) -> PageRequest[Q]:
    request = parsed.request
    return PageRequest(parsed.session, parsed.query, parsed.pairs, _root(request), f"{base(request)}/")


def _extra_etag_parts(parsed: ParsedRequest[Q]) -> tuple[str, str]:
    """What a page depends on besides the records: the templates, and the address of the service."""
    return render.MADE_OF, f"{base(parsed.request)}/"


def _as_page(query: Query, model: type[L], count: int, **more: Any) -> L:
    """The query that a page reads: of `count` items unless the request has a limit."""
    return query.converted(model, more if query.is_given("limit") else {"limit": count} | more)


async def explorer(request: Request) -> Response:
    """The incidents that match, with the filters as a form. Scripts add the map, the histogram and the sums."""

    def explored(query: ExplorerQuery) -> IncidentQuery:
        return _as_page(query, IncidentQuery, INCIDENTS_ON_A_PAGE)

    async def show(page: PageRequest[IncidentQuery]) -> Variables:
        return await contents.explorer(page, await read_incidents.extent(request.app.state.reader))

    parsed = await parse_request(request, ExplorerQuery, read_incidents.INCIDENT_PAGES, explored)
    return await _render(parsed, "explorer.html", show)


async def incident(request: Request) -> Response:
    """One incident: its tolls over time, who reported them, and what is recorded of it."""
    parsed = await parse_request(request, ClockQuery)
    found = await read_incidents.one_incident(parsed.session, parsed.path("incident_id"), parsed.query)
    return await _render(parsed, "incident.html", lambda page: contents.incident(page, found.text))


async def region(request: Request) -> Response:
    """One country or region with its incidents."""
    code = request.path_params["code"]

    def of_region(query: PageQuery) -> IncidentQuery:
        return _as_page(read_statistics.narrowed(code, query), IncidentQuery, INCIDENTS_ON_A_PAGE)

    parsed = await parse_request(request, PageQuery, read_incidents.INCIDENT_PAGES, of_region)
    return await _render(parsed, "region.html", lambda page: contents.region(page, code))


async def reporter(request: Request) -> Response:
    """One reporter, its figures, and how they were later revised."""
    reporter_id = request.path_params["id"]
    parsed = await _parse_reports(request, reported_by=reporter_id)
    return await _render(parsed, "reporter.html", lambda page: contents.reporter(page, reporter_id))


async def source(request: Request) -> Response:
    """One source and the figures in it."""
    source_id = request.path_params["id"]
    parsed = await _parse_reports(request, source=source_id)
    return await _render(parsed, "source.html", lambda page: contents.source(page, source_id))


async def _parse_reports(request: Request, **of: str) -> ParsedRequest[ReportQuery]:
    def reports(query: PageQuery) -> ReportQuery:
        return _as_page(query, ReportQuery, REPORTS_ON_A_PAGE).but(**of)

    return await parse_request(request, PageQuery, read_reports.REPORTS, reports)


async def guide_page(request: Request) -> Response:
    """Our names for those of ACLED and UCDP."""
    return await _render(await parse_request(request, Query), "guide.html", contents.column_guide)


async def feed(request: Request) -> Response:
    """New and revised incidents that match, the last changed first, as an Atom feed."""

    def last_changed(query: FeedQuery) -> IncidentQuery:
        return _as_page(query, IncidentQuery, INCIDENTS_ON_A_PAGE, sort=Sort.UPDATED_DOWN)

    parsed = await parse_request(request, FeedQuery, read_incidents.INCIDENT_PAGES, last_changed)
    return await respond(parsed, _feed, media_type=ATOM, extra_etag_parts=_extra_etag_parts(parsed))


async def _feed(parsed: ParsedRequest[IncidentQuery]) -> Content:
    return Content(await contents.feed(_page_request(parsed)))


ROUTES: Sequence[Route] = [
    _page("/", explorer),
    _page("/incidents/{incident_id}", incident),
    _page("/regions/{code}", region),
    _page("/sources/{id}", source),
    _page("/reporters/{id}", reporter),
    _page("/guide", guide_page),
    Route("/feed.atom", feed, methods=["GET"], name="feed"),
]
