"""Countries and regions by code or name, without regard to case, accents or words like "region"."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import pycountry

from app.domain.countries import country_name as country_name
from app.domain.countries import country_numbers as country_numbers
from app.domain.countries import find_country as find_country
from app.domain.countries import suggest_country
from app.domain.regions import countries_with_regions, hand_made, names_to_suggest, regions_of, wording
from app.domain.text import Misspelt, Names, fold

_LEFT_OUT_OF_KEYS = frozenset(
    "region regions province state oblast governorate muhafazat department departement district county wilaya "
    "prefecture division municipality territory republic city of de du des la le the".split()
)
"""Words that the stored keys of regions without a code omit. Changing them needs a migration."""
_CUTOFF = 0.7
"""The minimum similarity of a suggested region's name."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a country. `code` is ISO 3166-2, or `None` for a name that no code fits."""

    code: str | None
    name: str

    @property
    def key(self) -> str:
        """The key for comparisons: the code, or the folded name (codes are upper case, so they differ)."""
        return self.code or bare_name(self.name)


def bare_name(name: str) -> str:
    """The key of a region that has no code: "Ménaka region" is "menaka"."""
    words = fold(name).split()
    return " ".join(word for word in words if word not in _LEFT_OUT_OF_KEYS) or " ".join(words)


def region_name(code: str) -> str | None:
    """The name of an ISO 3166-2 code, or `None` where there is no such code."""
    region = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]
    return region.name if region else None


@lru_cache(maxsize=2048)
def find_regions(text: str, countries: tuple[str, ...] = ()) -> tuple[str, ...]:
    """ISO 3166-2 codes of a region given by code or name, in these countries or in all.

    In one country there are several only where the name is ambiguous: "Minsk" is a city and the region around it.
    """
    code = text.strip().upper()
    if region_name(code):
        return (code,) if not countries or code.split("-")[0] in countries else ()
    words = wording(text)
    found = (regions_of(country).find(words) for country in countries or countries_with_regions())
    return tuple(sorted(code for codes in found for code in codes))


@lru_cache(maxsize=2048)
def suggest_region(text: str, countries: tuple[str, ...] = (), stored: Sequence[str] = ()) -> str | None:
    """The nearest region as "Ménaka, ML-9", first among the stored codes, then among all regions of these countries."""
    name = bare_name(text)
    for names, codes in (_stored_names(tuple(stored)), _names_within(countries)):
        if like := names.nearest(name, _CUTOFF):
            return f"{region_name(codes[like])}, {codes[like]}"
    return None


@lru_cache(maxsize=64)
def _names_within(countries: tuple[str, ...]) -> tuple[Names, dict[str, str]]:
    """The names of the regions of these countries, or of all, with their codes."""
    within = countries or countries_with_regions()
    codes = {bare_name(name): code for country in within for name, code in names_to_suggest(country)}
    return Names(codes), codes


@lru_cache(maxsize=4)
def _stored_names(stored: tuple[str, ...]) -> tuple[Names, dict[str, str]]:
    """The same for the regions with these codes."""
    codes = {bare_name(name): code for code in stored if (name := region_name(code))}
    return Names(codes), codes


def load_names() -> None:
    """Loads the names that the first lookup of a country or region needs, which takes a second."""
    unknown = "no such name"
    find_regions(unknown)
    suggest_region(unknown)
    with suppress(ValueError):
        find_country(unknown)
    suggest_country(unknown)


@lru_cache(maxsize=8192)
def resolve_region(text: str, country: str) -> Region:
    """The one region of a country with this code or name. Raises `ValueError` where none or several have it."""
    codes = find_regions(text, (country,))
    if len(codes) == 1:
        return _coded(codes[0])
    if codes:
        raise ValueError(f"is the name of several regions: {', '.join(codes)}")

    def hint() -> str:
        like = suggest_region(text, (country,))
        return f"; did you mean {like}?" if like else ""

    raise Misspelt(f"is not a region of {country_name(country)}", hint)


@lru_cache(maxsize=8192)
def known_region(text: str, country: str) -> Region:
    """The region of a country by its name in a data set. The code is `None` where no single code fits."""
    without_code = hand_made()["without_code"].get(country, ())
    codes = () if fold(text) in map(fold, without_code) else find_regions(text, (country,))
    return _coded(codes[0]) if len(codes) == 1 else Region(None, text)


def region_bears(code: str, name: str) -> bool:
    """Whether a name fits a region, alone or among others of its country. A name of no other region fits as well."""
    regions, words = regions_of(code.split("-")[0]), wording(name)
    return regions.bears(code, words) or not regions.find(words)


def _coded(code: str) -> Region:
    return Region(code, region_name(code) or code)
