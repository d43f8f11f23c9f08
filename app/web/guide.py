"""What those who know ACLED or UCDP GED find here, and under which name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.vocabulary import (
    ACLED_GEO_PRECISION,
    ACLED_INTER,
    ACLED_INTER_WORDS,
    ACLED_TIME_PRECISION,
    SUB_EVENT_TYPES,
    UCDP_DATE_PREC,
    UCDP_WHERE_PREC,
    ActorKind,
    ViolenceType,
)
from app.web.words import word


@dataclass(frozen=True, slots=True)
class Named:
    """A member of ours, and the columns that say the same."""

    ours: str
    acled: str
    ucdp: str
    note: str = ""


_COLUMNS = (
    Named(
        "id, external_ids",
        "event_id_cnty",
        "id",
        "Imported incidents are acled-… or ucdp-…, or the one that already bears the id.",
    ),
    Named(
        "date_start, date_end",
        "event_date",
        "date_start, date_end",
        "Every incident has an interval; a known day has both alike.",
    ),
    Named("date_precision", "time_precision", "date_prec"),
    Named("event_type, sub_event_type", "event_type, sub_event_type", "", "ACLED's words."),
    Named("type_of_violence", "", "type_of_violence", "UCDP's numbers."),
    Named(
        "actors",
        "actor1, inter1, actor2, inter2",
        "side_a, side_b",
        "Roles attacker and target where the text tells, else side_a and side_b.",
    ),
    Named("country, region", "country, admin1", "country, adm_1", "ISO 3166 codes beside the names."),
    Named("district, place", "admin2, location", "adm_2, where_coordinates"),
    Named("latitude, longitude", "latitude, longitude", "latitude, longitude"),
    Named("place_precision", "geo_precision", "where_prec"),
    Named("toll.killed.best", "fatalities", "best", "The headline: what stands now, or stood at as_of."),
    Named("toll.killed.low, .high", "", "low, high"),
    Named("breakdown of a toll report", "", "deaths_a, deaths_b, deaths_civilians, deaths_unknown"),
    Named(
        "reported_on of a toll report",
        "timestamp",
        "the day of the release",
        "When the figure was told; as_of goes by it.",
    ),
    Named(
        "attributes",
        "all other columns",
        "all other columns",
        "Kept word for word, and written back by f=acled and f=ucdp.",
    ),
)


def columns() -> Sequence[Named]:
    """Their columns and our members."""
    return _COLUMNS


@dataclass(frozen=True, slots=True)
class CodeList:
    """A code list of ours, with the numbers or words that others have for each code."""

    name: str
    ours: str
    theirs: Sequence[tuple[str, Sequence[str]]]
    """(code of ours, what ACLED and UCDP have for it)."""


def codes() -> Sequence[CodeList]:
    """Our code lists against theirs."""
    return (
        CodeList("Precision of the date", "date_precision", _both(ACLED_TIME_PRECISION, UCDP_DATE_PREC)),
        CodeList("Precision of the place", "place_precision", _both(ACLED_GEO_PRECISION, UCDP_WHERE_PREC)),
        CodeList(
            "Kind of an actor",
            "actors.kind",
            [(k.value, (_inter(k), "")) for k in ActorKind],
        ),
        CodeList(
            "Type of violence",
            "type_of_violence",
            [(str(v.value), ("", word(v.name.lower()))) for v in ViolenceType],
        ),
        CodeList(
            "Event types",
            "event_type: sub_event_type",
            [(event.value, ("; ".join(names), "")) for event, names in SUB_EVENT_TYPES.items()],
        ),
    )


def _both(acled: Mapping[int, str], ucdp: Mapping[int, str]) -> list[tuple[str, Sequence[str]]]:
    ours = dict.fromkeys([*ucdp.values(), *acled.values()])
    return [(str(code), (_numbers(acled, code), _numbers(ucdp, code))) for code in ours]


def _numbers(codes: Mapping[int, str], code: str) -> str:
    return ", ".join(str(number) for number, told in codes.items() if told == code)


def _inter(kind: ActorKind) -> str:
    number = _numbers(ACLED_INTER, kind)
    return f"{number} or {ACLED_INTER_WORDS[kind]}" if kind in ACLED_INTER_WORDS else number
