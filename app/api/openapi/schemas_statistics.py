"""The shapes of statistics, countries and regions."""

from typing import Literal

from pydantic import Field

from app.api.openapi.schemas import Count, Figures, Shape
from app.domain.source import DayText
from app.query.code_lists import Group


class Region(Shape):
    """A country or region with incidents. A region without an ISO 3166-2 code has only its name."""

    code: str | None
    name: str
    kind: Literal["country", "region"]
    country: str
    incidents: Count
    date_from: DayText | None
    date_to: DayText | None


class Sums(Shape):
    """Counts and sums. `…_shared` are figures reported jointly for several incidents; each set counts once."""

    incidents: Count
    killed: Figures
    wounded: Figures
    missing: Figures
    captured: Figures
    survived: Figures
    killed_shared: Figures
    wounded_shared: Figures
    missing_shared: Figures
    captured_shared: Figures
    survived_shared: Figures


class RegionSummary(Region, Sums):
    """A country or region with the sums of its incidents."""

    regions: list[Region] = Field(description="The regions of a country that have incidents.")


class SumsOfGroup(Sums):
    """Counts and sums of one group. Keys that `group_by` does not name are absent."""

    country: str | None = None
    region: str | None = Field(None, description="ISO 3166-2 code, or the name of a region that has none.")
    region_name: str | None = None
    year: int | None = None
    month: str | None = Field(None, examples=["2019-11"])
    day: DayText | None = Field(None, examples=["2019-11-01"])
    event_type: str | None = None
    type_of_violence: int | None = None
    actor: str | None = None


assert {g.value for g in Group} <= SumsOfGroup.model_fields.keys()


class Stats(Shape):
    """Counts and sums by group, and in total."""

    items: list[SumsOfGroup]
    total: Sums


class Regions(Shape):
    """Countries, each followed by its regions."""

    items: list[Region]
