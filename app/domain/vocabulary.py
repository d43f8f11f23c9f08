"""Every code list, once, with the numbers of UCDP and ACLED.

UCDP: Georeferenced Event Dataset codebook (`date_prec`, `where_prec`, `type_of_violence`).
ACLED: codebook, event types, sub-event types and actor types (`inter1`, `inter2`).
"""

from enum import IntEnum, StrEnum


class DatePrecision(StrEnum):
    """Precision of the date."""

    DAY = "day"
    DAYS = "days"
    WEEK = "week"
    MONTH = "month"
    LONGER = "longer"


UCDP_DATE_PREC = {
    1: DatePrecision.DAY,
    2: DatePrecision.DAYS,
    3: DatePrecision.WEEK,
    4: DatePrecision.MONTH,
    5: DatePrecision.LONGER,
}


ACLED_TIME_PRECISION = {1: DatePrecision.DAY, 2: DatePrecision.WEEK, 3: DatePrecision.MONTH}


class PlacePrecision(StrEnum):
    """Precision of the place."""

    EXACT = "exact"
    NEAR = "near"
    DISTRICT = "district"
    REGION = "region"
    AREA = "area"
    COUNTRY = "country"
    INTERNATIONAL = "international"


UCDP_WHERE_PREC = dict(enumerate(PlacePrecision, start=1))
ACLED_GEO_PRECISION = {1: PlacePrecision.EXACT, 2: PlacePrecision.NEAR, 3: PlacePrecision.REGION}


class ViolenceType(IntEnum):
    """UCDP's type of violence."""

    STATE_BASED = 1
    NON_STATE = 2
    ONE_SIDED = 3


class EventType(StrEnum):
    """ACLED's event types."""

    BATTLES = "Battles"
    PROTESTS = "Protests"
    RIOTS = "Riots"
    EXPLOSIONS = "Explosions/Remote violence"
    VIOLENCE_AGAINST_CIVILIANS = "Violence against civilians"
    STRATEGIC_DEVELOPMENTS = "Strategic developments"


SUB_EVENT_TYPES: dict[EventType, tuple[str, ...]] = {
    EventType.BATTLES: (
        "Government regains territory",
        "Non-state actor overtakes territory",
        "Armed clash",
    ),
    EventType.PROTESTS: (
        "Excessive force against protesters",
        "Protest with intervention",
        "Peaceful protest",
    ),
    EventType.RIOTS: ("Violent demonstration", "Mob violence"),
    EventType.EXPLOSIONS: (
        "Chemical weapon",
        "Air/drone strike",
        "Suicide bomb",
        "Shelling/artillery/missile attack",
        "Remote explosive/landmine/IED",
        "Grenade",
    ),
    EventType.VIOLENCE_AGAINST_CIVILIANS: (
        "Sexual violence",
        "Attack",
        "Abduction/forced disappearance",
    ),
    EventType.STRATEGIC_DEVELOPMENTS: (
        "Agreement",
        "Arrests",
        "Change to group/activity",
        "Disrupted weapons use",
        "Headquarters or base established",
        "Looting/property destruction",
        "Non-violent transfer of territory",
        "Other",
    ),
}

ACLED_EVENT_TYPES_BEFORE_2019: dict[str, tuple[EventType, str | None]] = {
    "Battle-No change of territory": (EventType.BATTLES, "Armed clash"),
    "Battle-Government regains territory": (EventType.BATTLES, "Government regains territory"),
    "Battle-Non-state actor overtakes territory": (EventType.BATTLES, "Non-state actor overtakes territory"),
    "Remote violence": (EventType.EXPLOSIONS, None),
    "Strategic development": (EventType.STRATEGIC_DEVELOPMENTS, None),
    "Non-violent activity by a conflict actor": (EventType.STRATEGIC_DEVELOPMENTS, None),
    "Headquarters or base established": (EventType.STRATEGIC_DEVELOPMENTS, "Headquarters or base established"),
    "Non-violent transfer of territory": (EventType.STRATEGIC_DEVELOPMENTS, "Non-violent transfer of territory"),
}
"""ACLED's event types up to version 8, with their successors from 2019 on."""
RIOTS_OR_PROTESTS = "Riots/Protests"
"""An event type of the same versions: riots or protests, by the kind of the first actor."""

SubEventType = StrEnum(  # type: ignore[misc]  # members come from the table above
    "SubEventType", [(name, name) for names in SUB_EVENT_TYPES.values() for name in names]
)


class ActorRole(StrEnum):
    """The part an actor took: attacker and target where the text says so, otherwise UCDP's two sides."""

    ATTACKER = "attacker"
    TARGET = "target"
    SIDE_A = "side_a"
    SIDE_B = "side_b"


class ActorKind(StrEnum):
    """ACLED's eight actor types, and `unknown`."""

    STATE_FORCES = "state_forces"
    REBEL_GROUP = "rebel_group"
    POLITICAL_MILITIA = "political_militia"
    IDENTITY_MILITIA = "identity_militia"
    RIOTERS = "rioters"
    PROTESTERS = "protesters"
    CIVILIANS = "civilians"
    OTHER_FORCES = "other_forces"
    UNKNOWN = "unknown"


ACLED_INTER = dict(enumerate([k for k in ActorKind if k is not ActorKind.UNKNOWN], start=1)) | {0: ActorKind.UNKNOWN}


ACLED_INTER_WORDS = {
    ActorKind.STATE_FORCES: "State forces",
    ActorKind.REBEL_GROUP: "Rebel group",
    ActorKind.POLITICAL_MILITIA: "Political militia",
    ActorKind.IDENTITY_MILITIA: "Identity militia",
    ActorKind.RIOTERS: "Rioters",
    ActorKind.PROTESTERS: "Protesters",
    ActorKind.CIVILIANS: "Civilians",
    ActorKind.OTHER_FORCES: "External/Other forces",
}
"""Words that replace the numbers in exports since 2024."""


class Measure(StrEnum):
    """What a toll report counts."""

    KILLED = "killed"
    WOUNDED = "wounded"
    MISSING = "missing"
    CAPTURED = "captured"
    SURVIVED = "survived"


class Victims(StrEnum):
    """Whom a toll report counts. `all`: no group is named. `unknown`: victims outside the named groups."""

    ALL = "all"
    MILITARY = "military"
    CIVILIAN = "civilian"
    ATTACKERS = "attackers"
    UNKNOWN = "unknown"


class Bound(StrEnum):
    """The wording of a figure."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    MORE_THAN = "more_than"
    AT_MOST = "at_most"
    ABOUT = "about"
    RANGE = "range"


class ReporterKind(StrEnum):
    """Kinds of reporters."""

    GOVERNMENT = "government"
    MILITARY = "military"
    ARMED_GROUP = "armed_group"
    INTERNATIONAL = "international"
    NGO = "ngo"
    MEDIA = "media"
    LOCAL = "local"
    DATASET = "dataset"
    ANONYMOUS = "anonymous"


SECOND_TIER = frozenset({ReporterKind.ARMED_GROUP, ReporterKind.ANONYMOUS})
"""Reporters whose figures may widen and dispute the range, but never replace a first-tier best."""


MEASURES = {member.value: member for member in Measure}
"""Members by value, as in the three below: faster than calling the enumeration."""
VICTIMS = {member.value: member for member in Victims}
BOUNDS = {member.value: member for member in Bound}
REPORTER_KINDS = {member.value: member for member in ReporterKind}


class Figure(StrEnum):
    """The figure of the headline that filters, sort orders and sums use."""

    BEST = "best"
    LOW = "low"
    HIGH = "high"


class Movement(StrEnum):
    """The headline compared with its first figure."""

    NONE = "none"
    RAISED = "raised"
    LOWERED = "lowered"


class ReportChange(StrEnum):
    """The effect of a report on the headline, in the history."""

    FIRST = "first"
    RAISED = "raised"
    LOWERED = "lowered"
    CONFIRMED = "confirmed"
    UNCHANGED = "unchanged"
    RETRACTED = "retracted"


class Status(StrEnum):
    """Whether a report stands."""

    STANDING = "standing"
    SUPERSEDED = "superseded"
    RETRACTED = "retracted"


class ChangeKind(StrEnum):
    """What an entry of the log records."""

    SOURCE_CREATED = "source.created"
    REPORTER_CREATED = "reporter.created"
    LEGACY_REPORTER_CREATED = "source.reporter_created"
    """`reporter.created` as earlier versions wrote it. Such entries stay, since their hash covers their kind."""
    INCIDENT_CREATED = "incident.created"
    INCIDENT_UPDATED = "incident.updated"
    TOLL_REPORTED = "toll.reported"
    TOLL_RETRACTED = "toll.retracted"
    INCIDENT_WITHDRAWN = "incident.withdrawn"


class Scope(StrEnum):
    """Rights of a key. Reading public data needs none."""

    WRITE = "write"
    READ_CONFIDENTIAL = "read:confidential"
    ADMIN = "admin"
    """Everything."""
