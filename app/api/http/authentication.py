"""The API key of a request, and what it may do."""

from starlette.requests import Request

from app.domain.access import PUBLIC, Access
from app.errors import Unauthorized
from app.store.keys import access_of as access_of_key

SECURITY = "key"
"""The name of the security scheme in the OpenAPI document."""


async def access_of(request: Request) -> Access:
    """What the request may do. Raises `Unauthorized` for an invalid key, even if none is needed."""
    sent = request.headers.getlist("authorization")
    if not sent:
        return PUBLIC
    scheme, _, key = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer":
        raise Unauthorized("Send exactly one header `Authorization: Bearer <key>`.")
    return await access_of_key(request.app.state.reader, key.strip())
