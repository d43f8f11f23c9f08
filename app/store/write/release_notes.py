"""Notes of what a release lists: its incidents, and the days that it covers in each country."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, select

from app.store.tables import Listing, ReleaseSpan, table_of
from app.store.write.appender import Appender

_listing, _span = table_of(Listing).c, table_of(ReleaseSpan).c
_IS_LISTED = select(_listing.incident).where(
    *(_listing[name] == bindparam(name) for name in ("incident", "reporter", "listed_at", "source"))
)
"""Whether the listing of an incident by a release is noted."""
_DAYS = select(func.min(_span.first_day), func.max(_span.last_day)).where(
    _span.source == bindparam("source"), _span.country == bindparam("country")
)
"""(first day, last day) that a release covers in a country; nulls where it lists no event there yet."""


@dataclass(slots=True)
class _CoveredDays:
    """A row of `release_span`, and the days that are stored already. It is pending once it is wider than these."""

    row: dict[str, Any]
    stored_first: int | None
    stored_last: int | None
    is_pending: bool = False

    def widen(self, first: int, last: int) -> None:
        """Includes these days."""
        self.row["first_day"] = min(self.row["first_day"], first)
        self.row["last_day"] = max(self.row["last_day"], last)

    @property
    def is_wider(self) -> bool:
        """Whether the row covers a day that is not stored."""
        if self.stored_first is None or self.stored_last is None:
            return True
        return bool(self.row["first_day"] < self.stored_first or self.row["last_day"] > self.stored_last)


class ReleaseNotes:
    """The notes of one write transaction."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._listed: set[tuple[int, ...]] = set()
        self._days: dict[tuple[int, str], _CoveredDays] = {}

    def note_listing(self, listing: dict[str, int], *, new: bool) -> None:
        """Notes that a release (`reporter`, `listed_at`, `source`) lists an incident, which may be `new`."""
        key = tuple(listing.values())
        if key in self._listed:
            return
        self._listed.add(key)
        if new or not self._appender.transaction.first(_IS_LISTED, listing):
            self._appender.add_rows(table_of(Listing), listing | {"recorded_at": self._appender.now})

    def note_days(self, listing: dict[str, int], country: str, first: date, last: date) -> None:
        """Notes that the release of a listing covers these days of a country."""
        source, first_day, last_day = listing["source"], first.toordinal(), last.toordinal()
        days = self._days.get((source, country))
        if days is None:
            stored = self._appender.transaction.first(_DAYS, {"source": source, "country": country})
            row = {"source": source, "country": country, "recorded_at": self._appender.now}
            row |= {name: listing[name] for name in ("reporter", "listed_at")}
            row |= {"first_day": first_day, "last_day": last_day}
            days = self._days[source, country] = _CoveredDays(row, *(stored or (None, None)))
        days.widen(first_day, last_day)
        if not days.is_pending and days.is_wider:
            days.is_pending = True
            self._appender.add_rows(table_of(ReleaseSpan), days.row)
