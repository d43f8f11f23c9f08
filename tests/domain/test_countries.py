"""Countries by code, number and name: current ones, former ones, and waters."""

import pycountry
import pytest

from app.domain import countries
from app.domain.countries import (
    countries_of_gleditsch_ward,
    countries_of_number,
    country_name,
    country_numbers,
    find_country,
    gleditsch_ward_of,
    number_of_country,
    possible_countries,
)
from tests.places.right import REFUSED, code_of_country, right_countries

OF_TODAY = {country.alpha_2 for country in pycountry.countries}


@pytest.mark.parametrize(("name", "code"), right_countries().items())
def test_country_names_of_public_lists_are_recognized(name: str, code: str) -> None:
    assert code_of_country(name) == code


@pytest.mark.parametrize("spelled", ["  Mali ", "MALI", "mli", "République du Mali", "جمهورية مالي", "Мали"])
def test_all_spellings_of_a_country_have_one_code(spelled: str) -> None:
    assert find_country(spelled) == "ML"


def test_each_country_is_found_by_its_code_its_iso3_and_its_name() -> None:
    for code, country in countries.countries().items():
        assert country.code == code == find_country(code)
        assert possible_countries(country.name) == (code,)
        if country.iso3 and code != "FQ":  # ISO gave ATF again, to the French Southern Territories
            assert find_country(country.iso3) == code


def test_every_code_is_an_iso_code_or_user_assigned() -> None:
    own = countries.countries().keys() - OF_TODAY
    withdrawn = {c for iso in pycountry.historic_countries for c in (iso.alpha_2, iso.alpha_4)} - OF_TODAY

    # then: user-assigned are QM to QZ and XA to XZ; a state without a withdrawn code has the living code and XX
    assert all(
        code in withdrawn or (len(code) == 2 and (code[0] == "X" or "QM" <= code <= "QZ")) or (code[:2] in OF_TODAY and code[2:] == "XX")
        for code in own
    )  # fmt: skip


def test_every_withdrawn_iso_entry_has_a_code() -> None:
    for iso in pycountry.historic_countries:
        code = find_country(iso.alpha_4)
        assert country_name(code) != code
        assert possible_countries(iso.alpha_3), iso


@pytest.mark.parametrize(
    ("state", "successors"),
    [
        ("Yugoslavia", "RS ME HR SI BA MK"), ("Soviet Union", "RU UA BY"), ("Czechoslovakia", "CZ SK"), ("East Germany", "DE"), ("West Germany", "DE"),
        ("South Yemen", "YE"), ("North Yemen", "YE"), ("North Vietnam", "VN"), ("South Vietnam", "VN"), ("Serbia and Montenegro", "RS ME"),
    ],
)  # fmt: skip
def test_a_former_state_differs_from_its_successors(state: str, successors: str) -> None:
    assert find_country(state) not in successors.split()
    assert find_country(state) not in OF_TODAY


def test_a_code_that_two_former_states_used_is_rejected_with_both_names() -> None:
    with pytest.raises(
        ValueError, match=r"several countries; give the code: Czechoslovakia, CSHH or Serbia and Montenegro, CSXX"
    ):
        find_country("CS")


def test_a_territory_without_a_code_is_rejected_with_its_iso_countries() -> None:
    with pytest.raises(
        ValueError, match="has no code of its own in ISO 3166, which counts it to India, IN and Pakistan, PK"
    ):
        find_country("Kashmir")


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [("Malli", "Mali, ML"), ("Frankreich", "France, FR"), ("Gazza", "PS"), ("Gaaza Strip", "PS")],
)
def test_a_suggestion_is_a_country_with_a_similar_name(typed: str, suggested: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean .*{suggested}"):
        find_country(typed)


@pytest.mark.parametrize("typed", ["zz", "q", "xqzwvk"])
def test_codes_are_not_suggested_for_words(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a country$"):
        find_country(typed)


@pytest.mark.parametrize(
    ("number", "codes"),
    [(466, ("ML",)), (516, ("NA",)), (4, ("AF",)), (891, ("YU", "CSXX")), (810, ("SU",)), (736, ("SDXX", "SD")), (296, ("KI", "GEHH")), (0, ()), (999, ())],
)  # fmt: skip
def test_iso_numbers_are_read_including_withdrawn_ones(number: int, codes: tuple[str, ...]) -> None:
    assert countries_of_number(number) == codes


@pytest.mark.parametrize(
    ("number", "codes"),
    [(432, ("ML",)), (565, ("NA",)), (347, ("XK",)), (345, ("RS", "YU", "CSXX")), (678, ("YE", "YEXX")), (680, ("YD",)), (816, ("VN", "VD")), (0, ())],
)  # fmt: skip
def test_gleditsch_ward_numbers_are_read(number: int, codes: tuple[str, ...]) -> None:
    assert countries_of_gleditsch_ward(number) == codes


@pytest.mark.parametrize(
    ("code", "iso", "gleditsch_ward"),
    [("ML", 466, 432), ("DE", 276, 260), ("KR", 410, 732), ("GE", 268, 372), ("YU", 891, 345), ("XK", None, 347), ("XR", None, None), ("HK", 344, None), ("ZZ", None, None)],
)  # fmt: skip
def test_a_country_has_its_numbers(code: str, iso: int | None, gleditsch_ward: int | None) -> None:
    assert (number_of_country(code), gleditsch_ward_of(code)) == (iso, gleditsch_ward)


def test_every_code_in_the_table_is_a_country() -> None:
    lists = countries._lists()
    told = {
        *lists["names"],
        *lists["renamed"].values(),
        *(c for _, *codes in lists["gleditsch_ward"]["numbers"] for c in codes),
    }
    told |= {
        code for kind in ("numbers", "two_meanings", "part_of") for codes in lists[kind].values() for code in codes
    }

    assert told <= countries.countries().keys()


def test_no_spelling_in_the_table_names_two_countries() -> None:
    spellings: dict[str, set[str]] = {}
    for text, code in countries._spellings():
        spellings.setdefault(countries.fold(text), set()).add(code)

    # then: only two-letter codes that ISO gave twice, and TF's own ATF
    assert {name for name, codes in spellings.items() if len(codes) > 1} == {"ai", "atf", "bq", "cs", "ge", "sk"}


@pytest.mark.parametrize("text", ["", " ", "-", "the", "of the", "\x00"])
def test_empty_text_is_no_country(text: str) -> None:
    assert possible_countries(text) == ()


def test_maps_have_the_current_countries_and_kosovo() -> None:
    assert country_numbers()["ML"] == "466"
    assert country_numbers().keys() == OF_TODAY | {"XK"}


def test_the_tables_of_expected_values_have_codes_and_rejections() -> None:
    assert {REFUSED, "ML", "YU", "XR"} <= set(right_countries().values())
