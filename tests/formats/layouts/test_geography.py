"""The country and the region of a row: codes come first, and contradictions are rejected."""

import pytest

from app.formats.layouts.cells import Cells
from app.formats.layouts.geography import country_of, region_of


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"country": "Mali"}, "ML"), ({"country": "Mali", "iso": "466"}, "ML"), ({"country": "", "iso": "466.0"}, "ML"),
        ({"country": "NA", "iso": "466"}, "ML"), ({"country": "nan", "country_id": "432"}, "ML"), ({"country": "", "iso3": "MLI"}, "ML"),
        ({"country": "NA", "iso": "516"}, "NA"), ({"country": "NA", "iso3": "NAM"}, "NA"), ({"country": "NA", "country_id": "565"}, "NA"),
        ({"country": "Namibia"}, "NA"), ({"country": "Kosovo", "iso": "0"}, "XK"), ({"country": "Red Sea", "iso": "NA"}, "XR"),
        ({"country": "Yugoslavia", "country_id": "345"}, "YU"), ({"country": "Serbia (Yugoslavia)", "country_id": "345"}, "RS"), ({"country": "Serbia and Montenegro", "iso": "891"}, "CSXX"),
        ({"country": "Yugoslavia", "iso": "891"}, "YU"), ({"country": "Vietnam, Democratic Republic of", "gwno": "816"}, "VN"), ({"country": "Sudan", "iso": "736"}, "SD"),
        ({"country": "German Federal Republic", "country_id": "260"}, "DE"), ({"country": "Somaliland", "iso": "706"}, "SO"), ({"country": "Abkhazia", "country_id": "396"}, "GE"),
    ],
)  # fmt: skip
def test_a_country_is_read_from_its_codes_and_its_name(row: dict[str, str], code: str) -> None:
    assert country_of(Cells(row)) == code


def test_a_country_read_only_from_its_code_is_marked() -> None:
    # given
    empty, unknown = Cells({"country": "NA", "iso": "466"}), Cells({"country": "Malijskaja", "iso3": "MLI"})

    # when
    codes = country_of(empty), country_of(unknown)

    # then
    assert codes == ("ML", "ML")
    assert empty.repairs == ["country is empty; read as Mali, ML from iso 466"]
    assert unknown.repairs == ["country Malijskaja is not a name known here; read as Mali, ML from iso3 MLI"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"country": "Niger", "iso": "466"}, "country: Niger (Niger, NE) contradicts iso 466 (Mali, ML); correct one of them"),
        ({"country": "Mali", "iso3": "NER"}, "country: Mali (Mali, ML) contradicts iso3 NER (Niger, NE); correct one of them"),
        ({"country": "Mali", "country_id": "436"}, "country: Mali (Mali, ML) contradicts country_id 436 (Niger, NE); correct one of them"),
        ({"country": "Mali", "iso": "466", "iso3": "NER"}, "iso: 466 (Mali, ML) contradicts iso3 NER (Niger, NE); correct one of them"),
        ({"country": "Serbia", "iso": "810"}, "country: Serbia (Serbia, RS) contradicts iso 810 (Soviet Union, SU); correct one of them"),
        ({"country": ""}, "country: is empty"), ({"country": "NA"}, "country: is empty"), ({"country": "-", "iso": "0"}, "country: is empty"),
        ({"country": "Atlantis"}, "country: is not a country; did you mean Atlantic Ocean, XT?: Atlantis"),
        ({"country": "Malli"}, "country: is not a country; did you mean Mali, ML?: Malli"),
        ({"country": "Somaliland"}, "country: has no code of its own in ISO 3166, which counts it to Somalia, SO: Somaliland"),
        ({"country": "CS"}, "country: is the name of several countries; give the code: Czechoslovakia, CSHH or Serbia and Montenegro, CSXX: CS"),
    ],
)  # fmt: skip
def test_an_ambiguous_country_is_rejected_with_its_candidates(row: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=r":") as refused:
        country_of(Cells(row))

    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("Extreme-Nord", {"code": "CM-EN", "name": "Far North"}), ("Nowhere region", {"code": None, "name": "Nowhere region"}),
        ("", None), ("NA", None), (" nan ", None), ("None", None), ("-", None),
    ],
)  # fmt: skip
def test_a_region_has_a_code_or_only_a_name_or_is_empty(text: str, region: dict[str, str | None] | None) -> None:
    assert region_of(Cells({"admin1": text}), "admin1", "CM") == region
