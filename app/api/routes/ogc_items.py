"""Features under `/ogc`: pages and single features as responses."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request

from app.api.http.addresses import absolute, base
from app.api.http.read_request import ParsedRequest
from app.formats.encoding import FEW_ROWS, MEDIA_TYPES
from app.formats.layouts.plain_incidents import flat_incident
from app.query.code_lists import Format
from app.query.features import PROPERTIES
from app.query.parameters import IncidentQuery
from app.store.read import incidents as read_incidents

GEOJSON, JSON = MEDIA_TYPES[Format.GEOJSON], MEDIA_TYPES[Format.JSON]
_FLAGS = {"killed_open_ended": "open_ended", "killed_disputed": "disputed"}
"""Properties that are words in a table and booleans in a feature."""


async def features(asked: ParsedRequest[IncidentQuery]) -> tuple[bytes, str | None]:
    """A page, and the address of the next one."""
    session, question = asked.session, asked.question
    page = await read_incidents.page_of_incidents(session, question.but(total=None))
    matched = (
        await read_incidents.matched(asked.request.app.state.reader, session, question) if question.total else None
    )
    site = base_of(asked.request).removesuffix("/ogc")
    following = asked.next_page(page.cursor)
    links = [link(_here(asked.request, site), "self", GEOJSON, "this page")]
    links += [link(absolute(asked.request, following), "next", GEOJSON, "the next page")] if following else []
    links.append(link(f"{site}/ogc/collections/incidents", "collection", JSON, "the collection"))
    head = {
        "type": "FeatureCollection",
        "timeStamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        **({} if matched is None else {"numberMatched": matched}),
        "numberReturned": len(page.items),
        "links": links,
    }
    return await asked.made(page.items, FEW_ROWS, _collection, head, page.items), following


def _collection(head: Mapping[str, Any], items: Sequence[str]) -> bytes:
    """A feature collection: `head`, and its features."""
    features = b",".join(orjson.dumps(_feature(orjson.loads(item))) for item in items)
    return orjson.dumps(head)[:-1] + b',"features":[' + features + b"]}"


async def feature_alone(asked: ParsedRequest[Any], text: str) -> bytes:
    """One feature with its links."""
    base = base_of(asked.request)
    collection = f"{base}/collections/incidents"
    item = orjson.loads(text)
    links = [
        link(f"{collection}/items/{item['id']}", "self", GEOJSON, "this feature"),
        link(f"{base.removesuffix('/ogc')}/v1/incidents/{item['id']}", "alternate", JSON, "all of it"),
        link(collection, "collection", JSON, "the collection"),
    ]
    return orjson.dumps(_feature(item) | {"links": links})


def _feature(item: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a feature with flat properties; without a place its geometry is null."""
    row, killed = flat_incident(item), item["toll"].get("killed") or {}
    at = [item["longitude"], item["latitude"]]
    properties = {name: row[name] for name in PROPERTIES} | {name: killed.get(flag) for name, flag in _FLAGS.items()}
    geometry = None if None in at else {"type": "Point", "coordinates": at}
    return {"type": "Feature", "id": item["id"], "geometry": geometry, "properties": properties}


def link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    """A link of the standard's form."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def base_of(request: Request) -> str:
    """The address of the landing page."""
    return f"{base(request)}/ogc"


def _here(request: Request, site: str) -> str:
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{site}{request.scope['path']}" + (f"?{query}" if query else "")
