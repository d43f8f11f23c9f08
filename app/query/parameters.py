"""Every filter, sort and control of a question, declared once.

HTTP validation, the OpenAPI text, the SQL, the command line's options and the README's table come from here.
To add a filter, add a line to `FILTERS`; a new way to compare also needs a line in `store.read.filters`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from app.domain.incident import IncidentFields
from app.domain.vocabulary import (
    ActorKind,
    DatePrecision,
    EventType,
    Figure,
    Measure,
    Movement,
    SubEventType,
    ViolenceType,
)
from app.domain.written_days import DayOrder
from app.query import value_types
from app.query.cql_text import Language
from app.query.features import QUERYABLES
from app.query.value_types import ValueType


class Comparison(Enum):
    """How a filter compares. `store.read.filters` says each in SQL."""

    ANY_OF = auto()
    AT_LEAST = auto()
    AT_MOST = auto()
    SINCE = auto()
    WORDS = auto()
    NEAR_BORDER = auto()
    TARGET_KIND = auto()
    BOX = auto()
    CIRCLE = auto()
    SOME_REPORT = auto()
    DROPPED = auto()
    DROPPED_BY = auto()
    PREDICATE = auto()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a question: its name, how its value is read, and what it means."""

    name: str
    kind: ValueType
    help: str
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Filter(Parameter):
    """A parameter that limits which incidents are meant. `column` may name the figure: `killed_{figure}`."""

    how: Comparison = Comparison.ANY_OF
    column: str = ""


def _many(name: str, kind: ValueType, column: str, help: str, how: Comparison = Comparison.ANY_OF) -> Filter:
    return Filter(name, kind, help, repeatable=True, how=how, column=column)


def _one(name: str, kind: ValueType, how: Comparison, column: str, help: str) -> Filter:
    return Filter(name, kind, help, how=how, column=column)


def _limits(measure: Measure) -> tuple[Filter, Filter]:
    column = f"{measure}_{{figure}}"
    return (
        _one(f"{measure}_min", value_types.WHOLE, Comparison.AT_LEAST, column, f"Headline {measure} is at least this."),
        _one(f"{measure}_max", value_types.WHOLE, Comparison.AT_MOST, column, f"Headline {measure} is at most this."),
    )


_FROM_BEGINNINGS = (
    "from their beginnings; a single letter or digit is a whole word. "
    f"At most {value_types.MOST_WORDS} different words."
)
FILTERS: tuple[Filter, ...] = (
    _many(
        "country",
        value_types.COUNTRY,
        "country",
        "Country, former state or waters: code, alpha-3 or name. Any matches.",
    ),
    _many(
        "region",
        value_types.REGION,
        "region_key",
        "Region: ISO 3166-2 code or name, in English, French, Spanish or a local language, "
        "without regard to case or accents.",
    ),
    _one("place", value_types.WORDS, Comparison.WORDS, "place", f"Words of the place's name, {_FROM_BEGINNINGS}"),
    _one("actor", value_types.WORDS, Comparison.WORDS, "actors", f"Words of an actor's name, {_FROM_BEGINNINGS}"),
    _one(
        "q",
        value_types.WORDS,
        Comparison.WORDS,
        "",
        f"Words of title, summary, place, district, region and actors, {_FROM_BEGINNINGS}",
    ),
    _many(
        "near_border",
        value_types.COUNTRY,
        "",
        "Said to be close to the border with this country.",
        Comparison.NEAR_BORDER,
    ),
    _one(
        "date_from",
        value_types.DAY,
        Comparison.AT_LEAST,
        "date_end",
        "The incident's interval ends on this day or later.",
    ),
    _one(
        "date_to",
        value_types.DAY,
        Comparison.AT_MOST,
        "date_start",
        "The incident's interval starts on this day or earlier.",
    ),
    _many("date_precision", value_types.choice(DatePrecision), "date_precision", "How closely the date is known."),
    _many("event_type", value_types.choice(EventType), "event_type", "ACLED event type."),
    _many("sub_event_type", value_types.choice(SubEventType), "sub_event_type", "ACLED sub-event type."),
    _many(
        "type_of_violence",
        value_types.numbers(ViolenceType),
        "type_of_violence",
        "UCDP type of violence: 1 state-based, 2 non-state, 3 one-sided.",
    ),
    _many(
        "target_kind",
        value_types.choice(ActorKind),
        "",
        "Kind of an actor that was the target.",
        Comparison.TARGET_KIND,
    ),
    _one(
        "bbox",
        value_types.BOX,
        Comparison.BOX,
        "",
        "Box of WGS 84 degrees; where min_lon > max_lon it spans the antimeridian.",
    ),
    _one("near", value_types.POINT, Comparison.CIRCLE, "", "Centre of a circle of `radius_km`, as latitude,longitude."),
    *(limit for measure in Measure for limit in _limits(measure)),
    _one(
        "ever_killed_min",
        value_types.WHOLE,
        Comparison.AT_LEAST,
        "killed_ever",
        "Some report of killed ever gave at least this.",
    ),
    _one(
        "first_killed_min",
        value_types.WHOLE,
        Comparison.AT_LEAST,
        "killed_first",
        "The first headline killed was at least this.",
    ),
    _one(
        "change",
        value_types.choice(Movement),
        Comparison.ANY_OF,
        "killed_change",
        "How headline killed moved since its first figure.",
    ),
    _one(
        "revisions_min",
        value_types.WHOLE,
        Comparison.AT_LEAST,
        "killed_revisions",
        "Headline killed moved at least this often.",
    ),
    _one(
        "spread_min",
        value_types.WHOLE,
        Comparison.AT_LEAST,
        "killed_spread",
        "High − low of headline killed is at least this.",
    ),
    _one(
        "disputed",
        value_types.FLAG,
        Comparison.ANY_OF,
        "killed_disputed",
        "Standing reports of killed contradict each other.",
    ),
    _one(
        "reported_by", value_types.ID, Comparison.SOME_REPORT, "reporter", "Some report came from this reporter (id)."
    ),
    _one("source", value_types.ID, Comparison.SOME_REPORT, "source", "Some report came from this source (id)."),
    _one(
        "reported_from",
        value_types.MOMENT,
        Comparison.SOME_REPORT,
        "from",
        "Some report was given at this time or later.",
    ),
    _one(
        "reported_to",
        value_types.MOMENT,
        Comparison.SOME_REPORT,
        "to",
        "Some report was given at this time or earlier.",
    ),
    _one(
        "dropped",
        value_types.FLAG,
        Comparison.DROPPED,
        "",
        "The newest release of a data set that speaks of its country and time no longer lists it; `false` leaves such "
        "incidents out.",
    ),
    _one(
        "dropped_by",
        value_types.ID,
        Comparison.DROPPED_BY,
        "",
        "This release (id of its source, like ucdp-ged-25.1) does not list it, and an earlier one did.",
    ),
    _one(
        "updated_since",
        value_types.MOMENT,
        Comparison.SINCE,
        "recorded_from",
        "What is answered changed at this time or later.",
    ),
)
"""Where several of `reported_by`, `source`, `reported_from` and `reported_to` are given, one report meets them all."""

FILTER = _one(
    "filter", value_types.CQL, Comparison.PREDICATE, "", "A condition on the properties of features, in CQL2."
)
"""Under `/ogc` alone."""
BY_NAME = {f.name: f for f in (*FILTERS, FILTER)}


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
        """What is ordered by."""
        return self.value.removeprefix("-")

    @property
    def down(self) -> bool:
        """Whether the largest comes first."""
        return self.value.startswith("-")


class Format(StrEnum):
    """Forms of an answer."""

    JSON = "json"
    GEOJSON = "geojson"
    CSV = "csv"
    NDJSON = "ndjson"
    ACLED = "acled"
    UCDP = "ucdp"
    PARQUET = "parquet"


class FileFormat(StrEnum):
    """What a file that is imported is said to be."""

    UCDP_GED = "ucdp-ged"
    ACLED = "acled"
    CSV = "csv"


class Group(StrEnum):
    """What sums can be grouped by."""

    COUNTRY = "country"
    REGION = "region"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    EVENT_TYPE = "event_type"
    TYPE_OF_VIOLENCE = "type_of_violence"
    ACTOR = "actor"


DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MOST_GROUPS = 20_000
"""Groups that statistics may have: the days of half a century."""
MEMBERS = ("id", *IncidentFields.model_fields, "recorded_at", "toll", "sources", "updated_at")
"""The members of an incident, in the order in which they are answered."""

AS_OF = Parameter("as_of", value_types.MOMENT, "Answer with what had been reported by this day or instant.")
RECORDED_AS_OF = Parameter(
    "recorded_as_of", value_types.MOMENT, "Answer as this service would have answered at this instant."
)
RADIUS_KM = Parameter("radius_km", value_types.KILOMETRES, "Radius of the circle around `near`, in kilometres.")
FIGURE = Parameter(
    "figure", value_types.choice(Figure, "best"), "Figure of the headline that limits, sorts and sums use."
)
SORT = Parameter(
    "sort", value_types.choice(Sort, "-date"), "Order; `-` puts the largest first. Nulls last, ties by id."
)
LIMIT = Parameter(
    "limit",
    value_types.whole(1, MAX_LIMIT),
    f"Items on a page. JSON has {DEFAULT_LIMIT} unless told; the other forms have everything unless told. A page may "
    "hold fewer, where its items are long: go on while there is a `next`.",
)
CURSOR = Parameter("cursor", value_types.CURSOR, "Where the page begins; taken from `next`.")
TOTAL = Parameter("total", value_types.FLAG, "Add `total`, the number of items on all pages.")
FIELDS = Parameter("fields", value_types.choices(MEMBERS), "Only these members, separated by commas.")
HXL = Parameter("hxl", value_types.SWITCH, "Add a second row with HXL hashtags; with `f=csv` alone.")
BOM = Parameter("bom", value_types.SWITCH, "Begin with a byte order mark (UTF-8), for spreadsheets; with CSV alone.")
GROUP_BY = Parameter(
    "group_by", value_types.choices(tuple(Group)), f"Group by these, separated by commas. At most {MOST_GROUPS} groups."
)
MEASURE = Parameter("measure", value_types.choice(Measure), "Only reports of this measure.")
INCIDENT = Parameter("incident", value_types.ID, "Only reports that cover this incident (id).")
AFTER = Parameter(
    "after", value_types.whole(0, value_types.LARGEST), "Only entries after this `seq`; 0 is the beginning."
)
SEQ = Parameter("seq", value_types.whole(1, value_types.LARGEST), "The entry that is proved to be in the log.")
SIZE = Parameter(
    "size", value_types.whole(1, value_types.LARGEST), "The number of entries of the log that it is proved for."
)
FORMAT = Parameter("format", value_types.choice(FileFormat), "What the file is.")
RELEASE = Parameter("release", value_types.NAME, "Name of the release, like 26.0.2; needed for ucdp-ged.")
RELEASED_ON = Parameter("released_on", value_types.DAY, "Day on which the release came out; needed for ucdp-ged.")
DATES = Parameter(
    "dates",
    value_types.choice(DayOrder),
    "Whether 05/06/2001 has the day or the month first, where the file leaves it open.",
)
FROM = Parameter("from", value_types.whole(1, value_types.LARGEST), "The number of entries of the earlier log.")
TO = Parameter(
    "to", value_types.whole(1, value_types.LARGEST), "The number of entries of the later log; all when absent."
)


def _formats(*forms: Format) -> Parameter:
    return Parameter("f", value_types.choice(forms, "json"), "Form of the answer; goes before the `Accept` header.")


RESPONSE_FORMAT = _formats(*Format)
CLOCKS = (AS_OF, RECORDED_AS_OF)
MATCHING = (*FILTERS, RADIUS_KM, FIGURE, *CLOCKS)
"""What says which incidents are meant."""
PAGING = (LIMIT, CURSOR, TOTAL)
INCIDENTS = (*MATCHING, SORT, *PAGING, FIELDS, HXL, BOM, RESPONSE_FORMAT)
INCIDENT_BY_ID = (*CLOCKS, FIELDS, BOM, _formats(Format.JSON, Format.GEOJSON, Format.CSV))
HISTORY = (MEASURE, *CLOCKS, BOM, _formats(Format.JSON, Format.CSV))
STATS = (*MATCHING, GROUP_BY, BOM, _formats(Format.JSON, Format.CSV))
REPORTS = (
    INCIDENT,
    *(BY_NAME[name] for name in ("reported_by", "source", "reported_from", "reported_to")),
    MEASURE,
    *CLOCKS,
    *PAGING,
    BOM,
    _formats(Format.JSON, Format.CSV, Format.NDJSON),
)
LISTS = (*CLOCKS, *PAGING)


class Crs(StrEnum):
    """Coordinate reference systems: WGS 84 as longitude and latitude, and with heights."""

    CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"


DATETIME = Parameter(
    "datetime", value_types.INTERVAL, "The incident's interval meets this day, instant or interval (UTC)."
)
EQUAL = tuple(
    Parameter(name, value_types.equal_to(name), queryable.description)
    for name, queryable in QUERYABLES.items()
    if name not in BY_NAME or BY_NAME[name].how is not Comparison.ANY_OF
)
"""Properties of features as parameters: each is equal to its value. A filter that compares the same comes before it."""
_CRS = value_types.choice(Crs, Crs.CRS84)
_AS_FEATURES = {
    "bbox": Parameter("bbox", value_types.CUBE, BY_NAME["bbox"].help),
    "limit": Parameter(
        "limit",
        value_types.clamped(1, MAX_LIMIT, DEFAULT_LIMIT),
        "Features on a page. A larger limit counts as the largest. A page may hold fewer, where its features are long: "
        "go on while there is a link `next`.",
    ),
    "total": Parameter("total", value_types.FLAG, "`false` leaves `numberMatched` out, and saves counting."),
    **{p.name: p for p in EQUAL},
}
_CQL = (
    FILTER,
    Parameter("filter-lang", value_types.choice(Language, Language.CQL2_TEXT), "Language of `filter`."),
    Parameter("filter-crs", _CRS, "Coordinates of shapes in `filter`."),
    Parameter("bbox-crs", _CRS, "Coordinates of `bbox`."),
)
ABOUT_FEATURES = (_formats(Format.JSON),)
FEATURE = (*CLOCKS, _formats(Format.JSON, Format.GEOJSON))
FEATURES = (
    DATETIME,
    *_CQL,
    *{p.name: _AS_FEATURES.get(p.name, p) for p in (*EQUAL, *MATCHING, SORT, *PAGING)}.values(),
    FEATURE[-1],
)
"""As OGC API – Features reads them: a box may have heights, and a limit that is too large is lowered."""
CHANGES = (AFTER, LIMIT)
IMPORT = (FORMAT, RELEASE, RELEASED_ON, DATES)
PROOF = (SEQ, SIZE, FROM, TO)


def forms_of(parameters: Sequence[Parameter]) -> list[Format]:
    """The forms in which an answer can be given; JSON is the first."""
    values = next((p.kind.schema["enum"] for p in parameters if p.name == "f"), [Format.JSON])
    return [Format(value) for value in values]
