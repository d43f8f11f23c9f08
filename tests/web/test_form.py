"""The form of the explorer is generated from the declared filters."""

from app.query.parameters import ExplorerQuery
from app.query.query import parameters_of
from app.web import form

NAMES = parameters_of(ExplorerQuery).keys() - {"limit", "cursor"}


def test_every_filter_has_its_field() -> None:
    made = form.form([])
    fields = [*made.first, *made.others, made.clock, made.sort]
    assert sorted(f.name for f in fields) == sorted(NAMES)
    assert [f.name for f in made.first] == list(form.FIRST)
    assert len({f.id for f in fields}) == len(fields)
    assert all(f.label and f.help for f in fields)
    assert (made.clock.name, made.sort.name) == ("as_of", "sort")


def test_a_field_shows_every_given_value() -> None:
    first = form.form([("country", "ML"), ("country", "NE"), ("change", "lowered")]).first
    assert [(f.id, f.value) for f in first if f.name == "country"] == [("f-country", "ML"), ("f-country-1", "NE")]
    (change,) = (f for f in first if f.name == "change")
    assert change.type == "select"
    assert [o.value for o in change.options if o.chosen] == ["lowered"]


def test_every_parameter_type_has_its_kind_of_field() -> None:
    made = form.form([("disputed", "true")])
    kinds = {f.name: f.type for f in (*made.first, *made.others, made.clock)}
    assert kinds["q"] == "search"
    assert kinds["date_from"] == kinds["as_of"] == "date"
    assert kinds["killed_min"] == "number"
    assert kinds["country"] == "text"
    assert kinds["event_type"] == kinds["disputed"] == "select"


def test_an_instant_is_shown_in_a_text_field() -> None:
    for value, kind in (("2019-11-01", "date"), ("2019-11-01T12:00:00+02:00", "text")):
        clock = form.form([("as_of", value)]).clock
        assert (clock.type, clock.value) == (kind, value)


def test_active_filters_are_described_in_words() -> None:
    pairs = [("q", "Ménaka"), ("type_of_violence", "2"), ("change", "lowered"), ("as_of", "2019-11-01"), ("limit", "5")]
    assert form.in_words(pairs)[:3] == ["search: Ménaka", "type of violence: non-state", "headline killed was: lowered"]
    assert not any("limit" in line for line in form.in_words(pairs))
