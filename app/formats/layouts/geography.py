"""The country and the region of a row, as data sets write them.

Codes come first: `iso` (numbers of ISO 3166), `iso3`, and `country_id` or `gwno` (Gleditsch and Ward). A name that
contradicts its code is rejected, since one of the two is wrong.
"""

from collections.abc import Iterator

from app.domain.countries import (
    countries,
    countries_of_gleditsch_ward,
    countries_of_number,
    find_country,
    possible_countries,
)
from app.domain.places import known_region
from app.errors import echo
from app.formats.layouts.cells import NO_TEXT, Cells

COUNTRY = "country"
_NUMBERS = {"iso": countries_of_number, "country_id": countries_of_gleditsch_ward, "gwno": countries_of_gleditsch_ward}
NAMIBIA = "NA"
"""The code of Namibia, which R and pandas also write into empty cells."""


def is_empty(text: str | None) -> bool:
    """Whether a cell counts as empty."""
    cell = (text or "").strip()
    return not cell or cell in NO_TEXT


def country_of(cells: Cells) -> str:
    """The code of the country of a row's event. Raises `ValueError` that starts with the column."""
    name, coded = (cells.exact(COUNTRY) or "").strip(), list(_coded(cells))
    for column, text, codes in coded[1:]:
        if not {*codes} & {*coded[0][2]}:
            raise ValueError(_contradiction(coded[0], (column, text, codes)))
    fitting = [code for code in coded[0][2] if all(code in codes for *_, codes in coded)] if coded else []
    if is_empty(name) and not (name == NAMIBIA and NAMIBIA in fitting):
        if not fitting:
            raise ValueError(f"{COUNTRY}: is empty")
        cells.repairs.append(f"{COUNTRY} is empty; read as {countries()[fitting[0]]} from {coded[0][0]} {coded[0][1]}")
        return fitting[0]
    possible = possible_countries(name)
    if not fitting:
        return _by_name(name)
    if not possible:
        cells.repairs.append(
            f"{COUNTRY} {echo(name)} is not a name known here; read as {countries()[fitting[0]]}"
            f" from {coded[0][0]} {coded[0][1]}"
        )
        return fitting[0]
    if both := [code for code in fitting if code in possible]:
        return both[0]
    raise ValueError(_contradiction((COUNTRY, name, possible), coded[0]))


CountryCell = tuple[str, str, tuple[str, ...]]
"""A column, its text, and the codes of the countries that it may mean."""


def _coded(cells: Cells) -> Iterator[CountryCell]:
    """The columns of codes, as far as the codes are known. 0 and other numbers without a country are skipped."""
    for column in ("iso", "iso3", "country_id", "gwno"):
        text = (cells.exact(column) or "").strip()
        number = text.removesuffix(".0")
        if number.isascii() and number.isdecimal() and column in _NUMBERS:
            codes = _NUMBERS[column](int(number[:9]))
        else:
            codes = possible_countries(text) if len(text) in (2, 3) and not is_empty(text) else ()
        if codes:
            yield column, number, codes


def _by_name(name: str) -> str:
    try:
        return find_country(name)
    except ValueError as error:
        raise ValueError(f"{COUNTRY}: {error}: {echo(name)}") from None


def _contradiction(one: CountryCell, other: CountryCell) -> str:
    first, second = (" or ".join(str(countries()[code]) for code in codes) for *_, codes in (one, other))
    return f"{one[0]}: {echo(one[1])} ({first}) contradicts {other[0]} {echo(other[1])} ({second}); correct one of them"


def region_of(cells: Cells, column: str, country: str) -> dict[str, str | None] | None:
    """The region of this country that a column names; without a code unless one fits for certain."""
    text = (cells.exact(column) or "").strip()
    if is_empty(text):
        return None
    found = known_region(text, country)
    return {"code": found.code, "name": found.name}
