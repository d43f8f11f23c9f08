"""Generated incidents with the shape of real ones. The same seed gives the same incidents, whatever their number."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import Any

import pycountry

from app.domain.places import country_name
from app.domain.toll import TollReportDraft
from app.domain.vocabulary import SUB_EVENT_TYPES, ActorKind, EventType
from app.ingest.pipeline import Item
from tests.benchmarks.wording import ARMED_GROUPS, PARTS, SENTENCES, SYLLABLES

CENTRES = {
    "AF": (33.9, 67.7), "BF": (12.2, -1.6), "CD": (-2.9, 23.7), "CF": (6.6, 20.9), "CM": (5.7, 12.7),
    "CO": (4.6, -74.1), "ET": (9.1, 40.5), "IN": (22.9, 79.6), "IQ": (33.0, 43.7), "KE": (0.5, 37.9),
    "LY": (27.0, 18.0), "ML": (17.3, -3.5), "MM": (21.2, 96.5), "MX": (23.9, -102.5), "MZ": (-17.3, 35.5),
    "NE": (17.4, 9.4), "NG": (9.6, 8.1), "PH": (11.8, 122.9), "PK": (29.9, 69.3), "SD": (15.9, 30.0),
    "SO": (4.8, 45.7), "SS": (7.3, 30.2), "SY": (35.0, 38.5), "TD": (15.4, 18.6), "UA": (49.0, 31.4),
    "YE": (15.9, 47.6),
}  # fmt: skip
"""Countries and the middle of each, as latitude and longitude."""
WEIGHTS = {"AF": 9, "SY": 9, "UA": 8, "IQ": 6, "NG": 6, "YE": 5, "SO": 5, "CD": 5, "MM": 5, "ML": 4, "BF": 4, "MX": 4}
"""How often a country comes; 2 where it is not named."""
FIRST_DAY, LAST_DAY = date(2010, 1, 1), date(2025, 12, 31)
REVIEWED = LAST_DAY + timedelta(days=60)
PRECISIONS = (("day", 0), ("days", 3), ("week", 6), ("month", 30), ("longer", 200))
"""Precisions of dates, each with the length of its interval in days."""
BOUNDS = ("exact", "at_least", "more_than", "about", "range", "at_most")
EVENTS = (EventType.BATTLES, EventType.EXPLOSIONS, EventType.VIOLENCE_AGAINST_CIVILIANS)
OTHER_MEASURES = (("wounded", 0.7), ("missing", 0.2), ("captured", 0.2), ("survived", 0.15))
"""Other measures than killed, each with its share of incidents."""
SHARED_EVERY = 500
"""One in so many incidents is followed by a report that covers it together with the one before."""


def items(count: int, seed: int) -> Iterator[Item]:
    """Incidents, each with its reports, and now and then a report that covers two of them."""
    before = ""
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        data = incident(rng, number)
        yield Item(f"incident {number}", data)
        if before and number % SHARED_EVERY == SHARED_EVERY - 1:
            yield Item(f"shared report {number}", _shared(rng, data, before), TollReportDraft)
        before = data["id"]


def incident(rng: random.Random, number: int) -> dict[str, Any]:
    """One incident as it is sent, with about 2.5 toll reports."""
    country = rng.choices(list(CENTRES), [WEIGHTS.get(c, 2) for c in CENTRES])[0]
    region = rng.choice(_regions(country))
    start = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days))
    precision, length = rng.choices(PRECISIONS, (86, 7, 4, 2.7, 0.3))[0]
    end = min(start + timedelta(days=rng.randint(length // 2, length)), LAST_DAY)
    place = _place(rng)
    event = rng.choice(EVENTS)
    attacker, target = _actors(rng, country, event)
    name = f"{country.lower()}-{start}-{number}"
    return {
        "id": name,
        "title": f"{rng.choice(('Attack on', 'Clash near', 'Ambush at', 'Shelling of', 'Raid on'))} {place}",
        "summary": " ".join(rng.sample(SENTENCES, rng.randint(1, 3))) if rng.random() < 0.6 else None,
        "date_start": f"{start}",
        "date_end": f"{end}",
        "date_precision": precision,
        "country": country,
        "region": region,
        "district": f"{_place(rng)} district" if rng.random() < 0.5 else None,
        "place": place,
        **_position(rng, country, region),
        "near_border": [rng.choice([c for c in CENTRES if c != country])] if rng.random() < 0.05 else [],
        "event_type": event.value,
        "sub_event_type": rng.choice(SUB_EVENT_TYPES[event]),
        "type_of_violence": rng.choices((1, 2, 3), (60, 15, 25))[0],
        "actors": [attacker, target],
        "claimed_by": attacker["name"] if rng.random() < 0.1 else None,
        "external_ids": {"ucdp": str(100_000 + number)} if rng.random() < 0.5 else {},
        "toll_reports": _reports(rng, name, country, number, start),
    }


@cache
def _regions(country: str) -> tuple[str, ...]:
    """The ISO 3166-2 codes of a country's regions."""
    return tuple(sorted(r.code for r in pycountry.subdivisions.get(country_code=country)))


def _position(rng: random.Random, country: str, region: str) -> dict[str, Any]:
    """A place around the middle of its region; one in twelve has none."""
    if rng.random() < 1 / 12:
        return {"latitude": None, "longitude": None, "place_precision": "region"}
    around = random.Random(region)
    latitude, longitude = (m + around.uniform(-3, 3) + rng.gauss(0, 0.4) for m in CENTRES[country])
    precision = rng.choice(("exact", "near", "district"))
    return {"latitude": round(latitude, 5), "longitude": round(longitude, 5), "place_precision": precision}


def _place(rng: random.Random) -> str:
    name = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))).capitalize()
    return name + rng.choice(("", "", " " + rng.choice(PARTS)))


def _actors(rng: random.Random, country: str, event: EventType) -> tuple[dict[str, Any], dict[str, Any]]:
    group = f"{rng.choice(ARMED_GROUPS)} of {country_name(country)}"
    attacker = {"name": group, "role": "attacker", "kind": ActorKind.REBEL_GROUP.value}
    if event is EventType.VIOLENCE_AGAINST_CIVILIANS:
        return attacker, {"name": f"Civilians ({country_name(country)})", "role": "target", "kind": "civilians"}
    return attacker, {"name": f"Military forces of {country_name(country)}", "role": "target", "kind": "state_forces"}


def _reports(rng: random.Random, name: str, country: str, number: int, start: date) -> list[dict[str, Any]]:
    """A first figure of killed, often of wounded, sometimes others; a later one by another reporter in a quarter."""
    reporters = _reporters(country)
    reporter, source = rng.choice(reporters), _source(rng, country, number, start)
    day = start + timedelta(days=rng.choice((0, 0, 1, 2)))
    killed = min(int(rng.lognormvariate(1.2, 1.15)), 900)
    measures = ["killed", *(m for m, share in OTHER_MEASURES if rng.random() < share)]
    made = [
        _report(f"tr-{number}-{n}", measure, killed if measure == "killed" else rng.randint(0, 40), rng)
        | {"reported_by": reporter, "reported_on": f"{day}", "source": source}
        for n, measure in enumerate(measures)
    ]
    if rng.random() < 0.25:
        other = rng.choice([r for r in reporters if r != reporter])
        later = f"{day + timedelta(days=rng.randint(1, 40))}"
        revised = max(0, killed + rng.choice((-2, -1, 0, 1, 2, 3, 5, 9)))
        corrected = {"supersedes": made[0]["id"]} if rng.random() < 0.2 else {}
        made.append(
            _report(f"tr-{number}-later", "killed", revised, rng)
            | {"reported_by": other, "reported_on": later, "source": source, "note": rng.choice(SENTENCES)}
            | corrected
        )
    return made


def _report(report_id: str, measure: str, figure: int, rng: random.Random) -> dict[str, Any]:
    bound = rng.choices(BOUNDS, (70, 11, 5, 6, 6, 2))[0]
    numbers = {"low": figure, "high": figure + rng.randint(0, 10)} if bound == "range" else {"best": figure}
    victims = rng.choice(("all", "military", "civilian", "unknown"))
    return {"id": report_id, "measure": measure, "victims": victims, "bound": bound, **numbers}


@cache
def _reporters(country: str) -> tuple[dict[str, str], ...]:
    kinds = {"gov": "government", "army": "military", "media": "media", "ngo": "ngo", "rebels": "armed_group"}
    return tuple(
        {"id": f"{short}-{country.lower()}", "name": f"{kind} of {country_name(country)}".capitalize(), "kind": kind}
        for short, kind in kinds.items()
    )


def _source(rng: random.Random, country: str, number: int, start: date) -> dict[str, Any]:
    """One publication an incident."""
    day = start + timedelta(days=2)
    return {
        "id": f"article-{number}",
        "title": f"{country_name(country)}: {rng.choice(SENTENCES)}",
        "publisher": f"Daily {rng.choice(PARTS)}",
        "published_on": f"{day}",
        "url": f"https://example.org/{country.lower()}/{day:%Y/%m/%d}/{number}",
        "language": "en",
    }


def _shared(rng: random.Random, data: dict[str, Any], before: str) -> dict[str, Any]:
    """A figure that covers two incidents together, given after the last of all."""
    first = data["toll_reports"][0]
    origin = {name: first[name] for name in ("reported_by", "source")} | {"reported_on": f"{REVIEWED}"}
    figure = _report(f"{first['id']}-both", "killed", rng.randint(2, 60), rng)
    return figure | origin | {"incidents": [before, data["id"]]}
