"""The cost of the headline rule for growing histories: `python -m tests.domain.growth` prints CPU milliseconds."""

import gc
import sys
import time
from collections.abc import Callable

from app.domain.dates import LAST_INSTANT
from app.domain.headline import successors
from app.domain.history import effects, spans, timeline
from app.domain.report import Report
from app.domain.vocabulary import Measure
from tests.domain.shapes import SHAPES, X


def cost(reports: list[Report], work: Callable[[list[Report], list[Report]], object]) -> float:
    """CPU seconds of the quicker of two runs over the reports about x alone and the others."""
    own, others = [r for r in reports if r.incidents == X], [r for r in reports if r.incidents != X]
    taken = []
    for _ in range(2):
        gc.collect()
        begin = time.process_time()
        work(own, others)
        taken.append(time.process_time() - begin)
    return min(taken)


WORK: dict[str, Callable[[list[Report], list[Report]], object]] = {
    "effects": lambda own, others: effects(own, others, LAST_INSTANT),
    "timeline": lambda own, others: timeline(Measure.KILLED, own, others, LAST_INSTANT),
    "successors": lambda own, others: successors([*own, *others], LAST_INSTANT),
    "spans": lambda own, others: spans(own, others),
}

if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]] or [100, 1_000, 10_000]
    print(f"{'':40}" + "".join(f"{name:>12}" for name in WORK))
    for name, shape in SHAPES.items():
        for size in sizes:
            taken = [cost(shape(size), work) * 1000 for work in WORK.values()]
            print(f"{name:32}{size:8}" + "".join(f"{ms:12.1f}" for ms in taken), flush=True)
