"""The cost of one more report at the end of a history of any length, in milliseconds and bytes.

`FAULTS_GROWTH=10000` for the whole table; without it histories end at 1,000 reports, which takes a minute.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from app.store.db.connections import path_of
from app.store.db.database import Database
from app.store.write.writer import Writer, recording
from tests.builders import incident_draft, report_draft

LONGEST = int(os.environ.get("FAULTS_GROWTH", "1000"))
LENGTHS = (10, 100, 1_000, 10_000)
MEASURED = 64
"""Recordings at each length of which the median is told; fewer where each takes long."""
SECONDS = 15
"""How long it is measured at each length."""
FLAT = 1.5
"""A report may cost so many times what the one after the tenth does."""
MAX_MS = 30
"""Or so much, whichever is more."""
MAX_BYTES = 4096
"""For each incident that a report is about, or as much as after the tenth."""
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.faults

Step = Callable[[Writer], object]


def _on(number: int) -> str:
    return (FIRST_DAY + timedelta(minutes=number)).isoformat().replace("+00:00", "Z")


def _report(number: int, *, outlets: int = 1, at: int | None = None, about: Sequence[str] = ("i-0",)) -> Step:
    outlet = number % outlets
    draft = report_draft(
        number * 7919 % 1000, reported_on=_on(number if at is None else at), id=f"r-{number}",
        reported_by={"id": f"by-{outlet}", "name": f"Reporter number {outlet}", "kind": "media"},
        source={"id": f"in-{outlet}", "title": f"What reporter {outlet} published of the attack", "language": "en",
                "publisher": f"The house of {outlet}", "url": f"https://publisher.example/{outlet}/attack"},
    )  # fmt: skip
    return lambda writer: writer.record_report(draft, list(about))


def _retraction(number: int, at: int) -> Step:
    return lambda writer: writer.retract_report(f"r-{number}", "counted twice", _on(at))


def _one_reporter(_: int) -> Iterator[list[Step]]:
    return ([_report(n)] for n in range(10**6))


def _many_reporters(_: int) -> Iterator[list[Step]]:
    return ([_report(n, outlets=10**6)] for n in range(10**6))


def _newest_first(_: int) -> Iterator[list[Step]]:
    return ([_report(n, outlets=50, at=10**6 - n)] for n in range(10**6))


def _half_retracted(_: int) -> Iterator[list[Step]]:
    """Every second report is retracted right after the next one."""
    for n in range(10**6):
        yield [_report(n, outlets=50, at=2 * n), *([_retraction(n - 1, 2 * n + 1)] if n % 2 else [])]


def _shared(members: int) -> Iterator[list[Step]]:
    about = [f"i-{n}" for n in range(members)]
    return ([_report(n, outlets=50, about=about)] for n in range(10**6))


HISTORIES: dict[str, tuple[Callable[[int], Iterator[list[Step]]], int, int, bool]] = {
    "one reporter": (_one_reporter, 1, 10_000, True),
    "10,000 reporters and sources": (_many_reporters, 1, 10_000, True),
    "half retracted": (_half_retracted, 1, 10_000, True),
    "shared by 10 incidents": (_shared, 10, 10_000, True),
    "shared by 1,000 incidents": (_shared, 1_000, 100, True),
    "newest first": (_newest_first, 1, 10_000, False),
}
"""By name: the recordings, the number of incidents, the longest history that is made, and whether its end is cheap.

What is reported earlier than all that is known changes the answers of every day since, and stores them again: as many
segments as there are reports. Many that come in one import are stored once.
"""


def _size(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        ).fetchone()
    return int(size)


def _timed(database: Database, steps: list[Step]) -> float:
    begin = time.process_time()
    with recording(database, "growth") as writer:
        for step in steps:
            step(writer)
    return (time.process_time() - begin) * 1000


@pytest.mark.parametrize("name", HISTORIES)
def test_the_cost_of_one_more_report_does_not_depend_on_the_history(
    name: str, migrated_file: Path, tmp_path: Path, print_later: Callable[[str], None]
) -> None:
    make, members, longest, flat = HISTORIES[name]
    print_later(f"{name:<30}{'reports':>8}{'first ms':>10}{'ms':>8}{'bytes':>11}")
    found = []
    for length in (n for n in LENGTHS if n <= min(longest, LONGEST)):
        # given a history that was imported at once
        path = tmp_path / f"{length}.db"
        shutil.copy(migrated_file, path)
        database = Database(f"sqlite:///{path}")
        with recording(database, "growth") as writer:
            for n in range(members):
                writer.record_incident(incident_draft(f"i-{n}"))
        steps = make(members)
        with recording(database, "growth") as writer:
            for _ in range(length):
                for step in next(steps):
                    step(writer)
        # when reports come one by one
        first = _timed(database, next(steps))
        _timed(database, next(steps))
        times: list[float] = []
        before, begin = _size(path), time.monotonic()
        while len(times) < MEASURED and time.monotonic() < begin + SECONDS:
            times.append(_timed(database, next(steps)))
        spent, grown = median(times), (_size(path) - before) // len(times)
        print_later(f"{'':<30}{length:>8}{first:>10.1f}{spent:>8.1f}{grown:>11,}")
        found.append((spent, grown))
        database.close()
        path_of(database.url).unlink()
    # then
    ms_at_ten, bytes_at_ten = found[0]
    for spent, grown in found if flat else ():
        assert spent <= max(MAX_MS, FLAT * ms_at_ten)
        assert grown <= FLAT * max(MAX_BYTES * members, bytes_at_ten)
