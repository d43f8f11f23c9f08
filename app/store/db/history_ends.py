"""Ends of long histories, kept in memory between writes so that a new report is added without loading the history."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from app.domain.dates import Instant
from app.domain.ending import Ending
from app.domain.headline import Headline
from app.domain.report import NEVER_VALID
from app.domain.vocabulary import Measure
from app.store.tables.known_report import KnownReport

LONG_HISTORY = 10
"""Spans from which on a history is not loaded again for each report added at its end."""
MAX_REPLAYS = 5
"""Headlines of one recording that are replayed from their beginning. With more, loading the history is faster."""
MAX_KEPT_REPORTS = 40_000
"""Reports in all ends that a process keeps, 2.3 KB each: about 100 MB. The most recently used ends are kept."""


class Step(NamedTuple):
    """A moment at which the current recording changes the headlines of a set of incidents."""

    incidents: tuple[str, ...]
    at: Instant
    headlines: dict[Measure, Headline]
    arrived: list[KnownReport]
    """Reports about exactly these incidents, reported at this moment."""


class Void(NamedTuple):
    """A retraction: the moment from which a report is void, the recorded moment, and the report's id."""

    at: Instant
    recorded_at: Instant
    report: str


@dataclass(slots=True)
class SetEnding:
    """The headlines of one set of incidents after all reports and retractions up to two keys."""

    set_key: int
    incidents: tuple[str, ...] = ()
    by_measure: dict[Measure, Ending] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    """The measures, by id, of the reports of the set and of reports of other sets that supersede one of these."""
    own: set[str] = field(default_factory=set)
    last: tuple[Instant, int] = (-(2**63), 0)
    """The place of the last report in the reported order."""
    report_key: int = 0
    retraction_key: int = 0

    @property
    def size(self) -> int:
        """Its memory, in reports."""
        return len(self.measures) + 4

    def follows(self, arriving: list[tuple[KnownReport, Instant]]) -> bool:
        """Whether these reports, which are in reported order, all come after the known ones."""
        return not arriving or arriving[0][0].report.when > self.last

    def advance(
        self, arriving: list[tuple[KnownReport, Instant]], voids: list[Void], now: Instant
    ) -> list[Step] | None:
        """Adds reports, each with its recorded instant, and retractions. Returns a step for each moment recorded `now`.

        Returns `None` if more than `MAX_REPLAYS` headlines need a replay. This end is then useless.
        """
        by_moment: dict[Instant, tuple[list[KnownReport], list[Void]]] = {}
        stepping = {k.report.reported.instant for k, recorded_at in arriving if recorded_at == now}
        stepping |= {void.at for void in voids if void.recorded_at == now and void.at != NEVER_VALID.instant}
        for known, _ in arriving:
            by_moment.setdefault(known.report.reported.instant, ([], []))[0].append(known)
        for void in voids:
            by_moment.setdefault(void.at, ([], []))[1].append(void)
        steps, replays = [], 0
        for at in sorted(by_moment):
            reports, void_now = by_moment[at]
            arrived = [known for known in reports if self._arrive(known)]
            for void in void_now:
                if measure := self.measures.get(void.report):  # otherwise it is void when it arrives
                    self.by_measure[measure].retract(void.report)
            if at in stepping:
                replays += sum(ending.stale for ending in self.by_measure.values())
                if replays > MAX_REPLAYS:
                    return None
                headlines = {m: self.by_measure[m].headline for m in Measure if m in self.by_measure}
                steps.append(Step(self.incidents, at, headlines, arrived))
        return steps

    def _arrive(self, known: KnownReport) -> bool:
        """Adds a report, void or not. Returns whether it belongs to this set."""
        report, own = known.report, known.set_key == self.set_key
        if own:
            self.incidents = self.incidents or tuple(sorted(report.incidents))
            self.own.add(report.id)
            ending = self.by_measure.get(report.measure)
            if ending is None:
                ending = self.by_measure[report.measure] = Ending()
            ending.reports += 1
        else:
            ending = self.by_measure[report.measure]
        self.measures[report.id] = report.measure
        self.last = report.when
        if not report.void_at(report.reported.instant):
            ending.arrive(report, own=own)
        return own


class Endings:
    """The most recently used ends of the histories of sets. An end that is taken is returned after the commit.

    Ends used by a savepoint lie in a layer above. If the savepoint is rolled back, its layer is dropped.
    """

    def __init__(self, below: "Endings | None" = None) -> None:
        self._below = below
        self._kept: OrderedDict[int, SetEnding] = OrderedDict()
        self._reports = 0

    def take(self, set_key: int) -> SetEnding | None:
        """Removes and returns the end of a set's history."""
        ending = self._kept.pop(set_key, None)
        if ending is None:
            return self._below.take(set_key) if self._below else None
        self._reports -= ending.size
        return ending

    def keep(self, ending: SetEnding) -> None:
        """Adds the end of a set's history, including what this transaction has recorded."""
        self._kept[ending.set_key] = ending
        self._reports += ending.size
        while self._reports > MAX_KEPT_REPORTS and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._reports -= oldest.size

    def settle(self) -> None:
        """Moves all ends to the layer below, when their changes are or will be committed."""
        if self._below:
            for ending in self._kept.values():
                self._below.keep(ending)
            self._kept.clear()
            self._reports = 0
