"""A client of the feed that may be killed at any moment: `follower.py PORT FILE pages|stream`.

FILE gets the epoch, and then every entry in the order in which it came, a line each. What a kill left half written is
taken off at the next start, which goes on after the last whole line.
"""

import http.client
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ANOTHER_EPOCH = 3
"""How it ends where the service has begun another life of the feed."""


def read_saved(file: Path) -> tuple[str | None, list[dict[str, Any]]]:
    """The epoch and the entries that were saved whole."""
    content = file.read_bytes() if file.exists() else b""
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    return (json.loads(lines[0])["epoch"] if lines else None), [json.loads(line) for line in lines[1:]]


def _pages(port: int, last: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    while True:
        connection.request("GET", f"/v1/changes?after={last}&limit={random.randint(1, 60)}")
        response = connection.getresponse()
        assert response.status == 200, response.read()
        page = json.loads(response.read())
        yield page["epoch"], page["items"]
        last = page["items"][-1]["seq"] if page["items"] else last
        if page["next"] is None:
            time.sleep(0.05)


def _stream(port: int, last: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/v1/changes/stream", headers={"Last-Event-ID": str(last)})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    epoch, event = "", {}
    while line := response.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        event[name] = value
        while line := response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            event[name] = value
        data = json.loads(event.get("data", "{}"))
        if event.get("event") == "epoch":
            epoch = data["epoch"]
            yield epoch, []
        elif "id" in event:
            assert (int(event["id"]), "event" in event) == (data["seq"], False)
            yield epoch, [data]
        event = {}


def follow(port: int, file: Path, how: str) -> int:
    """Runs until it is killed, the stream ends, or the epoch is another."""
    epoch, saved = read_saved(file)
    if file.exists():
        os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
    last = saved[-1]["seq"] if saved else 0
    with file.open("ab", buffering=0) as out:
        for current, items in (_pages if how == "pages" else _stream)(port, last):
            if epoch is None:
                epoch, items = current, [{"epoch": current}, *items]
            if current != epoch:
                return ANOTHER_EPOCH
            lines = b"".join(json.dumps(item).encode() + b"\n" for item in items)
            half = random.randint(0, len(lines))
            for part in (lines[:half], lines[half:]):
                out.write(part)
    return 0


if __name__ == "__main__":
    sys.exit(follow(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
