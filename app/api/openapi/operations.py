"""Read routes: handled without FastAPI's dependency machinery, described in OpenAPI from `query.parameters`."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from app.api.http.authentication import SECURITY
from app.api.openapi.problem_responses import ANY_ROUTE, PROBLEM
from app.domain.vocabulary import Scope
from app.formats.encoding import media_type
from app.query.parameters import Format, Parameter, forms_of


def described(
    parameters: Sequence[Parameter] = (),
    *,
    path: dict[str, str] | None = None,
    example: Any = None,
    missing: bool = False,
    withdrawn: bool = False,
    stream: str | None = None,
    malformed: int = 422,
    media: str | None = None,
    confidential: bool = False,
) -> dict[str, Any]:
    """Keyword arguments of a route that describe what it takes and which answers it gives.

    `confidential`: a key with the scope `read:confidential` gets more than others.
    """
    answers: dict[int | str, dict[str, Any]] = {
        **ANY_ROUTE,
        304: {"description": "Not changed since the answer with this `If-None-Match`, or since `If-Modified-Since`."},
        401: {"description": "The API key is invalid, expired or revoked.", **PROBLEM},
        412: {"description": "It is not what `If-Match` or `If-Unmodified-Since` names.", **PROBLEM},
        malformed: {"description": "A parameter is unknown or cannot be read; every one is named.", **PROBLEM},
        429: {"description": "Your address has as many exports or streams open as one may have.", **PROBLEM},
        503: {"description": "The question takes too long, or the database cannot be read.", **PROBLEM},
    }
    if Format.PARQUET in forms_of(parameters):
        answers[507] = {"description": "There is no room for the file that the answer is made in.", **PROBLEM}
    if missing:
        answers[404] = {"description": "Unknown, or not yet known at the time asked for.", **PROBLEM}
    if withdrawn:
        answers[410] = {"description": "Withdrawn, with the reason and `merged_into`.", **PROBLEM}
    files = {
        media_type(form): {"schema": _SCHEMAS.get(form, {"type": "string"})}
        for form in forms_of(parameters)
        if form is not Format.JSON
    }
    if files:
        # Without its content: generated types of a response would be those of a page or of a file.
        answers[206] = {"description": "The `Range` of bytes that was requested, of a file; not of JSON."}
        answers[416] = {"description": "The `Range` begins behind the end; `Content-Range` says where.", **PROBLEM}
    content: dict[str, Any] = {} if example is None else {"application/json": {"example": example}}
    content |= files
    if media:
        content = {media: {"schema": {"type": "object"}}}
    paged = any(parameter.name in ("cursor", "after") for parameter in parameters)
    headers = _HEADERS | (_LINK if paged else {})
    if stream:
        content, headers = {stream: {"schema": {"type": "string"}}}, {"X-Request-ID": _HEADERS["X-Request-ID"]}
        del answers[304], answers[412]
    answers[200] = {"description": "The answer.", "headers": headers, **({"content": content} if content else {})}
    told = [*path_parameters(path or {}), *map(openapi_parameter, parameters)]
    extra: dict[str, Any] = {"parameters": told, "security": []}
    if confidential:
        extra["x-optional-security"] = [{SECURITY: [Scope.READ_CONFIDENTIAL.value]}]
    return {"responses": answers, "openapi_extra": extra}


_SCHEMAS: dict[Format, dict[str, Any]] = {
    Format.GEOJSON: {"type": "object"},
    Format.PARQUET: {"type": "string", "format": "binary"},
}
_LAST_MODIFIED = (
    "When this service had begun to answer so, rounded up by some seconds: since the last recording, of one incident "
    "since its own last change, or since the service started. Send it back in `If-Modified-Since`."
)
_HEADERS = {
    "ETag": {"description": "Strong validator; send it back in `If-None-Match`.", "schema": {"type": "string"}},
    "Last-Modified": {"description": _LAST_MODIFIED, "schema": {"type": "string"}},
    "X-Request-ID": {"description": "The request's id, as sent or made.", "schema": {"type": "string"}},
}
_LINK = {
    "Link": {
        "description": 'The absolute address of the next page, `rel="next"`; absent on the last one.',
        "schema": {"type": "string"},
    }
}


def path_parameters(told: Mapping[str, str]) -> list[dict[str, Any]]:
    """Parts of a path as OpenAPI describes them."""
    return [
        {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in told.items()
    ]


def openapi_parameter(parameter: Parameter) -> dict[str, Any]:
    """A parameter as OpenAPI describes it."""
    schema = parameter.kind.schema
    if parameter.repeatable:
        schema = {"type": "array", "items": schema, "maxItems": 100}
    told = {"name": parameter.name, "in": "query", "required": False, "description": parameter.help, "schema": schema}
    if parameter.kind.example is not None:
        example = [parameter.kind.example] if parameter.repeatable else parameter.kind.example
        told["examples"] = {"example": {"value": example}}
    return told


def recorded(
    description: str,
    *,
    path: dict[str, str] | None = None,
    conflict: str = "A record with this id is there and differs.",
    missing: bool = False,
    change: bool = False,
    etag: bool = False,
    again: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """Keyword arguments of a write route that describe what it takes and which answers it gives."""
    told = {
        401: "No key was sent, or one that does not hold.",
        403: "The key lacks the scope `write`.",
        409: conflict,
        413: "The body is too large.",
        415: "The body is not JSON.",
        422: "The body cannot be recorded; every member that is wrong is named.",
        503: "Others are writing, or the database cannot be written; send it again after `Retry-After`.",
        507: "There is no room left.",
    }
    if missing:
        told[404] = "Unknown."
    if change:
        told |= {412: "The record was changed since.", 428: "`If-Match` is missing."}
    answers = ANY_ROUTE | {code: {"description": text, **PROBLEM} for code, text in told.items()}
    status = 200 if change else 201
    answers[status] = {
        "description": description,
        "headers": _INCIDENT_ETAG if change else _WRITE_HEADERS | (_INCIDENT_ETAG if etag else {}),
    }
    if again:
        answers[200] = {"description": "The very same is recorded already; this is it.", "model": again}
    return {
        "responses": answers,
        "status_code": status,
        "openapi_extra": {
            "parameters": [*path_parameters(path or {}), IF_MATCH if change else IDEMPOTENCY_KEY],
            "security": [{SECURITY: [Scope.WRITE.value]}],
        },
    }


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the POST safe to repeat: for 30 days the same key with the same body gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
}


IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The `ETag` of the incident that the change is made for; `*` is whatever it says now.",
    "schema": {"type": "string", "minLength": 1},
}


_INCIDENT_ETAG = {"ETag": {"description": "Of the incident as it is now.", "schema": {"type": "string"}}}


_WRITE_HEADERS = {
    "Location": {"description": "Where the record is read.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` where an earlier answer is repeated.",
        "schema": {"type": "string"},
    },
}
