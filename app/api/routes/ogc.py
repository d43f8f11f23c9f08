"""OGC API – Features under `/ogc`, for QGIS, GDAL and every client of it (OGC 17-069r4 and 19-079r2, versions 1.0).

The same queries and the same reading as `/v1/incidents`, in the manners of that standard: 400 for a parameter that
cannot be read, a limit that is too large is lowered, links are absolute, and features are flat.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app import __version__
from app.api.http.read_request import ParsedRequest, parse_request, respond
from app.api.http.read_route import ReadRoute, read_router
from app.api.openapi import ogc_schemas
from app.api.openapi.ogc_document import OPENAPI, document
from app.api.openapi.ogc_schemas import SCHEMA
from app.api.openapi.operations import described
from app.api.routes.incidents import ID
from app.api.routes.ogc_items import base_of, feature_alone, features, link
from app.errors import InvalidInput, MalformedQuestion
from app.formats.encoding import MEDIA_TYPES
from app.query.code_lists import Crs, Format
from app.query.feature_query import FeatureByIdQuery, FeatureInfoQuery, FeatureQuery, incident_query
from app.query.query import Query
from app.store.read import incidents as read_incidents

GEOJSON = MEDIA_TYPES[Format.GEOJSON]
JSON = MEDIA_TYPES[Format.JSON]
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


class OgcRoute(ReadRoute):
    """A read route whose faults are 400s."""

    def __init__(self, path: str, endpoint: Callable[[Request], Coroutine[Any, Any, Response]], **options: Any) -> None:
        async def strict(request: Request) -> Response:
            try:
                return await endpoint(request)
            except MalformedQuestion:
                raise
            except InvalidInput as error:
                raise MalformedQuestion(error.faults) from None

        strict.__name__, strict.__doc__ = endpoint.__name__, endpoint.__doc__
        super().__init__(path, strict, **options)


router = read_router("/ogc", "OGC API – Features", route_class=OgcRoute)


def _about(summary: str, media: str = JSON) -> dict[str, Any]:
    return {"summary": summary, **described(FeatureInfoQuery, malformed=400, media=media)}


def _of_features(summary: str, model: type[Query], **options: Any) -> dict[str, Any]:
    return {"summary": summary, **described(model, malformed=400, media=GEOJSON, **options)}


@router.get("", **_about("Landing page"))
async def ogc_landing(request: Request) -> Response:
    """The landing page."""
    base = base_of(request)
    links = [
        link(base, "self", JSON, "this document"),
        link(f"{base}/api", "service-desc", OPENAPI, "the definition of this API"),
        link(f"{base.removesuffix('/ogc')}/docs", "service-doc", "text/html", "the pages of the whole service"),
        link(f"{base}/conformance", "conformance", JSON, "conformance classes"),
        link(f"{base}/collections", "data", JSON, "the collections"),
    ]
    return await _respond(request, {"title": "Conflict Incidents", "description": TITLE, "links": links})


router.get("/", include_in_schema=False)(ogc_landing)


@router.get("/api", **_about("The OpenAPI 3.0 document of these addresses", OPENAPI))
async def ogc_api(request: Request) -> Response:
    """The definition of what is under `/ogc`."""
    return await _respond(request, document(base_of(request), TITLE, __version__), OPENAPI)


async def api_redirect(request: Request) -> Response:
    """The definition of the API for GDAL 3.6, which looks for it at `/api` when it is given a collection's address.

    Where it finds none, it sends every comparison of a date or time as `datetime`, whose meaning is another.
    """
    return RedirectResponse(f"{base_of(request)}/api", 307)


REDIRECT = Route("/api", api_redirect, methods=["GET"], name="api")


@router.get("/conformance", **_about("Conformance classes"))
async def ogc_conformance(request: Request) -> Response:
    """The parts of the standards that hold here."""
    return await _respond(request, {"conformsTo": CONFORMS_TO})


@router.get("/collections", **_about("List collections"))
async def ogc_collections(request: Request) -> Response:
    """The one collection, `incidents`."""
    links = [link(f"{base_of(request)}/collections", "self", JSON, "this document")]
    return await _respond(request, {"links": links, "collections": [await _collection(request)]})


@router.get(COLLECTION, **_about("The collection of incidents"))
async def ogc_collection(request: Request) -> Response:
    """What the collection is, where its incidents lie and when they were."""
    return await _respond(request, await _collection(request))


@router.get(f"{COLLECTION}/queryables", **_about("Properties that filters compare", SCHEMA))
async def ogc_queryables(request: Request) -> Response:
    """A JSON Schema of the properties that `filter` and the parameters of the same names compare."""
    here = f"{base_of(request)}{COLLECTION}/queryables"
    return await _respond(request, ogc_schemas.queryables(here), SCHEMA)


@router.get(f"{COLLECTION}/schema", **_about("Properties of incidents", SCHEMA))
async def ogc_schema(request: Request) -> Response:
    """A JSON Schema of the properties of an incident, with its id and its geometry among them (OGC 23-058r1)."""
    return await _respond(request, ogc_schemas.schema(f"{base_of(request)}{COLLECTION}/schema"), SCHEMA)


@router.get(f"{COLLECTION}/feature-schema", **_about("JSON Schema of a feature", SCHEMA))
async def ogc_feature_schema(request: Request) -> Response:
    """A JSON Schema of a GeoJSON feature of this collection."""
    here = f"{base_of(request)}{COLLECTION}/feature-schema"
    return await _respond(request, ogc_schemas.feature_schema(here), SCHEMA)


@router.get(f"{COLLECTION}/items", **_of_features("Incidents as features", FeatureQuery))
async def ogc_features(request: Request) -> Response:
    """A page of incidents. All pages of `next` are one consistent snapshot, taken at the first request."""
    asked = await parse_request(request, FeatureQuery, read_incidents.INCIDENT_PAGES, incident_query)
    return await _answer(replace(asked, form=Format.GEOJSON), lambda: features(asked), link=True, weak=True)


@router.get(
    f"{COLLECTION}/items/{{incident_id}}",
    **_of_features("One incident as a feature", FeatureByIdQuery, path=ID, missing=True, withdrawn=True),
)
async def ogc_feature(request: Request) -> Response:
    """One incident with its headline toll."""
    asked = await parse_request(request, FeatureByIdQuery)
    found = await read_incidents.one_incident(asked.session, request.path_params["incident_id"], asked.question)
    return await _answer(
        replace(asked, form=Format.GEOJSON), lambda: feature_alone(asked, found.text), changed=found.updated
    )


async def _answer(asked: ParsedRequest[Any], body: Callable[[], Any], **options: Any) -> Response:
    """The response, whose links, and so its tag, depend on the address of the service."""
    return await respond(asked, body, besides=base_of(asked.request), **options)


async def _collection(request: Request) -> dict[str, Any]:
    collection = f"{base_of(request)}{COLLECTION}"
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
            link(f"{collection}/queryables", f"{_RELATIONS}/queryables", SCHEMA, "what filters compare"),
            link(f"{collection}/schema", f"{_RELATIONS}/schema", SCHEMA, "the properties"),
            link(schema, "describedby", SCHEMA, "the schema of a feature"),
            link(schema, "describedBy", SCHEMA, "the same for GDAL, which spells it so"),
        ],
    }


async def _respond(request: Request, content: Mapping[str, Any], media_type: str = JSON) -> Response:
    asked = await parse_request(request, FeatureInfoQuery)
    return await _answer(replace(asked, form=Format.JSON), lambda: _bytes(content), media_type=media_type)


async def _bytes(content: Mapping[str, Any]) -> bytes:
    return orjson.dumps(content)
