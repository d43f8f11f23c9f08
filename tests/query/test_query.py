"""Query models: what a request becomes, and what is rejected."""

from datetime import date

import pytest

from app.domain.dates import LAST_INSTANT, parse_moment
from app.domain.vocabulary import EventType, Figure, Measure
from app.errors import InvalidInput
from app.query.code_lists import Format, Group, Sort
from app.query.feature_query import FeatureQuery, incident_query
from app.query.parameters import (
    ChangesQuery,
    ClockQuery,
    IncidentQuery,
    PageQuery,
    ProofQuery,
    RecordedQuery,
    ReportQuery,
    StatisticsQuery,
)
from app.query.query import MAX_ERRORS, MAX_VALUES, Pairs, Query, filters_of, parameters_of, parse_query
from app.query.value_types import Box, Point
from app.store.read.cursor import bound_text


def _errors(pairs: Pairs, model: type[Query] = IncidentQuery, suggestions: int = 10) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as raised:
        parse_query(pairs, model, suggestions)
    return [(error.name, error.message) for error in raised.value.faults]


def test_values_are_typed() -> None:
    # when
    query = parse_query(
        [
            ("country", "Mali"), ("country", "NER"), ("date_from", "2019-11-01"), ("event_type", "battles"),
            ("bbox", "-5,10,5,20"), ("disputed", "false"), ("as_of", "2019-11-02"), ("figure", "high"),
            ("sort", "-killed"), ("fields", "id,toll"), ("f", "csv"), ("limit", "7"),
        ],
        IncidentQuery,
    )  # fmt: skip

    # then
    assert query.country == ("ML", "NE")
    assert query.date_from == date(2019, 11, 1)
    assert query.event_type == (EventType.BATTLES,)
    assert query.bbox == Box(-5, 10, 5, 20)
    assert query.disputed is False
    assert query.as_of == parse_moment("2019-11-02")
    assert (query.figure, query.sort, query.format) == (Figure.HIGH, Sort.KILLED_DOWN, Format.CSV)
    assert (query.fields, query.limit) == (("id", "toll"), 7)


def test_a_zero_and_a_false_are_given_and_a_default_is_not() -> None:
    query = parse_query([("killed_min", "0"), ("dropped", "false")], IncidentQuery)
    assert [(f.name, value) for f, value in query.filters()] == [("killed_min", 0), ("dropped", False)]
    assert query.is_given("killed_min") and not query.is_given("limit")
    assert (query.limit, query.sort, query.killed_max) == (100, Sort.DATE_DOWN, None)


def test_an_empty_request_is_the_present() -> None:
    query = parse_query([], ClockQuery)
    assert (query.as_of, query.known, query.recorded) == (None, LAST_INSTANT, None)


def test_the_same_value_twice_is_one_value() -> None:
    assert parse_query([("country", "ML"), ("country", "Mali")], IncidentQuery).country == ("ML",)


def test_a_region_is_looked_for_in_the_given_countries() -> None:
    (anywhere,) = parse_query([("region", "Centre")], IncidentQuery).region
    (in_cameroon,) = parse_query([("region", "Centre"), ("country", "CM")], IncidentQuery).region
    assert {"BF-03", "CM-CE"} <= set(anywhere.keys)
    assert in_cameroon.codes == ("CM-CE",)


def test_errors_come_in_the_order_of_the_parameters() -> None:
    errors = _errors([("limit", "x"), ("regoin", "ML"), ("country", "Malix"), ("sort", "date"), ("sort", "-date")])
    assert errors == [
        ("limit", "is not a whole number"),
        ("regoin", "is not a parameter here; did you mean region?"),
        ("country", "is not a country; did you mean Mali, ML?"),
        ("sort", "is given more than once"),
    ]


def test_only_the_first_errors_have_suggestions() -> None:
    errors = _errors([("country", "Malix"), ("country", "Nigerx")], suggestions=1)
    assert ["did you mean" in message for _, message in errors] == [True, False]


def test_a_list_of_errors_ends() -> None:
    assert len(_errors([(f"unknown_{n}", "") for n in range(MAX_ERRORS + 5)])) == MAX_ERRORS


def test_a_repeatable_parameter_has_a_limit() -> None:
    pairs = [("type_of_violence", "1"), *(("country", f"X{n}") for n in range(MAX_VALUES + 1))]
    assert _errors(pairs)[-1] != ("country", f"is given more than {MAX_VALUES} times"), "the list ends before"
    assert ("country", "is given more than 100 times") in _errors(
        [("near_border", "ML"), *(("country", "ML" + " " * n) for n in range(MAX_VALUES + 1))]
    )


def test_a_circle_needs_both_its_parts() -> None:
    assert _errors([("near", "15.9,2.4")]) == [("radius_km", "is missing: near and radius_km are given together")]
    assert _errors([("radius_km", "10")]) == [("near", "is missing: near and radius_km are given together")]
    query = parse_query([("near", "15.9,2.4"), ("radius_km", "10")], IncidentQuery)
    assert query.box == Point(15.9, 2.4).box_around(10)


def test_a_name_in_python_is_no_name_in_a_request() -> None:
    assert parse_query([("from", "3")], ProofQuery).from_ == 3
    for name, model in (("from_", ProofQuery), ("format", IncidentQuery), ("predicate", IncidentQuery)):
        assert _errors([(name, "3")], model)[0][0] == name


@pytest.mark.parametrize("model", [IncidentQuery, StatisticsQuery, ReportQuery, FeatureQuery, ChangesQuery])
def test_every_parameter_says_what_it_is(model: type[Query]) -> None:
    for name, parameter in parameters_of(model).items():
        assert parameter.name == name
        assert parameter.help.endswith((".", "`")), name
        assert parameter.kind.schema


def test_the_filters_of_a_model_are_its_own() -> None:
    assert [f.name for f in filters_of(ReportQuery)] == [
        "incident", "reported_by", "source", "reported_from", "reported_to", "measure"
    ]  # fmt: skip
    assert filters_of(RecordedQuery) == ()


def test_a_changed_copy_keeps_what_was_sent_and_notes_the_change() -> None:
    # given
    query = parse_query([("measure", "killed"), ("limit", "5"), ("cursor", "abc")], ReportQuery)

    # when
    changed = query.but(reported_by="army", limit=None)

    # then
    assert (changed.measure, changed.reported_by, changed.limit) == (Measure.KILLED, "army", 100)
    assert not changed.is_given("limit")
    assert changed.pairs == (("measure", "killed"), ("cursor", "abc"), ("reported_by", "army"))
    assert (query.reported_by, query.limit) == (None, 5)


def test_a_converted_query_has_the_shared_fields() -> None:
    page = parse_query([("as_of", "2019-11-01"), ("limit", "5")], PageQuery)
    assert page.converted(ReportQuery).limit == 5
    converted = page.converted(StatisticsQuery, {"group_by": (Group.YEAR,)})
    assert (converted.as_of, converted.group_by) == (parse_moment("2019-11-01"), (Group.YEAR,))
    assert converted.pairs == page.pairs


def test_a_query_of_features_becomes_one_of_incidents() -> None:
    # given
    pairs = [
        ("datetime", "2019-11-01/.."), ("date_from", "2019-12-01"), ("filter", "killed_best > 5"),
        ("place", "Indelimane"), ("country", "ML"), ("limit", "5000"),
    ]  # fmt: skip

    # when
    query = incident_query(parse_query(pairs, FeatureQuery))

    # then
    assert (query.date_from, query.date_to) == (date(2019, 12, 1), None)
    assert (query.country, query.limit, query.total) == (("ML",), 1000, True)
    assert query.place is None, "here the name of a property, not words to find"
    assert query.predicate is not None
    assert query.predicate.values == ("Indelimane", 5)


def test_every_condition_of_a_filter_counts() -> None:
    pairs = [("filter", "attacker IS NULL OR (NOT target IS NULL AND killed_best IN (1, 2, 3))"), ("country", "ML")]
    assert incident_query(parse_query(pairs, FeatureQuery)).count_values() == 1 + 1 + 3 + 1


def test_a_cursor_is_bound_to_each_parameter_once() -> None:
    once, twice = (parse_query([("country", "ML")] * count, IncidentQuery) for count in (1, 2))
    assert bound_text(once) == bound_text(twice)
    assert bound_text(once) != bound_text(parse_query([("country", "NE")], IncidentQuery))
