"""`as_of` and `recorded_as_of`: what was reported by a day, and what this service knew at an instant."""

import random

import orjson
import pytest

from app.domain.dates import instant_text
from app.domain.headline import headline
from app.domain.vocabulary import Measure
from app.store.db.database import Database
from app.store.read import incidents as read_incidents
from app.store.read.history import select_reports_about_incident
from app.store.read.report_rows import known_report
from app.store.write.writer import Outcome, recording
from tests.store.recorded import Asking, incident, record, report


def at(instant: int) -> tuple[str, str]:
    return "recorded_as_of", instant_text(instant)


def test_a_report_that_comes_late_changes_past_days_but_not_past_knowledge(database: Database) -> None:
    # given what was known first, and a report of an earlier day that is recorded later
    first = record(database, incident("a"), report(49, "army", "2019-11-02"), about=("a",))
    ask = Asking(database)
    assert ask.killed("a", ("as_of", "2019-11-01")) is None
    late = record(database, report(53, "ministry", "2019-11-01"), about=("a",))
    # then the past day answers anew, and the past knowledge as before
    assert ask.killed("a", ("as_of", "2019-11-01")) == 53
    assert ask.text("a", ("as_of", "2019-11-01"), at(first)) is None
    assert ask.killed("a", ("as_of", "2019-11-01"), at(late)) == 53
    assert ask.killed("a") == 49


def test_a_retraction_without_a_day_means_the_report_never_held(database: Database) -> None:
    before = record(database, incident("a"), report(53), report(70, "army", "2019-11-03", id="claim"), about=("a",))
    with recording(database, "test") as writer:
        writer.retract_report("claim", "a hoax")
    ask = Asking(database)
    assert [ask.killed("a", ("as_of", day)) for day in ("2019-11-02", "2019-11-03")] == [53, 53]
    assert ask.killed("a", ("as_of", "2019-11-03"), at(before)) == 70


def test_a_dated_retraction_holds_from_its_day_on(database: Database) -> None:
    record(database, incident("a"), report(53), report(70, "army", "2019-11-03", id="claim"), about=("a",))
    with recording(database, "test") as writer:
        writer.retract_report("claim", "counted twice", reported_on="2019-11-05")
    ask = Asking(database)
    days = ("2019-11-02", "2019-11-03", "2019-11-04", "2019-11-05")
    assert [ask.killed("a", ("as_of", day)) for day in days] == [53, 70, 70, 53]


def test_a_split_by_incident_replaces_a_shared_figure_for_all_that_shared_it(database: Database) -> None:
    record(database, incident("a"), incident("b"))
    record(database, report(40, id="both", incidents=["a", "b"]))
    ask = Asking(database)
    shared = orjson.loads(ask.text("b") or "")["toll"]["shared"]
    assert [s["killed"]["best"] for s in shared] == [40]
    record(database, report(25, "army", "2019-11-02", supersedes="both"), about=("a",))
    shared = orjson.loads(ask.text("b") or "")["toll"]["shared"]
    assert [(s["killed"]["best"], s["killed"]["reports"]) for s in shared] == [(None, 1)]
    assert ask.killed("a") == 25


def test_a_report_before_the_day_from_which_an_incident_was_known_without_reports(database: Database) -> None:
    record(database, incident("a"))
    ask = Asking(database)
    assert ask.text("a", ("as_of", "2019-11-01")) is not None
    record(database, report(5, on="2019-11-07"), about=("a",))
    assert ask.text("a", ("as_of", "2019-11-06")) is None
    assert ask.killed("a", ("as_of", "2019-11-07")) == 5


def test_a_revised_record_answers_with_what_it_said_then(database: Database) -> None:
    before = record(database, incident("a", title="First"), report(5), about=("a",))
    with recording(database, "test") as writer:
        assert writer.revise_incident("a", {"title": "Second", "country": "NE"}) is Outcome.CREATED
    ask = Asking(database)
    assert ask.ids(("country", "NE")) == ["a"] and ask.ids(("country", "ML")) == []
    assert ask.ids(("country", "ML"), at(before)) == ["a"]
    assert ask.ids(("q", "second")) == ["a"] and ask.ids(("q", "first")) == []
    assert orjson.loads(ask.text("a", at(before)) or "")["title"] == "First"


def test_a_withdrawn_incident_is_out_of_all_answers_but_those_of_before(database: Database) -> None:
    before = record(database, incident("a"), incident("b"), report(5), about=("a",))
    with recording(database, "test") as writer:
        writer.withdraw_incident("a", "the same as b", merged_into="b")
    ask = Asking(database)
    assert ask.ids() == ["b"]
    assert ask.ids(at(before)) == ["b", "a"]


@pytest.mark.parametrize("seed", range(6))
def test_every_past_answer_comes_back_word_for_word(database: Database, seed: int) -> None:
    """Random facts, one transaction each; afterwards both clocks are asked for all that was answered on the way."""
    chance = random.Random(seed)
    ask = Asking(database)
    record(database, incident("a"), incident("b"))
    answered: list[tuple[str, str, int, str | None]] = []
    made: list[tuple[str, str]] = []
    days = [f"2019-11-0{n}" for n in range(1, 8)]
    for turn in range(14):
        if chance.random() < 0.2 and made:
            gone, day = made.pop(chance.randrange(len(made)))
            with recording(database, "test") as writer:
                writer.retract_report(gone, "wrong", reported_on=chance.choice([None, day, "2019-11-07"]))
                now = writer.appender.now
        else:
            day = chance.choice(days)
            covered = chance.choice([("a",), ("b",), ("a",), ("a", "b")])
            name = f"r{turn}"
            now = record(
                database,
                report(
                    chance.randrange(60),
                    chance.choice(["army", "ministry", "group", "nameless"]),
                    day,
                    id=name,
                    victims=chance.choice(["all", "military"]),
                    bound=chance.choice(["exact", "at_least", "more_than", "about"]),
                ),
                about=covered,
            )
            made.append((name, day))
        answered += [(i, d, now, ask.text(i, ("as_of", d))) for i in ("a", "b") for d in days]
    for incident_id, day, recorded, text in answered:
        assert ask.text(incident_id, ("as_of", day), at(recorded)) == text
    _agrees_with_the_rule(database, ask, answered)


def _agrees_with_the_rule(database: Database, ask: Asking, answered: list[tuple[str, str, int, str | None]]) -> None:
    """The stored headline of every answer is what the rule says of the facts at both clocks."""
    connection, _ = ask.reader._open(1000)
    for incident_id, day, recorded, text in answered:
        statement = select_reports_about_incident(incident_id, recorded)
        known = [known_report(row).report for row in connection.execute(statement.sql, statement.values)]
        own = [r for r in known if r.incidents == {incident_id} and r.measure is Measure.KILLED]
        at_day = 1572652799999999 + (int(day[-1]) - 1) * 86_400_000_000
        told = headline(own, [r for r in known if r.incidents != {incident_id}], at_day)
        stored = orjson.loads(text)["toll"].get("killed") if text else None
        assert stored == (told.as_json() if told else None)


def test_a_write_keeps_the_segments_of_days_before_it(database: Database) -> None:
    """A report about the newest day closes one segment, however many there are."""
    record(database, incident("a"), *(report(n, on=f"2019-11-{n:02}") for n in range(1, 21)), about=("a",))
    connection, _ = Asking(database).reader._open(1000)
    count = "SELECT count(*), sum(recorded_to < 253402300800000000) FROM segment"
    assert connection.execute(count).fetchone() == (20, 0)
    record(database, report(99, on="2019-11-25"), about=("a",))
    assert connection.execute(count).fetchone() == (22, 1)


def test_a_report_at_the_epoch_leaves_one_answer(database: Database) -> None:
    """Instant 0 is an instant, not a lack of one."""
    record(database, incident("a", date_start="1970-01-01"), report(5, on="1970-01-01T00:00:00Z"), about=("a",))
    record(database, report(6, "army", "1970-01-05"), about=("a",))
    assert Asking(database).ids() == ["a"]


def test_an_incident_recorded_later_is_not_found_before(database: Database) -> None:
    first = record(database, incident("a"))
    record(database, incident("b"))
    with pytest.raises(read_incidents.IncidentNotFound):
        Asking(database).incident("b", at(first))
