"""The seeds: YAML files of incidents, and of reports about several incidents."""

from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from app.domain.toll import TollReportDraft
from app.ingest.pipeline import Item, Result, Summary, ingest
from app.settings import data_folder
from app.store.db.database import Database

BY = "seeds"


def read_seeds(folder: Path) -> Iterator[Item]:
    """Incidents first, then the reports about several of them, file by file."""
    for path in sorted(folder.glob("*.yaml")):
        content = yaml.safe_load(path.read_text("utf-8"))
        for number, data in enumerate(content.get("incidents", ()), start=1):
            yield Item(f"{path.name}, incident {number}", data)
        for number, data in enumerate(content.get("toll_reports", ()), start=1):
            yield Item(f"{path.name}, toll report {number}", data, TollReportDraft)


def load_seeds(database: Database, on_result: Callable[[Result], None] = lambda result: None) -> Summary:
    """Loads seeds that do not exist yet. Repeating it changes nothing. `on_result` gets the result of each."""
    return ingest(read_seeds(data_folder("seeds")), database, BY, on_result=on_result)
