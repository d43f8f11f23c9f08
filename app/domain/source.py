"""Who said it, and in which publication."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

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
"""A stable id, never used again for something else."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=5000), AfterValidator(check_text)]
DAY_SCHEMA: dict[str, Any] = {"type": "string", "format": "date"}
MOMENT_SCHEMA: dict[str, Any] = {"anyOf": [DAY_SCHEMA, {"type": "string", "format": "date-time"}]}
"""Two types for generated clients. The day is first: what reads a day refuses an instant, not the other way round."""
DayText = Annotated[str, AfterValidator(_day), WithJsonSchema(DAY_SCHEMA)]
"""An ISO 8601 day, kept as it was sent."""
MomentText = Annotated[str, AfterValidator(_moment), WithJsonSchema(MOMENT_SCHEMA)]
"""A day or RFC 3339 instant, kept as it was sent."""
INT64 = {"format": "int64"}
"""Adds to the JSON Schema of a whole number that 32 bits may not hold it."""
MOST_PEOPLE = 10**10
"""No toll counts more people than have lived at one time; sums of such numbers stay below 2^63."""
Whole = Annotated[int, Field(strict=True, ge=0, le=MOST_PEOPLE, json_schema_extra=INT64)]
"""A number of people. Null is "not reported", never 0."""


class Record(BaseModel):
    """What all records share: unknown members are refused, nothing is changed after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Party(Record):
    """A reporter or a source: who said it, and where it was published."""

    SEALED: ClassVar[tuple[str, ...]] = ()
    """Members that a confidential one keeps to itself."""

    id: Id | None = None
    confidential: Annotated[bool, Field(strict=True)] = Field(
        False, description="Keep all that tells who it is from those without the scope `read:confidential`."
    )

    def with_id(self) -> Self:
        """The same with its id. One that is made says what the record says, so that it is the same each time."""
        return self if self.id else self.model_copy(update={"id": self._made_id()})

    def _made_id(self) -> str:
        raise NotImplementedError

    def record(self) -> dict[str, Any]:
        """Its members as they are recorded; `confidential` only where it is."""
        told = self.model_dump(mode="json")
        confidential = told.pop("confidential")
        return told | ({"confidential": True} if confidential else {})

    def _digest(self) -> str:
        if self.confidential:
            return secrets.token_hex(8)
        return hashlib.sha256(canonical(self.model_dump(mode="json", exclude={"id"}))).hexdigest()[:16]


class ReporterDraft(Party):
    """Who gave a figure."""

    SEALED = ("name",)

    id: Id | None = Field(None, description="Made of the name when absent.", examples=["gov-ml"])
    name: Text = Field(examples=["Government of Mali"])
    kind: ReporterKind = Field(examples=["government"])

    def _made_id(self) -> str:
        slug = "-".join(fold(self.name).split())[:100]
        readable = not self.confidential and re.fullmatch(ID_PATTERN, slug)
        return slug if readable else f"reporter-{self._digest()}"


class SourceDraft(Party):
    """A publication that carries a figure. What is not known of it stays null."""

    SEALED = ("title", "publisher", "url", "language", "licence", "attribution")

    id: Id | None = Field(None, description="Made of the other members when absent.")
    title: Text
    publisher: Text | None = None
    published_on: DayText | None = Field(None, description="Not in the future.")
    url: Text | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = Field(
        None, description="BCP 47 language tag.", examples=["en"]
    )
    licence: Text | None = None
    attribution: Text | None = None

    def _made_id(self) -> str:
        return f"source-{self._digest()}"


class Reference(Record):
    """A reporter or source that is already recorded, by its id alone."""

    id: Id


def _whole_or_reference(sent: Any) -> str:
    if isinstance(sent, (dict, Mapping)):  # a dict is known as one faster
        return "reference" if set(sent) == {"id"} else "whole"
    return "reference" if isinstance(sent, Reference) else "whole"


SentReporter = Annotated[
    Annotated[ReporterDraft, Tag("whole")] | Annotated[Reference, Tag("reference")], Discriminator(_whole_or_reference)
]
SentSource = Annotated[
    Annotated[SourceDraft, Tag("whole")] | Annotated[Reference, Tag("reference")], Discriminator(_whole_or_reference)
]
