"""`python -m tests.benchmarks`: how fast the service is, as ratios to a floor, a tutorial's way and Datasette.

Absolute times mean nothing on shared machines, so all servers are measured in turn in one run.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks import canned, checks, rounds, servers, sideways, statements, table, writing
from tests.benchmarks.dataset import database_file
from tests.benchmarks.facts import facts_of
from tests.benchmarks.naive_data import naive_file
from tests.benchmarks.rounds import Side
from tests.benchmarks.works import Work, works

SIDES = ("304", "export", "write", "import")


def main() -> None:
    """Measures and tells."""
    told = _arguments()
    database = database_file(told.incidents)
    facts = facts_of(database)
    every = list(works(facts))
    chosen = [w for w in every if told.only in (None, w.name)]
    if not chosen and told.only not in SIDES:
        sys.exit(f"there is no work called {told.only}; there are {', '.join([*(w.name for w in every), *SIDES])}")
    measured: list[rounds.Measured] = []
    found: list[Side] = []
    with tempfile.TemporaryDirectory(dir=database.parent) as folder, ExitStack() as stack:
        running = _Running(stack, database, chosen, Path(folder))
        if chosen:
            running.check()
            measured = rounds.measure(chosen, running.paths, running.servers, told.rounds, told.seconds)
        found += sideways.within(measured)
        if told.only in (None, "304"):
            found += sideways.not_modified(running.servers["ours"], facts, told.rounds, told.seconds)
        if told.only in (None, "export"):
            found += sideways.export(running.servers, running.export_path, facts, told.rounds, told.seconds)
    if told.only in (None, "write"):
        found += writing.one_report(told.rounds)
    if told.only in (None, "import"):
        found += writing.bulk(told.rounds)
    _tell(told, measured, found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--incidents", type=int, help="incidents in the file (100000; 10000 with --quick)")
    parser.add_argument("--rounds", type=int, help="rounds (5; 2 with --quick)")
    parser.add_argument("--seconds", type=int, help="seconds a measurement (2; 1 with --quick)")
    parser.add_argument("--only", help=f"one work by its name, or one of {', '.join(SIDES)}")
    parser.add_argument("--quick", action="store_true", help="a rough answer within about two minutes")
    parser.add_argument("--json", type=Path, help="write every number there")
    told = parser.parse_args()
    quick, slow = (10_000, 2, 1), (100_000, 5, 2)
    for name, value in zip(("incidents", "rounds", "seconds"), quick if told.quick else slow, strict=True):
        if getattr(told, name) is None:
            setattr(told, name, value)
    return told


class _Running:
    """The servers, and the addresses of every work at each."""

    def __init__(self, stack: ExitStack, database: Path, chosen: list[Work], folder: Path) -> None:
        self.chosen = chosen
        plan = statements.plans(database, [ask for work in chosen for ask in work.asks])
        queries = canned.Canned(database)
        self.paths = {w.name: _paths(w, queries, plan) for w in chosen}
        self.servers = {"ours": stack.enter_context(servers.ours(database))}
        self.servers["naive"] = stack.enter_context(servers.naive(naive_file(database)))
        if executable := servers.find_datasette():
            metadata = queries.write(folder / "metadata.json")
            self.servers["Datasette"] = stack.enter_context(servers.datasette(executable, database, metadata))
        else:
            print("Datasette is not installed (BENCH_DATASETTE, PATH): its column stays empty", file=sys.stderr)
            for asked in self.paths.values():
                asked.pop("Datasette", None)
        self.export_path = "/v1/incidents?f=ndjson"
        told = {path: entry | self._tail(path, entry) for path, entry in plan.items()}
        told[self.export_path] = statements.export_plan(database)
        file = folder / "plan.json"
        file.write_text(json.dumps(told), "utf-8")
        self.servers["floor"] = stack.enter_context(servers.floor(database, file))
        self.ports = {name: server.port for name, server in self.servers.items()}

    def _tail(self, path: str, entry: dict[str, Any]) -> dict[str, str]:
        """What ends our page; the floor is told it, since it makes no cursors."""
        if entry["kind"] != "page":
            return {}
        text = checks.body_of(self.servers["ours"].port, path).decode()
        return {"tail": text[text.rindex('],"next":') :]}

    def check(self) -> None:
        """All servers answer alike."""
        for work in self.chosen:
            checks.same_answers(work, self.ports, self.paths[work.name])


def _paths(work: Work, queries: canned.Canned, plan: dict[str, Any]) -> dict[str, list[str]]:
    """The addresses of a work at each server that can do it."""
    ours = [ask.path for ask in work.asks]
    found = {"ours": ours, "floor": ours, "naive": [ask.naive_path for ask in work.asks]}
    if work.name in ("deep", "stats"):
        del found["naive"]
    return found | {"Datasette": [queries.path(plan[path]) for path in ours]}


def _tell(told: argparse.Namespace, measured: list[rounds.Measured], found: list[Side]) -> None:
    print(f"\n{told.incidents:,} incidents; {table.machine()}\n")
    if measured:
        print(table.rows(measured), end="\n\n")
    if found:
        print(table.sides(found))
    if told.json:
        facts = {name: getattr(told, name) for name in ("incidents", "rounds", "seconds")}
        told.json.write_text(json.dumps(table.as_json(measured, found, facts), indent=1), "utf-8")


if __name__ == "__main__":
    main()
