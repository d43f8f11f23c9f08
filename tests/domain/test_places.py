"""Names of regions to ISO 3166-2 codes."""

import tomllib
from pathlib import Path

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import places, regions
from app.domain.countries import country_iso3
from app.domain.places import (
    bare_name,
    find_regions,
    known_region,
    region_bears,
    region_name,
    resolve_region,
    suggest_region,
)
from app.domain.text import fold
from tests.places.right import code_of_region, right_regions

COUNTRIES = sorted({country for country, _ in right_regions()})


@pytest.mark.parametrize("name", ["Menaka", "ménaka", "Ménaka region", "MENAKA", "ML-9", "ml-9", "Région de Ménaka"])
def test_one_place_has_many_spellings(name: str) -> None:
    assert find_regions(name) == ("ML-9",)


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_name_in_use_is_read_as_the_region_that_it_stands_for(country: str) -> None:
    right = {name: code for (of, name), code in right_regions().items() if of == country}

    assert {name: code_of_region(country, name) for name in right} == right


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_filter_finds_what_an_import_records(country: str) -> None:
    for (of, name), code in right_regions().items():
        if of == country and code:
            assert find_regions(name, (country,)) == (code,), name


def test_every_code_is_found_by_the_name_that_iso_gives_it_or_shares_it_with_another() -> None:
    for region in pycountry.subdivisions:
        assert region_bears(region.code, region.name), region
        found = find_regions(region.name, (region.country_code,))
        assert all(region_bears(code, region.name) for code in found), (region, found)


@pytest.mark.parametrize(
    ("country", "name", "code"),
    [
        ("MX", "Mexico City", "MX-CMX"), ("MX", "México", "MX-MEX"), ("RU", "Moscow", "RU-MOW"), ("RU", "Moscow Oblast", "RU-MOS"),
        ("AR", "Buenos Aires City", "AR-C"), ("AR", "Buenos Aires", "AR-B"), ("UA", "Kyiv City", "UA-30"), ("UA", "Kyiv", "UA-32"),
        ("KG", "Osh City", "KG-GO"), ("KG", "Osh Region", "KG-O"), ("UZ", "Tashkent City", "UZ-TK"), ("UZ", "Tashkent Region", "UZ-TO"),
        ("HU", "Veszprém city", "HU-VM"), ("HU", "Veszprém county", "HU-VE"), ("RU", "Altai Krai", "RU-ALT"), ("RU", "Altai Republic", "RU-AL"),
    ],
)  # fmt: skip
def test_the_word_for_the_kind_decides_between_namesakes(country: str, name: str, code: str) -> None:
    assert known_region(name, country).code == code


@pytest.mark.parametrize(
    ("country", "name"),
    [("PH", "Quezon City"), ("PH", "Davao City"), ("GT", "Guatemala City"), ("BF", "Soum region"), ("NP", "Bagmati zone"), ("UZ", "Tashkent"), ("RU", "Altai")],
)  # fmt: skip
def test_a_name_that_no_code_fits_for_certain_keeps_its_name_without_a_code(country: str, name: str) -> None:
    assert known_region(name, country) == places.Region(None, name)


@pytest.mark.parametrize(
    ("country", "name", "higher", "lower"),
    [("BD", "Dhaka", "BD-C", "Dhaka district:BD-13"), ("GN", "Kindia", "GN-D", "Kindia prefecture:GN-KD"), ("BF", "Kadiogo", "BF-03", "Kadiogo province:BF-KAD")],
)  # fmt: skip
def test_of_two_levels_of_one_name_the_higher_one_counts_unless_the_kind_says_otherwise(
    country: str, name: str, higher: str, lower: str
) -> None:
    assert known_region(name, country).code == higher
    said, _, code = lower.partition(":")
    assert known_region(said, country).code == code


def test_groups_of_islands_that_govern_nothing_are_no_level_above_provinces() -> None:
    assert known_region("Papua", "ID").code == "ID-PA"
    assert known_region("Sumatra", "ID").code == "ID-SM"


def test_a_name_that_several_countries_have_means_all_of_them_narrowed_by_country() -> None:
    assert {"BF-03", "CM-CE"} <= set(find_regions("Centre"))
    assert find_regions("Centre", ("BF",)) == ("BF-03",)


def test_typing_errors_get_a_suggestion() -> None:
    assert suggest_region("Menaca") == "Ménaka, ML-9"
    assert suggest_region("Menaca", ("ML",)) == "Ménaka, ML-9"
    assert suggest_region("xqzwvk") is None


def test_a_record_needs_one_region_of_its_country() -> None:
    assert resolve_region("menaka", "ML").code == "ML-9"
    with pytest.raises(ValueError, match="is not a region of Niger"):
        resolve_region("menaka", "NE")
    with pytest.raises(ValueError, match="several regions: BY-HM, BY-MI"):
        resolve_region("Minsk", "BY")
    with pytest.raises(ValueError, match="is not a region of Yugoslavia"):
        resolve_region("Vojvodina", "YU")


def test_a_code_may_have_its_own_name_that_alone_means_another_region() -> None:
    assert region_bears("UA-30", "Kyiv")
    assert region_bears("ML-9", "Our own name for it")
    assert not region_bears("ML-9", "Gao")


def test_every_name_decided_by_hand_is_needed_and_is_of_a_code() -> None:
    table = tomllib.loads(Path(regions.__file__).with_name("names").joinpath("regions.toml").read_text("utf-8"))
    for code, names in table["names"].items():
        assert region_name(code), code
        assert names, code
        for name in names:
            assert known_region(name, code[:2]).code == code, name
    decided = [(code[:2], fold(name)) for code, names in table["names"].items() for name in names]
    assert len(decided) == len(set(decided))
    assert all(
        known_region(name, country).code is None for country, names in table["without_code"].items() for name in names
    )


def test_the_made_table_has_codes_of_pycountry_and_is_as_its_readme_says() -> None:
    # given
    told = Path(regions.__file__).with_name("names").joinpath("README.md").read_text("utf-8")

    # when
    names = regions._other_names()

    # then
    assert all(region_name(code) for code in names)
    assert (
        f"| {sum(len(line.split('|')) for line in names.values()):,} names of {len(names):,} codes of ISO 3166-2 |"
        in told
    )


@pytest.mark.parametrize("text", ["", " ", "-", "region", "Province of the City", "X"])
def test_text_that_every_region_could_be_called_finds_none(text: str) -> None:
    assert find_regions(text) == ()


@given(st.sampled_from(["ML", "UA", "PH"]), st.text(max_size=60))
def test_any_text_is_read_as_some_region_or_none(country: str, text: str) -> None:
    region = known_region(text, country)

    assert (region.code or country).startswith(country)
    assert region.code or region.name == text


def test_a_key_made_of_kind_words_alone_keeps_them() -> None:
    assert bare_name("La Region") == "la region"
    assert bare_name("Ménaka region") == "menaka"


@pytest.mark.parametrize(
    ("code", "iso3"),
    [("ML", "MLI"), ("NA", "NAM"), ("XK", "XKX"), ("YU", "YUG"), ("XR", None), ("YUCS", None), ("", None)],
)
def test_a_country_has_a_longer_code_where_iso_3166_1_has_one(code: str, iso3: str | None) -> None:
    assert country_iso3(code) == iso3
