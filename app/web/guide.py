"""Columns and codes of ACLED and UCDP GED, and what they are called here."""

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
class ColumnNames:
    """One of our members, and the columns that correspond to it."""

    ours: str
    acled: str
    ucdp: str
    note: str = ""


_COLUMNS = (
    ColumnNames(
        "id, external_ids",
        "event_id_cnty",
        "id",
        "Imported incidents get the id acled-… or ucdp-…, unless an incident already has the external id.",
    ),
    ColumnNames(
        "date_start, date_end",
        "event_date",
        "date_start, date_end",
        "Every incident has an interval; for a known day both are equal.",
    ),
    ColumnNames("date_precision", "time_precision", "date_prec"),
    ColumnNames("event_type, sub_event_type", "event_type, sub_event_type", "", "Values of ACLED."),
    ColumnNames("type_of_violence", "", "type_of_violence", "Values of UCDP."),
    ColumnNames(
        "actors",
        "actor1, inter1, actor2, inter2",
        "side_a, side_b",
        "Roles are attacker and target if known, else side_a and side_b.",
    ),
    ColumnNames("country, region", "country, admin1", "country, adm_1", "ISO 3166 codes and names."),
    ColumnNames("district, place", "admin2, location", "adm_2, where_coordinates"),
    ColumnNames("latitude, longitude", "latitude, longitude", "latitude, longitude"),
    ColumnNames("place_precision", "geo_precision", "where_prec"),
    ColumnNames("toll.killed.best", "fatalities", "best", "The headline: the current toll, or the toll at as_of."),
    ColumnNames("toll.killed.low, .high", "", "low, high"),
    ColumnNames("breakdown of a toll report", "", "deaths_a, deaths_b, deaths_civilians, deaths_unknown"),
    ColumnNames(
        "reported_on of a toll report",
        "timestamp",
        "the date of the release",
        "When the figure was reported; as_of refers to it.",
    ),
    ColumnNames(
        "attributes",
        "all other columns",
        "all other columns",
        "Kept verbatim, and written back by f=acled and f=ucdp.",
    ),
)


def columns() -> Sequence[ColumnNames]:
    """Their columns and our members."""
    return _COLUMNS


@dataclass(frozen=True, slots=True)
class CodeList:
    """One of our code lists, with the numbers or words of ACLED and UCDP for each code."""

    name: str
    ours: str
    theirs: Sequence[tuple[str, Sequence[str]]]
    """(our code, the values of ACLED and UCDP)."""


def codes() -> Sequence[CodeList]:
    """Our code lists and theirs."""
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
    return ", ".join(str(number) for number, name in codes.items() if name == code)


def _inter(kind: ActorKind) -> str:
    number = _numbers(ACLED_INTER, kind)
    return f"{number} or {ACLED_INTER_WORDS[kind]}" if kind in ACLED_INTER_WORDS else number
