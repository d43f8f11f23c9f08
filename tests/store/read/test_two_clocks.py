"""`as_of` and `recorded_as_of`: what had been reported by a day, and what the service knew at an instant."""

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
from tests.builders import incident_draft, record, report_draft
from tests.store.reads import StoreReads


def at(instant: int) -> tuple[str, str]:
    return "recorded_as_of", instant_text(instant)


def test_a_late_report_changes_past_days_but_not_what_was_known(database: Database) -> None:
    # given what was known first, and a report of an earlier day that is recorded later
    first = record(database, incident_draft("a"), report_draft(49, "army", "2020-01-02"), about=("a",))
    reads = StoreReads(database)
    assert reads.killed("a", ("as_of", "2020-01-01")) is None
    late = record(database, report_draft(53, "ministry", "2020-01-01"), about=("a",))
    # then the past day answers anew, and the past knowledge as before
    assert reads.killed("a", ("as_of", "2020-01-01")) == 53
    assert reads.text("a", ("as_of", "2020-01-01"), at(first)) is None
    assert reads.killed("a", ("as_of", "2020-01-01"), at(late)) == 53
    assert reads.killed("a") == 49


def test_a_retraction_without_a_day_means_the_report_never_held(database: Database) -> None:
    before = record(
        database,
        incident_draft("a"),
        report_draft(53),
        report_draft(70, "army", "2020-01-03", id="claim"),
        about=("a",),
    )
    with recording(database, "test") as writer:
        writer.retract_report("claim", "a hoax")
    reads = StoreReads(database)
    assert [reads.killed("a", ("as_of", day)) for day in ("2020-01-02", "2020-01-03")] == [53, 53]
    assert reads.killed("a", ("as_of", "2020-01-03"), at(before)) == 70


def test_a_dated_retraction_holds_from_its_day_on(database: Database) -> None:
    record(
        database,
        incident_draft("a"),
        report_draft(53),
        report_draft(70, "army", "2020-01-03", id="claim"),
        about=("a",),
    )
    with recording(database, "test") as writer:
        writer.retract_report("claim", "counted twice", reported_on="2020-01-05")
    reads = StoreReads(database)
    days = ("2020-01-02", "2020-01-03", "2020-01-04", "2020-01-05")
    assert [reads.killed("a", ("as_of", day)) for day in days] == [53, 70, 70, 53]


def test_a_figure_by_incident_replaces_a_shared_figure_for_all_its_incidents(database: Database) -> None:
    record(database, incident_draft("a"), incident_draft("b"))
    record(database, report_draft(40, reported_on="2020-01-01", id="both", incidents=["a", "b"]))
    reads = StoreReads(database)
    shared = orjson.loads(reads.text("b") or "")["toll"]["shared"]
    assert [s["killed"]["best"] for s in shared] == [40]
    record(database, report_draft(25, "army", "2020-01-02", supersedes="both"), about=("a",))
    shared = orjson.loads(reads.text("b") or "")["toll"]["shared"]
    assert [(s["killed"]["best"], s["killed"]["reports"]) for s in shared] == [(None, 1)]
    assert reads.killed("a") == 25


def test_an_incident_is_known_only_from_its_first_reported_day(database: Database) -> None:
    record(database, incident_draft("a"))
    reads = StoreReads(database)
    assert reads.text("a", ("as_of", "2020-01-01")) is not None
    record(database, report_draft(5, reported_on="2020-01-07"), about=("a",))
    assert reads.text("a", ("as_of", "2020-01-06")) is None
    assert reads.killed("a", ("as_of", "2020-01-07")) == 5


def test_a_revised_record_is_served_as_it_was_at_the_recorded_time(database: Database) -> None:
    before = record(database, incident_draft("a", title="First"), report_draft(5), about=("a",))
    with recording(database, "test") as writer:
        assert writer.revise_incident("a", {"title": "Second", "country": "NE"}) is Outcome.CREATED
    reads = StoreReads(database)
    assert reads.ids(("country", "NE")) == ["a"] and reads.ids(("country", "ML")) == []
    assert reads.ids(("country", "ML"), at(before)) == ["a"]
    assert reads.ids(("q", "second")) == ["a"] and reads.ids(("q", "first")) == []
    assert orjson.loads(reads.text("a", at(before)) or "")["title"] == "First"


def test_a_withdrawn_incident_is_served_only_at_earlier_recorded_times(database: Database) -> None:
    before = record(database, incident_draft("a"), incident_draft("b"), report_draft(5), about=("a",))
    with recording(database, "test") as writer:
        writer.withdraw_incident("a", "the same as b", merged_into="b")
    reads = StoreReads(database)
    assert reads.ids() == ["b"]
    assert reads.ids(at(before)) == ["b", "a"]


@pytest.mark.parametrize("seed", range(6))
def test_every_past_response_is_reproduced_exactly(database: Database, seed: int) -> None:
    """Random facts, one transaction each; afterwards both clocks are asked for all that was answered on the way."""
    chance = random.Random(seed)
    reads = StoreReads(database)
    record(database, incident_draft("a"), incident_draft("b"))
    answered: list[tuple[str, str, int, str | None]] = []
    made: list[tuple[str, str]] = []
    days = [f"2020-01-0{n}" for n in range(1, 8)]
    for turn in range(14):
        if chance.random() < 0.2 and made:
            gone, day = made.pop(chance.randrange(len(made)))
            with recording(database, "test") as writer:
                writer.retract_report(gone, "wrong", reported_on=chance.choice([None, day, "2020-01-07"]))
                now = writer.appender.now
        else:
            day = chance.choice(days)
            covered = chance.choice([("a",), ("b",), ("a",), ("a", "b")])
            name = f"r{turn}"
            now = record(
                database,
                report_draft(
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
        answered += [(i, d, now, reads.text(i, ("as_of", d))) for i in ("a", "b") for d in days]
    for incident_id, day, recorded, text in answered:
        assert reads.text(incident_id, ("as_of", day), at(recorded)) == text
    _agrees_with_the_rule(database, reads, answered)


def _agrees_with_the_rule(
    database: Database, reads: StoreReads, answered: list[tuple[str, str, int, str | None]]
) -> None:
    """The stored headline of every answer is what the rule says of the facts at both clocks."""
    connection, _ = reads.reader._open(1000)
    for incident_id, day, recorded, text in answered:
        statement = select_reports_about_incident(incident_id, recorded)
        known = [known_report(row).report for row in connection.execute(statement.sql, statement.values)]
        own = [r for r in known if r.incidents == {incident_id} and r.measure is Measure.KILLED]
        at_day = 1577923199999999 + (int(day[-1]) - 1) * 86_400_000_000
        told = headline(own, [r for r in known if r.incidents != {incident_id}], at_day)
        stored = orjson.loads(text)["toll"].get("killed") if text else None
        assert stored == (told.as_json() if told else None)


def test_a_write_keeps_the_segments_of_earlier_days(database: Database) -> None:
    """A report about the newest day closes one segment, however many there are."""
    record(
        database,
        incident_draft("a"),
        *(report_draft(n, reported_on=f"2020-01-{n:02}") for n in range(1, 21)),
        about=("a",),
    )
    connection, _ = StoreReads(database).reader._open(1000)
    count = "SELECT count(*), sum(recorded_to < 253402300800000000) FROM segment"
    assert connection.execute(count).fetchone() == (20, 0)
    record(database, report_draft(99, reported_on="2020-01-25"), about=("a",))
    assert connection.execute(count).fetchone() == (22, 1)


def test_a_report_at_the_unix_epoch_is_served_once(database: Database) -> None:
    """Instant 0 is an instant, not a lack of one."""
    record(
        database,
        incident_draft("a", day="1970-01-01"),
        report_draft(5, reported_on="1970-01-01T00:00:00Z"),
        about=("a",),
    )
    record(database, report_draft(6, "army", "1970-01-05"), about=("a",))
    assert StoreReads(database).ids() == ["a"]


def test_an_incident_is_not_found_before_it_was_recorded(database: Database) -> None:
    first = record(database, incident_draft("a"))
    record(database, incident_draft("b"))
    with pytest.raises(read_incidents.IncidentNotFound):
        StoreReads(database).incident("b", at(first))
