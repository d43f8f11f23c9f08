"""OGC API – Features under `/ogc`, for QGIS, GDAL and all that speak it (OGC 17-069r4, version 1.0).

The same questions and the same reading as `/v1/incidents`, in the manners of that standard: 400 for a parameter that
cannot be read, a limit that is too large is lowered, links are absolute, and features are flat.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.asking import Asked, answer, ask
from app.api.encoding import MEDIA_TYPES
from app.api.incidents import ID
from app.api.ogc_document import document
from app.api.parameters import ReadRoute, described, read_router
from app.domain import filters
from app.domain.filters import Form, Parameter
from app.domain.kinds import Interval
from app.domain.layouts.plain import flat_incident
from app.domain.question import Question
from app.domain.vocabulary import Measure
from app.errors import InvalidInput, MalformedQuestion
from app.store import read

GEOJSON = MEDIA_TYPES[Form.GEOJSON]
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
CONFORMS_TO = [
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{part}" for part in ("core", "geojson", "oas30")
]
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
TITLE = "Conflict incidents with their reported tolls"
PROPERTIES = (
    "title", "summary", "date_start", "date_end", "date_precision", "country", "region_code", "region_name", "district",
    "place", "place_precision", "near_border", "event_type", "sub_event_type", "type_of_violence", "attacker", "target",
    "side_a", "side_b", "claimed_by",
    "killed_low", "killed_best", "killed_high", "killed_first", "killed_change", "killed_revisions", "killed_spread",
    "killed_reports", "killed_reported_on",
    *(f"{measure}_best" for measure in Measure if measure is not Measure.KILLED), "updated_at",
)  # fmt: skip
"""What a feature tells: columns of our plain layout that a table of attributes can show."""
FLAGS = ("open_ended", "disputed")
"""Of the headline of killed, as `killed_open_ended` and `killed_disputed`."""


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
JSON = MEDIA_TYPES[Form.JSON]


def _about(summary: str, media: str = JSON) -> dict[str, Any]:
    return {"summary": summary, **described(filters.ABOUT_FEATURES, malformed=400, media=media)}


def _of_features(summary: str, parameters: Sequence[Parameter], **options: Any) -> dict[str, Any]:
    return {"summary": summary, **described(parameters, malformed=400, media=GEOJSON, **options)}


@router.get("", **_about("Where everything is"))
async def ogc_landing(request: Request) -> Response:
    """The landing page."""
    base = _base(request)
    links = [
        _link(base, "self", JSON, "this document"),
        _link(f"{base}/api", "service-desc", OPENAPI, "the definition of this API"),
        _link(f"{base.removesuffix('/ogc')}/docs", "service-doc", "text/html", "the pages of the whole service"),
        _link(f"{base}/conformance", "conformance", JSON, "conformance classes"),
        _link(f"{base}/collections", "data", JSON, "the collections"),
    ]
    return await _told(request, {"title": "Conflict Incidents", "description": TITLE, "links": links})


router.get("/", include_in_schema=False)(ogc_landing)


@router.get("/api", **_about("The OpenAPI 3.0 document of these addresses", OPENAPI))
async def ogc_api(request: Request) -> Response:
    """The definition of what is under `/ogc`."""
    told = await _told(request, document(_base(request), TITLE, __version__))
    told.headers["content-type"] = OPENAPI
    return told


@router.get("/conformance", **_about("Conformance classes"))
async def ogc_conformance(request: Request) -> Response:
    """The parts of the standard that hold here."""
    return await _told(request, {"conformsTo": CONFORMS_TO})


@router.get("/collections", **_about("The collections, of which there is one"))
async def ogc_collections(request: Request) -> Response:
    """The one collection, `incidents`."""
    base = _base(request)
    links = [_link(f"{base}/collections", "self", JSON, "this document")]
    return await _told(request, {"links": links, "collections": [await _collection(request)]})


@router.get("/collections/incidents", **_about("The collection of incidents"))
async def ogc_collection(request: Request) -> Response:
    """What the collection is, where its incidents lie and when they were."""
    return await _told(request, await _collection(request))


@router.get(
    "/collections/incidents/items",
    **_of_features("Incidents as features", filters.FEATURES),
)
async def ogc_features(request: Request) -> Response:
    """A page of incidents. The walk along `next` shows what was recorded when its first page was answered."""
    asked = await ask(request, filters.FEATURES, read.INCIDENTS, _meant)
    return await answer(replace(asked, form=Form.GEOJSON), lambda: _features(asked), link=True)


@router.get(
    "/collections/incidents/items/{incident_id}",
    **_of_features("One incident as a feature", filters.FEATURE, path=ID, missing=True, withdrawn=True),
)
async def ogc_feature(request: Request) -> Response:
    """One incident with its headline toll."""
    asked = await ask(request, filters.FEATURE)
    found = await read.incident(asked.session, request.path_params["incident_id"], asked.question)
    return await answer(
        replace(asked, form=Form.GEOJSON), lambda: _feature_alone(asked, found.text), changed=found.updated
    )


def _meant(question: Question) -> Question:
    """The question with `datetime` as the days that it stands for, and no more than what others ask of days."""
    interval: Interval | None = question.given.get("datetime")
    if interval is None:
        return question
    first = max(filter(None, (interval.first, question.given.get("date_from"))), default=None)
    last = min(filter(None, (interval.last, question.given.get("date_to"))), default=None)
    return question.but(datetime=None, date_from=first, date_to=last)


async def _features(asked: Asked) -> tuple[bytes, str | None]:
    page = await read.incidents(asked.session, asked.question)
    site = _base(asked.request).removesuffix("/ogc")
    following = asked.next_page(page.cursor)
    links = [_link(_here(asked.request, site), "self", GEOJSON, "this page")]
    links += [_link(f"{_origin(asked.request)}{following}", "next", GEOJSON, "the next page")] if following else []
    links.append(_link(f"{site}/ogc/collections/incidents", "collection", JSON, "the collection"))
    told: dict[str, Any] = {"type": "FeatureCollection", "numberReturned": len(page.items)}
    told |= {} if page.total is None else {"numberMatched": page.total}
    told |= {"links": links, "features": [_feature(orjson.loads(item)) for item in page.items]}
    return orjson.dumps(told), following


async def _feature_alone(asked: Asked, text: str) -> bytes:
    base = _base(asked.request)
    collection = f"{base}/collections/incidents"
    item = orjson.loads(text)
    links = [
        _link(f"{collection}/items/{item['id']}", "self", GEOJSON, "this feature"),
        _link(f"{base.removesuffix('/ogc')}/v1/incidents/{item['id']}", "alternate", JSON, "all of it"),
        _link(collection, "collection", JSON, "the collection"),
    ]
    return orjson.dumps(_feature(item) | {"links": links})


def _feature(item: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a feature with flat properties; without a place its geometry is null."""
    row, killed = flat_incident(item), item["toll"].get("killed") or {}
    at = [item["longitude"], item["latitude"]]
    properties = {name: row[name] for name in PROPERTIES} | {f"killed_{flag}": killed.get(flag) for flag in FLAGS}
    geometry = None if None in at else {"type": "Point", "coordinates": at}
    return {"type": "Feature", "id": item["id"], "geometry": geometry, "properties": properties}


async def _collection(request: Request) -> dict[str, Any]:
    collection = f"{_base(request)}/collections/incidents"
    extent = await read.extent(request.app.state.reader)
    return {
        "id": "incidents",
        "title": TITLE,
        "description": "Each incident with the headline of its killed, wounded, missing, captured and survived.",
        "itemType": "feature",
        "crs": [CRS84],
        "extent": {
            "spatial": {"bbox": [extent.box or (-180.0, -90.0, 180.0, 90.0)], "crs": CRS84},
            "temporal": {"interval": [extent.interval]},
        },
        "links": [
            _link(collection, "self", JSON, "this document"),
            _link(f"{collection}/items", "items", GEOJSON, "the incidents"),
        ],
    }


async def _told(request: Request, told: Mapping[str, Any]) -> Response:
    asked = await ask(request, filters.ABOUT_FEATURES)
    return await answer(replace(asked, form=Form.JSON), lambda: _bytes(told))


async def _bytes(told: Mapping[str, Any]) -> bytes:
    return orjson.dumps(told)


def _link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def _origin(request: Request) -> str:
    """Scheme and host, as the settings say or as the client asked."""
    public: str | None = request.app.state.settings.public_url
    if public:
        scheme, _, rest = public.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"
    return str(request.base_url.replace(path="", query="", fragment="")).rstrip("/")


def _base(request: Request) -> str:
    """The address of the landing page."""
    public: str | None = request.app.state.settings.public_url
    return f"{(public or str(request.base_url)).rstrip('/')}/ogc"


def _here(request: Request, site: str) -> str:
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{site}{request.scope['path']}" + (f"?{query}" if query else "")
