"""Attacks from one address: requests that are cheap to send and expensive to serve."""

from collections.abc import Sequence
from string import ascii_lowercase

from tests.faults.stalled_data import LARGE, LARGE_COUNTRY, PLAIN, RETRACTED
from tests.faults.stalls import Attack

STREAM = "/v1/changes/stream?after=0"
EXPORT = "/v1/incidents?f=csv"
IMPORT_ROWS = 60_000
"""Rows that are refused, so that nothing is written: the response is larger than what the system takes unread."""


def _history(incident: str) -> str:
    return f"/v1/incidents/{incident}/toll-history"


def _differing(path: str) -> Sequence[str]:
    """The same request in variants that no cached response matches."""
    return [f"{path}{'&' if '?' in path else '?'}date_to=2025-12-{day:02}" for day in range(1, 32)]


_COUNTRIES = "&".join(f"country=Aphganistann{n}" for n in range(100))
_REGIONS = "&".join(f"region=Nowhereshire{n}" for n in range(100))

SHORT: dict[str, Sequence[str]] = {
    "stats by actor and day, CSV": _differing("/v1/stats?group_by=actor,day&f=csv"),
    "stats by day": _differing("/v1/stats?group_by=day"),
    "stats by day, all": ["/v1/stats?group_by=day"],
    "history of 400, half retracted": [_history(RETRACTED)],
    "history of 4,000": [_history(PLAIN)],
    "q of 100 times a": _differing(f"/v1/incidents?q={'+'.join(['a'] * 100)}"),
    "q of all letters": _differing(f"/v1/incidents?q={'+'.join(ascii_lowercase)}"),
    "q of one letter": [one for letter in "aeins" for one in _differing(f"/v1/incidents?q={letter}")],
    "feed of 1,000": _differing("/feed.atom?limit=1000"),
    "100 misspelt countries": [f"/v1/incidents?{_COUNTRIES}"],
    "100 unknown regions": [f"/v1/incidents?{_REGIONS}"],
    "page of 1,000 as CSV": _differing("/v1/incidents?limit=1000&f=csv"),
    "page of 1,000 as GeoJSON": _differing("/v1/incidents?limit=1000&f=geojson"),
    "page of 1,000, as of a past day": _differing("/v1/incidents?limit=1000&as_of=2019-06-01"),
    "Parquet of a year": _differing("/v1/incidents?f=parquet&date_from=2025-01-01"),
    "stats at a past time": _differing("/v1/stats?group_by=actor&as_of=2019-06-01"),
    "LIKE in a filter": _differing("/ogc/collections/incidents/items?limit=1000&filter=title+LIKE+%27%25zzz%25%27"),
    "changes, 1,000 a page": [f"/v1/changes?limit=1000&after={n}000" for n in range(100)],
    "page of a region": [f"/regions/ML?as_of=2025-12-{day:02}" for day in range(1, 32)],
    "explorer": _differing("/"),
    "/readyz": ["/readyz"],
    f"page of {LARGE} of 1 MiB": [f"/v1/incidents?limit={LARGE}&country={LARGE_COUNTRY}"],
}
"""Requests whose responses end."""

ATTACKS: dict[str, Attack] = {
    "stream from 0, one reader": Attack([STREAM], connections=1),
    "stream from 0, 16 readers": Attack([STREAM]),
    "stream from 0, 200 that leave": Attack([STREAM], connections=200, how="leave"),
    "stream from 0, 200 that do not read": Attack([STREAM], connections=200, how="hold"),
    "export, 16 readers": Attack([EXPORT]),
    "export, 16 that do not read": Attack([EXPORT], how="hold"),
    **{name: Attack(requests) for name, requests in SHORT.items()},
    "2,050 idle connections": Attack(["/healthz"], connections=2050, how="hold"),
    "all of them": Attack([requests[n % len(requests)] for n in range(5) for requests in [*SHORT.values(), [STREAM], [EXPORT]]]),
}  # fmt: skip
"""Each from one address without a key."""


def importing(key: str) -> Attack:
    """Two imports whose client does not read what became of its rows."""
    body = "id,title,date_start,country\n" + "x,T,,ML\n" * IMPORT_ROWS
    head = (
        "POST /v1/import?format=csv HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Attack([head + body], connections=2, how="hold")
