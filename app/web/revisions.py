"""How headlines changed after one reporter gave them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Revisions:
    """For incidents whose headline once was a figure of the reporter: the current headline against the first of them.

    A partial toll, or one that never became the headline, is not compared.
    """

    incidents: int
    raised: int
    lowered: int
    kept: int
    gone: int
    """Incidents without a current headline."""
    median_delta: float | None
    """Of headline − first figure, in people; `None` if no incident has a headline."""
    median_share: float | None
    """Of (headline − first figure) / first figure, where the first figure is not 0; `None` if there is none."""

    def share(self, count: int) -> int:
        """Percentage of all incidents."""
        return round(100 * count / self.incidents)


def revisions(rows: Sequence[Sequence[Any]]) -> Revisions | None:
    """`rows` are those of `select_revised`, in order of incident and time: the first of each incident counts."""
    first: dict[int, tuple[int, int | None]] = {}
    for incident_set, best, headline in rows:
        first.setdefault(incident_set, (best, headline))
    if not first:
        return None
    standing = [(best, headline - best) for best, headline in first.values() if headline is not None]
    deltas = [delta for _, delta in standing]
    shares = [delta / best for best, delta in standing if best]
    return Revisions(
        incidents=len(first),
        raised=sum(d > 0 for d in deltas),
        lowered=sum(d < 0 for d in deltas),
        kept=sum(d == 0 for d in deltas),
        gone=len(first) - len(standing),
        median_delta=median(deltas) if deltas else None,
        median_share=median(shares) if shares else None,
    )
