"""The limits of the service, read from the constants in the code."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from tests.docs.pages import ROOT


class Limit(NamedTuple):
    """What is limited, by which constant. `file` is a part of the file's name, where two constants share a name."""

    what: str
    constant: str
    unit: str = ""
    file: str = ""


LIMITS = (
    Limit("items on a JSON page", "MAX_LIMIT"),
    Limit("path, or query string", "MAX_QUERY_BYTES", "bytes"),
    Limit("request headers together", "MAX_HEADER_BYTES", "bytes"),
    Limit("parameters in one request", "MAX_PARAMETERS"),
    Limit("values of one repeatable parameter", "MAX_VALUES", file="query"),
    Limit("values in one CQL2 filter", "MAX_VALUES", file="cql"),
    Limit("JSON body of a write", "MAX_BODY_BYTES", "bytes"),
    Limit("nesting of a JSON body", "MAX_DEPTH", "levels", file="strict_json"),
    Limit("values in a JSON body", "MAX_VALUES", file="strict_json"),
    Limit("actors, sources or toll reports in one incident of a request, each", "MAX_PARTS", file="incident"),
    Limit("people in one figure", "MAX_PEOPLE"),
    Limit("file sent to `POST /v1/import`", "MAX_BYTES", "bytes", file="imports"),
    Limit("concurrent imports over HTTP, per process", "MAX_IMPORTS"),
    Limit("columns of an imported file", "MAX_COLUMNS"),
    Limit("row of an imported file", "MAX_RECORD", "characters"),
    Limit("unpacked size of a compressed file", "MAX_UNPACKED", "bytes"),
    Limit("unpacked size of a compressed file, compared with its packed size", "MAX_RATIO", "times"),
    Limit("unpacked size up to which that ratio does not matter", "ALWAYS_UNPACKED", "bytes"),
    Limit("open streams of changes, per process", "MAX_STREAMS"),
    Limit("concurrent exports, per process", "MAX_EXPORTS"),
    Limit("Parquet files written at the same time, per process", "MAX_MADE"),
    Limit("time for which a Parquet file is kept after its last request", "KEPT_SECONDS", "seconds"),
    Limit("open connections, per process", "MAX_CONNECTIONS"),
    Limit("time to finish responses when the service stops", "GRACE_SECONDS", "seconds"),
    Limit("time for which an `Idempotency-Key` is remembered", "KEPT_DAYS", "days"),
)


def value_of(limit: Limit) -> float:
    """The value of a constant, wherever in `app` it stands. Exactly one file must have it."""
    found = {}
    for path in sorted((ROOT / "app").rglob("*.py")):
        pattern = rf"^{limit.constant}(?:: [^=\n]+)? = ([0-9][0-9_.*() ]*)$"
        if limit.file in path.stem and (match := re.search(pattern, path.read_text("utf-8"), re.MULTILINE)):
            found[path] = match[1]
    assert len(found) == 1, f"{limit.constant}: expected in one file, found in {[_name(p) for p in found]}"
    (expression,) = found.values()
    return _computed(ast.parse(expression, mode="eval").body)


def _computed(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp):
        left, right = _computed(node.left), _computed(node.right)
        return left * right if isinstance(node.op, ast.Mult) else left**right
    assert isinstance(node, ast.Constant), ast.dump(node)
    return node.value


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def in_words(value: float, unit: str) -> str:
    """`16 KiB`; `1,000`."""
    if unit != "bytes":
        return f"{value:,g} {unit}".strip() if value < 10**6 else f"{value:,.0f} {unit}".strip()
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if value % 1024**power == 0:
            return f"{value // 1024**power:,.0f} {name}"
    return f"{value:,} bytes"
