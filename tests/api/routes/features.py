"""Incidents that use every property of a feature, and filters on them evaluated in Python."""

import random
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.domain.columns import Type
from app.domain.incident import IncidentDraft
from app.query.features import QUERYABLES
from tests.builders import incident_draft, report_body

TITLES = ["Attack on Wani", "attaque à MÉNAKA", "50% of_it [x] * ?", "it's a \\ backslash", "Straße", "!!!", "A" * 300]
NAMES = ["Groupe armé", "ARMY; second", "People's 'Front'", "Militia 1"]
REGIONS = [None, "ML-9", "ML-8", {"code": None, "name": "Une région"}]
EVENTS = [("Battles", "Armed clash"), ("Protests", None), (None, None), ("Strategic developments", "Other")]


def varied(count: int, seed: int = 1) -> list[IncidentDraft]:
    """So many incidents; the same each time."""
    return [_varied(random.Random(f"{seed}/{n}"), n) for n in range(count)]


def _varied(rng: random.Random, n: int) -> IncidentDraft:
    some = rng.choice
    first, length = rng.randint(1, 20), some([0, 0, 3, 8])
    event, sub_event = some(EVENTS)
    at = some(
        [
            {},
            {"latitude": rng.randint(-90, 90), "longitude": rng.randint(-180, 180)},
            {"latitude": 10.5, "longitude": -2.25},
        ]
    )
    reports = [
        report_body(
            some([0, 3, 12, 40]), some(["gov", "ngo", "rebels"]), f"2020-02-{on:02}", bound=some(["exact", "at_least"])
        )
        for on in range(1, 1 + rng.randrange(4))
    ]
    reports += [
        report_body(some([1, 5]), "gov", "2020-01-31", measure=measure)
        for measure in ("wounded", "missing", "captured")
        if some([0, 1])
    ]
    return incident_draft(
        f"i-{n:03}", title=some(TITLES), summary=some([None, "Un résumé", "A summary"]), country="ML", region=some(REGIONS),
        date_start=f"2020-01-{first:02}", date_end=f"2020-01-{first + length:02}", date_precision="days" if length else "day",
        district=some([None, "Ménaka", "Gao"]), place=some([None, "Wani", "wani", "Wani-ville"]),
        place_precision=some([None, "exact", "near"]), near_border=some([[], ["NE"], ["NE", "BF"], ["BF", "NE"]]),
        event_type=event, sub_event_type=sub_event, type_of_violence=some([None, 1, 2, 3]), claimed_by=some([None, "Nobody"]),
        actors=[{"name": name, "role": role} for name in NAMES for role in ("attacker", "target", "side_a") if not rng.randrange(5)],
        toll_reports=reports, **at,
    )  # fmt: skip


def comparable(name: str, value: Any) -> Any:
    """A value as Python compares it."""
    if value is not None and QUERYABLES[name].kind in (Type.DAY, Type.INSTANT):
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=None)
    return value


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}  # fmt: skip


def evaluate(node: Any, feature: dict[str, Any]) -> bool | None:
    """Whether a condition in CQL2 JSON holds; `None` is unknown, as the standard has it."""
    if isinstance(node, bool):
        return node
    op, args = node["op"], node["args"]
    if op in ("and", "or"):
        return _joined(op, [evaluate(part, feature) for part in args])
    if op == "not":
        held = evaluate(args[0], feature)
        return None if held is None else not held
    if op == "between":
        return _joined(
            "and", [evaluate({"op": o, "args": [args[0], v]}, feature) for o, v in ((">=", args[1]), ("<=", args[2]))]
        )
    name = (args[0] if "property" in args[0] else args[0]["args"][0])["property"]
    value = comparable(name, feature[name])
    if op == "isNull":
        return value is None
    if value is None:
        return None
    if "op" in args[0]:
        value = value.casefold()
    if op == "in":
        return value in [literal(name, v) for v in args[1]]
    other = literal(name, args[1])
    if op == "like":
        pattern = re.sub(
            r"\\(.)|(%)|(_)|(.)",
            lambda m: ".*" if m[2] else "." if m[3] else re.escape(m[1] or m[4]),
            other,
            flags=re.S,
        )
        return re.fullmatch(pattern, value, re.S) is not None
    return _COMPARED[op](value, other)


def _joined(op: str, parts: list[bool | None]) -> bool | None:
    decisive = op == "or"
    if decisive in parts:
        return decisive
    return None if None in parts else not decisive


def literal(name: str, node: Any) -> Any:
    """What a literal in CQL2 JSON stands for."""
    if isinstance(node, dict):
        if "op" in node:
            return node["args"][0].casefold()
        (node,) = node.values()
    return comparable(name, node)


def in_text(node: Any) -> str:
    """A condition, operand or literal of CQL2 JSON as CQL2 text."""
    if isinstance(node, bool):
        return str(node).upper()
    if isinstance(node, str):
        return "'" + node.replace("\\", "\\\\").replace("'", "''") + "'"
    if isinstance(node, int | float):
        return str(node)
    if isinstance(node, list):
        return f"({', '.join(map(in_text, node))})"
    if "property" in node:
        return f'"{node["property"]}"'
    if "op" not in node:
        ((function, text),) = node.items()
        return f"{function.upper()}({in_text(text)})"
    op, args = node["op"], [in_text(part) for part in node["args"]]
    if op in ("and", "or"):
        return f" {op.upper()} ".join(f"({part})" for part in args)
    if op == "between":
        return f"{args[0]} BETWEEN {args[1]} AND {args[2]}"
    if op == "isNull":
        return f"{args[0]} IS NULL"
    if op in ("not", "casei"):
        return f"{op.upper()} ({args[0]})"
    return f"{args[0]} {op.upper()} {args[1]}"
