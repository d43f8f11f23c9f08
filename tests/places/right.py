"""The tables of right values, `countries.txt` and `regions.txt`."""

from collections.abc import Iterator
from pathlib import Path

from app.domain.countries import find_country
from app.domain.places import known_region

HERE = Path(__file__).parent
REFUSED = "refused"


def _lines(name: str) -> Iterator[tuple[str, list[str]]]:
    for line in HERE.joinpath(name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            code, names = line.split(": ", 1)
            yield code, names.split(" | ")


def right_countries() -> dict[str, str]:
    """Name of a country → its code, or `REFUSED`."""
    return {name: REFUSED if code in "?-" else code for code, names in _lines("countries.txt") for name in names}


def right_regions() -> dict[tuple[str, str], str | None]:
    """(country, name of a region) → its code, or `None` for one without."""
    lines = ((code.partition("-"), names) for code, names in _lines("regions.txt"))
    return {
        (country, name): f"{country}-{rest}" if dash else None
        for (country, dash, rest), names in lines
        for name in names
    }


def code_of_country(name: str) -> str:
    """What a name of a country is read as: a code, or `REFUSED`."""
    try:
        return find_country(name)
    except ValueError:
        return REFUSED


def code_of_region(country: str, name: str) -> str | None:
    """What a data set's name of a region is read as: a code, or `None`."""
    return known_region(name, country).code
