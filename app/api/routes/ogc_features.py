"""Features under `/ogc`: pages of them and single ones, with their links."""

from datetime import UTC, datetime

import orjson
from starlette.requests import Request

from app.api.http.addresses import absolute, base
from app.api.http.read_request import ParsedRequest
from app.api.http.read_response import Content
from app.formats.encoding import FEW_ROWS, MEDIA_TYPES
from app.formats.ogc_features import feature_collection, feature_of
from app.query.code_lists import Format
from app.query.feature_query import FeatureByIdQuery
from app.query.parameters import IncidentQuery
from app.store.read import incidents as read_incidents

GEOJSON, JSON = MEDIA_TYPES[Format.GEOJSON], MEDIA_TYPES[Format.JSON]


async def page_of_features(parsed: ParsedRequest[IncidentQuery]) -> Content:
    """A page of features."""
    session, query = parsed.session, parsed.query
    page = await read_incidents.page_of_incidents(session, query.but(total=None))
    matched = await read_incidents.matched(parsed.request.app.state.reader, session, query) if query.total else None
    next_page = parsed.next_page(page.cursor)
    head = {
        "type": "FeatureCollection",
        "timeStamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        **({} if matched is None else {"numberMatched": matched}),
        "numberReturned": len(page.items),
        "links": _links_of_page(parsed.request, next_page),
    }
    are_many = len(page.items) > FEW_ROWS
    return Content(await parsed.session.in_thread_if(are_many, feature_collection, head, page.items), next_page)


def _links_of_page(request: Request, next_page: str | None) -> list[dict[str, str]]:
    site = base(request)
    query = request.scope["query_string"].decode("ascii", "replace")
    here = f"{site}{request.scope['path']}" + (f"?{query}" if query else "")
    return [
        link(here, "self", GEOJSON, "this page"),
        *([link(absolute(request, next_page), "next", GEOJSON, "the next page")] if next_page else []),
        link(f"{site}/ogc/collections/incidents", "collection", JSON, "the collection"),
    ]


async def single_feature(text: str, parsed: ParsedRequest[FeatureByIdQuery]) -> Content:
    """One feature with its links. `text` is the JSON text of the incident."""
    site = base(parsed.request)
    collection = f"{site}/ogc/collections/incidents"
    item = orjson.loads(text)
    links = [
        link(f"{collection}/items/{item['id']}", "self", GEOJSON, "this feature"),
        link(f"{site}/v1/incidents/{item['id']}", "alternate", JSON, "the complete incident"),
        link(collection, "collection", JSON, "the collection"),
    ]
    return Content(orjson.dumps(feature_of(item) | {"links": links}))


def link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    """A link as the standard defines it."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}
