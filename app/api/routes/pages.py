"""Pages for people: the explorer, and one page for each incident, region, source and reporter.

They ask what programs ask, by the same reading path, and say in HTML what `/v1` says in JSON.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.api.http.addresses import base
from app.api.http.problems import shown
from app.api.http.read_request import MANY_PAIRS, ParsedRequest, parse_pairs, parse_request, respond
from app.domain.dates import instant_text
from app.domain.vocabulary import Movement
from app.errors import AppError, IncidentWithdrawn, InvalidInput
from app.query.code_lists import Group, Sort
from app.query.parameters import (
    ClockQuery,
    ExplorerQuery,
    FeedQuery,
    HistoryQuery,
    IncidentQuery,
    ListQuery,
    PageQuery,
    ReportQuery,
    StatisticsQuery,
)
from app.query.query import Query
from app.store.read import history as read_history
from app.store.read import incident_queries, reporters_sources
from app.store.read import incidents as read_incidents
from app.store.read import reports as read_reports
from app.store.read import statistics as read_statistics
from app.web import chart, cite, form, guide, render
from app.web.revisions import revisions

HTML = "text/html"
ATOM = "application/atom+xml"
ON_A_PAGE = 50
REPORTS_ON_A_PAGE = 100
MOST_SHOWN = 500
"""Reports on the page of an incident, the newest; all of them are in its toll history."""
MANY_LISTED, FEW_IN_FEED = 100, 50
"""Items of a list, and entries of a feed, that are made on the event loop: some milliseconds. More are in a thread."""
MOST_REVISED = 10_000
"""Figures of a reporter that are looked at, the newest first."""
L = TypeVar("L", bound=ListQuery)
Page = Callable[[Request], Awaitable[Response]]


def _page(path: str, endpoint: Page) -> Route:
    """A route whose errors are pages too."""

    async def route(request: Request) -> Response:
        pairs = parse_pairs(request.scope["query_string"])
        if any(not value for _, value in pairs):  # a form sends also what was left empty
            kept = urlencode([(name, value) for name, value in pairs if value])
            return RedirectResponse(f"{_here(request)}{'?' if kept else ''}{kept}", 303)
        try:
            return await endpoint(request)
        except AppError as error:
            return _failed(request, error)

    return Route(path, route, methods=["GET"], name=endpoint.__name__)


def _here(request: Request) -> str:
    """The address of the page relative to itself, without its query.

    It begins with `./`: a last segment like `https:evil.example` would lead to another host by itself.
    """
    return f"./{quote(request.scope['path'].rpartition('/')[2], safe='')}"


def _root(request: Request) -> str:
    """The way from the page to the explorer."""
    return "../" * (request.scope["path"].count("/") - 1) or "./"


def _base(request: Request) -> str:
    """The address of the explorer for others, with a `/` at its end."""
    return f"{base(request)}/"


def _failed(request: Request, error: AppError) -> Response:
    problem = shown(error)
    moved = error.facts.get("merged_into") if isinstance(error, IncidentWithdrawn) else None
    faults = error.faults if isinstance(error, InvalidInput) else ()
    body = render.page(
        "error.html", _root(request), title=error.title, detail=problem.detail, faults=faults, moved=moved
    )
    headers = problem.headers | {"Content-Security-Policy": render.POLICY, "Cache-Control": "no-store"}
    return Response(body, error.status, headers, media_type=HTML)


async def _answer(asked: ParsedRequest[Any], told: Callable[[], Awaitable[dict[str, Any]]], template: str) -> Response:
    """The page that a template makes of what is told, or a 304."""

    async def body() -> bytes:
        common = {"query": asked.question, "clocks": _clocks(asked), "base": _base(asked.request)}
        made = partial(render.page, template, _root(asked.request), **common, **(parts := await told()))
        listed = max((parts.get(name, ()) for name in ("reports", "rows", "versions")), key=len)
        return await asked.made(listed, MANY_LISTED, made)

    return await respond(
        asked, body, media_type=HTML, more={"Content-Security-Policy": render.POLICY}, besides=_besides(asked)
    )


def _besides(asked: ParsedRequest[Any]) -> tuple[str, str]:
    """What a page says besides the records: the templates' words, and the address of the service."""
    return render.MADE_OF, _base(asked.request)


def _clocks(asked: ParsedRequest[Any]) -> str:
    """The two clocks as a query, for links that keep them."""
    return urlencode([(name, value) for name, value in asked.pairs if name in ("as_of", "recorded_as_of")])


async def _listed(asked: ParsedRequest[Any], items: Sequence[str]) -> list[Markup]:
    root, clocks = _root(asked.request), _clocks(asked)
    return await asked.made(items, ON_A_PAGE, lambda: [render.listed(text, root, clocks) for text in items])


def _as_page(query: Query, model: type[L], count: int, **more: Any) -> L:
    """The query that a page reads: of `count` items unless the request has a limit."""
    return query.converted(model, more if query.is_given("limit") else {"limit": count} | more)


def _following(asked: ParsedRequest[Any], cursor: str | None) -> str | None:
    """The query of the next page."""
    address = asked.next_page(cursor)
    return address and address.partition("?")[2]


async def explorer(request: Request) -> Response:
    """The incidents that match, with the filters as a form. Scripts add the map, the histogram and the sums."""
    asked = await parse_request(request, ExplorerQuery, read_incidents.INCIDENT_PAGES, _explored)
    return await _answer(asked, lambda: _explorer(asked), "explorer.html")


def _explored(query: ExplorerQuery) -> IncidentQuery:
    return _as_page(query, IncidentQuery, ON_A_PAGE)


async def _explorer(asked: ParsedRequest[IncidentQuery]) -> dict[str, Any]:
    page = await read_incidents.page_of_incidents(asked.session, asked.question)
    extent = await read_incidents.extent(asked.request.app.state.reader)
    told_days = [None if t is None else instant_text(t)[:10] for t in extent.reported]
    pairs = tuple(asked.pairs)
    filled, sorting = await asked.made(pairs, MANY_PAIRS, _form, pairs, _root(asked.request), tuple(told_days))
    api = urlencode([(name, value) for name, value in asked.pairs if name not in ("cursor", "limit")])
    return {
        "rows": await _listed(asked, page.items),
        "following": _following(asked, page.cursor),
        "form": filled,
        "sorting": sorting,
        "in_words": form.in_words(asked.pairs),
        "api_query": api,
        "later": asked.question.cursor is not None,
    }


@lru_cache(maxsize=64)
def _form(pairs: tuple[tuple[str, str], ...], root: str, days: tuple[str | None, ...]) -> tuple[Markup, Markup]:
    """The form with what was asked, and the order with it. `days` are the ends of the slider."""
    filled = form.form(pairs)
    return render.part("form.html", form=filled, root=root, days=days), render.part("sorting.html", form=filled)


async def incident(request: Request) -> Response:
    """One incident: how its toll was told, by whom, and what is recorded of it."""
    asked = await parse_request(request, ClockQuery)
    incident_id = request.path_params["incident_id"]
    found = await read_incidents.one_incident(asked.session, incident_id, asked.question)
    return await _answer(asked, partial(_incident, asked, found.text), "incident.html")


async def _incident(asked: ParsedRequest[ClockQuery], text: str) -> dict[str, Any]:
    item = orjson.loads(text)
    session, site = asked.session, _base(asked.request)
    history = await read_history.history(session, item["id"], asked.question.converted(HistoryQuery))
    versions = await read_history.versions(session, item["id"])
    recorded = instant_text(asked.session.recorded)
    as_of = [("as_of", asked.question.as_of.text)] if asked.question.as_of else []
    address = f"{site}incidents/{item['id']}"
    seen = date.fromisoformat(recorded[:10])
    permanent = f"{address}?{urlencode([*as_of, ('recorded_as_of', recorded)])}"
    api = f"{site}v1/incidents/{item['id']}"
    formats = {"application/json": api, "application/geo+json": f"{api}?f=geojson", "text/csv": f"{api}?f=csv"}
    country = render.country(item["country"])
    reports = history["reports"][-MOST_SHOWN:]
    return {
        "item": item,
        "history": history,
        "reports": reports,
        "charts": await asked.made(history["reports"], MANY_LISTED, chart.charts, reports, history["timeline"]),
        "versions": versions["items"],
        "citation": cite.citation(item, permanent, seen),
        "linked_data": cite.linked_data(item, address, country, formats),
    }


async def region(request: Request) -> Response:
    """What one country or region saw."""
    code = request.path_params["code"]

    def of_region(query: PageQuery) -> IncidentQuery:
        return _as_page(read_statistics.narrowed(code, query), IncidentQuery, ON_A_PAGE)

    asked = await parse_request(request, PageQuery, read_incidents.INCIDENT_PAGES, of_region)
    return await _answer(asked, lambda: _region(asked), "region.html")


async def _region(asked: ParsedRequest[IncidentQuery]) -> dict[str, Any]:
    session, question = asked.session, asked.question
    told = await read_statistics.region(session, asked.request.path_params["code"], question)
    page = await read_incidents.page_of_incidents(session, question)
    years = await read_statistics.stats(session, question.converted(StatisticsQuery, {"group_by": (Group.YEAR,)}))
    moved = {}
    for movement in (Movement.RAISED, Movement.LOWERED):
        narrowed = question.but(change=movement)
        (counted,) = await session.rows(incident_queries.select_total(narrowed, session.recorded))
        moved[movement.value] = counted[0]
    most = max((year["killed"]["best"] or 0 for year in years["items"]), default=0)
    return {
        "region": told,
        "rows": await _listed(asked, page.items),
        "following": _following(asked, page.cursor),
        "years": years["items"],
        "most": most,
        "moved": moved,
    }


async def reporter(request: Request) -> Response:
    """What one reporter said, and how its figures were later revised."""
    return await _party(request, "reporter")


async def source(request: Request) -> Response:
    """What one source tells."""
    return await _party(request, "source")


async def _party(request: Request, table: str) -> Response:
    party_id = request.path_params["id"]
    by = {"reporter": "reported_by", "source": "source"}[table]

    def of_one(query: PageQuery) -> ReportQuery:
        return _as_page(query, ReportQuery, REPORTS_ON_A_PAGE).but(**{by: party_id})

    asked = await parse_request(request, PageQuery, read_reports.REPORTS, of_one)
    return await _answer(asked, lambda: _told_by(asked, table, party_id), f"{table}.html")


async def _told_by(asked: ParsedRequest[ReportQuery], table: str, party_id: str) -> dict[str, Any]:
    session = asked.session
    party = orjson.loads(await reporters_sources.reporter_or_source(session, table, party_id))
    page = await read_reports.toll_reports(session, asked.question)
    told = {
        "record": party,
        "reports": await asked.made(page.items, MANY_LISTED, lambda: list(map(orjson.loads, page.items))),
        "following": _following(asked, page.cursor),
    }
    if table == "source":
        return told
    rows = await session.rows(
        reporters_sources.select_revised(party_id, session.recorded, asked.question.known, MOST_REVISED)
    )
    return told | {"revisions": await asked.made(rows, MANY_LISTED, revisions, rows), "most_revised": MOST_REVISED}


async def guide_page(request: Request) -> Response:
    """Our names for those who know ACLED's and UCDP's."""
    asked = await parse_request(request, Query)
    return await _answer(asked, _guide, "guide.html")


async def _guide() -> dict[str, Any]:
    return {"columns": guide.columns(), "codes": guide.codes()}


async def feed(request: Request) -> Response:
    """New and revised incidents that match, the last changed first, as an Atom feed."""
    asked = await parse_request(request, FeedQuery, read_incidents.INCIDENT_PAGES, _as_feed)
    return await respond(asked, lambda: _feed(asked), media_type=ATOM, besides=_besides(asked))


def _as_feed(query: FeedQuery) -> IncidentQuery:
    return _as_page(query, IncidentQuery, ON_A_PAGE, sort=Sort.UPDATED_DOWN)


async def _feed(asked: ParsedRequest[IncidentQuery]) -> bytes:
    page = await read_incidents.page_of_incidents(asked.session, asked.question)

    def made() -> bytes:
        items = [orjson.loads(text) for text in page.items]
        return render.feed(
            base=_base(asked.request),
            query=f"?{urlencode(asked.pairs)}" if asked.pairs else "",
            in_words=form.in_words(asked.pairs),
            items=items,
            updated=max((item["updated_at"] for item in items), default=instant_text(asked.session.recorded)),
        )

    return await asked.made(page.items, FEW_IN_FEED, made)


ROUTES: Sequence[Route] = [
    _page("/", explorer),
    _page("/incidents/{incident_id}", incident),
    _page("/regions/{code}", region),
    _page("/sources/{id}", source),
    _page("/reporters/{id}", reporter),
    _page("/guide", guide_page),
    Route("/feed.atom", feed, methods=["GET"], name="feed"),
]
