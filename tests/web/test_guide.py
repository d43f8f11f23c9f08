"""The guide matches the code lists."""

from app.domain.columns import COLUMNS
from app.domain.vocabulary import ActorKind, DatePrecision, PlacePrecision
from app.web import guide


def test_the_guide_lists_every_code() -> None:
    told = {codes.name: dict(codes.theirs) for codes in guide.codes()}
    assert set(told["Precision of the date"]) <= {p.value for p in DatePrecision}
    assert set(told["Precision of the place"]) <= {p.value for p in PlacePrecision}
    assert set(told["Kind of an actor"]) == {k.value for k in ActorKind}


def test_the_guide_names_only_existing_columns() -> None:
    named = {n.strip() for row in guide.columns() for n in row.ours.split(",") if "." not in n and " of " not in n}
    assert named <= {*COLUMNS, "region"}, "which is two columns"
