"""`python -m tests.benchmarks`: compares the speed of the service with a floor, a naive server and Datasette.

Absolute times mean nothing on shared machines, so one run measures all servers in turn and prints ratios.
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
    """Measures and prints the tables."""
    arguments = _arguments()
    database = database_file(arguments.incidents)
    facts = facts_of(database)
    every = list(works(facts))
    chosen = [w for w in every if arguments.only in (None, w.name)]
    if not chosen and arguments.only not in SIDES:
        sys.exit(f"there is no work called {arguments.only}; there are {', '.join([*(w.name for w in every), *SIDES])}")
    measured: list[rounds.Measured] = []
    found: list[Side] = []
    with tempfile.TemporaryDirectory(dir=database.parent) as folder, ExitStack() as stack:
        running = _Running(stack, database, chosen, Path(folder))
        if chosen:
            running.check()
            measured = rounds.measure(chosen, running.paths, running.servers, arguments.rounds, arguments.seconds)
        found += sideways.within(measured)
        if arguments.only in (None, "304"):
            found += sideways.not_modified(running.servers["ours"], facts, arguments.rounds, arguments.seconds)
        if arguments.only in (None, "export"):
            found += sideways.export(running.servers, running.export_path, facts, arguments.rounds, arguments.seconds)
    if arguments.only in (None, "write"):
        found += writing.one_report(arguments.rounds)
    if arguments.only in (None, "import"):
        found += writing.bulk(arguments.rounds)
    _print(arguments, measured, found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--incidents", type=int, help="incidents in the file (100000; 10000 with --quick)")
    parser.add_argument("--rounds", type=int, help="rounds (5; 2 with --quick)")
    parser.add_argument("--seconds", type=int, help="seconds a measurement (2; 1 with --quick)")
    parser.add_argument("--only", help=f"one work by its name, or one of {', '.join(SIDES)}")
    parser.add_argument("--quick", action="store_true", help="rough numbers within about two minutes")
    parser.add_argument("--json", type=Path, help="write every number there")
    arguments = parser.parse_args()
    quick, slow = (10_000, 2, 1), (100_000, 5, 2)
    for name, value in zip(("incidents", "rounds", "seconds"), quick if arguments.quick else slow, strict=True):
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return arguments


class _Running:
    """The servers, and the addresses of every work at each."""

    def __init__(self, stack: ExitStack, database: Path, chosen: list[Work], folder: Path) -> None:
        self.chosen = chosen
        plan = statements.plans(database, [request for work in chosen for request in work.requests])
        queries = canned.Canned(database)
        self.paths = {w.name: _paths(w, queries, plan) for w in chosen}
        self.servers = {"ours": stack.enter_context(servers.ours(database))}
        self.servers["naive"] = stack.enter_context(servers.naive(naive_file(database)))
        if executable := servers.find_datasette():
            metadata = queries.write(folder / "metadata.json")
            self.servers["Datasette"] = stack.enter_context(servers.datasette(executable, database, metadata))
        else:
            print("Datasette is not installed (BENCH_DATASETTE, PATH): its column stays empty", file=sys.stderr)
            for paths in self.paths.values():
                paths.pop("Datasette", None)
        self.export_path = "/v1/incidents?f=ndjson"
        entries = {path: entry | self._tail(path, entry) for path, entry in plan.items()}
        entries[self.export_path] = statements.export_plan(database)
        file = folder / "plan.json"
        file.write_text(json.dumps(entries), "utf-8")
        self.servers["floor"] = stack.enter_context(servers.floor(database, file))
        self.ports = {name: server.port for name, server in self.servers.items()}

    def _tail(self, path: str, entry: dict[str, Any]) -> dict[str, str]:
        """The end of our page, which the floor sends too, because it makes no cursors."""
        if entry["kind"] != "page":
            return {}
        text = checks.body_of(self.servers["ours"].port, path).decode()
        return {"tail": text[text.rindex('],"next":') :]}

    def check(self) -> None:
        """Raises `RuntimeError` unless all servers give the same results."""
        for work in self.chosen:
            checks.require_same_results(work, self.ports, self.paths[work.name])


def _paths(work: Work, queries: canned.Canned, plan: dict[str, Any]) -> dict[str, list[str]]:
    """The addresses of a work at each server that can do it."""
    ours = [request.path for request in work.requests]
    found = {"ours": ours, "floor": ours, "naive": [request.naive_path for request in work.requests]}
    if work.name in ("deep", "stats"):
        del found["naive"]
    return found | {"Datasette": [queries.path(plan[path]) for path in ours]}


def _print(arguments: argparse.Namespace, measured: list[rounds.Measured], found: list[Side]) -> None:
    print(f"\n{arguments.incidents:,} incidents; {table.machine()}\n")
    if measured:
        print(table.rows(measured), end="\n\n")
    if found:
        print(table.sides(found))
    if arguments.json:
        facts = {name: getattr(arguments, name) for name in ("incidents", "rounds", "seconds")}
        arguments.json.write_text(json.dumps(table.as_json(measured, found, facts), indent=1), "utf-8")


if __name__ == "__main__":
    main()
