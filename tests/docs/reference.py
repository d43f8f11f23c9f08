"""The generated parts of the docs: each a function that returns Markdown, made from what the code declares."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from app.cli import app as command_line
from app.domain.columns import COLUMNS
from app.formats.encoding import MEDIA_TYPES
from app.settings import Settings
from app.web import error_catalogue, guide
from tests.docs.limits import LIMITS, in_words, value_of
from tests.docs.openapi import Schema, code, kind, openapi, operations, query, values


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(c.replace("|", r"\|").replace("\n", " ") for c in row) + " |" for row in rows]
    return "\n".join(lines)


def routes() -> str:
    """Every operation."""
    return _table(
        ("request", "what it does"),
        ((code(f"{method} {path}"), f"{operation['summary']}.") for method, path, operation in operations()),
    )


def _parameter_rows(parameters: Iterable[Schema]) -> Iterable[tuple[str, str, str]]:
    for parameter in parameters:
        schema = parameter["schema"]
        meaning = parameter["description"].rstrip()
        if schema.get("type") == "array":
            meaning += " Repeatable."
        if "default" in schema and schema["default"] is not False:
            meaning += f" Default: `{schema['default']}`."
        yield code(parameter["name"]), values(schema), meaning


def incident_parameters() -> str:
    """The parameters of `GET /v1/incidents`."""
    return _table(("parameter", "values", "meaning"), _parameter_rows(query("/v1/incidents")))


def other_parameters() -> str:
    """The query parameters of all other routes under `/v1`, as far as they differ from those of `GET /v1/incidents`."""
    known = {(p["name"], p["description"]) for p in query("/v1/incidents")}
    parts = []
    for method, path, operation in operations():
        if not path.startswith("/v1/") or (method, path) == ("GET", "/v1/incidents"):
            continue
        parameters = query(path, method.lower())
        own = [p for p in parameters if (p["name"], p["description"]) not in known or p["name"] == "f"]
        shared = [code(p["name"]) for p in parameters if p not in own]
        if not parameters:
            continue
        parts.append(f"### `{method} {path}`\n\n{operation['summary']}.")
        if len(shared) > 20:
            missing = {p["name"] for p in query("/v1/incidents")} - {p["name"] for p in parameters}
            parts.append(f"Takes every parameter above except {', '.join(map(code, sorted(missing)))}.")
        elif shared:
            parts.append(f"Takes {', '.join(shared)}, as above.")
        if own:
            parts.append(_table(("parameter", "values", "meaning"), _parameter_rows(own)))
    return "\n\n".join(parts)


def formats() -> str:
    """Every format, with its media type."""
    return _table(
        ("`f`", "media type"), ((code(format.value), code(media_type)) for format, media_type in MEDIA_TYPES.items())
    )


def columns() -> str:
    """The columns of CSV and Parquet."""
    return _table(
        ("column", "from", "type", "HXL hashtag"),
        (
            (code(name), code(column.member), column.type.name.lower(), code(column.hxl))
            for name, column in COLUMNS.items()
        ),
    )


def _members(name: str) -> str:
    schema = openapi()["components"]["schemas"][name]
    rows = []
    for member, part in schema["properties"].items():
        null = any(s.get("type") == "null" for s in part.get("anyOf", ()))
        taken, meaning = values(part), part.get("description") or _described(part)
        if taken not in kind(part):
            meaning = f"{meaning} {taken[0].upper() + taken[1:] if taken[0].isalpha() else taken}.".strip()
        rows.append((code(member), kind(part) + (" or null" if null else ""), meaning))
    return _table(("field", "type", "meaning"), rows)


def _described(part: Schema) -> str:
    """The description of the schema that a field refers to."""
    reference = next((s["$ref"] for s in (part, *part.get("anyOf", ())) if "$ref" in s), "")
    named: Schema = openapi()["components"]["schemas"].get(reference.rpartition("/")[2], {})
    return str(named.get("description", "")).partition("\n")[0]


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
        default = field.get_default(call_default_factory=True)
        shown = "none" if default is None else code(str(default).lower() if isinstance(default, bool) else default)
        rows.append((code(f"INCIDENTS_{name.upper()}"), shown.replace("['*']", '["*"]'), field.description or ""))
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
            rows = [(code(" ".join(p.opts)), (getattr(p, "help", "") or "") + _choices(p)) for p in own]
            parts.append(_table(("option", "meaning"), rows))
        if len(shared) > 20:
            missing = {p["name"] for p in query("/v1/incidents")} - {p.name for p in shared}
            parts.append(
                "Takes the parameters of `GET /v1/incidents` as options: `--killed-min` for `killed_min`."
                + (f" Not among them: {', '.join(map(code, sorted(missing)))}." if missing else "")
            )
        elif shared:
            parts.append("Takes " + ", ".join(code(p.opts[0]) for p in shared) + ".")
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
    return f" One of {', '.join(map(code, choices))}." if choices else ""


def _is_parameter(option: Any) -> bool:
    return option.name in {p["name"] for p in query("/v1/incidents")} | {"group_by", "measure"}


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
    rows = ((code(n.ours), n.acled or "–", n.ucdp or "–", n.note) for n in guide.columns())
    return _table(("here", "ACLED", "UCDP GED", "note"), rows)


def codes() -> str:
    """Our codes, and those of ACLED and UCDP."""
    parts = []
    for found in guide.codes():
        rows = ((code(ours), *(t or "–" for t in theirs)) for ours, theirs in found.theirs)
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
