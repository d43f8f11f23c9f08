"""The texts of a segment: its headlines and its sources as JSON, as long as they are short."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import orjson

from app.domain.dates import Instant
from app.domain.headline import RULE, Headline
from app.domain.json_text import array_of, extend_object, json_of, object_of
from app.domain.vocabulary import Measure
from app.store.tables.known_report import KnownReport

MAX_INLINE = 4096
"""Characters of sources and shared tolls that a segment repeats. Beyond them `long_rows` adds the texts on reading."""
OF_SHARED = 200
"""Characters counted for the headlines of a shared set, whose own length varies. Its incidents' ids count as well."""
_NO_SOURCES = '{"sources":null,'
"""How `rest` begins if the segment leaves out the sources. `toll` then has null as `shared`."""
_SHARED = ',"shared":'


def headlines_text(headlines: Mapping[Measure, Headline]) -> str:
    """Headlines as a JSON object."""
    return json_of({measure.value: headline.as_json() for measure, headline in headlines.items()})


def own_text(headlines: Mapping[Measure, Headline]) -> str:
    """`toll` without `shared`: the rule, and the headlines of the reports about the incident alone."""
    return json_of({"rule": RULE} | {measure.value: headline.as_json() for measure, headline in headlines.items()})


def own_of(toll: str) -> str:
    """A stored `toll` without `shared`."""
    return toll.partition(_SHARED)[0] + "}"


def shared_text(incidents: str, headlines: str) -> str:
    """An item of `shared`, from the JSON list of the incidents and the JSON object of their headlines."""
    return extend_object(object_of(incidents=incidents), headlines)


def toll_of(own: str, shared: Iterable[str]) -> str:
    """`toll`, from the incident's own headlines and the items of `shared`."""
    return extend_object(own, object_of(shared=array_of(shared)))


def rest_of(sources: Iterable[str], updated_at: str) -> str:
    """`rest`, from the sources and the time at which the segment was recorded."""
    return object_of(sources=array_of(sources), updated_at=json_of(updated_at))


def is_long(rest: str) -> bool:
    """Whether the segment of this `rest` leaves out its sources and shared tolls."""
    return rest.startswith(_NO_SOURCES)


def updated_at_of(rest: str) -> str:
    """`updated_at` of the `rest` of a long segment."""
    updated_at: str = orjson.loads(rest)["updated_at"]
    return updated_at


class SegmentTexts:
    """The sources and shared tolls of successive segments of an incident, in reported order.

    The counted length only grows as reports arrive, so all segments after a long one are long.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self.shared: dict[tuple[str, ...], str] = {}
        """Items of `shared` by their incidents; empty once the texts are long."""
        self._sources = dict.fromkeys(sources)
        self._length = sum(map(len, self._sources))
        self._killed_ever: int | None = None
        self._reported_at: Instant | None = None
        self._drop_long()

    @classmethod
    def of_row(cls, toll: str, rest: str, killed_ever: int | None, reported_at: Instant | None) -> Self:
        """The texts of a stored segment, from its columns."""
        long = is_long(rest)
        texts = cls(() if long else map(json_of, orjson.loads(rest)["sources"]))
        texts._killed_ever, texts._reported_at = killed_ever, reported_at
        if long:
            texts._length = MAX_INLINE + 1
        else:
            for item in orjson.loads(toll)["shared"]:
                texts._add_set(tuple(item["incidents"]))
                texts.shared[tuple(item["incidents"])] = json_of(item)
        return texts

    def arrive(self, known: KnownReport) -> None:
        """Adds a report that covers the incident. Reports are added in reported order."""
        report = known.report
        self._reported_at = report.reported.instant
        if len(report.incidents) == 1 and report.measure is Measure.KILLED:
            self._killed_ever = max(report.figure, report.figure if self._killed_ever is None else self._killed_ever)
        if self.is_long:
            return
        if known.source not in self._sources:
            self._sources[known.source] = None
            self._length += len(known.source)
        if len(report.incidents) > 1:
            self._add_set(tuple(sorted(report.incidents)))
        self._drop_long()

    def _add_set(self, incidents: tuple[str, ...]) -> None:
        if incidents not in self.shared:
            self.shared[incidents] = ""
            self._length += len(json_of(incidents)) + OF_SHARED

    @property
    def is_long(self) -> bool:
        """Whether segments leave out these texts from now on."""
        return self._length > MAX_INLINE

    def _drop_long(self) -> None:
        if self.is_long:
            self.shared.clear()
            self._sources.clear()

    def columns(self, own: str, updated_at: str) -> dict[str, Any]:
        """The columns of a segment, from its own headlines as `own_text` gives them."""
        if self.is_long:
            toll = extend_object(own, object_of(shared="null"))
            rest = object_of(sources="null", updated_at=json_of(updated_at))
        else:
            by_size = sorted(self.shared.items(), key=lambda item: (len(item[0]), item[0]))
            toll, rest = toll_of(own, (text for _, text in by_size)), rest_of(self._sources, updated_at)
        return {"killed_ever": self._killed_ever, "reported_at": self._reported_at, "toll": toll, "rest": rest}
