"""Before anything is measured: the servers give the same answers."""

import http.client
from collections.abc import Mapping
from typing import Any

import orjson

from tests.benchmarks.canned import ids_of
from tests.benchmarks.works import Ask, Work

FEW = 8
"""So many addresses of a work are compared with the slower servers."""
Paths = Mapping[str, list[str]]
"""Name of a server → the addresses of a work there."""


def fetch(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
    """One answer, asked for as the load generator does, without Accept-Encoding."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def body_of(port: int, path: str) -> bytes:
    """The body of a 200. Raises `RuntimeError` for any other answer."""
    status, _, body = fetch(port, path)
    if status != 200:
        raise RuntimeError(f"{path} answered {status}: {body[:300]!r}")
    return body


def same_answers(work: Work, ports: Mapping[str, int], paths: Paths) -> None:
    """Every address once at ours and the floor, the first few at the others. Raises `RuntimeError` on a difference.

    That warms them, too.
    """
    for number, ask in enumerate(work.asks):
        asked = [name for name in paths if number < FEW or name in ("ours", "floor")]
        bodies = {name: body_of(ports[name], paths[name][number]) for name in asked}
        if ask.kind in ("page", "incident") and bodies["ours"] != bodies["floor"]:
            raise RuntimeError(f"ours and the floor differ: {ask.path}")
        told = {name: _told(ask, name, body) for name, body in bodies.items()}
        for name, found in told.items():
            if found is not None and found != told["ours"]:
                shown = f"{told['ours']!s:.60} and {found!s:.60}"
                raise RuntimeError(f"ours and {name} differ: {ask.path}: {shown}")


def _told(ask: Ask, server: str, body: bytes) -> Any:
    """What an answer must have in common with the others': ids, or numbers of groups."""
    answer = orjson.loads(body)
    if ask.kind == "stats":
        return len(answer["items"] if server == "ours" else answer[0] if server == "floor" else answer)
    if ask.kind == "history":
        if server == "ours":
            return sorted(r["id"] for r in answer["reports"] if len(r["incidents"]) == 1)
        return sorted(r["id"] for r in answer) if server == "naive" else None
    if server == "Datasette":
        found = ids_of(answer)
        return found[:100] if ask.kind == "page" else found
    return [i["id"] for i in answer["items"]] if ask.kind == "page" else [answer["id"]]
