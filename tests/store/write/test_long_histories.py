"""Long histories: what one more report stores and reads, without changing any response."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.dates import instant_text
from app.domain.report import Report
from app.domain.sweep import Sweep
from app.domain.vocabulary import Bound, Measure, Scope, Victims
from app.errors import AppError, IncidentWithdrawn
from app.store.db import history_ends
from app.store.db.database import Database
from app.store.db.history_ends import MAX_REPLAYS
from app.store.db.sql_text import compiled
from app.store.maintenance.verify import verify
from app.store.read import segment_texts
from app.store.write import open_rows, segments, writer
from app.store.write.history_steps import _LATER_VOIDS
from app.store.write.writer import Writer, recording
from tests.builders import incident_draft, report_body, report_draft
from tests.builders import record as record_now
from tests.store.reads import StoreReads
from tests.store.rich import _reproducible
from tests.support import Client, Editor

Action = Callable[[Writer], object]
KINDS = ("military", "government", "armed_group", "anonymous", "media", "ngo")
INCIDENTS = ("a", "b", "c")


class History:
    """A random history that is the same each time it is made: recordings of some facts each, mostly in their order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.reports: list[tuple[str, str, tuple[str, ...]]] = []
        self.clock = 0

    def recordings(self, count: int) -> Iterator[list[Action]]:
        yield [
            lambda w: w.record_incident(incident_draft("a", sources=[{"id": "own", "title": "Ünïcode “quoted” \\ 😀"}]))
        ]
        yield [lambda w: w.record_incident(incident_draft("b")), lambda w: w.record_incident(incident_draft("c"))]
        for _ in range(count):
            yield [self._fact() for _ in range(self.random.choice((1, 1, 1, 2, 5)))]

    def _fact(self) -> Action:
        pick = self.random.random()
        if pick < 0.15 and self.reports:
            return self._retraction()
        if pick < 0.17:
            changes = {"sources": [{"id": f"own-{self.random.randrange(3)}", "title": "Its own"}]}
            return lambda w: w.revise_incident("a", changes)
        if pick < 0.175:
            return lambda w: w.withdraw_incident("c", "recorded twice")
        return self._report()

    def _when(self) -> str:
        late = self.random.random() < 0.15
        self.clock += 0 if late else self.random.choice((0, 1, 1, 7))
        minutes = self.random.randrange(self.clock + 1) if late else self.clock
        return f"2020-01-{1 + minutes // 1440:02}T{minutes // 60 % 24:02}:{minutes % 60:02}:00Z"

    def _retraction(self) -> Action:
        name, _, _ = self.random.choice(self.reports)
        when = self.random.choice((None, self._when(), self._when()))
        return lambda w: w.retract_report(name, "counted twice", when)

    def _report(self) -> Action:
        pick, name = self.random, f"r-{len(self.reports)}"
        about = tuple(sorted(pick.sample(INCIDENTS, pick.choice((1, 1, 1, 2, 3)))))
        about = ("a",) if pick.random() < 0.5 else about
        measure = pick.choice((Measure.KILLED, Measure.KILLED, Measure.KILLED, Measure.WOUNDED))
        older = [r for r, of, covered in self.reports if of == measure and set(covered) & set(about)]
        bound, party, best = pick.choice(list(Bound)), pick.randrange(9), pick.randrange(9) * 7
        figures: dict[str, Any] = {"low": best, "high": best + 9} if bound is Bound.RANGE else {}
        kind = KINDS[party % len(KINDS)]
        made = report_draft(
            best, f"party-{party}", self._when(), id=name, measure=measure, bound=bound, incidents=list(about),
            victims=pick.choice((Victims.ALL, Victims.ALL, Victims.ALL, Victims.CIVILIAN, Victims.MILITARY)),
            reported_by={"id": f"party-{party}", "name": f"Party {party}", "kind": kind},
            source={"id": f"source-{pick.randrange(20)}", "title": "A journal"},
            supersedes=pick.choice(older) if older and pick.random() < 0.15 else None, **figures,
        )  # fmt: skip
        self.reports.append((name, measure, about))
        return lambda w: w.record_report(made, [])


def fill(database: Database, seed: int, count: int, after_each: Callable[[int], object] = lambda now: None) -> None:
    with _reproducible():
        for actions in History(seed).recordings(count):
            with recording(database, "test") as writer:
                for action in actions:  # what does not fit the facts before it is left out, the same each time
                    with suppress(AppError), writer.appender.savepoint():
                        action(writer)
                now = writer.appender.now
            after_each(now)


@pytest.mark.parametrize("seed", range(2))
def test_history_ends_survive_rollbacks_and_writes_of_other_processes(
    database: Database, another: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    set_long(monkeypatch, 1)
    with closing(Database(database.url)) as of_another_process:
        fill_with_failures(seed, database, of_another_process)
    set_long(monkeypatch, 10**9)
    fill_with_failures(seed, another)
    assert derived(database) == derived(another)


def answers(database: Database, now: int) -> dict[tuple[str, str], str | None]:
    """The texts of all incidents on some days, as they are known at an instant."""
    reads = StoreReads(database)
    at = ("recorded_as_of", instant_text(now))

    def text(incident_id: str, *pairs: tuple[str, str]) -> str | None:
        try:
            return reads.text(incident_id, *pairs, at)
        except IncidentWithdrawn as withdrawn:
            return withdrawn.detail

    found = {(i, day): text(i, ("as_of", day)) for i in INCIDENTS for day in ("2019-12-31", "2020-01-01", "2020-01-02")}
    found |= {(i, "now"): text(i) for i in INCIDENTS}
    reads.reader.close()
    return found


@pytest.mark.parametrize("seed", range(2))
def test_every_response_is_reproduced_and_equal_without_repeated_texts(
    database: Database, another: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # given answers at every recording, where segments have all texts and no history is long
    monkeypatch.setattr(segment_texts, "MAX_INLINE", 10**9)
    set_long(monkeypatch, 10**9)
    then: dict[int, dict[tuple[str, str], str | None]] = {}
    fill(another, seed, 60, lambda now: then.setdefault(now, answers(another, now)))
    # when the same is recorded with some texts left out, and at the ends of histories
    monkeypatch.setattr(segment_texts, "MAX_INLINE", 500)
    set_long(monkeypatch, 3)
    at_once: dict[int, dict[tuple[str, str], str | None]] = {}
    fill(database, seed, 60, lambda now: at_once.setdefault(now, answers(database, now)))
    # then it was answered alike, and still is
    assert at_once == then
    assert {now: answers(database, now) for now in then} == then
    with database.writing() as transaction:
        counted = "SELECT count(*), sum(rest LIKE '{\"sources\":null%') FROM segment"
        rows, long = transaction.connection.execute(counted).fetchone()
    assert 0 < long < rows
    assert verify(database).rows > rows


def sources_of(text: str | None) -> list[str]:
    return [source["id"] for source in orjson.loads(text or "")["sources"]]


def test_a_page_of_long_and_short_rows_takes_few_statements(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an incident with more sources than its segments repeat, two with a figure in common, and a short one
    monkeypatch.setattr(segment_texts, "MAX_INLINE", 300)
    record_now(database, *(incident_draft(name) for name in ("a", "b", "c", "d")))
    for n in range(9):
        source = {"id": f"s-{n}", "title": "What “it” said: 😀 \\ \x01"}
        record_now(database, report_draft(n, reported_on=f"2020-01-{9 - n:02}", source=source), about=("a",))
    record_now(
        database,
        report_draft(40, reported_on="2020-01-01", incidents=["b", "c"], id="both-1"),
        report_draft(7, reported_on="2020-01-01", incidents=["a", "b", "c"]),
    )
    reads = StoreReads(database)
    # when
    reads.page()
    before = reads.reader.statements
    page = {item["id"]: item for item in reads.page()}
    # then
    assert reads.reader.statements - before == 6
    assert [s["id"] for s in page["a"]["sources"]] == ["s-8", "src-test", *(f"s-{n}" for n in reversed(range(8)))]
    assert [item["incidents"] for item in page["b"]["toll"]["shared"]] == [["b", "c"], ["a", "b", "c"]]
    assert page["d"]["sources"] == [] and page["d"]["toll"]["shared"] == []
    assert sources_of(reads.text("a", ("as_of", "2020-01-02"))) == ["s-8", "src-test", "s-7"]


def test_an_often_rewritten_history_accepts_only_reports_that_rewrite_few_segments(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an incident with more segments than are stored again
    monkeypatch.setattr(writer, "MAX_SEGMENTS", 100)
    monkeypatch.setattr(segments, "MAX_REWRITTEN", 20)
    set_long(monkeypatch, 3)
    record_now(database, incident_draft("a"))
    for n in range(60):
        record_now(database, report_draft(n, reported_on=f"2020-01-02T00:{n:02}:00Z", id=f"r-{n}"), about=("a",))
    client = Client(database)
    editor = Editor(client, database, Scope.WRITE, name="growth")
    late = report_body(5, "x", "2020-01-02")
    # when a report comes that was given before all, one that was given before the last ones, and one after them
    refused = editor.post("/v1/incidents/a/toll-reports", late | {"reported_on": "2020-01-01"})
    near = editor.post("/v1/incidents/a/toll-reports", late | {"reported_on": "2020-01-02T00:50:30Z"})
    taken = editor.post("/v1/incidents/a/toll-reports", late | {"reported_on": "2020-01-03"})
    # then
    assert refused.status_code == 409 and refused.json()["type"].endswith("history-too-long")
    assert "under another id" in refused.json()["detail"]
    assert (near.status_code, taken.status_code) == (201, 201)
    assert client.json("/v1/incidents/a")["toll"]["killed"]["reports"] == 62
    assert editor.post("/v1/incidents/a/withdrawal", {"reason": "recorded twice"}).status_code in (200, 201)
    client.close()


def test_many_dated_retractions_cause_few_recounts_of_a_history(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given reports of which one is of a lower rank, half of them retracted on later days
    arrivals = 0
    arrive = Sweep.arrive

    def counted(sweep: Sweep, of: Report, *, own: bool = True) -> None:
        nonlocal arrivals
        arrivals += 1
        arrive(sweep, of, own=own)

    def added(into: Database, *facts: Action) -> int:
        nonlocal arrivals
        arrivals = 0
        with recording(into, "test") as one:
            for fact in facts:
                fact(one)
        return arrivals

    def on(day: int) -> str:
        return f"{2020 + day // 336}-{1 + day // 28 % 12:02}-{1 + day % 28:02}"

    def reporting(n: int, by: str | None = None) -> Action:
        return lambda w: w.record_report(report_draft(n % 9, by or f"party-{n}", on(n), id=f"r-{n}"), ["a"])

    def retracting(n: int, day: int) -> Action:
        return lambda w: w.retract_report(f"r-{n}", "counted twice", on(day))

    count = 400
    record_now(database, incident_draft("a"))
    retractions = [retracting(n, count + n) for n in range(0, count, 2)]
    added(database, *(reporting(n, "group" if n == 1 else None) for n in range(count)), *retractions)
    monkeypatch.setattr(Sweep, "arrive", counted)
    # when a report is added by a process that has not seen them, then a retraction, then many at once
    with closing(Database(database.url)) as fresh:
        cost = added(fresh, reporting(2 * count)), added(fresh, retracting(3, 2 * count + 1))
        many = added(fresh, *(retracting(n, 2 * count + n) for n in range(5, count, 2)))
    # then all is counted a few times, and not once for each retraction
    assert max(cost) <= 3 * count
    assert many <= (MAX_REPLAYS + 3) * count


def test_new_retractions_are_found_by_their_keys(database: Database) -> None:
    with database.writing() as transaction:
        plan = transaction.connection.execute(f"EXPLAIN QUERY PLAN {compiled(_LATER_VOIDS)}", {"after": 1}).fetchall()
    assert [row[-1] for row in plan] == [
        "SEARCH retraction USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH toll_report USING INTEGER PRIMARY KEY (rowid=?)",
    ]


@pytest.mark.parametrize("shared", [False, True])
def test_the_cost_of_one_more_report_does_not_grow_from_40_to_300(database: Database, shared: bool) -> None:
    about = INCIDENTS if shared else ("a",)
    record_now(database, *(incident_draft(name) for name in INCIDENTS))
    reports = iter(range(10**6))

    def add(count: int) -> None:
        for _ in range(count):
            n = next(reports)
            when = f"2020-01-{2 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"
            source = {"id": f"source-{n:04}", "title": "A newspaper of some place"}
            made = report_draft(n % 7, f"party-{n:04}", when, id=f"r-{n:04}", incidents=list(about), source=source)
            record_now(database, made)

    def cost() -> tuple[int, int, int]:
        with database.writing() as transaction:
            stored = "SELECT count(*), sum(length(toll) + length(rest)) FROM segment"
            before = transaction.connection.execute(stored).fetchone()
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        assert database._writer is not None
        database._writer.set_progress_handler(count, 100)
        add(1)
        database._writer.set_progress_handler(None, 0)
        with database.writing() as transaction:
            after = transaction.connection.execute(stored).fetchone()
        return after[0] - before[0], after[1] - before[1], steps

    add(40)
    cost()
    rows, texts, steps = cost()
    add(260)
    later_rows, later_texts, later_steps = cost()
    assert later_rows == rows == 2 * len(about)
    assert later_texts <= 1.1 * texts
    assert later_steps <= 1.5 * steps


def derived(database: Database) -> dict[str, list[Any]]:
    with database.writing() as transaction:
        return {
            table: transaction.connection.execute(f"SELECT * FROM {table} ORDER BY key").fetchall()
            for table in ("segment", "set_segment")
        }


def fill_with_failures(seed: int, *databases: Database) -> None:
    """The same by several processes in turn; every fourth recording is undone at its end, and then made."""
    with _reproducible():
        for number, actions in enumerate(History(seed).recordings(40)):
            database = databases[number % len(databases)]
            for undone in (True, False) if number % 4 == 3 else (False,):
                with suppress(ZeroDivisionError), recording(database, "test") as writer:
                    for action in actions:
                        with suppress(AppError), writer.appender.savepoint():
                            action(writer)
                    if undone:
                        writer.appender.finish()
                        _ = 1 / 0


@pytest.fixture
def another(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "another.db"
    path.write_bytes(migrated_file.read_bytes())
    with closing(Database(f"sqlite:///{path}")) as made:
        yield made


def set_long(monkeypatch: pytest.MonkeyPatch, long_history: int) -> None:
    monkeypatch.setattr(open_rows, "LONG_HISTORY", long_history)


@pytest.mark.parametrize("seed", range(3))
def test_an_earlier_rebuild_gives_the_same_history(
    database: Database, another: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(history_ends, "MAX_REPLAYS", 0)
    set_long(monkeypatch, 1)
    fill(database, seed, 60)
    set_long(monkeypatch, 10**9)
    fill(another, seed, 60)
    assert derived(database) == derived(another)


@pytest.mark.parametrize("max_inline", [0, 400, 1000, 4096])
@pytest.mark.parametrize("seed", range(2))
def test_appending_to_a_history_equals_rebuilding_it(
    database: Database, another: Database, monkeypatch: pytest.MonkeyPatch, seed: int, max_inline: int
) -> None:
    monkeypatch.setattr(segment_texts, "MAX_INLINE", max_inline)
    set_long(monkeypatch, 1)
    fill(database, seed, 60)
    set_long(monkeypatch, 10**9)
    fill(another, seed, 60)
    assert derived(database) == derived(another)
