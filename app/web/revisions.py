"""How the figures that one reporter gave first compare with the headlines of today."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Revisions:
    """Of incidents with a figure of killed by the reporter: how many headlines are higher now, lower, or the same."""

    incidents: int
    raised: int
    lowered: int
    kept: int
    median_delta: float
    """Of headline − first figure, in people, over all incidents."""
    median_share: float | None
    """Of (headline − first figure) / first figure, where the first figure was not 0; `None` where none was."""

    def share(self, count: int) -> int:
        """Per cent of all incidents."""
        return round(100 * count / self.incidents)


def revisions(rows: Sequence[Sequence[Any]]) -> Revisions | None:
    """`rows` are those of `lists.revised`, in order of incident and time: the first of each incident counts."""
    first: dict[int, tuple[int, int]] = {}
    for incident_set, _, best, headline in rows:
        first.setdefault(incident_set, (best, headline))
    if not first:
        return None
    deltas = [headline - best for best, headline in first.values()]
    shares = [(headline - best) / best for best, headline in first.values() if best]
    return Revisions(
        incidents=len(deltas),
        raised=sum(d > 0 for d in deltas),
        lowered=sum(d < 0 for d in deltas),
        kept=sum(d == 0 for d in deltas),
        median_delta=median(deltas),
        median_share=median(shares) if shares else None,
    )
