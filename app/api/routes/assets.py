"""The files that pages load, and the icon that browsers request from every site."""

import mimetypes
import os
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.http.conditional_requests import Conditions, chosen_encoding, conditional_headers
from app.errors import PreconditionFailed
from app.web.docs import REVALIDATED
from app.web.render import STATIC, VENDOR

IMMUTABLE = "public, max-age=31536000, immutable"
"""For vendored files: their addresses contain their version."""


class Assets(StaticFiles):
    """The files of one folder, all with the same `Cache-Control`. They are small, so there are no ranges.

    An entity tag is made of the content and the content coding, like the tags of all other responses.
    """

    def __init__(self, folder: Path, cache_control: str) -> None:
        super().__init__(directory=folder)
        self.cache_control = cache_control

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 404, also for a path that the file system cannot express."""
        try:
            return await super().get_response(path, scope)
        except ValueError:
            raise HTTPException(404) from None

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or a 304. Raises `PreconditionFailed`."""
        content, digest = _content(str(full_path), stat_result.st_mtime_ns)
        sent = conditional_headers(scope["headers"])
        etag = f'"{digest}-{chosen_encoding(sent.get(b"accept-encoding", ""))}"'
        conditions = Conditions(sent, etag, None)
        headers = {"ETag": etag, "Cache-Control": self.cache_control, "Vary": "Accept-Encoding"}
        if conditions.failed:
            raise PreconditionFailed("The file does not match If-Match.")
        if conditions.not_modified:
            return Response(status_code=304, headers=headers)
        media_type = mimetypes.guess_type(full_path)[0] or "application/octet-stream"
        return Response(content, status_code, headers, media_type=media_type)


@lru_cache(maxsize=64)
def _content(path: str, _changed: int) -> tuple[bytes, str]:
    content = Path(path).read_bytes()
    return content, blake2b(content, digest_size=12).hexdigest()


_OWN = Assets(STATIC, REVALIDATED)


async def favicon(request: Request) -> Response:
    """The icon of addresses that are no pages, like those of `/v1`."""
    return await _OWN.get_response("favicon.ico", request.scope)


ROUTES: list[BaseRoute] = [
    Route("/favicon.ico", favicon, methods=["GET"], name="favicon"),
    Mount("/assets/vendor", Assets(VENDOR, IMMUTABLE), name="vendor"),
    Mount("/assets", _OWN, name="assets"),
]
