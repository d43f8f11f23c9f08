"""The code lists of parameters: sort orders, formats, groups, coordinate reference systems."""

from enum import StrEnum


class Sort(StrEnum):
    """Orders of a page. Nulls come last both ways; ties are ordered by id, in the direction of the sort."""

    DATE = "date"
    DATE_DOWN = "-date"
    KILLED = "killed"
    KILLED_DOWN = "-killed"
    REPORTED = "reported"
    REPORTED_DOWN = "-reported"
    UPDATED = "updated"
    UPDATED_DOWN = "-updated"

    @property
    def key(self) -> str:
        """The sort key without its direction."""
        return self.value.removeprefix("-")

    @property
    def down(self) -> bool:
        """Whether the largest comes first."""
        return self.value.startswith("-")


class Format(StrEnum):
    """Formats of a response."""

    JSON = "json"
    GEOJSON = "geojson"
    CSV = "csv"
    NDJSON = "ndjson"
    ACLED = "acled"
    UCDP = "ucdp"
    PARQUET = "parquet"


class FileFormat(StrEnum):
    """Formats of an imported file."""

    UCDP_GED = "ucdp-ged"
    ACLED = "acled"
    CSV = "csv"


class Group(StrEnum):
    """Groups of statistics."""

    COUNTRY = "country"
    REGION = "region"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    EVENT_TYPE = "event_type"
    TYPE_OF_VIOLENCE = "type_of_violence"
    ACTOR = "actor"


class Crs(StrEnum):
    """Coordinate reference systems: WGS 84 as longitude and latitude, and with heights."""

    CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"
