"""Write routes: a key with the scope, a strictly parsed body, one transaction, a response that can be replayed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_type_hints

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.authentication import access_of
from app.api.http.json_body import JSON, read_body
from app.api.http.read_request import parse_pairs
from app.api.http.read_route import RouteHandler
from app.domain.strict_json import read_json
from app.domain.validation import validated
from app.domain.vocabulary import Scope
from app.errors import FieldError, InvalidInput
from app.query.query import Query, parse_query
from app.store.write.idempotency import Repeatable
from app.store.write.recorder import Respond
from app.store.write.writer import Writer

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class WriteRequest(Request):
    """A request inside of its write transaction."""

    def __init__(self, request: Request, writer: Writer) -> None:
        super().__init__(request.scope)
        self.writer = writer


@dataclass(frozen=True, slots=True)
class DocumentedAs:
    """Annotates a body that is not validated by a model before the endpoint, but documented by it."""

    model: type[BaseModel]

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self.model)


Endpoint = Callable[[WriteRequest, Any], Respond]


class WriteRoute(APIRoute):
    """A route whose endpoint records what is sent, `(request: WriteRequest, sent: Model)`, in a write transaction.

    The endpoint returns the function that reads the response once all facts are written. FastAPI documents the body by
    the type of `sent`. The body is parsed and validated here, because FastAPI accepts duplicate members and NaN.
    """

    media_types: ClassVar[Sequence[str]] = (JSON,)
    """The media types that a body may have."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        self.model = get_type_hints(endpoint)["sent"]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> RouteHandler:
        """What FastAPI calls with the request, as its guide on custom routes has it."""
        return self._handle

    async def _handle(self, request: Request) -> Response:
        access = await access_of(request)
        access.expect(Scope.WRITE)
        parse_query(parse_pairs(request.scope["query_string"]), Query)
        body = await read_body(request, self.media_types)
        sent = self.read(read_json(body))

        def work(writer: Writer) -> Respond:
            respond: Respond = self.endpoint(WriteRequest(request, writer), sent)
            return respond

        answer = await request.app.state.recorder.record(access, work, _repeatable(request, body))
        headers = {"Cache-Control": "no-store", **answer.headers}
        return Response(answer.body, answer.status, headers, media_type=JSON)

    def read(self, document: Any) -> Any:
        """The parsed body as the endpoint takes it. Raises `InvalidInput`."""
        return validated(self.model, document)


def _repeatable(request: Request, body: bytes) -> Repeatable | None:
    keys = request.headers.getlist("idempotency-key")
    if not keys or request.method != "POST":
        return None
    if len(keys) > 1 or not _IDEMPOTENCY_KEY.fullmatch(keys[0]):
        message = "must be 1 to 255 visible ASCII characters"
        raise InvalidInput([FieldError("Idempotency-Key", message, keys[0], "header")])
    return Repeatable.of(keys[0], request.method, request.scope["path"], body)


def write_router(prefix: str, route_class: type[WriteRoute] = WriteRoute) -> APIRouter:
    """A router of write routes. Operation ids in OpenAPI are the names of the endpoints."""
    return APIRouter(prefix=prefix, route_class=route_class, generate_unique_id_function=lambda route: route.name)
