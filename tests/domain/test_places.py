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
def test_region_names_in_use_are_recognized(country: str) -> None:
    right = {name: code for (of, name), code in right_regions().items() if of == country}

    assert {name: code_of_region(country, name) for name in right} == right


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_filter_finds_the_regions_that_an_import_records(country: str) -> None:
    for (of, name), code in right_regions().items():
        if of == country and code:
            assert find_regions(name, (country,)) == (code,), name


def test_every_code_is_found_by_its_iso_name() -> None:
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
def test_the_word_for_the_kind_of_region_decides_between_namesakes(country: str, name: str, code: str) -> None:
    assert known_region(name, country).code == code


@pytest.mark.parametrize(
    ("country", "name"),
    [("PH", "Quezon City"), ("PH", "Davao City"), ("GT", "Guatemala City"), ("BF", "Soum region"), ("NP", "Bagmati zone"), ("UZ", "Tashkent"), ("RU", "Altai")],
)  # fmt: skip
def test_an_ambiguous_name_is_kept_without_a_code(country: str, name: str) -> None:
    assert known_region(name, country) == places.Region(None, name)


@pytest.mark.parametrize(
    ("country", "name", "higher", "lower"),
    [("BD", "Dhaka", "BD-C", "Dhaka district:BD-13"), ("GN", "Kindia", "GN-D", "Kindia prefecture:GN-KD"), ("BF", "Kadiogo", "BF-03", "Kadiogo province:BF-KAD")],
)  # fmt: skip
def test_of_two_levels_with_one_name_the_higher_is_chosen(country: str, name: str, higher: str, lower: str) -> None:
    assert known_region(name, country).code == higher
    said, _, code = lower.partition(":")
    assert known_region(said, country).code == code


def test_island_groups_without_government_are_no_level_above_provinces() -> None:
    assert known_region("Papua", "ID").code == "ID-PA"
    assert known_region("Sumatra", "ID").code == "ID-SM"


def test_a_region_name_of_several_countries_matches_all_until_a_country_is_given() -> None:
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


def test_a_code_may_carry_a_name_that_alone_means_another_region() -> None:
    assert region_bears("UA-30", "Kyiv")
    assert region_bears("ML-9", "Our own name for it")
    assert not region_bears("ML-9", "Gao")


def test_every_manual_name_is_needed_and_has_a_code() -> None:
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


def test_the_generated_table_has_codes_of_pycountry_and_matches_its_readme() -> None:
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
def test_a_word_for_a_kind_of_region_finds_no_region(text: str) -> None:
    assert find_regions(text) == ()


@given(st.sampled_from(["ML", "UA", "PH"]), st.text(max_size=60))
def test_any_text_finds_a_region_or_none(country: str, text: str) -> None:
    region = known_region(text, country)

    assert (region.code or country).startswith(country)
    assert region.code or region.name == text


def test_a_name_of_kind_words_alone_keeps_them() -> None:
    assert bare_name("La Region") == "la region"
    assert bare_name("Ménaka region") == "menaka"


@pytest.mark.parametrize(
    ("code", "iso3"),
    [("ML", "MLI"), ("NA", "NAM"), ("XK", "XKX"), ("YU", "YUG"), ("XR", None), ("YUCS", None), ("", None)],
)
def test_a_country_has_a_longer_code_where_iso_3166_1_has_one(code: str, iso3: str | None) -> None:
    assert country_iso3(code) == iso3
