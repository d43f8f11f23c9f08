"""What is measured: requests by kind, each with the bars of the design."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from app.domain.places import region_name
from app.query.parameters import HistoryQuery, IncidentByIdQuery, IncidentQuery, StatisticsQuery
from app.query.query import Query, parse_query
from app.store.read.cursor import Cursor, bound_text
from app.store.read.incidents import INCIDENT_PAGES
from tests.benchmarks.dataset import SEED
from tests.benchmarks.facts import Facts
from tests.benchmarks.generator import CENTRES, FIRST_DAY, LAST_DAY

REQUESTS = 40
"""Different requests of each kind, sent in turn."""
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `naive` is for the naive server, where it differs."""

    kind: str
    pairs: Pairs = ()
    incident: str = ""
    naive: Pairs | None = None

    @property
    def path(self) -> str:
        """The address at our server."""
        return self._address(self.pairs)

    @property
    def naive_path(self) -> str:
        """The address at the naive server, which takes an offset where we take a cursor."""
        return self._address(self.pairs if self.naive is None else self.naive)

    @property
    def query(self) -> Query:
        """What our server reads from the address."""
        models = {"incident": IncidentByIdQuery, "history": HistoryQuery, "stats": StatisticsQuery}
        return parse_query(self.pairs, models.get(self.kind, IncidentQuery))

    def _address(self, pairs: Pairs) -> str:
        ends = {"incident": f"/{self.incident}", "history": f"/{self.incident}/toll-history"}
        base = "/v1/stats" if self.kind == "stats" else f"/v1/incidents{ends.get(self.kind, '')}"
        return f"{base}?{urlencode(pairs)}" if pairs else base


@dataclass(frozen=True, slots=True)
class Work:
    """A row of the table: its requests, and the smallest ratio to each of the other servers."""

    name: str
    label: str
    requests: tuple[Request, ...]
    floor: float | None
    naive: float | None
    datasette: float | None


def works(facts: Facts) -> Iterator[Work]:
    """The rows, in the order of the table."""
    rng = random.Random(SEED)
    ids = rng.sample(facts.ids, min(500, len(facts.ids)))
    one = tuple(Request("incident", incident=i) for i in ids)
    yield Work("incident", "one incident", one, 0.40, 12, 5)
    history = tuple(Request("history", incident=i) for i in ids)
    yield Work("history", "its toll history (the others: its reports, no rule)", history, None, 12, 5)
    for name, label, pairs in PAGES:
        requests = tuple(_page(rng, pairs(rng, facts)) for _ in range(REQUESTS))
        yield Work(name, label, requests, 0.60, 25, 4)
    yield Work("first", "first page of everything", (_page(rng, ()),), 0.60, 25, 4)
    yield Work("deep", f"page {facts.deep_page:,} of everything", (_deep(facts),), 0.60, None, 4)
    grouped = tuple(
        Request("stats", (("country", c), ("group_by", "region,month"))) for c in rng.sample(sorted(CENTRES), 8)
    )
    yield Work("stats", "stats of a country by region and month", grouped, 0.80, None, None)


def _page(_: random.Random, pairs: Pairs) -> Request:
    naive = tuple(("region", _code(value)) if name == "region" else (name, value) for name, value in pairs)
    return Request("page", (*pairs, ("limit", "100")), naive=(*naive, ("limit", "100")))


def _code(region: str) -> str:
    return _CODES.get(region, region)


_CODES: dict[str, str] = {}
"""Names of requested regions with their codes: the naive server knows codes alone."""


def _country(rng: random.Random, _: Facts) -> Pairs:
    start = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days - 800))
    return (
        ("country", rng.choice(sorted(CENTRES))),
        ("date_from", f"{start}"),
        ("date_to", f"{start + timedelta(days=rng.randint(300, 800))}"),
    )


def _region(rng: random.Random, facts: Facts) -> Pairs:
    return (("region", rng.choice(facts.regions)),)


def _region_name(rng: random.Random, facts: Facts) -> Pairs:
    code = rng.choice(facts.regions)
    name = region_name(code) or code
    _CODES[name] = code
    return ("country", code.split("-")[0]), ("region", name)


def _box(rng: random.Random, side: float) -> Pairs:
    latitude, longitude = CENTRES[rng.choice(sorted(CENTRES))]
    west, south = longitude + rng.uniform(-2, 2) - side / 2, latitude + rng.uniform(-2, 2) - side / 2
    return (("bbox", ",".join(f"{edge:.3f}" for edge in (west, south, west + side, south + side))),)


def _killed(rng: random.Random, _: Facts) -> Pairs:
    return ("country", rng.choice(sorted(CENTRES))), ("killed_min", "50")


def _as_of(rng: random.Random, _: Facts) -> Pairs:
    day = FIRST_DAY + timedelta(days=rng.randrange(2000, (LAST_DAY - FIRST_DAY).days))
    return ("country", rng.choice(sorted(CENTRES))), ("as_of", f"{day}")


PAGES = (
    ("country", "page of 100 by country and dates", _country),
    ("region", "page of 100 by region code", _region),
    ("regionname", "page of 100 by country and region's name", _region_name),
    ("narrow", "page of 100 by narrow box (1°)", lambda rng, _: _box(rng, 1.0)),
    ("medium", "page of 100 by box of 6°", lambda rng, _: _box(rng, 6.0)),
    ("wide", "page of 100 by wide box (60°)", lambda rng, _: _box(rng, 60.0)),
    ("killed", "page of 100 by country, killed_min=50", _killed),
    ("asof", "page of 100 by country, as_of", _as_of),
)


def _deep(facts: Facts) -> Request:
    """A page far down the list, with the cursor of the page before it."""
    pairs: Pairs = (("limit", "100"),)
    conditions = bound_text(parse_query(pairs, IncidentQuery))
    cursor = Cursor(facts.deep_keys, facts.recorded).text(INCIDENT_PAGES, conditions)
    return Request("page", (*pairs, ("cursor", cursor)), naive=(*pairs, ("offset", str(100 * (facts.deep_page - 1)))))
