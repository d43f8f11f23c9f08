"""Prints how many names of countries and regions are read right, country by country.

    python -m tests.places [FILE...]

Without a file it checks the tables of this folder, and every name that pycountry has for a region. A FILE is a CSV of
ACLED or UCDP, whose names are looked up in those tables, or a JSON list of objects with `names`: lists of [name, …, code]
for countries and of [country, name, code] for regions, where a null code means that no code fits.

Exit 1 where a name is read wrong: as another country or region than it stands for.
"""

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pycountry

from app.domain.countries import country_name, find_country, possible_countries
from app.domain.places import region_bears
from app.formats.layouts.cells import Cells
from app.formats.layouts.geography import country_of, is_empty
from tests.places.right import REFUSED, code_of_country, code_of_region, right_countries, right_regions

LARGEST_CELL = 10_000_000


class Checked(NamedTuple):
    """A name, the code that is right, and what it is read as. `right` is `REFUSED` or `None` where no code is."""

    country: str
    name: str
    right: str | None
    read: str | None

    @property
    def verdict(self) -> str:
        """`right`, `wrong`, or `no code` where there is one."""
        if self.right == self.read:
            return "right"
        return "no code" if self.read in (None, REFUSED) else "wrong"


def of_tables() -> Iterator[Checked]:
    """The tables of this folder."""
    for name, right in right_countries().items():
        yield Checked("countries", name, right, code_of_country(name))
    for (country, name), code in right_regions().items():
        yield Checked(country, name, code, code_of_region(country, name))


def of_pycountry() -> Iterator[Checked]:
    """Every name of ISO 3166-2. Another region is as right where the name is its own too, as in "Dhaka"."""
    for region in pycountry.subdivisions:
        read = code_of_region(region.country_code, region.name)
        right = read if read and region_bears(read, region.name) else region.code
        yield Checked(region.country_code, region.name, right, read)


def of_json(path: Path) -> Iterator[Checked]:
    """Names with the codes that are right. A state that is no more has the right to a code of its own, or none."""
    for entry in json.loads(path.read_text("utf-8")):
        for first, second, third in entry.get("names", ()):
            if isinstance(third, list) or isinstance(second, int):
                right = second if isinstance(third, list) else third
                read = code_of_country(first)
                allowed = right is None and (read == REFUSED or read not in {c.alpha_2 for c in pycountry.countries})
                if isinstance(second, int) and read == REFUSED:
                    read = country_of(Cells({"country": first, "country_id": str(second)}))
                yield Checked("countries", first, read if allowed else right, read)
            else:
                country = find_country(first)
                yield Checked(country, second, third, code_of_region(country, second))


def of_csv(path: Path) -> Iterator[Checked]:
    """The names in a file of ACLED or UCDP, with the codes of the tables. Names that are in no table are printed separately."""
    right, unknown = right_regions(), set()
    names = Counter()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            name = (row.get("adm_1") or row.get("admin1") or "").strip()
            if not is_empty(name) and possible_countries(row["country"]):
                names[country_of(Cells(row)), name] += 1
    for (country, name), count in names.items():
        if (country, name) in right:
            yield Checked(country, name, right[country, name], code_of_region(country, name))
        else:
            unknown.add(f"{country} {name} ({count})")
    if unknown:
        print(f"{path.name}: {len(unknown)} of {len(names)} names are in no table: {', '.join(sorted(unknown))}\n")


def table_of(title: str, checked: list[Checked], each: bool) -> int:
    """Prints a table, a line a country where `each`, and what is not right. Returns how many are wrong."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in checked:
        counts[one.country][one.verdict] += 1
        counts["all"][one.verdict] += 1
    print(f"{title}\n{'':34}{'names':>7}{'right':>7}{'share':>8}{'no code':>9}{'wrong':>7}")
    for country in sorted(counts, key=lambda c: (c == "all", c)) if each else ["all"]:
        found = counts[country]
        total = found.total()
        name = f"{country_name(country)} {country}" if country.isupper() else country
        print(
            f"{name[:33]:34}{total:7,}{found['right']:7,}{found['right'] / total:8.1%}{found['no code']:9,}{found['wrong']:7,}"
        )
    for one in checked:
        if one.verdict != "right":
            print(f"  {one.verdict}: {one.country} {one.name}: {one.right}, read as {one.read}")
    print()
    return counts["all"]["wrong"]


def main(paths: list[Path]) -> int:
    """Prints the tables. Returns how many names are wrong."""
    csv.field_size_limit(LARGEST_CELL)
    wrong = table_of("Tables of this folder", list(of_tables()), each=not paths)
    wrong += table_of("Every name of a region in pycountry", list(of_pycountry()), each=not paths)
    for path in paths:
        checked = list((of_json if path.suffix == ".json" else of_csv)(path))
        if checked:
            wrong += table_of(path.name, checked, each=True)
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main([Path(name) for name in sys.argv[1:]]) else 0)
