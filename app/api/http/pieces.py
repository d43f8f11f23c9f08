"""Long responses are sent in pieces: compressing one in one go would keep all other clients waiting."""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.http.rounds import rounds
from app.api.http.slots import address_of

LONG = 256 * 1024
"""Bytes of a response that is sent in pieces."""
PIECE = 64 * 1024


class InPieces(Response):
    """A response that lets other requests run between its pieces. Its length is known and sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        client = address_of(scope)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, len(self.body), PIECE):
            piece = self.body[start : start + PIECE]
            more = start + PIECE < len(self.body)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            await asyncio.sleep(0)
            await rounds.turn(client)


def response_of(body: bytes, status: int, headers: dict[str, str], media_type: str) -> Response:
    """A response with this body."""
    return (InPieces if len(body) > LONG else Response)(body, status, headers, media_type=media_type)
