"""Regions of countries by ISO 3166-2 code and name, in English, French, Spanish and local languages.

Codes, names and levels are pycountry's. `names/subdivisions.tsv` adds names of other public lists, and
`names/regions.toml` decisions made by hand; `names/README.md` states their sources.
"""

import gettext
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pycountry

from app.domain.text import fold

_KINDS = {
    "region": "region regions regiao regione oblast voblast voblasts oblysy viloyat velayat vilayet zizhiqu marz kraj",
    "province": "province provincia provincie provinsi changwat ostan wilayat sheng",
    "state": "state states estado etat",
    "republic": "republic respublika republika republique republica",
    "territory": "territory territories territorio krai kray",
    "governorate": "governorate muhafazat muhafazah mohafaza gouvernorat mintaqat",
    "department": "department departement departamento",
    "district": "district districts distrito distrikt okrug",
    "county": "county comte judet zupanija megye",
    "prefecture": "prefecture periphery",
    "municipality": "municipality municipio shi",
    "commune": "commune",
    "division": "division",
    "emirate": "emirate",
    "canton": "canton",
    "parish": "parish",
    "wilaya": "wilaya",
    "rayon": "rayon raion",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}
_CITY = frozenset("city ciudad cidade gorod horad grad stolitsa ville shahri shaary qalasy town".split())
_FILLERS = frozenset("of and de du des del la le the el autonomous autonomo autonoma special administrative".split())
_ARTICLES = frozenset("al el ad adh an ar as ash at az".split())
"""Arabic articles, which are omitted at the start of a name."""
_CITY_TYPES = frozenset("city town municipality municipal urban capital commune".split())
_UNITS = "Geographical unit"
"""The type of the groups of islands above the provinces of Indonesia, which are no administrative units."""
_REMARK = re.compile(r"\s*(\((Region|EH|Arctic)[^)]*\)|\([A-Z]+\)|\[[^]]*\])")
_BRACKETED = re.compile(r"\[(\D+?)( [A-Z]{2}-[A-Z]{3})?\]")
_DOUBLED = re.compile(r"(.)\1+")
_LANGUAGES = ("fr", "es")
"""Languages whose translations in pycountry are used."""
_NAMES = Path(__file__).with_name("names")


@dataclass(frozen=True, slots=True)
class Wording:
    """The parts of a name: `area` without words like "region" and "of", `core` also without "city".

    `squeezed` is `area` without spaces, doubled letters and a final h, in which spellings differ: Hiraan, Hiran.
    `is_named` is false where all words are common to regions.
    """

    full: str
    area: str
    core: str
    squeezed: str
    kinds: frozenset[str]
    is_city: bool
    is_named: bool


def wording(name: str) -> Wording:
    """The parts of a region's name: "Moscow Oblast" is the region "moscow", "Mexico City" the city "mexico"."""
    full = fold(name)
    words = ["saint" if word == "st" else word for word in full.split()]
    bare = [word for word in words if word not in _KIND_OF and word not in _FILLERS]
    is_named = not _CITY.issuperset(bare)
    area = bare or words
    if len(area) > 1 and area[0] in _ARTICLES:
        area = area[1:]
    core = [word for word in area if word not in _CITY] or area
    kinds = frozenset(_KIND_OF[word] for word in words if word in _KIND_OF and word not in area)
    joined = " ".join(area)
    is_city = len(core) < len(area)
    squeezed = _DOUBLED.sub(r"\1", "".join(area)).removesuffix("h")
    return Wording(full, joined, " ".join(core) if is_city else joined, squeezed, kinds, is_city, is_named)


@dataclass(slots=True)
class _Subdivision:
    """`is_lower`: it lies in a larger region. `kinds`: its kinds, by its type and its names."""

    code: str
    is_lower: bool
    is_city: bool
    kinds: set[str]


class _Index(dict[str, tuple[str, ...]]):
    """Codes by a form of their names."""

    def put(self, name: str, code: tuple[str]) -> None:
        known = self.get(name)
        if known is None:
            self[name] = code
        elif code[0] not in known:
            self[name] = known + code


@dataclass(slots=True)
class CountryRegions:
    """The regions of one country."""

    by_code: dict[str, _Subdivision] = field(default_factory=dict)
    decided: dict[str, str] = field(default_factory=dict)
    levels: dict[str, set[bool]] = field(default_factory=lambda: defaultdict(set))
    by_full: _Index = field(default_factory=_Index)
    by_area: _Index = field(default_factory=_Index)
    by_core: _Index = field(default_factory=_Index)
    by_squeezed: _Index = field(default_factory=_Index)

    def add(self, code: str, names: Iterable[str]) -> None:
        """Gives names to a code."""
        one, only = self.by_code[code], (code,)
        for words in map(wording, names):
            self.by_full.put(words.full, only)
            self.by_area.put(words.area, only)
            self.by_core.put(words.core, only)
            self.by_squeezed.put(words.squeezed, only)
            one.kinds |= words.kinds
            one.is_city = one.is_city or words.is_city

    def find(self, words: Wording) -> tuple[str, ...]:
        """The codes of a name: none, one, or several where the name is ambiguous.

        The full name is tried first, then its kind ("City", "Oblast"). Names without a kind are compared bare.
        """
        if not words.is_named:
            return self._highest(self.by_full.get(words.full, ()))
        if words.full in self.decided:
            return (self.decided[words.full],)
        if not words.is_city and not words.kinds:
            return self._highest(self._named(words)) if len(words.area) > 1 else ()
        if len(exact := self._highest(self.by_full.get(words.full, ()))) == 1:
            return exact
        if words.is_city:
            return self._highest(code for code in self.by_core.get(words.core, ()) if self.by_code[code].is_city)
        return self._of_kind(words)

    def bears(self, code: str, words: Wording) -> bool:
        """Whether a region has this name, which others may have as well."""
        return code in (*self.find(words), *self.by_full.get(words.full, ()), *self.by_area.get(words.area, ()))

    def _named(self, words: Wording) -> tuple[str, ...]:
        """Regions with this name apart from its kind; else with "city" in their name; else of similar spelling."""
        return self.by_area.get(words.area) or self.by_core.get(words.area) or self.by_squeezed.get(words.squeezed, ())

    def _of_kind(self, words: Wording) -> tuple[str, ...]:
        """Of the regions with this name, those of its kind; otherwise those that the kind does not exclude."""
        found = [self.by_code[code] for code in self._named(words)]
        levels = set().union(*(self.levels.get(kind, ()) for kind in words.kinds))
        fitting = [one for one in found if one.kinds & words.kinds]
        fitting = fitting or [one for one in found if not levels or one.is_lower in levels]
        areas = [one for one in fitting if not one.is_city]
        return self._highest(one.code for one in areas or fitting)

    def _highest(self, codes: Iterable[str]) -> tuple[str, ...]:
        found = sorted(codes)
        return tuple(code for code in found if not self.by_code[code].is_lower) or tuple(found)


@cache
def _subdivisions() -> dict[str, list[Any]]:
    """The entries of ISO 3166-2 by country."""
    found: dict[str, list[Any]] = defaultdict(list)
    for entry in pycountry.subdivisions:
        found[entry.country_code].append(entry)
    return found


def countries_with_regions() -> Iterable[str]:
    """The codes of countries that have regions in ISO 3166-2."""
    return _subdivisions().keys()


@cache
def _levels(country: str) -> dict[str, bool]:
    """By code, whether all regions of its type lie in larger administrative units."""
    entries = _subdivisions().get(country, [])
    units = {entry.code for entry in entries if entry.type == _UNITS}
    higher = {e.type for e in entries if e.type != _UNITS and (e.parent_code is None or e.parent_code in units)}
    return {entry.code: entry.type not in higher for entry in entries}


def is_lower(code: str) -> bool:
    """Whether an ISO 3166-2 code is of a second level, like a district in a division."""
    return _levels(code.split("-")[0])[code]


@cache
def _other_names() -> dict[str, str]:
    """Additional names by code, joined by `|`; the first one is English where there is an English one."""
    lines = _NAMES.joinpath("subdivisions.tsv").read_text("utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if not line.startswith("#"))


@cache
def hand_made() -> dict[str, dict[str, list[str]]]:
    """The table `names/regions.toml`."""
    return tomllib.loads(_NAMES.joinpath("regions.toml").read_text("utf-8"))


@cache
def _translators() -> list[Callable[[str], str]]:
    languages = [gettext.translation("iso3166-2", pycountry.LOCALES_DIR, [name]) for name in _LANGUAGES]
    return [language.gettext for language in languages]


def _iso_names(name: str) -> Iterator[str]:
    """The forms of a name of ISO 3166-2: without its remark, in each of its languages, with "Respublika" in front."""
    plain = _REMARK.sub("", name)
    first, comma, second = plain.partition(", ")
    yield from (name, plain, *plain.split(" / "), *([f"{second} {first}"] if comma else []))
    if bracketed := _BRACKETED.search(name):
        yield bracketed[1]


@cache
def regions_of(country: str) -> CountryRegions:
    """The regions of a country. A translation counts only where no region has that name otherwise."""
    entries, regions = _subdivisions().get(country, []), CountryRegions()
    for entry in entries:
        words = fold(entry.type).split()
        kinds = {_KIND_OF[word] for word in words if word in _KIND_OF}
        one = _Subdivision(entry.code, is_lower(entry.code), not _CITY_TYPES.isdisjoint(words), kinds)
        regions.by_code[one.code] = one
        for kind in kinds:
            regions.levels[kind].add(one.is_lower)
    for entry in entries:
        decided = hand_made()["names"].get(entry.code, [])
        regions.decided |= dict.fromkeys(map(fold, decided), entry.code)
        regions.add(
            entry.code, (*_iso_names(entry.name), *_other_names().get(entry.code, entry.name).split("|"), *decided)
        )
    translated = [(entry.code, translate(entry.name)) for entry in entries for translate in _translators()]
    for code, name in [(code, name) for code, name in translated if wording(name).area not in regions.by_area]:
        regions.add(code, (name,))
    return regions


def names_to_suggest(country: str) -> Iterator[tuple[str, str]]:
    """(name, code) of a country's regions, by the names of ISO and in English."""
    for entry in _subdivisions().get(country, []):
        yield entry.name, entry.code
        if english := _other_names().get(entry.code):
            yield english.partition("|")[0], entry.code
