"""The same SQL as canned queries of Datasette."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode


class Canned:
    """SQL texts with a name each, and the addresses that run them."""

    def __init__(self, database: Path) -> None:
        self.database = database.stem
        self._names: dict[str, str] = {}

    def path(self, plan: Mapping[str, Any]) -> str:
        """The address of a plan's main statement: the last, but for sums the first."""
        sql, values = plan["statements"][0 if plan["kind"] == "stats" else -1]
        name = self._names.setdefault(sql, f"q{len(self._names)}")
        return f"/{quote(self.database)}/{name}.json?{urlencode({**values, '_shape': 'array'})}"

    def write(self, path: Path) -> Path:
        """Writes Datasette's metadata file."""
        queries = {name: {"sql": sql} for sql, name in self._names.items()}
        path.write_text(json.dumps({"databases": {self.database: {"queries": queries}}}), "utf-8")
        return path


def ids_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the incidents in Datasette's response."""
    return [json.loads(row["record"])["id"] for row in rows]
