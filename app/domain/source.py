"""Reporters and sources: who gives a figure, and the publication that carries it."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from app.domain.canonical import canonical
from app.domain.dates import parse_day, parse_moment
from app.domain.text import check_text, fold
from app.domain.vocabulary import ReporterKind

ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"


def _day(text: str) -> str:
    parse_day(text)
    return text


def _moment(text: str) -> str:
    if " " in text:  # which stands for an unescaped + in addresses only
        raise ValueError("has a space in it")
    return parse_moment(text).text


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""A stable id, never reused for another record."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=5000), AfterValidator(check_text)]
DAY_SCHEMA: dict[str, Any] = {"type": "string", "format": "date"}
MOMENT_SCHEMA: dict[str, Any] = {"anyOf": [DAY_SCHEMA, {"type": "string", "format": "date-time"}]}
"""Two types for generated clients. The day comes first: a parser of days rejects an instant, but not vice versa."""
DayText = Annotated[str, AfterValidator(_day), WithJsonSchema(DAY_SCHEMA)]
"""An ISO 8601 day, stored as it was sent."""
MomentText = Annotated[str, AfterValidator(_moment), WithJsonSchema(MOMENT_SCHEMA)]
"""A day or RFC 3339 instant, stored as it was sent."""
InstantText = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-24T12:00:00.000001Z"])]
Hex = Annotated[str, Field(pattern="^([0-9a-f]{2})+$")]
Commitment = Annotated[
    Hex | None,
    Field(description="Of a confidential record: SHA-256 of its salt and the canonical JSON of its redacted fields."),
]
"""Absent from the record where nothing is redacted."""
INT64 = {"format": "int64"}
"""JSON Schema of a whole number that may not fit into 32 bits."""
MAX_PEOPLE = 10**10
"""More people than have lived at one time; sums of such numbers stay below 2^63."""
Whole = Annotated[int, Field(strict=True, ge=0, le=MAX_PEOPLE, json_schema_extra=INT64)]
"""A number of people. Null is "not reported", never 0."""


class Record(BaseModel):
    """Base of all records: unknown members are rejected, and instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ReporterRecord(Record):
    """A reporter as it is recorded: every member in its order."""

    id: Id
    name: str | None
    kind: ReporterKind
    confidential: Literal[True] | None = Field(None, description="Present where it is.")
    commitment: Commitment = None


class SourceRecord(Record):
    """A source as it is recorded: every member in its order, null where it is not known."""

    id: Id
    title: str | None
    publisher: str | None
    published_on: DayText | None
    url: str | None
    language: str | None
    licence: str | None
    attribution: str | None
    confidential: Literal[True] | None = Field(None, description="Present where it is.")
    commitment: Commitment = None


class ReporterOrSource(Record):
    """What reporters and sources have in common."""

    REDACTED: ClassVar[tuple[str, ...]] = ()
    """Members that are redacted where it is confidential."""

    id: Id | None = None
    confidential: Annotated[bool, Field(strict=True)] = Field(
        False, description="Redact all that identifies it for readers without the scope `read:confidential`."
    )

    def with_id(self) -> Self:
        """The same with an id. A generated id is a digest of the other members, so it is the same each time."""
        return self if self.id else self.model_copy(update={"id": self._generated_id()})

    def _generated_id(self) -> str:
        raise NotImplementedError

    def record(self) -> dict[str, Any]:
        """The members as they are recorded; `confidential` is present only where it is true."""
        members = self.model_dump(mode="json")
        confidential = members.pop("confidential")
        return members | ({"confidential": True} if confidential else {})

    def _digest(self) -> str:
        if self.confidential:
            return secrets.token_hex(8)
        return hashlib.sha256(canonical(self.model_dump(mode="json", exclude={"id"}))).hexdigest()[:16]


class ReporterDraft(ReporterOrSource):
    """Who gave a figure."""

    REDACTED = ("name",)

    id: Id | None = Field(None, description="Generated from the name when absent.", examples=["gov-ml"])
    name: Text = Field(examples=["Government of Mali"])
    kind: ReporterKind = Field(examples=["government"])

    def _generated_id(self) -> str:
        slug = "-".join(fold(self.name).split())[:100]
        readable = not self.confidential and re.fullmatch(ID_PATTERN, slug)
        return slug if readable else f"reporter-{self._digest()}"


class SourceDraft(ReporterOrSource):
    """A publication that carries a figure. A member that is not known is null."""

    REDACTED = ("title", "publisher", "url", "language", "licence", "attribution")

    id: Id | None = Field(None, description="Generated from the other members when absent.")
    title: Text
    publisher: Text | None = None
    published_on: DayText | None = Field(None, description="Not in the future.")
    url: Text | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = Field(
        None, description="BCP 47 language tag.", examples=["en"]
    )
    licence: Text | None = None
    attribution: Text | None = None

    def _generated_id(self) -> str:
        return f"source-{self._digest()}"


class Reference(Record):
    """A reporter or source that is already recorded, by its id alone."""

    id: Id


def _whole_or_reference(sent: Any) -> str:
    if isinstance(sent, (dict, Mapping)):  # `dict` is checked faster
        return "reference" if set(sent) == {"id"} else "whole"
    return "reference" if isinstance(sent, Reference) else "whole"


SentReporter = Annotated[
    Annotated[ReporterDraft, Tag("whole")] | Annotated[Reference, Tag("reference")], Discriminator(_whole_or_reference)
]
SentSource = Annotated[
    Annotated[SourceDraft, Tag("whole")] | Annotated[Reference, Tag("reference")], Discriminator(_whole_or_reference)
]
