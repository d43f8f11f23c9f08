"""Long histories: what one more report stores, that nothing is answered otherwise for it, and what it looks at."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.domain.vocabulary import Bound, Measure, Victims
from app.errors import AppError
from app.store import derive, segment_texts
from app.store.engine import Database
from app.store.write import Writer, recording
from tests.store.recorded import incident, report
from tests.store.rich import _reproducible

Action = Callable[[Writer], object]
DAYS = [f"2019-11-{day:02}" for day in range(1, 29)]
KINDS = ("military", "government", "armed_group", "anonymous", "media", "ngo")
INCIDENTS = ("a", "b", "c")


class History:
    """A random history that is the same each time it is made: recordings of some facts each, mostly in their order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.reports: list[tuple[str, str, tuple[str, ...]]] = []
        self.clock = 0

    def recordings(self, count: int) -> Iterator[list[Action]]:
        yield [lambda w: w.record_incident(incident("a", sources=[{"id": "own", "title": "Ünïcode “quoted” \\ 😀"}]))]
        yield [lambda w: w.record_incident(incident("b")), lambda w: w.record_incident(incident("c"))]
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
        return f"2019-11-{1 + minutes // 1440:02}T{minutes // 60 % 24:02}:{minutes % 60:02}:00Z"

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
        made = report(
            best, f"party-{party}", self._when(), id=name, measure=measure, bound=bound, incidents=list(about),
            victims=pick.choice((Victims.ALL, Victims.ALL, Victims.ALL, Victims.CIVILIAN, Victims.MILITARY)),
            reported_by={"id": f"party-{party}", "name": f"Party {party}", "kind": kind},
            source={"id": f"source-{pick.randrange(20)}", "title": "A journal"},
            supersedes=pick.choice(older) if older and pick.random() < 0.15 else None, **figures,
        )  # fmt: skip
        self.reports.append((name, measure, about))
        return lambda w: w.record_report(made, [])


def fill(database: Database, seed: int, count: int, after_each: Callable[[int], None] = lambda now: None) -> None:
    with _reproducible():
        for actions in History(seed).recordings(count):
            with recording(database, "test") as writer:
                for action in actions:
                    try:
                        with writer.whole():
                            action(writer)
                    except AppError:
                        pass  # what does not fit the facts before it is left out, the same each time
                now = writer.now
            after_each(now)


def derived(database: Database) -> dict[str, list[Any]]:
    with database.writing() as transaction:
        return {
            table: transaction.connection.execute(f"SELECT * FROM {table} ORDER BY key").fetchall()
            for table in ("segment", "set_segment")
        }


@pytest.fixture
def another(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "another.db"
    path.write_bytes(migrated_file.read_bytes())
    with closing(Database(f"sqlite:///{path}")) as made:
        yield made


def set_long(monkeypatch: pytest.MonkeyPatch, long_history: int) -> None:
    monkeypatch.setattr(derive, "LONG_HISTORY", long_history)


@pytest.mark.parametrize("max_inline", [0, 400, 1000, 4096])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_added_at_the_end_of_a_history_is_what_follows_from_all_of_it(
    database: Database, another: Database, monkeypatch: pytest.MonkeyPatch, seed: int, max_inline: int
) -> None:
    monkeypatch.setattr(segment_texts, "MAX_INLINE", max_inline)
    set_long(monkeypatch, 1)
    fill(database, seed, 60)
    set_long(monkeypatch, 10**9)
    fill(another, seed, 60)
    assert derived(database) == derived(another)
