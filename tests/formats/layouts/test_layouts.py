"""Rows of UCDP GED and of ACLED become records, and records become rows."""

from typing import Any

import pytest

from app.domain.incident import IncidentDraft
from app.domain.places import known_region
from app.formats.layouts import acled, ucdp
from app.formats.layouts.cells import Cells
from tests import ged

GED = {name: str(value) for name, value in next(iter(ged.events(1, seed=3))).items()} | {
    "id": "412700", "year": "2019", "type_of_violence": "1", "side_a": "Government of Mali", "side_b": "IS", "where_prec": "1",
    "where_coordinates": "Indelimane village", "adm_1": "Gao region", "adm_2": "Ansongo cercle", "latitude": "15.5",
    "longitude": "1.25", "geom_wkt": "POINT (1.25 15.5)", "country": "Mali", "country_id": "432", "date_prec": "1",
    "date_start": "2019-11-01", "date_end": "2019-11-01", "deaths_a": "49", "deaths_b": "0", "deaths_civilians": "0",
    "deaths_unknown": "4", "low": "49", "best": "53", "high": "54",
}  # fmt: skip
ACLED = {
    "event_id_cnty": "MLI3001", "event_date": "2019-11-01", "year": "2019", "time_precision": "1",
    "disorder_type": "Political violence", "event_type": "Battles", "sub_event_type": "Armed clash",
    "actor1": "Military Forces of Mali (2013-2020)", "assoc_actor_1": "", "inter1": "State forces",
    "actor2": "Islamic State", "assoc_actor_2": "", "inter2": "Rebel group", "interaction": "State forces-Rebel group",
    "civilian_targeting": "", "iso": "466", "region": "Western Africa", "country": "Mali", "admin1": "Menaka",
    "admin2": "Menaka", "admin3": "Menaka", "location": "Indelimane", "latitude": "15.53", "longitude": "1.42",
    "geo_precision": "2", "source": "A wire; A radio", "source_scale": "International", "notes": "A post was attacked.",
    "fatalities": "53", "tags": "", "timestamp": "1572739200",
}  # fmt: skip


def of_ucdp(**changed: str) -> tuple[dict[str, Any], dict[str, Any] | None, list[str]]:
    """A row of UCDP's, read: the incident, the figure, and what was repaired."""
    cells = Cells(GED | changed)
    incident, figure = ucdp.read(cells)
    IncidentDraft.model_validate(incident)
    return incident, figure, cells.repairs


def of_acled(**changed: str) -> tuple[dict[str, Any], dict[str, Any] | None, list[str]]:
    """A row of ACLED's, read."""
    cells = Cells(ACLED | changed)
    incident, figure = acled.read(cells)
    IncidentDraft.model_validate(incident)
    return incident, figure, cells.repairs


def test_a_ucdp_row_is_read_completely() -> None:
    # when
    incident, figure, repairs = of_ucdp()

    # then
    attributes = incident.pop("attributes")
    assert incident == {
        "id": "ucdp-412700", "title": "Fighting between Government of Mali and IS, Indelimane village",
        "date_start": "2019-11-01", "date_end": "2019-11-01", "date_precision": "day", "country": "ML",
        "region": {"code": "ML-7", "name": "Gao"}, "district": "Ansongo cercle", "place": "Indelimane village",
        "latitude": 15.5, "longitude": 1.25, "place_precision": "exact", "type_of_violence": 1,
        "actors": [
            {"name": "Government of Mali", "role": "side_a", "kind": "state_forces"},
            {"name": "IS", "role": "side_b", "kind": "rebel_group"},
        ],
        "external_ids": {"ucdp": "412700"},
    }  # fmt: skip
    assert figure == {
        "measure": "killed", "victims": "all", "bound": "range", "low": 49, "best": 53, "high": 54,
        "breakdown": {"side_a": 49, "side_b": 0, "civilian": 0, "unknown": 4},
    }  # fmt: skip
    assert attributes["adm_1"] == "Gao region"
    assert attributes["relid"] == GED["relid"]
    assert not repairs


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (("2", "5", "9"), ("range", 2, 5, 9)), (("5", "5", "5"), ("exact", None, 5, None)), (("0", "0", "0"), ("exact", None, 0, None)),
        (("2.0", "5.", "9.0000"), ("range", 2, 5, 9)), (("0", "0", "7"), ("range", 0, 0, 7)),
    ],
)  # fmt: skip
def test_ucdp_figures_are_read(given: tuple[str, str, str], read: tuple[Any, ...]) -> None:
    # when
    _, figure, repairs = of_ucdp(**dict(zip(("low", "best", "high"), given, strict=True)))

    # then
    assert figure is not None
    assert (figure["bound"], figure.get("low"), figure["best"], figure.get("high")) == read
    assert repairs == []


@pytest.mark.parametrize(
    ("given", "read", "told"),
    [
        (("9", "5", "2"), ("range", 2, 5, 9), "given as low 9, best 5, high 2; read as low 2, high 9"),
        (("6", "5", "9"), ("range", 5, 5, 9), "given as low 6, best 5, high 9; read as low 5, high 9"),
        (("2", "11", "9"), ("range", 2, 11, 11), "given as low 2, best 11, high 9; read as low 2, high 11"),
        (("", "5", "9"), ("range", 5, 5, 9), "given as low empty, best 5, high 9; read as low 5, high 9"),
        (("", "5", ""), ("exact", None, 5, None), "given as low empty, best 5, high empty; read as low 5, high 5"),
    ],
)  # fmt: skip
def test_best_is_kept_and_low_and_high_become_the_extremes(
    given: tuple[str, str, str], read: tuple[Any, ...], told: str
) -> None:
    # when
    _, figure, repairs = of_ucdp(**dict(zip(("low", "best", "high"), given, strict=True)))

    # then
    assert figure is not None
    assert (figure["bound"], figure.get("low"), figure["best"], figure.get("high")) == read
    assert repairs == [told]


def test_a_missing_best_is_the_sum_of_the_sides_or_null() -> None:
    # given
    no_sides = dict.fromkeys(("deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown"), "")

    # when
    _, summed, told = of_ucdp(best="")
    _, ranged, _ = of_ucdp(best="", **no_sides)
    _, nothing, why = of_ucdp(best="", low="", high="", **no_sides)

    # then
    assert summed is not None
    assert (summed["low"], summed["best"], summed["high"]) == (49, 53, 54)
    assert told == ["best is empty; the deaths by side come to 53"]
    assert ranged is not None
    assert (ranged["low"], ranged["best"], ranged["high"]) == (49, None, 54)
    assert nothing is None
    assert why == ["no figure is given"]


def test_column_names_of_candidate_releases_and_copies_are_accepted() -> None:
    # given
    named = {name: value for name, value in GED.items() if name not in ("low", "best", "high")}

    # when
    _, figure = ucdp.read(Cells(named | {"low_est": "49", "best_est": "53", "high_est": "54"}))

    # then
    assert figure == of_ucdp()[1]


@pytest.mark.parametrize(
    "told",
    [
        "2019-11-01", "2019-11-01 00:00:00", "2019-11-01 00:00:00.000", "2019-11-01T00:00:00Z", "2019-11-01T00:00:00+00:00", " 2019-11-01 ",
        "1 November 2019",
    ],
)  # fmt: skip
def test_a_day_is_read_in_the_formats_of_copies(told: str) -> None:
    assert of_ucdp(date_start=told, date_end=told)[0]["date_start"] == "2019-11-01"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"id": ""}, "id: is empty"), ({"id": "ML-1"}, "id: is not a whole number: ML-1"), ({"id": "1.5"}, "id: is not a whole number: 1.5"),
        ({"date_start": ""}, "date_start: is empty"), ({"date_start": "2019-02-30"}, "date_start: is not a day"), ({"date_start": "13/13/2019"}, "date_start: is not a day"),
        ({"date_end": "2019-10-31"}, "date_end: 2019-10-31 is before date_start 2019-11-01"), ({"date_end": "0000-00-00"}, "date_end: is not a day"),
        ({"country": "", "country_id": ""}, "country: is empty"), ({"country": "Atlantis", "country_id": ""}, "country: is not a country"), ({"side_a": ""}, "side_a: is empty"), ({"type_of_violence": "4"}, "type_of_violence: is not one of 1, 2, 3: 4"),
        ({"where_prec": "8"}, "where_prec: is not one of"), ({"date_prec": "6"}, "date_prec: is not one of"), ({"best": "many"}, "best: is not a whole number: many"),
        ({"best": "-1"}, "best: is not a number of people: -1"), ({"best": "99999999999"}, "best: is not a number of people"), ({"low": "1.5"}, "low: is not a whole number"),
        ({"low": "", "best": "", "deaths_a": "", "deaths_b": "", "deaths_civilians": "", "deaths_unknown": ""}, "best: is empty, and so is low"),
    ],
)  # fmt: skip
def test_an_unclear_cell_is_rejected_with_its_column_name(changed: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match="^" + why.replace("+", r"\+")):
        of_ucdp(**changed)


def test_a_clear_mistake_is_repaired_and_reported() -> None:
    # when
    place, _, of_place = of_ucdp(latitude="155", longitude="1.25")
    end, _, of_end = of_ucdp(date_end="", date_prec="")

    # then
    assert (place["latitude"], place["longitude"]) == (15.5, 1.25)
    assert of_place == ["latitude: is not within ±90 degrees: 155; taken from geom_wkt"]
    assert (end["date_end"], end["date_precision"]) == ("2019-11-01", "day")
    assert of_end == ["date_end is empty; read as date_start", "date_prec is empty; read as day from the dates"]


@pytest.mark.parametrize("nothing", ["", " ", "NA", "n/a", "NaN", "NULL", "None"])
def test_a_missing_figure_is_not_0(nothing: str) -> None:
    # when
    _, figure, _ = of_ucdp(deaths_unknown=nothing)

    # then
    assert figure is not None
    assert figure["breakdown"]["unknown"] is None
    assert figure["breakdown"]["side_b"] == 0


def test_whole_numbers_written_as_fractions_are_read_as_integers() -> None:
    # when
    incident, _, _ = of_ucdp(id="412700.0", gwnoa="432.0", where_prec="1.0", relid="MLI-2019-1-1.0")

    # then
    assert incident["external_ids"] == {"ucdp": "412700"}
    assert incident["attributes"]["gwnoa"] == "432"
    assert incident["attributes"]["relid"] == "MLI-2019-1-1.0"


def answered(incident: dict[str, Any], figure: dict[str, Any] | None) -> dict[str, Any]:
    """An incident as it is answered, as far as layouts look at it."""
    whole = IncidentDraft.model_validate(incident).model_dump(mode="json")
    toll = {} if figure is None else {"killed": {"low": None, "high": None} | figure | {"reported_on": "2019-11-03"}}
    if figure and figure["bound"] == "exact":
        toll["killed"] |= {"low": figure["best"], "high": figure["best"]}
    reports = [] if figure is None else [{"breakdown": None} | figure]
    return whole | {"toll": toll, "toll_reports": reports, "updated_at": "2020-01-01T00:00:00Z"}


def test_a_ucdp_row_round_trips_in_the_same_columns() -> None:
    # when
    row = ucdp.flat_incident(answered(*of_ucdp()[:2]))

    # then
    assert tuple(row) == ucdp.COLUMNS
    assert {name: "" if value is None else str(value) for name, value in row.items()} == GED


def test_an_acled_row_round_trips_in_the_same_columns() -> None:
    # when
    row = acled.flat_incident(answered(*of_acled()[:2]))

    # then
    assert tuple(row) == acled.COLUMNS
    told = {name: "" if value is None else str(value) for name, value in row.items()}
    assert told | {"timestamp": ACLED["timestamp"]} == ACLED


@pytest.mark.parametrize("layout", [ucdp, acled])
def test_unknown_values_are_left_blank(layout: Any) -> None:
    # given
    bare = {"id": "a", "title": "T", "date_start": "2020-01-01", "date_end": "2020-01-01", "date_precision": "day"}

    # when
    row = layout.flat_incident(answered(bare | {"country": "ML"}, None))

    # then
    told = {name for name, value in row.items() if value is not None}
    assert told <= {
        "year", "country", "date_prec", "date_start", "date_end", "event_date", "time_precision", "timestamp", "source",
        "inter1", "inter2", "iso", "country_id",
    }  # fmt: skip
    assert row.get("fatalities", row.get("best")) is None


def test_an_acled_row_is_read_completely() -> None:
    # when
    incident, figure, repairs = of_acled()

    # then
    attributes = incident.pop("attributes")
    assert incident == {
        "id": "acled-mli3001", "title": "Armed clash: Military Forces of Mali (2013-2020) and Islamic State, Indelimane",
        "date_start": "2019-11-01", "date_end": "2019-11-01", "date_precision": "day", "country": "ML",
        "region": {"code": "ML-9", "name": "Ménaka"}, "district": "Menaka", "place": "Indelimane", "latitude": 15.53,
        "longitude": 1.42, "place_precision": "near", "event_type": "Battles", "sub_event_type": "Armed clash",
        "actors": [
            {"name": "Military Forces of Mali (2013-2020)", "role": "side_a", "kind": "state_forces"},
            {"name": "Islamic State", "role": "side_b", "kind": "rebel_group"},
        ],
        "external_ids": {"acled": "MLI3001"},
    }  # fmt: skip
    assert figure == {"measure": "killed", "victims": "all", "bound": "exact", "best": 53}
    assert attributes["notes"] == "A post was attacked."
    assert repairs == []


@pytest.mark.parametrize(
    ("told", "kind"),
    [("1", "state_forces"), ("1.0", "state_forces"), ("State Forces", "state_forces"), ("2", "rebel_group"), ("8", "other_forces"),
     ("External/Other forces", "other_forces"), ("", "unknown"), ("0", "unknown"), ("Civilians", "civilians"), ("7", "civilians")],
)  # fmt: skip
def test_inter_is_read_as_a_number_or_a_word(told: str, kind: str) -> None:
    assert of_acled(inter1=told)[0]["actors"][0]["kind"] == kind


def test_the_first_actor_attacks_in_violence_against_civilians() -> None:
    # when
    incident, _, _ = of_acled(event_type="Violence against civilians", sub_event_type="Attack", inter2="7")

    # then
    assert [actor["role"] for actor in incident["actors"]] == ["attacker", "target"]


@pytest.mark.parametrize(
    ("precision", "days"),
    [("1", ("2019-11-01", "2019-11-01")), ("2", ("2019-10-29", "2019-11-04")), ("3", ("2019-11-01", "2019-11-30"))],
)
def test_a_time_precision_becomes_an_interval_and_the_date_is_kept(precision: str, days: tuple[str, str]) -> None:
    # when
    incident, figure, _ = of_acled(time_precision=precision)

    # then
    assert (incident["date_start"], incident["date_end"]) == days
    row = acled.flat_incident(answered(incident, figure))
    assert (row["event_date"], str(row["time_precision"])) == ("2019-11-01", precision)


def test_a_word_outside_of_acleds_list_round_trips() -> None:
    # when
    incident, figure, repairs = of_acled(event_type="Space battles", sub_event_type="Laser")

    # then
    assert incident["event_type"] is None
    assert [told.partition(" is not in ACLED")[0] for told in repairs] == [
        "event_type Space battles",
        "sub_event_type Laser",
    ]
    row = acled.flat_incident(answered(incident, figure))
    assert (row["event_type"], row["sub_event_type"]) == ("Space battles", "Laser")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"event_id_cnty": ""}, "event_id_cnty: is empty"), ({"event_id_cnty": "MLI 1"}, "event_id_cnty: is not an id such as MLI1234: MLI 1"),
        ({"event_date": ""}, "event_date: is empty"), ({"time_precision": "4"}, "time_precision: is not one of 1, 2, 3: 4"),
        ({"inter1": "Martians"}, "inter1: is not one of"), ({"inter1": "99"}, "inter1: is not one of"), ({"fatalities": "-3"}, "fatalities: is not a number of people"),
        ({"fatalities": "some"}, "fatalities: is not a whole number"), ({"event_type": "", "sub_event_type": ""}, "sub_event_type: is empty"),
        ({"country": "Atlantis", "iso": ""}, "country: is not a country"),
    ],
)  # fmt: skip
def test_an_unclear_acled_row_is_rejected(changed: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match="^" + why):
        of_acled(**changed)


@pytest.mark.parametrize("told", ["99999999999999", "-99999999999999"])
def test_an_impossible_time_is_rejected(told: str) -> None:
    with pytest.raises(ValueError, match=r"^timestamp: is n"):
        acled.changed_at(Cells(ACLED | {"timestamp": told}))


@pytest.mark.parametrize(
    ("told", "country", "code"),
    [
        ("Gao region", "ML", "ML-7"), ("Ménaka", "ML", "ML-9"), ("Menaka region", "ML", "ML-9"), ("Borno state", "NG", "NG-BO"),
        ("Donetsk oblast", "UA", "UA-14"), ("Kyiv city", "UA", "UA-30"), ("Kyiv oblast", "UA", "UA-32"), ("Dhaka division", "BD", "BD-C"),
        ("Nord-Kivu", "CD", "CD-NK"), ("North Kivu province", "CD", "CD-NK"), ("Nowhere region", "ML", None),
    ],
)  # fmt: skip
def test_a_first_order_division_becomes_a_region_by_its_name(told: str, country: str, code: str | None) -> None:
    # when
    region = known_region(told, country)

    # then
    assert region.code == code
    assert region.name == told if code is None else region.name


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"latitude": "95"}, "latitude: is not within ±90 degrees: 95"), ({"longitude": "181"}, "longitude: is not within ±180 degrees: 181"),
        ({"latitude": ""}, "latitude: is empty, and the other is not"), ({"longitude": "NA"}, "longitude: is empty, and the other is not"),
        ({"latitude": "north"}, "latitude: is not a number: north"), ({"longitude": "1°25'E"}, "longitude: is not a number: 1°25'E"),
    ],
)  # fmt: skip
def test_an_invalid_point_loses_the_point_and_keeps_the_figures(given: dict[str, str], why: str) -> None:
    for read, more in ((of_ucdp, {"geom_wkt": ""}), (of_acled, {})):
        # when
        incident, figure, repairs = read(**given, **more)

        # then
        assert (incident["latitude"], incident["longitude"]) == (None, None)
        assert figure is not None and figure["best"] == 53
        assert repairs == [f"{why}; recorded without a point"]


@pytest.mark.parametrize("given", ["15,5", "15.5", "+15.50", "1,55e1"])
def test_degrees_may_have_a_decimal_comma(given: str) -> None:
    assert of_acled(latitude=given)[0]["latitude"] == 15.5


@pytest.mark.parametrize(("given", "read"), [("12", 12), ("12.0", 12), ("12,0", 12), ("12,00", 12)])
def test_whole_numbers_may_have_a_decimal_comma(given: str, read: int) -> None:
    assert of_acled(fatalities=given)[1] == {"measure": "killed", "victims": "all", "bound": "exact", "best": read}


@pytest.mark.parametrize("given", ["1,234", "1.234", "1 234", "1,5", "12,000"])
def test_a_number_that_may_have_thousands_or_decimals_is_rejected(given: str) -> None:
    with pytest.raises(ValueError, match=r"^fatalities: is not a whole number"):
        of_acled(fatalities=given)


NOTHING = ["NA", "N/A", "NaN", "nan", "NULL", "null", "None", "-", "<NA>", "#N/A", " NA "]


@pytest.mark.parametrize("nothing", NOTHING)
def test_the_placeholders_of_programs_for_an_empty_cell_are_empty_in_texts(nothing: str) -> None:
    # when
    incident, _, _ = of_acled(
        actor2=nothing, inter2=nothing, admin1=nothing, admin2=nothing, location=nothing, notes=nothing
    )

    # then
    assert [actor["name"] for actor in incident["actors"]] == [ACLED["actor1"]]
    assert (incident["region"], incident["district"], incident["place"]) == (None, None, None)
    assert "notes" not in incident["attributes"]
    other, _, _ = of_ucdp(side_b=nothing, adm_1=nothing, where_coordinates=nothing)
    assert (len(other["actors"]), other["region"], other["place"]) == (1, None, None)


@pytest.mark.parametrize("name", ["Nan", "Nana", "None-Nord", "Null Point", "Na"])
def test_names_that_resemble_placeholders_are_kept(name: str) -> None:
    assert of_acled(location=name)[0]["place"] == name


@pytest.mark.parametrize(
    ("given", "inter1", "event_type", "sub_event_type"),
    [
        ("Battle-No change of territory", "1", "Battles", "Armed clash"),
        ("Battle-Government regains territory", "1", "Battles", "Government regains territory"),
        ("Battle-Non-state actor overtakes territory", "2", "Battles", "Non-state actor overtakes territory"),
        ("REMOTE VIOLENCE", "2", "Explosions/Remote violence", None),
        ("Violence against civilians", "2", "Violence against civilians", None),
        ("Riots/Protests", "5", "Riots", None), ("Riots/Protests", "6", "Protests", None), ("Riots/Protests", "Protesters", "Protests", None),
        ("Riots/Protests", "1", None, None), ("Riots/Protests", "", None, None),
        ("Strategic development", "1", "Strategic developments", None),
        ("Headquarters or base established", "2", "Strategic developments", "Headquarters or base established"),
        ("Non-violent transfer of territory", "1", "Strategic developments", "Non-violent transfer of territory"),
        ("Skirmish", "1", None, None),
    ],
)  # fmt: skip
def test_acleds_event_types_from_before_2019_map_to_their_successors(
    given: str, inter1: str, event_type: str | None, sub_event_type: str | None
) -> None:
    # when
    incident, _, repairs = of_acled(event_type=given, inter1=inter1, sub_event_type="")

    # then
    assert (incident["event_type"], incident["sub_event_type"]) == (event_type, sub_event_type)
    assert bool(repairs) == (event_type is None)
    if given != "Violence against civilians":
        assert incident["attributes"]["event_type"] == given


def test_a_ucdp_event_may_continue_into_the_next_year() -> None:
    for year in ("2018", "2019"):
        incident, _, repairs = of_ucdp(year=year, date_start="2018-12-28", date_end="2019-01-03", date_prec="2")
        assert (incident["date_start"], incident["date_end"], repairs) == ("2018-12-28", "2019-01-03", [])


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"date_start": "0016-10-07", "date_end": "0016-10-08", "year": "2016"}, ("2016-10-07", "2016-10-08")),
        ({"date_start": "0008-01-01", "date_end": "", "year": "2008"}, ("2008-01-01", "2008-01-01")),
    ],
)
def test_a_two_digit_year_is_repaired_from_the_column_year(given: dict[str, str], read: tuple[str, str]) -> None:
    incident, _, repairs = of_ucdp(**given, date_prec="2")
    assert (incident["date_start"], incident["date_end"]) == read
    assert any("from the column year" in repair for repair in repairs)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"year": "2020"}, "date_start: contradicts the column year, which says 2020: 2019-11-01"),
        ({"year": "2205"}, "date_start: contradicts the column year, which says 2205: 2019-11-01"),
        ({"year": "", "date_start": "0019-11-01"}, "date_start: lies before 1900: 0019-11-01"),
        ({"year": "2019", "date_start": "0018-11-01"}, "date_start: contradicts the column year, which says 2019: 0018-11-01"),
        ({"year": "2019", "date_start": "1/11/18", "date_end": "1/11/18"}, "date_start: "),
        ({"year": "2019", "date_start": "2019-11-01T05:00:00+02:00"}, "date_start: has a time of day with an offset"),
    ],
)  # fmt: skip
def test_a_day_that_contradicts_the_column_year_is_rejected_with_both(given: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match="^" + why.replace("+", r"\+")):
        of_ucdp(**given)


@pytest.mark.parametrize("year", ["999999999999999", "0", "10000"])
def test_an_invalid_year_is_rejected(year: str) -> None:
    for read, day in ((of_ucdp, "date_start"), (of_acled, "event_date")):
        with pytest.raises(ValueError, match=f"^year: is not a year: {year}"):
            read(**{"year": year, day: "9-May-20"})


@pytest.mark.parametrize("given", ["1.000", "2.000", "10.000"])
def test_a_thousand_written_with_a_dot_is_not_read_as_one(given: str) -> None:
    with pytest.raises(ValueError, match=r"^fatalities: is not a whole number"):
        of_acled(fatalities=given)


def test_an_interval_of_more_than_a_year_has_a_wrong_year() -> None:
    with pytest.raises(ValueError, match=r"^date_end: 2205-11-01 is more than a year after date_start 2019-11-01"):
        of_ucdp(date_end="2205-11-01")


@pytest.mark.parametrize("turned", [False, True])
def test_civilians_are_the_target_whatever_the_order_of_the_actors(turned: bool) -> None:
    # given
    actors = [("JNIM", "Rebel group"), ("Civilians (Mali)", "Civilians")]
    (one, first), (two, second) = reversed(actors) if turned else actors

    # when
    incident, _, _ = of_acled(
        event_type="Violence against civilians",
        sub_event_type="Attack",
        actor1=one,
        inter1=first,
        actor2=two,
        inter2=second,
    )

    # then
    assert {a["name"]: a["role"] for a in incident["actors"]} == {"JNIM": "attacker", "Civilians (Mali)": "target"}
