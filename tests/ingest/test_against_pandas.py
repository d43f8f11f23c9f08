"""An imported file has the counts and sums that pandas finds in it."""

from pathlib import Path

from tests import ged
from tests.ingest.against_pandas import compare


def test_counts_and_sums_equal_those_of_pandas(tmp_path: Path) -> None:
    # given
    events = list(ged.events(800))
    for number, event in enumerate(events):
        if number % 50 == 0:
            event["low"], event["high"] = event["best"] + 3, event["best"] + 1
        if number % 60 == 0:
            event["adm_1"] = ("", "Nowhere region", "Gao")[number // 60 % 3]

    # when
    differences = compare(ged.write(tmp_path / "made.csv", events))

    # then
    assert differences == []
