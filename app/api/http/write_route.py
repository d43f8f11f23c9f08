"""Write routes: a key with the scope, one body that is read strictly, one transaction, the answer kept where asked."""

import re
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response

from app.api.http.authentication import access_of
from app.api.http.json_body import JSON, read_body
from app.api.http.read_request import parse_pairs
from app.domain.strict_json import read_json
from app.domain.validation import validated
from app.domain.vocabulary import Scope
from app.errors import FieldError, InvalidInput
from app.query.query import parse_query
from app.store.write.idempotency import Repeatable
from app.store.write.recorder import Respond
from app.store.write.writer import Writer

Endpoint = Callable[[Writer, Any, Request], Respond]
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class WriteRoute(APIRoute):
    """A route whose endpoint records what is sent, `(writer, sent, request)`, and returns what reads the response.

    FastAPI describes it by the type of `sent`; reading a body is done here, since FastAPI takes a member that is given
    twice, NaN, and a body of any size.
    """

    model: type[BaseModel]
    """What a body is: the type of `sent`, unless a kind of route says otherwise."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        self.model = getattr(self, "model", None) or get_type_hints(endpoint)["sent"]

        async def described(body: Any) -> None:
            """Nothing: it is only looked at."""

        described.__name__, described.__doc__ = endpoint.__name__, endpoint.__doc__
        described.__annotations__ = {"body": self.model}
        super().__init__(path, described, **options)
        self.work = endpoint
        self.app = request_response(self._handle)

    async def _handle(self, request: Request) -> Response:
        access = await access_of(request)
        access.expect(Scope.WRITE)
        parse_query(parse_pairs(request.scope["query_string"]), ())
        body = await read_body(request, self.media_types)
        sent = self.read(read_json(body))

        def work(writer: Writer) -> Respond:
            return self.work(writer, sent, request)

        answer = await request.app.state.recorder.record(access, work, self._repeatable(request, body))
        headers = {"Cache-Control": "no-store", **answer.headers}
        return Response(answer.body, answer.status, headers, media_type=JSON)

    @property
    def media_types(self) -> Sequence[str]:
        """The media types that a body may have. OpenAPI names the first: generated clients need one."""
        return (JSON,)

    def read(self, document: Any) -> Any:
        """What was sent, as the endpoint takes it."""
        return validated(self.model, document)

    def _repeatable(self, request: Request, body: bytes) -> Repeatable | None:
        keys = request.headers.getlist("idempotency-key")
        if not keys or request.method != "POST":
            return None
        if len(keys) > 1 or not _IDEMPOTENCY_KEY.fullmatch(keys[0]):
            fault = FieldError("Idempotency-Key", "is not 1 to 255 visible characters of ASCII", keys[0], "header")
            raise InvalidInput([fault])
        return Repeatable.of(keys[0], request.method, request.scope["path"], body)


def write_router(prefix: str, route_class: type[WriteRoute] = WriteRoute) -> APIRouter:
    """A router of write routes; in OpenAPI each is called as its endpoint is."""
    return APIRouter(prefix=prefix, route_class=route_class, generate_unique_id_function=lambda route: route.name)
