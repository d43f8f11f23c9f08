"""An incident: the members of its record, its drafts and changes."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Self

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.domain.canonical import canonical, expect_kept
from app.domain.dates import parse_day
from app.domain.places import find_country, find_regions, region_bears, region_name, resolve_region
from app.domain.source import DayText, Id, Record, SentSource, Text
from app.domain.toll import TollReportDraft
from app.domain.vocabulary import (
    SUB_EVENT_TYPES,
    ActorKind,
    ActorRole,
    DatePrecision,
    EventType,
    PlacePrecision,
    SubEventType,
    ViolenceType,
)

CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}([A-Z]{2})?$")]
"""Alpha-2 of ISO 3166-1, or a code of a former state or of waters; see `app.domain.countries`."""
MAX_NAME_LENGTH = 200
"""Of a country or region, in characters."""
MAX_PARTS = 100
"""Sources, reports and actors of one body, each. Every response about an incident lists all sources."""
_PLUS_ZERO = AfterValidator(lambda degrees: degrees + 0.0)
Latitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-90, le=90), _PLUS_ZERO]
Longitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-180, le=180), _PLUS_ZERO]
"""Degrees, WGS 84. Booleans and texts are rejected; -0.0 becomes 0.0."""


def _number(value: Any) -> Any:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError("is not 1, 2 or 3")
    return value


def _kept(members: dict[str, Any]) -> dict[str, Any]:
    """Members of other data sets in canonical order. Raises `NotKept` for values that JSON does not preserve."""
    expect_kept(members)
    kept: dict[str, Any] = orjson.loads(canonical(members))
    return kept


class Actor(Record):
    """A participant and its role."""

    name: Text
    role: ActorRole
    kind: ActorKind = ActorKind.UNKNOWN


class RegionRecord(Record):
    """A region: its ISO 3166-2 code, or null where no code fits its name, and its name."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None = Field(examples=["ML-9"])
    name: Text = Field(examples=["Ménaka"])


class IncidentFields(Record):
    """The members of an incident's record."""

    title: Text = Field(description="A short name of the incident.")
    summary: Text | None = Field(None, description="In your own words, never a source's sentences.")
    date_start: DayText = Field(description="First day on which it may have happened.")
    date_end: DayText = Field(description="Last such day, inclusive. Equal to `date_start` if the day is known.")
    date_precision: DatePrecision
    country: CountryCode = Field(description="ISO 3166-1 alpha-2; a former state or waters have a code of their own.")
    region: RegionRecord | None = None
    district: Text | None = Field(None, description="Name of the administrative unit below the region.")
    place: Text | None = Field(None, description="Name of the town, village or site.")
    latitude: Latitude | None = Field(None, description="WGS 84 degrees.")
    longitude: Longitude | None = Field(None, description="WGS 84 degrees.")
    place_precision: PlacePrecision | None = None
    near_border: list[CountryCode] = Field(
        default_factory=list,
        max_length=300,
        description="Neighboring countries (alpha-2) to whose border it was close, according to the source.",
    )
    event_type: EventType | None = None
    sub_event_type: SubEventType | None = None
    type_of_violence: Annotated[ViolenceType | None, BeforeValidator(_number)] = Field(
        None, description="UCDP: 1 state-based, 2 non-state, 3 one-sided; null if unknown."
    )
    actors: list[Actor] = Field(
        default_factory=list, max_length=MAX_PARTS, description="The participants, with their roles and kinds."
    )
    claimed_by: Text | None = Field(None, description="Who claimed responsibility for it.")
    external_ids: Annotated[dict[Text, Text], AfterValidator(_kept)] = Field(
        default_factory=dict, examples=[{"ucdp": "312676"}], description="Its ids in data sets, by data set."
    )
    attributes: Annotated[dict[Text, JsonValue], AfterValidator(_kept)] = Field(
        default_factory=dict,
        description="Further columns of a data set, stored verbatim. Send whole numbers beyond ±(2^53 − 1) as text.",
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if parse_day(self.date_end) < parse_day(self.date_start):
            raise ValueError("date_end: is before date_start")
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("longitude: is given together with latitude or not at all")
        if (
            self.event_type
            and self.sub_event_type
            and self.sub_event_type.value not in SUB_EVENT_TYPES[self.event_type]
        ):
            raise ValueError(f'sub_event_type: is not one of "{self.event_type}"')
        return self


_CODE_OR_NAME = {"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH}


class _OrByName:
    """Adds a code or a name to the JSON Schema of a region."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [_CODE_OR_NAME, *handler(core)["anyOf"]]}


class IncidentSent(IncidentFields):
    """The record of an incident as it is sent. Country and region may be given by name."""

    country: Annotated[CountryCode, WithJsonSchema(_CODE_OR_NAME)] = Field(
        description="ISO 3166-1 alpha-2, alpha-3 or a name.", examples=["ML", "Mali"]
    )
    region: Annotated[RegionRecord | None, _OrByName()] = Field(
        None, description="A name, an ISO 3166-2 code, or an object with both; `code` is null if no code fits."
    )
    sources: list[SentSource] = Field(
        default_factory=list,
        max_length=MAX_PARTS,
        description="Publications about it, in addition to those of its reports.",
    )

    @model_validator(mode="before")
    @classmethod
    def _names_become_codes(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        sent = dict(sent)
        country, region = sent.get("country"), sent.get("region")
        if isinstance(country, str):
            country = sent["country"] = _named("country", country, lambda name: find_country(name))
            if isinstance(region, str):
                found = _named("region", region, lambda name: resolve_region(name, country))
                sent["region"] = {"code": found.code, "name": found.name}
            elif isinstance(region, dict) and isinstance(region.get("code"), str):
                sent["region"] = _named("region.code", region["code"], lambda code: _coded(region, code, country))
        return sent


class IncidentDraft(IncidentSent):
    """An incident as it is sent, with its first reports."""

    id: Id | None = Field(None, description="Generated when absent.")
    toll_reports: list[TollReportDraft] = Field(default_factory=list, max_length=MAX_PARTS)


def _may_be_absent(field: FieldInfo) -> tuple[Any, Any]:
    kind = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    optional = Field(default_factory=lambda: None, description=field.description)
    return (kind if field.is_required() else kind | None), optional  # type: ignore[operator]


IncidentChange: type[Record] = create_model(
    "IncidentChange",
    __base__=Record,
    __doc__="The members of an incident's record to change. Absent members stay as they are.",
    **{name: _may_be_absent(field) for name, field in IncidentSent.model_fields.items()},  # type: ignore[call-overload]
)
MERGED = ("external_ids", "attributes")
"""A change adds to these members, and null removes one of theirs. All other members are replaced."""


_EMPTY_BY_DEFAULT = {name for name, field in IncidentSent.model_fields.items() if field.default_factory}


def merged(record: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A record with some members changed (RFC 7396; lists and regions are replaced), before validation."""
    changed = {name: record[name] for name in IncidentFields.model_fields} | changes
    for name, new in changes.items():
        if name in MERGED and isinstance(new, Mapping):
            both = {**record[name], **new}
            changed[name] = {key: value for key, value in both.items() if key not in new or value is not None}
        elif new is None and name in _EMPTY_BY_DEFAULT:
            del changed[name]
    return changed


def counted_day(record: Mapping[str, Any]) -> date:
    """The day to which statistics assign it: `date_start`, unless its data set states another day or year.

    Only a day or year within the interval counts. ACLED's `event_date` is an attribute where the interval is longer
    than a day, `year` of ACLED and UCDP always: an event of the week around 1 January belongs to that year.
    """
    start, end = parse_day(record["date_start"]), parse_day(record["date_end"])
    if start == end:
        return start
    attributes = record["attributes"]
    try:
        day = parse_day(str(attributes.get("event_date", "")))
        if start <= day <= end:
            return day
    except ValueError:
        pass
    year = str(attributes.get("year", ""))
    if year.isascii() and year.isdecimal() and start.year < int(year[:5]) <= end.year:
        return date(int(year[:5]), 1, 1)
    return start


class WithdrawalDraft(Record):
    """The withdrawal of an incident."""

    reason: Text
    merged_into: Id | None = Field(None, description="The incident that records the same event.")


def _named(member: str, text: str, resolve: Callable[[str], Any]) -> Any:
    """Resolves a name or code. The text of its `ValueError` begins with the member, as in all rules."""
    if len(text) > MAX_NAME_LENGTH:
        raise ValueError(f"{member}: is longer than {MAX_NAME_LENGTH} characters")
    try:
        return resolve(text)
    except ValueError as error:
        raise ValueError(f"{member}: {error}") from None


def _coded(region: dict[str, Any], code: str, country: str) -> dict[str, Any]:
    """A region given by its code, with its name filled in where it is absent."""
    name = region_name(code)
    if name is None or code.split("-")[0] != country:
        raise ValueError(f"is not a region of {country}")
    given = region.get("name", name)
    if isinstance(given, str) and len(given) <= MAX_NAME_LENGTH and not region_bears(code, given):
        raise ValueError(f"has the code of {name} and the name of {region_name(find_regions(given, (country,))[0])}")
    return region | {"name": given}
