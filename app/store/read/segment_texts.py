"""The texts of a segment: its headlines and its sources as JSON, while they are short."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import orjson

from app.domain.dates import Instant
from app.domain.headline import RULE, Headline
from app.domain.vocabulary import Measure
from app.store.tables.known_report import KnownReport

MAX_INLINE = 4096
"""Characters of sources and shared figures that a segment repeats. Beyond them `long_rows` puts the texts together."""
OF_SHARED = 200
"""Characters that the figures of a set count as, beside those of its incidents' ids: their own would vary."""
NO_SOURCES = '{"sources":null,'
"""How `rest` begins, and NO_SHARED how `toll` ends, where a segment does not repeat them."""
NO_SHARED = ',"shared":null}'


def text_of(value: object) -> str:
    """JSON as it is stored."""
    return orjson.dumps(value).decode()


def headlines_text(headlines: Mapping[Measure, Headline]) -> str:
    """Headlines as a JSON object."""
    return text_of({measure.value: headline.as_json() for measure, headline in headlines.items()})


def own_text(headlines: Mapping[Measure, Headline]) -> str:
    """What `toll` begins with: the rule, and the headlines of the reports about the incident alone."""
    return text_of({"rule": RULE} | {measure.value: headline.as_json() for measure, headline in headlines.items()})[:-1]


def shared_text(incidents: str, headlines: str) -> str:
    """An item of `shared`, of the JSON list of the incidents and the JSON object of their headlines."""
    return f'{{"incidents":{incidents},{headlines[1:]}'


def toll_of(own: str, shared: Iterable[str]) -> str:
    """`toll`, of its beginning and the items of `shared`."""
    return f'{own},"shared":[{",".join(shared)}]}}'


def rest_of(sources: Iterable[str], updated_at: str) -> str:
    """`rest`, of the sources and when the segment was recorded."""
    return f'{{"sources":[{",".join(sources)}],"updated_at":"{updated_at}"}}'


class SegmentTexts:
    """What the segments of an incident say one after the other, beside the headlines of the incident alone.

    How long the texts are counted only grows while reports arrive, so that a segment is known to be long from the one
    before it.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self.shared: dict[tuple[str, ...], str] = {}
        """Items of `shared` by their incidents; none where the texts are too long."""
        self._sources = dict.fromkeys(sources)
        self._length = sum(map(len, self._sources))
        self._killed_ever: int | None = None
        self._reported_at: Instant | None = None
        self._drop_long()

    @classmethod
    def of_row(cls, toll: str, rest: str, killed_ever: int | None, reported_at: Instant | None) -> Self:
        """What the segment says that these columns are of."""
        long = rest.startswith(NO_SOURCES)
        texts = cls(() if long else map(text_of, orjson.loads(rest)["sources"]))
        texts._killed_ever, texts._reported_at = killed_ever, reported_at
        if long:
            texts._length = MAX_INLINE + 1
        else:
            for item in orjson.loads(toll)["shared"]:
                texts._add_set(tuple(item["incidents"]))
                texts.shared[tuple(item["incidents"])] = text_of(item)
        return texts

    def arrive(self, known: KnownReport) -> None:
        """A report that covers the incident. They come in their reported order."""
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
            self._length += len(text_of(incidents)) + OF_SHARED

    @property
    def is_long(self) -> bool:
        """Whether segments leave the texts out from now on."""
        return self._length > MAX_INLINE

    def _drop_long(self) -> None:
        if self.is_long:
            self.shared.clear()
            self._sources.clear()

    def columns(self, own: str, updated_at: str) -> dict[str, Any]:
        """The columns of a segment, given the beginning of its `toll`."""
        if self.is_long:
            toll, rest = f"{own}{NO_SHARED}", f'{NO_SOURCES}"updated_at":"{updated_at}"}}'
        else:
            by_size = sorted(self.shared.items(), key=lambda item: (len(item[0]), item[0]))
            toll, rest = toll_of(own, (text for _, text in by_size)), rest_of(self._sources, updated_at)
        return {"killed_ever": self._killed_ever, "reported_at": self._reported_at, "toll": toll, "rest": rest}
