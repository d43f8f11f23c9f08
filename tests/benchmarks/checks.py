"""Checks, before anything is measured, that all servers give the same results."""

import http.client
from collections.abc import Mapping
from typing import Any

import orjson

from tests.benchmarks.canned import ids_of
from tests.benchmarks.works import Request, Work

FEW = 8
"""How many addresses of a work are compared with the slower servers."""
Paths = Mapping[str, list[str]]
"""Name of a server → the addresses of a work there."""


def fetch(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
    """One response to a request without Accept-Encoding, as the load generator sends it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, body


def body_of(port: int, path: str) -> bytes:
    """The body of a 200. Raises `RuntimeError` for any other response."""
    status, _, body = fetch(port, path)
    if status != 200:
        raise RuntimeError(f"{path} returned {status}: {body[:300]!r}")
    return body


def require_same_results(work: Work, ports: Mapping[str, int], paths: Paths) -> None:
    """Requests every address once from ours and the floor, the first few from the others. Also warms the servers.

    Raises `RuntimeError` on a difference.
    """
    for number, request in enumerate(work.requests):
        names = [name for name in paths if number < FEW or name in ("ours", "floor")]
        bodies = {name: body_of(ports[name], paths[name][number]) for name in names}
        if request.kind in ("page", "incident") and bodies["ours"] != bodies["floor"]:
            raise RuntimeError(f"ours and the floor differ: {request.path}")
        results = {name: _result(request, name, body) for name, body in bodies.items()}
        for name, found in results.items():
            if found is not None and found != results["ours"]:
                shown = f"{results['ours']!s:.60} and {found!s:.60}"
                raise RuntimeError(f"ours and {name} differ: {request.path}: {shown}")


def _result(request: Request, server: str, body: bytes) -> Any:
    """The part of a response that must be the same at every server: ids, or the number of groups."""
    content = orjson.loads(body)
    if request.kind == "stats":
        return len(content["items"] if server == "ours" else content[0] if server == "floor" else content)
    if request.kind == "history":
        if server == "ours":
            return sorted(r["id"] for r in content["reports"] if len(r["incidents"]) == 1)
        return sorted(r["id"] for r in content) if server == "naive" else None
    if server == "Datasette":
        found = ids_of(content)
        return found[:100] if request.kind == "page" else found
    return [i["id"] for i in content["items"]] if request.kind == "page" else [content["id"]]
