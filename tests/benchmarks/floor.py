"""The floor: a bare ASGI function over raw `sqlite3`. What is left of a server when it only runs SQL and joins text.

Addresses are looked up in a plan (address → SQL and values), so that no parameter is read and no SQL is built.
Called as `python -m tests.benchmarks.floor DATABASE PLAN PORT`.
"""

import asyncio
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import orjson
import uvicorn

CACHE_KIB = 64 * 1024
SLICE = 200


class Floor:
    """The ASGI function."""

    def __init__(self, database: str, plan: dict[str, Any]) -> None:
        self.database = database
        self.connection = self._open()
        self.plan = {address.encode(): entry for address, entry in plan.items()}

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{self.database}?mode=rw", uri=True, isolation_level=None)
        connection.execute("PRAGMA query_only=ON")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        return connection

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Responds to one request."""
        if scope["type"] != "http":
            return
        query = scope["query_string"]
        entry = self.plan[scope["raw_path"] + b"?" + query if query else scope["raw_path"]]
        if entry["kind"] == "export":
            await self._export(entry, send)
            return
        body = self._body(entry)
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    def _body(self, entry: dict[str, Any]) -> bytes:
        rows = [self.connection.execute(sql, values).fetchall() for sql, values in entry["statements"]]
        between = entry["between"]
        if entry["kind"] == "page":
            items = [f"{r[0][:-1]}{between}{r[1][1:]},{r[2][1:]}" for r in rows[0][: entry["limit"]]]
            return f'{{"items":[{",".join(items)}{entry["tail"]}'.encode()
        if entry["kind"] == "incident":
            r = rows[0][0]
            return f"{r[0][:-1]}{between}{r[1][1:]},{r[2][1:]}".encode()
        return orjson.dumps(rows)

    async def _export(self, entry: dict[str, Any], send: Any) -> None:
        head = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        between = entry["between"]
        connection = self._open()
        cursor = connection.execute(*entry["statements"][0])
        while rows := cursor.fetchmany(SLICE):
            body = "".join([f"{r[0][:-1]}{between}{r[1][1:]},{r[2][1:]}\n" for r in rows]).encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(0)
        connection.close()
        await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serves."""
    database, plan, port = sys.argv[1:]
    app = Floor(database, json.loads(Path(plan).read_text("utf-8")))
    options: dict[str, Any] = {"loop": "uvloop", "http": "httptools", "ws": "none", "lifespan": "off"}
    uvicorn.run(app, port=int(port), log_level="warning", access_log=False, **options)


if __name__ == "__main__":
    main()
