"""Countries by code, number and name: those of ISO 3166-1, former states, and waters.

ISO's lists are pycountry's; `names/countries.toml` has the rest, with its sources.
"""

import gettext
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pycountry

from app.domain.text import Misspelt, Names, fold

_LANGUAGES = ("fr", "es", "pt", "ar", "ru", "zh_CN")
"""Languages of country names in addition to English: the other languages of the UN, and Portuguese."""
_IN_FULL = {
    "st": "saint", "rep": "republic", "dem": "democratic", "fed": "federal", "federated": "federal", "sts": "states",
    "is": "island", "islands": "island", "n": "north", "s": "south", "e": "east", "w": "west",
}  # fmt: skip
_WITHOUT_MEANING = frozenset("the of and".split())
_POSSESSIVE = re.compile("['\u2019\u02bc]s\\b", re.IGNORECASE)
_MIN_SUGGESTED = 4
"""Characters. Shorter texts, such as codes, resemble too many words: Gaza is not ZAF."""


@dataclass(frozen=True, slots=True)
class Country:
    """A country of today, a former state, or waters.

    `code` is ISO 3166-1 alpha-2; for a former state its withdrawn code (four letters where two are ambiguous), for
    waters a code that ISO 3166 leaves to its users. `iso3` and `number` are ISO's, `None` where it has none.
    """

    code: str
    name: str
    iso3: str | None = None
    number: str | None = None

    def __str__(self) -> str:
        return f"{self.name}, {self.code}"


@cache
def _lists() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("names").joinpath("countries.toml").read_text("utf-8"))


@cache
def countries() -> dict[str, Country]:
    """Every country by its code; those of ISO 3166-1 come first."""
    found = [Country(c.alpha_2, getattr(c, "common_name", c.name), c.alpha_3, c.numeric) for c in pycountry.countries]
    found += [Country(code, own["name"], own.get("iso3")) for code, own in _lists()["own"].items()]
    withdrawn = {code: iso for iso, code in _withdrawn()}
    for code, former in _lists()["former"].items():
        iso = withdrawn.get(code)
        found.append(Country(code, former["name"], getattr(iso, "alpha_3", None), getattr(iso, "numeric", None)))
    found += [Country(code, names[0]) for code, names in _lists()["waters"].items()]
    return {country.code: country for country in found}


def country_name(code: str) -> str:
    """The usual English name of a country's code; the code itself where there is no such country."""
    country = countries().get(code)
    return country.name if country else code


def country_iso3(code: str) -> str | None:
    """The alpha-3 code of a country; `None` where ISO 3166 has none."""
    country = countries().get(code)
    return country.iso3 if country else None


def country_numbers() -> dict[str, str]:
    """The keys of countries in maps: numbers of ISO 3166-1; for Kosovo, which has none, its name."""
    return {country.alpha_2: country.numeric for country in pycountry.countries} | {"XK": country_name("XK")}


def _spellings() -> Iterator[tuple[str, str]]:
    """(name or code, country's code). The first one counts where a spelling occurs twice."""
    for country in countries().values():
        yield from ((text, country.code) for text in (country.code, country.iso3, country.name) if text)
    for iso in pycountry.countries:
        yield from ((text, iso.alpha_2) for text in (iso.name, getattr(iso, "official_name", None)) if text)
    for code, names in (_lists()["names"] | _lists()["waters"]).items():
        yield from ((name, code) for name in names)
    for code, own in (_lists()["own"] | _lists()["former"]).items():
        yield from ((name, code) for name in own.get("names", ()))
    for iso, code in _withdrawn():
        yield from ((text, code) for text in (iso.alpha_4, iso.alpha_3, iso.alpha_2, iso.name))
    for language in _LANGUAGES:
        translated = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [language]).gettext
        for iso in pycountry.countries:
            named = (getattr(iso, name, None) for name in ("common_name", "name", "official_name"))
            yield from ((translated(name), iso.alpha_2) for name in named if name)


def _withdrawn() -> Iterator[tuple[Any, str]]:
    """Each entry of ISO 3166-3 with its code in this service."""
    codes = {former["iso"]: code for code, former in _lists()["former"].items() if "iso" in former}
    codes |= _lists()["renamed"]
    return ((iso, codes[iso.alpha_4]) for iso in pycountry.historic_countries)


@cache
def _names() -> dict[str, str]:
    """Folded name or code → country's code."""
    names: dict[str, str] = {}
    for text, code in _spellings():
        names.setdefault(fold(text), code)
    return names


def _words(text: str) -> tuple[str, ...]:
    """The words of a name, spelled out and sorted: "Korea, Rep." and "Republic of Korea" are the same."""
    words = {_IN_FULL.get(w, w) for w in fold(_POSSESSIVE.sub("s", text)).replace("viet nam", "vietnam").split()}
    return tuple(sorted(words - _WITHOUT_MEANING or words))


@cache
def _names_by_words() -> dict[tuple[str, ...], str]:
    names: dict[tuple[str, ...], str] = {}
    for text, code in _spellings():
        names.setdefault(_words(text), code)
    return names


@cache
def _unclear(kind: str) -> dict[str, tuple[str, ...]]:
    return {fold(name): tuple(codes) for name, codes in _lists()[kind].items()}


@lru_cache(maxsize=2048)
def possible_countries(text: str) -> tuple[str, ...]:
    """The codes of the countries that a code or name may refer to: none, one, or several."""
    name = fold(text)
    if unclear := _unclear("two_meanings").get(name) or _unclear("part_of").get(name):
        return unclear
    code = _names().get(name) or _names_by_words().get(_words(text))
    return (code,) if code else ()


@lru_cache(maxsize=2048)
def find_country(text: str) -> str:
    """The code of a country given by code (two to four letters) or name.

    Raises `ValueError` for a name of several countries, of a territory without a code, or of no country.
    """
    codes = possible_countries(text)
    named = [str(countries()[code]) for code in codes]
    if fold(text) in _unclear("part_of"):
        raise ValueError(f"has no code of its own in ISO 3166, which counts it to {' and '.join(named)}")
    if len(codes) > 1:
        raise ValueError(f"is the name of several countries; give the code: {' or '.join(named)}")
    if codes:
        return codes[0]

    def hint() -> str:
        like = suggest_country(fold(text))
        return f"; did you mean {like}?" if like else ""

    raise Misspelt("is not a country", hint)


@lru_cache(maxsize=2048)
def suggest_country(name: str) -> Country | None:
    """The country with the name nearest to this folded one; `None` where none is similar."""
    like = _suggested().nearest(name)
    return countries()[_names()[like]] if like else None


@cache
def _suggested() -> Names:
    return Names(name for name in _names() if len(name) >= _MIN_SUGGESTED)


@cache
def _by_number() -> dict[int, tuple[str, ...]]:
    numbers: dict[int, tuple[str, ...]] = {}
    listed = [(country.number, country.code) for country in countries().values() if country.number]
    listed += [(iso.numeric, code) for iso, code in _withdrawn() if hasattr(iso, "numeric")]
    listed += [(number, code) for number, codes in _lists()["numbers"].items() for code in codes]
    for number, code in listed:
        known = numbers.get(int(number), ())
        numbers[int(number)] = known if code in known else (*known, code)
    return numbers


def countries_of_number(number: int) -> tuple[str, ...]:
    """Codes of the countries that have or had a numeric code of ISO 3166, the likeliest first."""
    return _by_number().get(number, ())


@cache
def _by_gleditsch_ward() -> dict[int, tuple[str, ...]]:
    return {number: tuple(codes) for number, *codes in _lists()["gleditsch_ward"]["numbers"]}


@cache
def _gleditsch_ward() -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, *codes in _lists()["gleditsch_ward"]["numbers"]:
        for code in codes:
            numbers.setdefault(code, number)
    return numbers


def gleditsch_ward_of(code: str) -> int | None:
    """The number of a country in Gleditsch and Ward's list of states, where it has one."""
    return _gleditsch_ward().get(code)


def number_of_country(code: str) -> int | None:
    """The numeric code of ISO 3166 of a country, where it has one."""
    country = countries().get(code)
    return int(country.number) if country and country.number else None


def countries_of_gleditsch_ward(number: int) -> tuple[str, ...]:
    """Codes of the countries with a number in Gleditsch and Ward's list of states, the likeliest first."""
    return _by_gleditsch_ward().get(number, ())
