"""Files by address: polars, pyarrow and pandas read them like any file on the web."""

import pytest

from tests.clients.conftest import Served

pytestmark = pytest.mark.clients
PARQUET = "/v1/incidents?f=parquet"


def _killed(served: Served) -> dict[str, int | None]:
    return {fact.id: fact.killed for fact in served.facts.values()}


def test_polars_reads_a_parquet_file(served: Served) -> None:
    import polars

    frame = polars.read_parquet(f"{served.base}{PARQUET}")
    assert dict(zip(frame["id"], frame["killed_best"], strict=True)) == _killed(served)
    assert frame.schema["killed_best"] == polars.Int64 and frame.schema["date_start"] == polars.Date


def test_polars_reads_only_the_columns_that_it_needs(served: Served) -> None:
    import polars

    lazy = polars.scan_parquet(f"{served.base}{PARQUET}")
    total = lazy.filter(polars.col("country") == "ML").select(polars.col("killed_best").sum()).collect().item()
    assert total == sum(f.killed or 0 for f in served.facts.values() if f.country == "ML")


def test_pyarrow_reads_a_parquet_file_over_fsspec(served: Served) -> None:
    import fsspec
    from pyarrow import parquet

    with fsspec.open(f"{served.base}{PARQUET}") as file:
        table = parquet.read_table(file, columns=["id", "killed_best"])
    assert {row["id"]: row["killed_best"] for row in table.to_pylist()} == _killed(served)


def test_pyarrow_reads_a_parquet_file_by_its_address(served: Served) -> None:
    import fsspec
    from pyarrow import parquet

    table = parquet.read_table(f"{served.base}{PARQUET}", filesystem=fsspec.filesystem("http"), columns=["id"])
    assert sorted(table["id"].to_pylist()) == served.ids()


def test_pandas_reads_a_csv_file_and_keeps_namibia(served: Served) -> None:
    """pandas takes the code of Namibia for a missing value unless it is told otherwise; its name and ISO 3166-1 alpha-3 stay."""
    import pandas

    frame = pandas.read_csv(f"{served.base}/v1/incidents?f=csv")
    namibia = frame[frame["country_iso3"] == "NAM"]
    assert sorted(namibia["id"]) == served.ids(lambda f: f.country == "NA")
    assert set(namibia["country_name"]) == {"Namibia"}
    assert {
        row.id: None if pandas.isna(row.killed_best) else int(row.killed_best) for row in frame.itertuples()
    } == _killed(served)


def test_pandas_reads_every_country_with_only_empty_cells_as_missing(served: Served) -> None:
    import pandas

    frame = pandas.read_csv(f"{served.base}/v1/incidents?f=csv", keep_default_na=False, na_values=[""])
    assert dict(zip(frame["id"], frame["country"], strict=True)) == {f.id: f.country for f in served.facts.values()}
