"""Invented events in the layout of UCDP GED, the same for the same seed: `python -m tests.ged 1000000 FILE.csv`."""

import csv
import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from app.formats.layouts.ucdp import COLUMNS

Event = dict[str, Any]
FIRST_DAY = date(1989, 1, 1)
DAYS = 12_700
"""Until 2023: before the releases that the tests invent."""
PLACES = [
    ("Mali", 432, "Africa", "Gao region", "Ansongo", 15.66, 0.50), ("Mali", 432, "Africa", "Mopti region", "Douentza", 15.0, -2.95),
    ("Niger", 436, "Africa", "Tillaberi region", "Banibangou", 15.04, 2.70), ("Nigeria", 475, "Africa", "Borno state", "Maiduguri lga", 11.85, 13.16),
    ("Afghanistan", 700, "Asia", "Nangarhar province", "Bihsud district", 34.45, 70.45), ("Yemen (North Yemen)", 678, "Middle East", "Taiz governorate", "Mawza district", 13.3, 43.5),
    ("DR Congo (Zaire)", 490, "Africa", "North Kivu province", "Beni territory", 0.5, 29.47), ("Ukraine", 369, "Europe", "Donetsk oblast", "Bakhmut raion", 48.6, 38.0),
]  # fmt: skip
SIDES = ["Northern Front", "Army of the River", "Free Hills Movement", "Third Brigade", "Council of the Coast"]


def events(count: int, seed: int = 1, first: int = 1) -> Iterator[Event]:
    """Events with ids from `first` on."""
    rng = random.Random(seed)
    return (_event(rng, number) for number in range(first, first + count))


def _event(rng: random.Random, number: int) -> Event:
    country, country_id, continent, adm_1, adm_2, latitude, longitude = rng.choice(PLACES)
    violence = rng.choices((1, 2, 3), (6, 1, 3))[0]
    side_a = f"Government of {country}" if violence == 1 else rng.choice(SIDES)
    side_b = "Civilians" if violence == 3 else f"{rng.choice(SIDES)} {rng.randint(1, 40)}"
    start = FIRST_DAY + timedelta(rng.randrange(DAYS))
    date_prec = rng.choices((1, 2, 4), (88, 10, 2))[0]
    end = start + timedelta({1: 0, 2: rng.randint(1, 4), 4: 27}[date_prec])
    deaths = [int(rng.paretovariate(1.1)) - 1 if rng.random() < 0.5 else 0 for _ in range(4)]
    best = sum(deaths)
    place = f"{adm_2.split()[0]} {rng.randint(1, 400)}"
    lat, lon = round(latitude + rng.uniform(-0.9, 0.9), 6), round(longitude + rng.uniform(-0.9, 0.9), 6)
    headline = f"{best} killed near {place}, officials say"
    values = {
        "id": number, "relid": f"{country[:3].upper()}-{start.year}-{violence}-{number % 900}-{number}", "year": start.year,
        "active_year": "True", "code_status": "Clear", "type_of_violence": violence, "conflict_dset_id": number % 500,
        "conflict_new_id": number % 500 + 200, "conflict_name": f"{country}: Government", "dyad_dset_id": number % 900,
        "dyad_new_id": number % 900 + 400, "dyad_name": f"{side_a} - {side_b}", "side_a_dset_id": number % 300,
        "side_a_new_id": number % 300, "side_a": side_a, "side_b_dset_id": number % 700, "side_b_new_id": number % 700,
        "side_b": side_b, "number_of_sources": 1, "source_article": f'"Wire Service,{end},{headline}"',
        "source_office": "Wire Service", "source_date": end, "source_headline": headline, "source_original": "officials",
        "where_prec": rng.randint(1, 4), "where_coordinates": f"{place} village", "where_description": f"outside {place}",
        "adm_1": adm_1, "adm_2": adm_2, "latitude": lat, "longitude": lon, "geom_wkt": f"POINT ({lon} {lat})",
        "priogrid_gid": 150_000 + number % 9000, "country": country, "country_id": country_id, "region": continent,
        "event_clarity": 1, "date_prec": date_prec, "date_start": start, "date_end": end, "deaths_a": deaths[0],
        "deaths_b": deaths[1], "deaths_civilians": deaths[2], "deaths_unknown": deaths[3], "best": best,
        "high": best + rng.choice((0, 0, 0, rng.randint(1, 20))), "low": max(best - rng.choice((0, 0, 0, 2)), 0),
        "gwnoa": country_id, "gwnob": "",
    }  # fmt: skip
    return {name: values[name] for name in COLUMNS}


def with_figure(event: Mapping[str, Any], best: int) -> Event:
    """The same event with another figure, not broken down by side."""
    sides = dict.fromkeys(("deaths_a", "deaths_b", "deaths_civilians"), 0)
    return {**event, **sides, "deaths_unknown": best, "low": best, "best": best, "high": best}


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A file as UCDP publishes it."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


if __name__ == "__main__":
    write(Path(sys.argv[2]), events(int(sys.argv[1])))
