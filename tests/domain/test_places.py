"""Names of places to ISO 3166 codes."""

import pytest

from app.domain.places import (
    bare_name,
    country_iso3,
    country_name,
    find_country,
    find_regions,
    resolve_region,
    suggest_region,
)


@pytest.mark.parametrize("name", ["Menaka", "ménaka", "Ménaka region", "MENAKA", "ML-9", "ml-9", "Région de Ménaka"])
def test_one_place_has_many_spellings(name: str) -> None:
    assert find_regions(name) == ("ML-9",)


@pytest.mark.parametrize(
    ("name", "code"),
    [("mali", "ML"), ("MLI", "ML"), ("ml", "ML"), ("Ivory Coast", "CI"), ("Cote d'Ivoire", "CI"),
     ("DR Congo (Zaire)", "CD"), ("Türkiye", "TR"), ("Turkey", "TR"), ("Burkina Faso", "BF")],
)  # fmt: skip
def test_countries_by_code_and_name(name: str, code: str) -> None:
    assert find_country(name) == code


def test_a_name_that_several_regions_bear_means_all_of_them_narrowed_by_country() -> None:
    assert {"BF-03", "CM-CE"} <= set(find_regions("Centre"))
    assert find_regions("Centre", ("BF",)) == ("BF-03",)


def test_typing_errors_get_a_suggestion() -> None:
    assert suggest_region("Menaca") == "Ménaka, ML-9"
    assert suggest_region("Menaca", ("ML",)) == "Ménaka, ML-9"
    assert suggest_region("xqzwvk") is None
    with pytest.raises(ValueError, match="did you mean Mali, ML"):
        find_country("Malli")


def test_a_record_needs_one_region_of_its_country() -> None:
    assert resolve_region("menaka", "ML").code == "ML-9"
    with pytest.raises(ValueError, match="is not a region of Niger"):
        resolve_region("menaka", "NE")
    with pytest.raises(ValueError, match="several regions"):
        resolve_region("Dhaka", "BD")


def test_every_name_of_the_alias_file_points_to_a_real_code() -> None:
    from app.domain.places import _extra_names, region_name

    extra = _extra_names()
    assert all(region_name(code) for code in extra["regions"])
    assert all(country_name(code) != code for code in extra["countries"])


def test_a_name_made_of_kind_words_alone_keeps_them() -> None:
    assert bare_name("La Region") == "la region"


@pytest.mark.parametrize(("code", "iso3"), [("ML", "MLI"), ("NA", "NAM"), ("XK", None), ("YUCS", None), ("", None)])
def test_a_country_has_a_longer_code_where_iso_3166_1_has_one(code: str, iso3: str | None) -> None:
    assert country_iso3(code) == iso3
