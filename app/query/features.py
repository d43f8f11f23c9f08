"""The flat feature of an incident under `/ogc`: its properties, each declared once, and how they are compared."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.domain.client_times import ordinal_of, parse_client_time
from app.domain.columns import OF_HEADLINE, Type
from app.domain.source import INT64
from app.domain.text import check_text
from app.domain.vocabulary import (
    ActorRole,
    DatePrecision,
    EventType,
    Measure,
    Movement,
    PlacePrecision,
    SubEventType,
    ViolenceType,
)

GEOMETRY = "geometry"
LARGEST = 2.0**63
"""Beyond it a whole number is compared as a floating-point number: databases have no larger ones."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a feature: what it holds, its type, and its code list where it has one."""

    description: str
    kind: Type = Type.TEXT
    codes: type[Enum] | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a value. It leaves out null, which stands for "not reported" in every property:
        GDAL and QGIS read one type and no list of types."""
        described = {"description": self.description} | _SCHEMAS[self.kind]
        return described | ({"enum": [code.value for code in self.codes]} if self.codes else {})


_SCHEMAS: dict[Type, dict[str, Any]] = {
    Type.TEXT: {"type": "string"},
    Type.NAMES: {"type": "string"},
    Type.DAY: {"type": "string", "format": "date"},
    Type.INSTANT: {"type": "string", "format": "date-time"},
    Type.FLAG: {"type": "boolean"},
    Type.NUMBERED: {"type": "integer"},
    Type.COUNT: {"type": "integer", "minimum": 0} | INT64,
}
_ROLES = {
    ActorRole.ATTACKER: "Attackers",
    ActorRole.TARGET: "Targets",
    ActorRole.SIDE_A: "Actors of side A",
    ActorRole.SIDE_B: "Actors of side B",
}
_OF_KILLED = {
    "low": "Headline killed: low figure.",
    "best": "Headline killed: best figure.",
    "high": "Headline killed: high figure.",
    "first": "The first headline killed.",
    "change": "How headline killed moved since its first figure.",
    "revisions": "How often headline killed moved.",
    "spread": "High minus low of headline killed.",
    "reports": "Toll reports of killed.",
    "reported_on": "Day or instant of the report that the headline killed comes from.",
    "open_ended": "Whether headline killed may be higher than its high figure.",
    "disputed": "Whether standing reports of killed contradict each other.",
}
_CODES = {"change": Movement}
PROPERTIES: dict[str, Property] = {
    "title": Property("What happened, in a line."),
    "summary": Property("What happened, in a paragraph."),
    "date_start": Property("The first day.", Type.DAY),
    "date_end": Property("The last day, inclusive.", Type.DAY),
    "date_precision": Property("How closely the date is known.", codes=DatePrecision),
    "country": Property("Country: ISO 3166-1 alpha-2."),
    "region_code": Property("Region: ISO 3166-2."),
    "region_name": Property("Name of the region."),
    "district": Property("Name of the district."),
    "place": Property("Name of the place."),
    "place_precision": Property("How closely the place is known.", codes=PlacePrecision),
    "near_border": Property("Neighboring countries that it is close to: alpha-2 codes joined by `; `."),
    "event_type": Property("ACLED event type.", codes=EventType),
    "sub_event_type": Property("ACLED sub-event type.", codes=SubEventType),
    "type_of_violence": Property(
        "UCDP type of violence: 1 state-based, 2 non-state, 3 one-sided.", Type.NUMBERED, ViolenceType
    ),
    **{role.value: Property(f"{text}, joined by `; `.", Type.NAMES) for role, text in _ROLES.items()},
    "claimed_by": Property("Who claimed it."),
    **{f"killed_{name}": Property(text, OF_HEADLINE[name][1], _CODES.get(name)) for name, text in _OF_KILLED.items()},
    **{
        f"{measure}_best": Property(f"Headline {measure}: best figure.", Type.COUNT)
        for measure in Measure
        if measure is not Measure.KILLED
    },
    "updated_at": Property("When this record or its headline last changed.", Type.INSTANT),
}
"""The properties of a feature: columns of our plain layout that fit an attribute table."""
QUERYABLES: dict[str, Property] = {"id": Property("Id of the incident.")} | PROPERTIES
"""What a filter can compare, in addition to the geometry."""


def comparable(name: str, literal: Any) -> str | int | float:
    """The value that a property is compared with, on the scale on which the property is stored.

    Text as it is; numbers and flags as numbers; a day as its ordinal, an instant in microseconds. `literal` is as
    CQL2 JSON has it. Raises `ValueError` where it is of another type.
    """
    kind = QUERYABLES[name].kind
    if kind in (Type.DAY, Type.INSTANT):
        instant = parse_client_time(_time_text(name, literal))
        return ordinal_of(instant) if kind is Type.DAY else instant
    if kind in (Type.COUNT, Type.NUMBERED):
        if not isinstance(literal, int | float) or isinstance(literal, bool):
            raise ValueError(f"compares {name}, a number, with what is not a number")
        return literal if -LARGEST < literal < LARGEST else float(literal)
    if kind is Type.FLAG:
        if literal not in (True, False):
            raise ValueError(f"compares {name} with what is neither true nor false")
        return int(literal)
    if not isinstance(literal, str):
        raise ValueError(f"compares {name}, which is text, with what is not text in single quotes")
    return check_text(literal)


def _time_text(name: str, literal: Any) -> str:
    if isinstance(literal, dict) and literal.keys() in ({"date"}, {"timestamp"}):
        (literal,) = literal.values()
    if not isinstance(literal, str):
        raise ValueError(f"compares {name} with what is not a day or an instant in single quotes")
    return literal
