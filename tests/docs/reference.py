"""The generated parts of the docs: each a function that returns Markdown, made from what the code declares."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer

from app.api.application import create_app
from app.api.encoding import MEDIA_TYPES
from app.cli import app as command_line
from app.domain.layouts.columns import COLUMNS
from app.settings import Settings
from app.web import error_catalogue, guide
from tests.docs.limits import LIMITS, in_words, value_of

Schema = dict[str, Any]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(c.replace("|", r"\|").replace("\n", " ") for c in row) + " |" for row in rows]
    return "\n".join(lines)


def _code(text: Any) -> str:
    return f"`{text}`"


@cache
def _openapi() -> Schema:
    return create_app(Settings(_env_file=None)).openapi()  # type: ignore[call-arg]


def _operations() -> Iterable[tuple[str, str, Schema]]:
    for path, methods in _openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _resolved(schema: Schema) -> Schema:
    """A schema with its reference followed, and without the `null` that it also takes."""
    if "anyOf" in schema:
        choices = [s for s in schema["anyOf"] if s.get("type") != "null"]
        if len(choices) == 1:
            return _resolved(choices[0])
        if {s.get("format") for s in choices} == {"date", "date-time"}:
            return {"type": "day or instant"}
        return {"type": " or ".join(dict.fromkeys(_kind(s) for s in choices))}
    if "oneOf" in schema:
        return {"type": "object"}
    if "$ref" in schema:
        return _resolved(_openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def _kind(schema: Schema) -> str:
    """What a value is, in a word or two."""
    schema = _resolved(schema)
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_kind(schema['items'])}"
    return {"date": "day", "date-time": "instant"}.get(schema.get("format", ""), kind)


def _values(schema: Schema, most: int = 12) -> str:
    """The values that a schema takes, where it says more than its kind."""
    schema = _resolved(schema)
    if schema.get("type") == "array":
        return _values(schema["items"], most)
    if len(enum := schema.get("enum", ())) > most:
        return f"one of {len(enum)} words; the OpenAPI document lists them"
    if enum:
        return ", ".join(map(_code, enum))
    if found := re.match(r"\^\(([a-z_|]+)\)\(,", schema.get("pattern", "")):
        words = found[1].split("|")
        return "some of " + ", ".join(map(_code, words)) if len(words) <= most else "fields of the record"
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if low is not None and high is not None and high < 2**31:
        return f"{low:,} to {high:,}"
    return _kind(schema)


def routes() -> str:
    """Every operation, with the number of parameters that it takes."""
    return _table(
        ("request", "what it does"),
        ((_code(f"{method} {path}"), f"{operation['summary']}.") for method, path, operation in _operations()),
    )


def _query(path: str, method: str = "get") -> list[Schema]:
    return [p for p in _openapi()["paths"][path][method].get("parameters", ()) if p["in"] == "query"]


def _parameter_rows(parameters: Iterable[Schema]) -> Iterable[tuple[str, str, str]]:
    for parameter in parameters:
        schema = parameter["schema"]
        told = parameter["description"].rstrip()
        if schema.get("type") == "array":
            told += " Repeatable."
        if "default" in schema and schema["default"] is not False:
            told += f" Default: `{schema['default']}`."
        yield _code(parameter["name"]), _values(schema), told


def incident_parameters() -> str:
    """The parameters of `GET /v1/incidents`."""
    return _table(("parameter", "values", "meaning"), _parameter_rows(_query("/v1/incidents")))


def other_parameters() -> str:
    """The query parameters of all other routes under `/v1`, as far as they differ from those of `GET /v1/incidents`."""
    known = {(p["name"], p["description"]) for p in _query("/v1/incidents")}
    parts = []
    for method, path, operation in _operations():
        if not path.startswith("/v1/") or (method, path) == ("GET", "/v1/incidents"):
            continue
        parameters = _query(path, method.lower())
        own = [p for p in parameters if (p["name"], p["description"]) not in known or p["name"] == "f"]
        shared = [_code(p["name"]) for p in parameters if p not in own]
        if not parameters:
            continue
        parts.append(f"### `{method} {path}`\n\n{operation['summary']}.")
        if len(shared) > 20:
            missing = {p["name"] for p in _query("/v1/incidents")} - {p["name"] for p in parameters}
            parts.append(f"Takes every parameter above except {', '.join(map(_code, sorted(missing)))}.")
        elif shared:
            parts.append(f"Takes {', '.join(shared)}, as above.")
        if own:
            parts.append(_table(("parameter", "values", "meaning"), _parameter_rows(own)))
    return "\n\n".join(parts)


def formats() -> str:
    """Every format, with its media type."""
    return _table(("`f`", "media type"), ((_code(form.value), _code(kind)) for form, kind in MEDIA_TYPES.items()))


def columns() -> str:
    """The columns of CSV and Parquet."""
    return _table(
        ("column", "from", "type", "HXL hashtag"),
        (
            (_code(name), _code(column.member), column.type.name.lower(), _code(column.hxl))
            for name, column in COLUMNS.items()
        ),
    )


def _members(name: str) -> str:
    schema = _openapi()["components"]["schemas"][name]
    rows = []
    for member, part in schema["properties"].items():
        null = any(s.get("type") == "null" for s in part.get("anyOf", ()))
        values = _values(part)
        kind = _kind(part) + (" or null" if null else "")
        told = part.get("description", "")
        if values not in _kind(part):
            told = f"{told} {values[0].upper() + values[1:] if values[0].isalpha() else values}.".strip()
        rows.append((_code(member), kind, told))
    return _table(("field", "type", "meaning"), rows)


def errors() -> str:
    """Every error, with its cause and its cure."""
    parts = []
    for entry in error_catalogue.entries():
        status = " or ".join(map(str, entry.statuses))
        parts.append(
            f"### {entry.slug}\n\n**{entry.title}**, status {status}.\n\n{entry.cause}\n\n*What to do:* {entry.cure}"
        )
    return "\n\n".join(parts)


def settings() -> str:
    """Every setting."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "none" if default is None else _code(str(default).lower() if isinstance(default, bool) else default)
        rows.append((_code(f"INCIDENTS_{name.upper()}"), shown.replace("['*']", '["*"]'), field.description or ""))
    return _table(("variable", "default", "meaning"), rows)


def commands() -> str:
    """Every command, with its arguments and options."""
    root = typer.main.get_command(command_line)
    parts = []
    for name, command in sorted(_commands(root)):
        arguments = [_argument(p) for p in command.params if type(p).__name__ == "TyperArgument"]
        parts.append(f"### `{' '.join(['incidents', name, *arguments])}`\n\n{(command.help or '').strip()}")
        options = [p for p in command.params if type(p).__name__ == "TyperOption"]
        own = [p for p in options if not _is_parameter(p)]
        shared = [p for p in options if _is_parameter(p)]
        if own:
            rows = [(_code(" ".join(p.opts)), (getattr(p, "help", "") or "") + _choices(p)) for p in own]
            parts.append(_table(("option", "meaning"), rows))
        if len(shared) > 20:
            missing = {p["name"] for p in _query("/v1/incidents")} - {p.name for p in shared}
            parts.append(
                "Takes the parameters of `GET /v1/incidents` as options: `--killed-min` for `killed_min`."
                + (f" Not among them: {', '.join(map(_code, sorted(missing)))}." if missing else "")
            )
        elif shared:
            parts.append("Takes " + ", ".join(_code(p.opts[0]) for p in shared) + ".")
    return "\n\n".join(parts)


def _commands(group: Any, before: str = "") -> Iterable[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def _argument(parameter: Any) -> str:
    shown = parameter.metavar or parameter.name.removesuffix("_id").upper().removesuffix(
        "S" if parameter.nargs < 0 else ""
    )
    choices = getattr(parameter.type, "choices", None)
    shown = "|".join(choices) if choices else shown
    return f"{shown}…" if parameter.nargs < 0 else shown


def _choices(option: Any) -> str:
    choices = getattr(option.type, "choices", ())
    return f" One of {', '.join(map(_code, choices))}." if choices else ""


def _is_parameter(option: Any) -> bool:
    return option.name in {p["name"] for p in _query("/v1/incidents")} | {"group_by", "measure"}


def log_entry() -> str:
    """The fields of an entry of the log."""
    return _members("Change")


def incident_fields() -> str:
    """The fields of an incident."""
    return _members("Incident")


def report_fields() -> str:
    """The fields of a toll report."""
    return _members("TollReport")


def headline_fields() -> str:
    """The fields of a headline."""
    return _members("Headline")


def limits() -> str:
    """Every limit that is not a setting."""
    return _table(("limit", "value"), ((limit.what, in_words(value_of(limit), limit.unit)) for limit in LIMITS))


def names() -> str:
    """Our fields, and the columns of ACLED and UCDP."""
    rows = ((_code(n.ours), n.acled or "–", n.ucdp or "–", n.note) for n in guide.columns())
    return _table(("here", "ACLED", "UCDP GED", "note"), rows)


def codes() -> str:
    """Our codes, and those of ACLED and UCDP."""
    parts = []
    for found in guide.codes():
        rows = ((_code(ours), *(t or "–" for t in theirs)) for ours, theirs in found.theirs)
        parts.append(f"### {found.name} (`{found.ours}`)\n\n" + _table(("here", "ACLED", "UCDP GED"), rows))
    return "\n\n".join(parts)


PARTS: dict[str, Callable[[], str]] = {
    "routes": routes, "incident parameters": incident_parameters, "other parameters": other_parameters,
    "formats": formats, "columns": columns, "errors": errors, "settings": settings, "commands": commands,
    "log entry": log_entry, "incident": incident_fields, "toll report": report_fields, "headline": headline_fields,
    "limits": limits, "names": names, "codes": codes,
}  # fmt: skip
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: Path) -> str:
    """The text of a page with its generated parts as the code has them now."""
    return _PART.sub(lambda m: f"{m[1]}\n{PARTS[m['name']]()}\n\n{m[3]}", page.read_text("utf-8"))
