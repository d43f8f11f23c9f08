"""Measures every work on every server in turn, for several rounds, so that a slow moment affects all servers alike."""

import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.benchmarks import load
from tests.benchmarks.checks import Paths
from tests.benchmarks.servers import Server
from tests.benchmarks.works import Work

OTHERS = ("floor", "naive", "Datasette")


@dataclass(slots=True)
class Measured:
    """Requests a second of one work, by server, one number a round."""

    work: Work
    rates: dict[str, list[float]] = field(default_factory=dict)

    def rate(self, server: str = "ours") -> float | None:
        """The median."""
        return statistics.median(self.rates[server]) if server in self.rates else None

    def ratio(self, other: str) -> float | None:
        """The median of the rounds' ratios of ours to another."""
        if other not in self.rates:
            return None
        return statistics.median(a / b for a, b in zip(self.rates["ours"], self.rates[other], strict=True))

    def bar(self, other: str) -> float | None:
        """The smallest ratio to another server that the design requires."""
        return {"floor": self.work.floor, "naive": self.work.naive, "Datasette": self.work.datasette}[other]

    def misses(self, other: str) -> bool:
        """Whether the ratio is under its bar."""
        ratio, bar = self.ratio(other), self.bar(other)
        return ratio is not None and bar is not None and ratio < bar


def measure(
    works: Iterable[Work], paths: Mapping[str, Paths], running: Mapping[str, Server], rounds: int, seconds: float
) -> list[Measured]:
    """All works, round by round."""
    found = [Measured(work) for work in works]
    for number in range(rounds):
        for one in found:
            for server, addresses in paths[one.work.name].items():
                got = load.put(running[server].port, addresses, seconds)
                one.rates.setdefault(server, []).append(got.rate)
                running[server].settle()
        print(f"round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    return found


@dataclass(frozen=True, slots=True)
class Side:
    """A number below the table: a ratio, a time or an amount, and the bar that it must meet."""

    label: str
    value: float
    bar: float | None
    unit: str = "×"
    at_most: bool = False
    note: str = ""

    @property
    def missed(self) -> bool:
        """Whether the bar is missed."""
        return self.bar is not None and (self.value > self.bar if self.at_most else self.value < self.bar)


def median_ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """The median of the ratios, round by round."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))
