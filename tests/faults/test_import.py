"""An import that is killed repeatedly and run once more loses nothing and duplicates nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.db.database import Database
from app.store.maintenance.verify import verify
from tests import ged
from tests.support import Client, command, environment

pytestmark = pytest.mark.faults
EVENTS = 30_000
KILLS = 8


def _import(folder: Path, file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", "import", "ucdp-ged", str(file), "--release", "25.1", "--released-on", "2025-06-01"],
        cwd=folder, env=environment(), stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_killed_import_continues_where_it_stopped(tmp_path: Path, print_later: Callable[[str], None]) -> None:
    # given
    file = ged.write(tmp_path / "made.csv", ged.events(EVENTS))
    best = sum(int(e["best"]) for e in ged.events(EVENTS))
    assert command("migrate", cwd=tmp_path).returncode == 0
    rng, there = random.Random(5), []
    database = Database(f"sqlite:///{tmp_path}/incidents.db")

    # when
    for _ in range(KILLS):
        running = _import(tmp_path, file)
        time.sleep(rng.uniform(0.8, 2.0))
        assert running.poll() is None, "it is killed in the middle"
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
        client = Client(database)
        there.append(client.json("/v1/incidents?limit=1&total=true")["total"])
        client.close()
    last = _import(tmp_path, file)
    _, answer = last.communicate(timeout=120)

    # then
    assert last.returncode == 0
    assert there == sorted(there) and 0 < there[-1] < EVENTS, there
    rest = EVENTS - there[-1]
    assert (
        f"made.csv: {rest} created, 0 revised, {there[-1]} unchanged, 0 absent, 0 repaired, 0 refused"
        in answer.decode()
    )
    client = Client(database)
    total = client.json("/v1/stats")["total"]
    assert (total["incidents"], total["killed"]["best"]) == (EVENTS, best)
    assert client.json("/v1/toll-reports?limit=1&total=true")["total"] == EVENTS
    client.close()
    assert verify(database).entries == 2 * EVENTS + 2
    print_later(f"{KILLS} kills of an import; there afterwards: {', '.join(map(str, there))} of {EVENTS}")
