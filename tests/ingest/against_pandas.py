"""Imports a GED file into an empty database and compares it with what pandas reads: `python -m tests.ingest.against_pandas FILE`.

Counts and sums of best, low and high by year and by region, and in all, are compared; a difference ends with exit 1.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from app.domain.places import bare_name, find_country, known_region, region_name
from app.ingest.formats import import_file, importer_of
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.maintenance import schema
from tests.support import Client

FIGURES = ["best", "low", "high"]


def table_of(file: Path) -> pd.DataFrame:
    """The events of a file, with the figures as numbers and the region as this service calls it."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table = table[~table["country"].str.startswith("#")]  # the row of hashtags
    for name in FIGURES:
        table[name] = pd.to_numeric(table[name]).astype(int)
    figures = table[FIGURES].copy()
    table["low"], table["high"] = (
        figures.min(axis=1),
        figures.max(axis=1),
    )  # as rows are repaired whose best lies outside
    table["country"] = table["country"].map(find_country)
    table["region"] = [_region(name, country) for name, country in zip(table["adm_1"], table["country"], strict=True)]
    table["year"] = table["year"].astype(float).astype(int)
    return table


def _region(name: str, country: str) -> str | None:
    if not name.strip():
        return None
    region = known_region(name.strip(), country)
    return region.code or bare_name(region.name)


def sums(table: pd.DataFrame, by: list[str]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """(events, best, low, high) of each group."""
    grouped = table.groupby(by, dropna=False)
    found = pd.concat([grouped.size(), grouped[FIGURES].sum()], axis=1)
    keys = [key if isinstance(key, tuple) else (key,) for key in found.index]
    clean = [tuple(None if pd.isna(part) else part for part in key) for key in keys]
    return {key: tuple(map(int, row)) for key, row in zip(clean, found.itertuples(index=False), strict=True)}


def compare(file: Path) -> list[str]:
    """What differs, one line each; and prints what was compared."""
    table = table_of(file)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/compared.db")
        schema.migrate(database)
        summary = import_file(importer_of(FileFormat.UCDP_GED, "compared", "2026-06-01"), file, database, "tests")
        client = Client(database)
        try:
            differences = [f"refused: {reason}" for reason in summary.reasons]
            for by in (["year"], ["country", "region"]):
                there, right = _stats(client, by), sums(table, by)
                differences += [
                    f"{by} {key}: {there.get(key)} here, {right.get(key)} in pandas"
                    for key in {*there, *right}
                    if there.get(key) != right.get(key)
                ]
                print(
                    f"{file.name}: {len(right)} groups by {' and '.join(by)}, {len(table)} events, best {table['best'].sum()}, low {table['low'].sum()}, high {table['high'].sum()}"
                )
        finally:
            client.close()
            database.close()
    return differences


def _stats(client: Client, by: list[str]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    items = client.json(f"/v1/stats?group_by={','.join(by)}")["items"]
    return {
        tuple(int(item[b]) if b == "year" else _key(item[b]) for b in by): (
            item["incidents"],
            *(item["killed"][f] for f in FIGURES),
        )
        for item in items
    }


def _key(name: str | None) -> str | None:
    return name if name is None or region_name(name) or len(name) == 2 else bare_name(name)


if __name__ == "__main__":
    found = [difference for name in sys.argv[1:] for difference in compare(Path(name))]
    print("\n".join(found) or "no difference")
    sys.exit(bool(found))
