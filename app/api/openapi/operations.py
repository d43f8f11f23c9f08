"""What OpenAPI says of routes. The parameters of read routes come from their query models."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from app.api.http.authentication import SECURITY
from app.api.openapi.problem_responses import ANY_ROUTE, PROBLEM
from app.domain.vocabulary import Scope
from app.formats.encoding import media_type
from app.query.code_lists import Format
from app.query.parameters import formats_of
from app.query.query import Parameter, Query, parameters_of


def described(
    model: type[Query] = Query,
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
    """Keyword arguments of a read route that describe its parameters, those of the model, and its responses.

    `confidential`: a key with the scope `read:confidential` gets more than others.
    """
    parameters = parameters_of(model)
    formats = formats_of(parameters)
    responses: dict[int | str, dict[str, Any]] = {
        **ANY_ROUTE,
        304: {"description": "Not changed since the response with this `If-None-Match`, or since `If-Modified-Since`."},
        401: {"description": "The API key is invalid, expired or revoked.", **PROBLEM},
        412: {"description": "The current response is not the one that `If-Match` or `If-Unmodified-Since` names."}
        | PROBLEM,
        malformed: {"description": "A parameter is unknown or invalid. The response lists every one.", **PROBLEM},
        429: {"description": "Your address has too many exports or streams open.", **PROBLEM},
        503: {"description": "The query takes too long, or the database cannot be read.", **PROBLEM},
    }
    if Format.PARQUET in formats:
        responses[507] = {"description": "The disk has no room for the temporary file of the response.", **PROBLEM}
    if missing:
        responses[404] = {"description": "Unknown, or not yet known at the requested time.", **PROBLEM}
    if withdrawn:
        responses[410] = {"description": "Withdrawn, with the reason and `merged_into`.", **PROBLEM}
    files = {
        media_type(format): {"schema": _SCHEMAS.get(format, {"type": "string"})}
        for format in formats
        if format is not Format.JSON
    }
    if files:
        # Without its content: generated types of a response would be those of a page or of a file.
        responses[206] = {"description": "The requested `Range` of bytes of a file. JSON has no ranges."}
        responses[416] = {"description": "The `Range` begins behind the end; `Content-Range` says where.", **PROBLEM}
    content: dict[str, Any] = {} if example is None else {"application/json": {"example": example}}
    content |= files
    if media:
        content = {media: {"schema": {"type": "object"}}}
    headers = _HEADERS | (_LINK if {"cursor", "after"} & parameters.keys() else {})
    if stream:
        content, headers = {stream: {"schema": {"type": "string"}}}, {"X-Request-ID": _HEADERS["X-Request-ID"]}
        del responses[304], responses[412]
    responses[200] = {"description": "OK.", "headers": headers, **({"content": content} if content else {})}
    described = [*path_parameters(path or {}), *map(openapi_parameter, parameters.values())]
    extra: dict[str, Any] = {"parameters": described, "security": []}
    if confidential:
        extra["x-optional-security"] = [{SECURITY: [Scope.READ_CONFIDENTIAL.value]}]
    return {"responses": responses, "openapi_extra": extra}


_SCHEMAS: dict[Format, dict[str, Any]] = {
    Format.GEOJSON: {"type": "object"},
    Format.PARQUET: {"type": "string", "format": "binary"},
}
_LAST_MODIFIED = (
    "The time of the last recording, or of one incident's own last change, or the start of the service if that is "
    "later, rounded up by some seconds. Send it back in `If-Modified-Since`."
)
_HEADERS = {
    "ETag": {"description": "Strong validator; send it back in `If-None-Match`.", "schema": {"type": "string"}},
    "Last-Modified": {"description": _LAST_MODIFIED, "schema": {"type": "string"}},
    "X-Request-ID": {"description": "The request id, as sent or generated.", "schema": {"type": "string"}},
}
_LINK = {
    "Link": {
        "description": 'The absolute address of the next page, `rel="next"`; absent on the last one.',
        "schema": {"type": "string"},
    }
}


def path_parameters(texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Parts of a path as OpenAPI describes them."""
    return [
        {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in texts.items()
    ]


def openapi_parameter(parameter: Parameter) -> dict[str, Any]:
    """A parameter as OpenAPI describes it."""
    schema = parameter.kind.schema
    if parameter.repeatable:
        schema = {"type": "array", "items": schema, "maxItems": 100}
    found = {"name": parameter.name, "in": "query", "required": False, "description": parameter.help, "schema": schema}
    if parameter.kind.example is not None:
        example = [parameter.kind.example] if parameter.repeatable else parameter.kind.example
        found["examples"] = {"example": {"value": example}}
    return found


def recorded(
    description: str,
    *,
    path: dict[str, str] | None = None,
    conflict: str = "A record with this id exists and differs.",
    missing: bool = False,
    change: bool = False,
    etag: bool = False,
    again: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """Keyword arguments of a write route that describe its parameters and its responses."""
    texts = {
        401: "No API key, or one that is invalid, expired or revoked.",
        403: "The key lacks the scope `write`.",
        409: conflict,
        413: "The body is too large.",
        415: "The body is not JSON.",
        422: "The body cannot be recorded. The response lists every invalid field.",
        503: "Others are writing, or the database cannot be written. Retry after `Retry-After`.",
        507: "The disk is full.",
    }
    if missing:
        texts[404] = "Unknown."
    if change:
        texts |= {412: "The record has changed since.", 428: "`If-Match` is missing."}
    responses = ANY_ROUTE | {code: {"description": text, **PROBLEM} for code, text in texts.items()}
    status = 200 if change else 201
    responses[status] = {
        "description": description,
        "headers": _INCIDENT_ETAG if change else _WRITE_HEADERS | (_INCIDENT_ETAG if etag else {}),
    }
    if again:
        responses[200] = {"description": "An identical record exists; this is it.", "model": again}
    return {
        "responses": responses,
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
    "description": "Makes the POST safe to repeat: for 30 days the same key with the same body gets the same response.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
}


IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The `ETag` of the incident that the change is based on; `*` accepts any.",
    "schema": {"type": "string", "minLength": 1},
}


_INCIDENT_ETAG = {"ETag": {"description": "ETag of the incident after the change.", "schema": {"type": "string"}}}


_WRITE_HEADERS = {
    "Location": {"description": "Address of the record.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` if an earlier response is repeated.",
        "schema": {"type": "string"},
    },
}
