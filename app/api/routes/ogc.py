"""OGC API – Features under `/ogc`, for QGIS, GDAL and other clients (OGC 17-069r4 and 19-079r2, versions 1.0).

The same queries and reads as `/v1/incidents`, with the conventions of that standard: status 400 for an invalid
parameter, a limit that is too large is lowered, links are absolute, and features are flat.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app import __version__
from app.api.http.addresses import base
from app.api.http.read_request import ParsedRequest, parse_request
from app.api.http.read_response import Content, respond
from app.api.http.read_route import ReadRoute, RouteHandler, read_router
from app.api.openapi import ogc_schemas
from app.api.openapi.ogc_document import OPENAPI, document
from app.api.openapi.ogc_schemas import SCHEMA
from app.api.openapi.operations import described
from app.api.routes.incidents import ID
from app.api.routes.ogc_features import GEOJSON, JSON, link, page_of_features, single_feature
from app.errors import InvalidInput, MalformedQuery
from app.query.code_lists import Crs, Format
from app.query.feature_query import FeatureByIdQuery, FeatureInfoQuery, FeatureQuery, incident_query
from app.query.query import Q, Query
from app.store.read import incidents as read_incidents

_CLASSES = {
    "ogcapi-features-1": "core geojson oas30",
    "ogcapi-features-3": "queryables queryables-query-parameters filter features-filter",
    "ogcapi-features-5": "schemas core-roles-features returnables-and-receivables",
    "cql2": "cql2-text cql2-json basic-cql2 advanced-comparison-operators case-insensitive-comparison "
    "basic-spatial-functions",
}
CONFORMS_TO = [
    f"http://www.opengis.net/spec/{standard}/1.0/conf/{part}"
    for standard, parts in _CLASSES.items()
    for part in parts.split()
]
TITLE = "Conflict incidents with their reported tolls"
COLLECTION = "/collections/incidents"
_RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0"
Info = ParsedRequest[FeatureInfoQuery]


class OgcRoute(ReadRoute):
    """A read route whose `InvalidInput` has status 400."""

    def get_route_handler(self) -> RouteHandler:
        """The endpoint, with the other status."""
        endpoint = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await endpoint(request)
            except InvalidInput as error:
                raise MalformedQuery(error.faults) from None

        return handle


router = read_router("/ogc", "OGC API – Features", route_class=OgcRoute)


def _about(summary: str, media: str = JSON) -> dict[str, Any]:
    described_as = described(FeatureInfoQuery, malformed=400, media=media)
    return {"summary": summary, "response_class": Response, **described_as}


def _of_features(summary: str, model: type[Query], **options: Any) -> dict[str, Any]:
    described_as = described(model, malformed=400, media=GEOJSON, **options)
    return {"summary": summary, "response_class": Response, **described_as}


@router.get("", **_about("Landing page"))
async def ogc_landing(request: Request) -> Response:
    """The landing page."""
    landing = _address(request)
    links = [
        link(landing, "self", JSON, "this document"),
        link(f"{landing}/api", "service-desc", OPENAPI, "the definition of this API"),
        link(f"{base(request)}/docs", "service-doc", "text/html", "the documentation of the service"),
        link(f"{landing}/conformance", "conformance", JSON, "conformance classes"),
        link(f"{landing}/collections", "data", JSON, "the collections"),
    ]
    return await _describe(request, {"title": "Conflict Incidents", "description": TITLE, "links": links})


router.get("/", include_in_schema=False)(ogc_landing)


@router.get("/api", **_about("Get the OpenAPI 3.0 document of these addresses", OPENAPI))
async def ogc_api(request: Request) -> Response:
    """The definition of the API under `/ogc`."""
    return await _describe(request, document(_address(request), TITLE, __version__), OPENAPI)


async def api_redirect(request: Request) -> Response:
    """Leads GDAL 3.6 to the definition of the API: given the address of a collection, it looks for it at `/api`.

    Without it, GDAL sends every comparison of a date or time as `datetime`, which means something else.
    """
    return RedirectResponse(f"{_address(request)}/api", 307)


REDIRECT = Route("/api", api_redirect, methods=["GET"], name="api")


@router.get("/conformance", **_about("List conformance classes"))
async def ogc_conformance(request: Request) -> Response:
    """The parts of the standards that are implemented."""
    return await _describe(request, {"conformsTo": CONFORMS_TO})


@router.get("/collections", **_about("List collections"))
async def ogc_collections(request: Request) -> Response:
    """The one collection, `incidents`."""
    return await _respond(await _parse(request), _collections)


async def _collections(parsed: Info) -> Content:
    links = [link(f"{_address(parsed.request)}/collections", "self", JSON, "this document")]
    return _json({"links": links, "collections": [await _collection_document(parsed.request)]})


@router.get(COLLECTION, **_about("Get the collection of incidents"))
async def ogc_collection(request: Request) -> Response:
    """The collection, with the area and the time that its incidents cover."""
    return await _respond(await _parse(request), _collection)


async def _collection(parsed: Info) -> Content:
    return _json(await _collection_document(parsed.request))


@router.get(f"{COLLECTION}/queryables", **_about("List properties for filters", SCHEMA))
async def ogc_queryables(request: Request) -> Response:
    """A JSON Schema of the properties that `filter` and the parameters of the same names compare."""
    here = f"{_address(request)}{COLLECTION}/queryables"
    return await _describe(request, ogc_schemas.queryables(here), SCHEMA)


@router.get(f"{COLLECTION}/schema", **_about("List properties of incidents", SCHEMA))
async def ogc_schema(request: Request) -> Response:
    """A JSON Schema of the properties of an incident, including its id and its geometry (OGC 23-058r1)."""
    return await _describe(request, ogc_schemas.schema(f"{_address(request)}{COLLECTION}/schema"), SCHEMA)


@router.get(f"{COLLECTION}/feature-schema", **_about("Get the JSON Schema of a feature", SCHEMA))
async def ogc_feature_schema(request: Request) -> Response:
    """A JSON Schema of a GeoJSON feature of this collection."""
    here = f"{_address(request)}{COLLECTION}/feature-schema"
    return await _describe(request, ogc_schemas.feature_schema(here), SCHEMA)


@router.get(f"{COLLECTION}/items", **_of_features("List incidents as features", FeatureQuery))
async def ogc_features(request: Request) -> Response:
    """A page of incidents. All pages of `next` are one consistent snapshot, taken at the first request."""
    parsed = await parse_request(request, FeatureQuery, read_incidents.FEATURE_PAGES, incident_query)
    address = _address(request)
    return await respond(_as_geojson(parsed), page_of_features, extra_etag_parts=address, weak=True)


@router.get(
    f"{COLLECTION}/items/{{incident_id}}",
    **_of_features("Get an incident as a feature", FeatureByIdQuery, path=ID, missing=True, withdrawn=True),
)
async def ogc_feature(request: Request) -> Response:
    """One incident with its headline toll."""
    parsed = _as_geojson(await parse_request(request, FeatureByIdQuery))
    found = await read_incidents.one_incident(parsed.session, parsed.path("incident_id"), parsed.query)
    make = partial(single_feature, found.text)
    return await respond(parsed, make, changed=found.updated, extra_etag_parts=_address(request))


def _address(request: Request) -> str:
    """The address of the landing page."""
    return f"{base(request)}/ogc"


def _as_geojson(parsed: ParsedRequest[Q]) -> ParsedRequest[Q]:
    """The same request: features have one format, whatever `f` and `Accept` name."""
    return replace(parsed, format=Format.GEOJSON)


async def _parse(request: Request) -> Info:
    return replace(await parse_request(request, FeatureInfoQuery), format=Format.JSON)


async def _respond(
    parsed: Info, make_content: Callable[[Info], Awaitable[Content]], media_type: str = JSON
) -> Response:
    """A document whose links, and so its tag, depend on the address of the service."""
    return await respond(parsed, make_content, media_type=media_type, extra_etag_parts=_address(parsed.request))


async def _describe(request: Request, description: Mapping[str, Any], media_type: str = JSON) -> Response:
    async def make(_: Info) -> Content:
        return _json(description)

    return await _respond(await _parse(request), make, media_type)


def _json(content: Mapping[str, Any]) -> Content:
    return Content(orjson.dumps(content))


async def _collection_document(request: Request) -> dict[str, Any]:
    collection = f"{_address(request)}{COLLECTION}"
    extent = await read_incidents.extent(request.app.state.reader)
    schema = f"{collection}/feature-schema"
    return {
        "id": "incidents",
        "title": TITLE,
        "description": "Each incident with the headline of its killed, wounded, missing, captured and survived.",
        "itemType": "feature",
        "crs": [Crs.CRS84],
        "extent": {
            "spatial": {"bbox": [extent.box or (-180.0, -90.0, 180.0, 90.0)], "crs": Crs.CRS84},
            "temporal": {"interval": [extent.interval]},
        },
        "links": [
            link(collection, "self", JSON, "this document"),
            link(f"{collection}/items", "items", GEOJSON, "the incidents"),
            link(f"{collection}/queryables", f"{_RELATIONS}/queryables", SCHEMA, "properties for filters"),
            link(f"{collection}/schema", f"{_RELATIONS}/schema", SCHEMA, "the properties"),
            link(schema, "describedby", SCHEMA, "the schema of a feature"),
            link(schema, "describedBy", SCHEMA, "the schema of a feature, as GDAL spells the relation"),
        ],
    }
