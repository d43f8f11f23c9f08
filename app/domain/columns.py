"""The columns of the plain layout of incidents: the member of each, its HXL tag and its type.

CSV, its row of HXL hashtags (https://hxlstandard.org, 1.1) and Parquet have these columns.
"""

from dataclasses import dataclass
from enum import Enum, auto

from app.domain.vocabulary import ActorRole, Measure


class Type(Enum):
    """The type of a column in a typed table."""

    TEXT = auto()
    DAY = auto()
    INSTANT = auto()
    FLAG = auto()
    NUMBERED = auto()
    """A number that encodes a word."""
    COUNT = auto()
    DEGREES = auto()
    NAMES = auto()
    """A list of texts."""
    JSON = auto()
    """A list or an object."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its member of an incident, its HXL tag with attributes, and its type."""

    member: str
    hxl: str
    type: Type = Type.TEXT


OF_RECORD = {
    "id": Column("id", "#event+id"),
    "title": Column("title", "#event+title"),
    "summary": Column("summary", "#description+event"),
    "date_start": Column("date_start", "#date+start", Type.DAY),
    "date_end": Column("date_end", "#date+end", Type.DAY),
    "date_precision": Column("date_precision", "#meta+date+precision"),
    "country": Column("country", "#country+code+v_iso2"),
    "country_name": Column("country", "#country+name"),
    "country_iso3": Column("country", "#country+code+v_iso3"),
    "region_code": Column("region", "#adm1+code"),
    "region_name": Column("region", "#adm1+name"),
    "district": Column("district", "#adm2+name"),
    "place": Column("place", "#loc+name"),
    "latitude": Column("latitude", "#geo+lat", Type.DEGREES),
    "longitude": Column("longitude", "#geo+lon", Type.DEGREES),
    "place_precision": Column("place_precision", "#geo+precision"),
    "near_border": Column("near_border", "#country+border+code+list+v_iso2", Type.NAMES),
    "event_type": Column("event_type", "#event+type+v_acled"),
    "sub_event_type": Column("sub_event_type", "#event+subtype+v_acled"),
    "type_of_violence": Column("type_of_violence", "#event+code+type+v_ucdp", Type.NUMBERED),
}
OF_HEADLINE = {
    "low": ("#affected+{}+low", Type.COUNT),
    "best": ("#affected+{}+best", Type.COUNT),
    "high": ("#affected+{}+high", Type.COUNT),
    "open_ended": ("#meta+{}+open_ended", Type.FLAG),
    "first": ("#affected+{}+first", Type.COUNT),
    "change": ("#meta+{}+change", Type.TEXT),
    "revisions": ("#meta+{}+num+revisions", Type.COUNT),
    "spread": ("#meta+{}+num+spread", Type.COUNT),
    "disputed": ("#meta+{}+disputed", Type.FLAG),
    "reports": ("#meta+{}+num+reports", Type.COUNT),
    "reported_on": ("#date+{}+reported", Type.TEXT),  # a day or an instant, as reported
}
"""Columns of the headline of a measure. `#affected` counts only people, so that it can be summed."""
HXL_MEASURES = {
    Measure.KILLED: "killed",
    Measure.WOUNDED: "injured",
    Measure.MISSING: "missing",
    Measure.CAPTURED: "captured",
    Measure.SURVIVED: "survived",
}
INCIDENT_COLUMNS: dict[str, Column] = {
    **OF_RECORD,
    **{role.value: Column("actors", f"#group+{role}+list+name") for role in ActorRole},
    "claimed_by": Column("claimed_by", "#group+claiming+name"),
    **{
        f"{measure}_{name}": Column("toll", tag.format(HXL_MEASURES[measure]), type_)
        for measure in Measure
        for name, (tag, type_) in OF_HEADLINE.items()
    },
    "toll_shared": Column("toll", "#meta+json+toll_shared", Type.JSON),
    "actors": Column("actors", "#group+json+list", Type.JSON),
    "sources": Column("sources", "#meta+json+list+source", Type.JSON),
    "external_ids": Column("external_ids", "#meta+external_ids+json", Type.JSON),
    "attributes": Column("attributes", "#meta+attributes+json", Type.JSON),
    "toll_reports": Column("toll", "#meta+json+toll_reports", Type.JSON),
}
RECORDED_COLUMNS = {
    "recorded_at": Column("recorded_at", "#date+recorded", Type.INSTANT),
    "updated_at": Column("updated_at", "#date+updated", Type.INSTANT),
}
"""Recorded times of this service. Written only where selected, since no other service can reproduce them."""
COLUMNS = INCIDENT_COLUMNS | RECORDED_COLUMNS
