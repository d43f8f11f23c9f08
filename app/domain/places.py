"""Names of countries and regions to ISO 3166 codes, without regard to case, accents or words like "region".

The lists are pycountry's (ISO 3166-1 and 3166-2); `place_names.toml` adds names in use that they lack.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import pycountry

from app.domain.text import fold, nearest

_KIND_WORDS = frozenset(
    "region regions province state oblast governorate muhafazat department departement district county wilaya "
    "prefecture division municipality territory republic city of de du des la le the".split()
)


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a country. `code` is ISO 3166-2, or `None` for a name that no code fits."""

    code: str | None
    name: str

    @property
    def key(self) -> str:
        """What regions are compared by: the code, else the folded name (codes are upper case, so never alike)."""
        return self.code or bare_name(self.name)


def bare_name(name: str) -> str:
    """A region's name without the words for its kind: "Ménaka region" is "menaka"."""
    words = fold(name).split()
    return " ".join(w for w in words if w not in _KIND_WORDS) or " ".join(words)


@cache
def _extra_names() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(Path(__file__).with_name("place_names.toml").read_text("utf-8"))


@cache
def _countries() -> dict[str, str]:
    """Folded name or code → alpha-2."""
    names: dict[str, str] = {}
    for country in pycountry.countries:
        code = country.alpha_2
        for attribute in ("alpha_2", "alpha_3", "name", "official_name", "common_name"):
            if name := getattr(country, attribute, None):
                names[fold(name)] = code
    for code, extra in _extra_names()["countries"].items():
        names |= {fold(name): code for name in extra}
    return names


@cache
def _regions() -> dict[str, list[str]]:
    """Bare name → the ISO 3166-2 codes that bear it, in every country."""
    names: dict[str, list[str]] = {}
    for region in pycountry.subdivisions:
        names.setdefault(bare_name(region.name), []).append(region.code)
    for code, extra in _extra_names()["regions"].items():
        for name in extra:
            codes = names.setdefault(bare_name(name), [])
            if code not in codes:
                codes.append(code)
    return names


def country_name(code: str) -> str:
    """The usual English name of an alpha-2 code; the code itself where ISO 3166-1 has none."""
    country = pycountry.countries.get(alpha_2=code)
    return getattr(country, "common_name", country.name) if country else code


@cache
def country_iso3(code: str) -> str | None:
    """The alpha-3 code of a country's alpha-2; `None` where ISO 3166-1 has none."""
    country = pycountry.countries.get(alpha_2=code)
    return country.alpha_3 if country else None


def country_numbers() -> dict[str, str]:
    """The numeric code of ISO 3166-1 by alpha-2, which maps name countries by."""
    return {country.alpha_2: country.numeric for country in pycountry.countries}


def region_name(code: str) -> str | None:
    """The name of an ISO 3166-2 code, or `None` where there is no such code."""
    region = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]
    return region.name if region else None


@lru_cache(maxsize=2048)
def find_country(text: str) -> str:
    """Alpha-2 of a country given by alpha-2, alpha-3 or name. Raises `ValueError` with the nearest name."""
    code = _countries().get(fold(text))
    if code:
        return code
    like = nearest(fold(text), _countries())
    hint = f"; did you mean {country_name(_countries()[like])}, {_countries()[like]}?" if like else ""
    raise ValueError(f"is not a country{hint}")


@lru_cache(maxsize=2048)
def find_regions(text: str, countries: tuple[str, ...] = ()) -> tuple[str, ...]:
    """ISO 3166-2 codes of a region given by code or name, in these countries where any are given; else none."""
    code = text.strip().upper()
    codes = [code] if region_name(code) else _regions().get(bare_name(text), [])
    return tuple(sorted(c for c in codes if not countries or c.split("-")[0] in countries))


@lru_cache(maxsize=2048)
def suggest_region(text: str, countries: tuple[str, ...] = (), stored: Sequence[str] = ()) -> str | None:
    """The nearest region as "Ménaka, ML-9", among the ISO names of these countries and the names given besides."""
    names = {n: c for n, codes in _regions().items() for c in codes if not countries or c.split("-")[0] in countries}
    preferred = {bare_name(region_name(c) or ""): c for c in stored if region_name(c)}
    like = nearest(bare_name(text), preferred, cutoff=0.7) or nearest(bare_name(text), names, cutoff=0.7)
    if like is None:
        return None
    code = preferred.get(like) or names[like]
    return f"{region_name(code)}, {code}"


@lru_cache(maxsize=8192)
def resolve_region(text: str, country: str) -> Region:
    """The one region of a country that bears this code or name. Raises `ValueError` where none or several do."""
    codes = find_regions(text, (country,))
    if len(codes) == 1:
        return Region(codes[0], region_name(codes[0]) or codes[0])
    if codes:
        raise ValueError(f"is the name of several regions: {', '.join(codes)}")
    like = suggest_region(text, (country,))
    hint = f"; did you mean {like}?" if like else ""
    raise ValueError(f"is not a region of {country_name(country)}{hint}")


@lru_cache(maxsize=8192)
def known_region(text: str, country: str) -> Region:
    """The region of a country that a data set calls so. A name that no one code fits keeps `None` and its name.

    Where several bear the name, the word for the kind decides: "Kyiv oblast" is no city, "Dhaka division" no district.
    """
    codes = find_regions(text, (country,))
    if len(codes) > 1:
        words = {"region" if word == "oblast" else word for word in fold(text).split()}
        kinds = {code: fold(pycountry.subdivisions.get(code=code).type) for code in codes}  # type: ignore[no-untyped-call]
        codes = tuple(code for code, kind in kinds.items() if kind in words)
    return Region(codes[0], region_name(codes[0]) or codes[0]) if len(codes) == 1 else Region(None, text)
