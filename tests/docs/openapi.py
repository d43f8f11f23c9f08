"""What the OpenAPI document says of operations, parameters and records, in words."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from app.api.application import create_app
from app.settings import Settings

Schema = dict[str, Any]


def code(text: Any) -> str:
    """Text as code."""
    return f"`{text}`"


@cache
def openapi() -> Schema:
    """The OpenAPI document."""
    return create_app(Settings(_env_file=None)).openapi()  # type: ignore[call-arg]


def operations() -> Iterable[tuple[str, str, Schema]]:
    """(method, path, operation) of every operation."""
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def resolved(schema: Schema) -> Schema:
    """A schema with its reference followed, and without the `null` that it also takes."""
    if "anyOf" in schema:
        choices = [s for s in schema["anyOf"] if s.get("type") != "null"]
        if len(choices) == 1:
            return resolved(choices[0])
        if {s.get("format") for s in choices} == {"date", "date-time"}:
            return {"type": "day or instant"}
        return {"type": " or ".join(dict.fromkeys(kind(s) for s in choices))}
    if "oneOf" in schema:
        return {"type": "object"}
    if "$ref" in schema:
        return resolved(openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def kind(schema: Schema) -> str:
    """What a value is, in a word or two."""
    schema = resolved(schema)
    name = schema.get("type", "any")
    if name == "array":
        return f"list of {kind(schema['items'])}"
    return {"date": "day", "date-time": "instant"}.get(schema.get("format", ""), name)


def values(schema: Schema, longest: int = 12) -> str:
    """The values that a schema takes, where it says more than its kind."""
    schema = resolved(schema)
    if schema.get("type") == "array":
        return values(schema["items"], longest)
    if len(enum := schema.get("enum", ())) > longest:
        return f"one of {len(enum)} words; the OpenAPI document lists them"
    if enum:
        return ", ".join(map(code, enum))
    if found := re.match(r"\^\(([a-z_|]+)\)\(,", schema.get("pattern", "")):
        words = found[1].split("|")
        return "some of " + ", ".join(map(code, words)) if len(words) <= longest else "fields of the record"
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if low is not None and high is not None and high < 2**31:
        return f"{low:,} to {high:,}"
    return kind(schema)


def query(path: str, method: str = "get") -> list[Schema]:
    """The query parameters of an operation."""
    return [p for p in openapi()["paths"][path][method].get("parameters", ()) if p["in"] == "query"]
