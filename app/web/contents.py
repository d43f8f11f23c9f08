"""What each page shows: records of a read session, as the variables of a template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any, Generic
from urllib.parse import urlencode

import orjson
from markupsafe import Markup

from app.domain.dates import instant_text
from app.domain.vocabulary import Movement
from app.query.code_lists import Group
from app.query.parameters import ClockQuery, HistoryQuery, IncidentQuery, ReportQuery, StatisticsQuery
from app.query.query import Q, Query
from app.store.read import history as read_history
from app.store.read import incidents as read_incidents
from app.store.read import reporters_sources
from app.store.read import reports as read_reports
from app.store.read import statistics as read_statistics
from app.store.read.incidents import Extent
from app.store.read.session import ReadSession
from app.web import chart, cite, form, guide, render
from app.web.revisions import revisions

MANY_ITEMS, MANY_PAIRS = 50, 20
"""Rendered incidents and parameters; more of them are rendered in a thread."""
MANY_LISTED, FEW_IN_FEED = 100, 50
"""Items of a list, and entries of a feed, that are rendered on the event loop: some milliseconds."""
MAX_REPORTS_SHOWN = 500
"""Reports on the page of an incident, the newest; its toll history has all of them."""
MAX_REVISED = 10_000
"""Figures of a reporter that are compared, the newest."""
Variables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[Q]):
    """What a page is made from."""

    session: ReadSession
    query: Q
    pairs: Sequence[tuple[str, str]]
    """The parameters as they were sent."""
    root: str
    """The relative address of the explorer."""
    base: str
    """The absolute address of the explorer, with a `/` at its end."""

    @property
    def clocks(self) -> str:
        """The two clocks as a query string, for links that keep them."""
        return urlencode([(name, value) for name, value in self.pairs if name in ("as_of", "recorded_as_of")])

    def next_page(self, cursor: str | None) -> str | None:
        """The query string of the next page."""
        kept = [(name, value) for name, value in self.pairs if name != "cursor"]
        return None if cursor is None else urlencode([*kept, ("cursor", cursor)])

    async def rows(self, incidents: Sequence[str]) -> list[Markup]:
        """Incidents of a list, from their JSON texts."""
        clocks = self.clocks
        return await self.session.in_thread_if(
            len(incidents) > MANY_ITEMS, lambda: [render.listed(text, self.root, clocks) for text in incidents]
        )


async def html(page: PageRequest[Any], template: str, variables: Variables) -> bytes:
    """The page that a template makes of its variables."""
    common = {"query": page.query, "clocks": page.clocks, "base": page.base}
    longest = max((variables.get(name, ()) for name in ("reports", "rows", "versions")), key=len)
    render_page = partial(render.page, template, page.root, **common, **variables)
    return await page.session.in_thread_if(len(longest) > MANY_LISTED, render_page)


async def explorer(page: PageRequest[IncidentQuery], extent: Extent) -> Variables:
    """The incidents that match, with the filters as a form."""
    found = await read_incidents.page_of_incidents(page.session, page.query)
    days = tuple(None if reported is None else instant_text(reported)[:10] for reported in extent.reported)
    pairs = tuple(page.pairs)
    filters, sorting = await page.session.in_thread_if(len(pairs) > MANY_PAIRS, _form, pairs, page.root, days)
    return {
        "rows": await page.rows(found.items),
        "following": page.next_page(found.cursor),
        "form": filters,
        "sorting": sorting,
        "in_words": form.in_words(page.pairs),
        "api_query": urlencode([(name, value) for name, value in page.pairs if name not in ("cursor", "limit")]),
        "later": page.query.cursor is not None,
    }


@lru_cache(maxsize=64)
def _form(pairs: tuple[tuple[str, str], ...], root: str, days: tuple[str | None, ...]) -> tuple[Markup, Markup]:
    """The form, and its part with the order. `days` are the ends of the slider."""
    filled = form.form(pairs)
    return render.part("form.html", form=filled, root=root, days=days), render.part("sorting.html", form=filled)


async def incident(page: PageRequest[ClockQuery], text: str) -> Variables:
    """One incident: its tolls over time, who reported them, and what is recorded of it."""
    item, session = orjson.loads(text), page.session
    history = await read_history.history(session, item["id"], page.query.converted(HistoryQuery))
    versions = await read_history.versions(session, item["id"])
    reports = history["reports"][-MAX_REPORTS_SHOWN:]
    are_many = len(history["reports"]) > MANY_LISTED
    return {
        "item": item,
        "history": history,
        "reports": reports,
        "charts": await session.in_thread_if(are_many, chart.charts, reports, history["timeline"]),
        "versions": versions["items"],
        **_references(page, item),
    }


def _references(page: PageRequest[ClockQuery], item: Mapping[str, Any]) -> Variables:
    """How an incident is cited, and described for search engines."""
    recorded = instant_text(page.session.recorded)
    as_of = [("as_of", page.query.as_of.text)] if page.query.as_of else []
    address, api = f"{page.base}incidents/{item['id']}", f"{page.base}v1/incidents/{item['id']}"
    permanent = f"{address}?{urlencode([*as_of, ('recorded_as_of', recorded)])}"
    formats = {"application/json": api, "application/geo+json": f"{api}?f=geojson", "text/csv": f"{api}?f=csv"}
    return {
        "citation": cite.citation(item, permanent, date.fromisoformat(recorded[:10])),
        "linked_data": cite.linked_data(item, address, render.country(item["country"]), formats),
    }


async def region(page: PageRequest[IncidentQuery], code: str) -> Variables:
    """One country or region, with its incidents, its years, and how many of its headlines moved."""
    session, query = page.session, page.query
    found = await read_statistics.region(session, code, query)
    incidents = await read_incidents.page_of_incidents(session, query)
    by_year = query.converted(StatisticsQuery, {"group_by": (Group.YEAR,)})
    years = (await read_statistics.stats(session, by_year))["items"]
    moved = {
        movement.value: await read_incidents.count_incidents(session, query.but(change=movement))
        for movement in (Movement.RAISED, Movement.LOWERED)
    }
    return {
        "region": found,
        "rows": await page.rows(incidents.items),
        "following": page.next_page(incidents.cursor),
        "years": years,
        "most": max((year["killed"]["best"] or 0 for year in years), default=0),
        "moved": moved,
    }


async def source(page: PageRequest[ReportQuery], source_id: str) -> Variables:
    """One source and the figures in it."""
    return await _reporter_or_source(page, "source", source_id)


async def reporter(page: PageRequest[ReportQuery], reporter_id: str) -> Variables:
    """One reporter, its figures, and how headlines have moved since it gave them."""
    variables = await _reporter_or_source(page, "reporter", reporter_id)
    figures = await reporters_sources.revised_figures(page.session, reporter_id, page.query, MAX_REVISED)
    revised = await page.session.in_thread_if(len(figures) > MANY_LISTED, revisions, figures)
    return variables | {"revisions": revised, "most_revised": MAX_REVISED}


async def _reporter_or_source(page: PageRequest[ReportQuery], table: str, record_id: str) -> Variables:
    record = orjson.loads(await page.session.run(reporters_sources.find_reporter_or_source, table, record_id))
    reports = await read_reports.toll_reports(page.session, page.query)
    are_many = len(reports.items) > MANY_LISTED
    return {
        "record": record,
        "reports": await page.session.in_thread_if(are_many, lambda: list(map(orjson.loads, reports.items))),
        "following": page.next_page(reports.cursor),
    }


async def column_guide(_: PageRequest[Query]) -> Variables:
    """Our names for those of ACLED and UCDP."""
    return {"columns": guide.columns(), "codes": guide.codes()}


async def feed(page: PageRequest[IncidentQuery]) -> bytes:
    """New and revised incidents, the last changed first, as an Atom feed."""
    found = await read_incidents.page_of_incidents(page.session, page.query)

    def render_feed() -> bytes:
        items = [orjson.loads(text) for text in found.items]
        return render.feed(
            base=page.base,
            query=f"?{urlencode(page.pairs)}" if page.pairs else "",
            in_words=form.in_words(page.pairs),
            items=items,
            updated=max((item["updated_at"] for item in items), default=instant_text(page.session.recorded)),
        )

    return await page.session.in_thread_if(len(found.items) > FEW_IN_FEED, render_feed)
