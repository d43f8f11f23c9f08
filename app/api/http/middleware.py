"""What applies to every request: limits on its head, a request id, security headers, `HEAD` as `GET`, metrics.

When a request ends, its slots are given back.
"""

import re
import secrets
import time
from collections.abc import Callable
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http import metrics
from app.api.http.problems import problem
from app.api.http.slots import HELD

MAX_QUERY_BYTES = 16 * 1024
MAX_HEADER_BYTES = 64 * 1024
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""Responses run nothing and load nothing; a page that needs more sends its own policy."""


class Cors(CORSMiddleware):
    """CORS whose errors are problem documents."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """The response to a preflight request."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        headers = {k: v for k, v in response.headers.items() if k not in ("content-length", "content-type")}
        detail = bytes(response.body).decode()
        return problem("", 400, "cors", "Cross-origin request rejected", detail, headers=headers)


@lru_cache(maxsize=64)
def _each_once(fields: bytes) -> bytes:
    """The fields of a `Vary` header without duplicates: middleware adds fields without looking."""
    return b", ".join({field.strip().lower(): field.strip() for field in fields.split(b",")}.values())


class Envelope:
    """Pure ASGI middleware around every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent_id, hosts, size = b"", 0, 0
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"x-request-id":
                sent_id = value
            elif name == b"host":
                hosts += 1
        request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else secrets.token_hex(8).encode()
        method, status, started = scope["method"], 500, time.perf_counter()
        is_head = method == "HEAD"

        async def send_enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                policy = POLICY
                for index, (name, value) in enumerate(headers):
                    if name == b"vary":
                        headers[index] = (name, _each_once(value))
                    elif name == b"content-security-policy":
                        policy = headers.pop(index)
                headers += [*SECURITY_HEADERS, (b"x-request-id", request_id), policy]
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        held: list[Callable[[], None]] = []
        scope[HELD] = held
        inner = {**scope, "method": "GET", "head_only": True} if is_head else scope
        try:
            if refusal := _refusal(scope, hosts, size):
                await problem(scope["path"], *refusal)(inner, receive, send_enveloped)
            else:
                await self.app(inner, receive, send_enveloped)
        finally:
            for give_back in held:
                give_back()
            metrics.count(inner, method, status, time.perf_counter() - started)


def _refusal(scope: Scope, hosts: int, size: int) -> tuple[int, str, str, str] | None:
    """Status, slug, title and detail of the problem with the head of a request, if there is one."""
    if len(scope["query_string"]) > MAX_QUERY_BYTES or len(scope.get("raw_path") or b"") > MAX_QUERY_BYTES:
        detail = f"The path or the query string exceeds {MAX_QUERY_BYTES} bytes."
        return 414, "address-too-long", "The address is too long", detail
    if size > MAX_HEADER_BYTES:
        return 431, "headers-too-long", "The headers are too long", f"The headers exceed {MAX_HEADER_BYTES} bytes."
    if hosts != 1 and (hosts or scope.get("http_version", "1.1") == "1.1"):
        return 400, "host", "The request is malformed", "A request must have exactly one Host header."
    return None
