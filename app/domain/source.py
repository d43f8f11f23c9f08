"""Who said it, and in which publication."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.domain.dates import parse_day, parse_moment
from app.domain.text import check_text
from app.domain.vocabulary import ReporterKind

ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"


def _day(text: str) -> str:
    parse_day(text)
    return text


def _moment(text: str) -> str:
    return parse_moment(text).text


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""A stable id, never used again for something else."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=5000), AfterValidator(check_text)]
DayText = Annotated[str, AfterValidator(_day)]
"""An ISO 8601 day, kept as it was sent."""
MomentText = Annotated[str, AfterValidator(_moment)]
"""A day or RFC 3339 instant, kept as it was sent."""
MOST_PEOPLE = 10**10
"""No toll counts more people than have lived at one time; sums of such numbers stay below 2^63."""
Whole = Annotated[int, Field(strict=True, ge=0, le=MOST_PEOPLE)]
"""A number of people. Null is "not reported", never 0."""


class Record(BaseModel):
    """What all records share: unknown members are refused, nothing is changed after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Reporter(Record):
    """Who gave a figure."""

    id: Id = Field(examples=["gov-ml"])
    name: Text = Field(examples=["Government of Mali"])
    kind: ReporterKind = Field(examples=["government"])


class Source(Record):
    """A publication that carries a figure. What is not known of it stays null."""

    id: Id
    title: Text
    publisher: Text | None = None
    published_on: DayText | None = None
    url: Text | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = Field(
        None, description="BCP 47 language tag.", examples=["en"]
    )
    licence: Text | None = None
    attribution: Text | None = None


class Reference(Record):
    """A reporter or source that is already recorded, by its id alone."""

    id: Id
