"""A Python client generated from the OpenAPI document: every module is imported and used on a live service."""

import datetime as dt
import importlib
import io
import json
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.errors import ErrorLevel

from tests.builders import incident_body, report_body
from tests.fuzz.document import DOCUMENT
from tests.support import Service, command

INDELIMANE = "ml-2019-11-01-indelimane"
ENDLESS = "api.changes.changes_stream"
"""Never ends, and a generated client waits for the end of an answer."""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    """Every module of the client, by its name inside of the package."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(DOCUMENT))
    config = Config.from_sources(
        ConfigFile(post_hooks=[], package_name_override="incidents_client"),
        MetaType.NONE,
        document_source=folder / "openapi.json",
        file_encoding="utf-8",
        overwrite=True,
        output_path=folder / "incidents_client",
    )
    (warning,) = generate(config=config)  # it leaves out nothing, and gives lines of JSON as the bytes that they are
    assert (warning.level, "application/x-ndjson" in warning.detail) == (ErrorLevel.WARNING, True)
    sys.path.insert(0, str(folder))
    package = importlib.import_module("incidents_client")
    found = [package.__name__, *(m.name for m in pkgutil.walk_packages(package.__path__, "incidents_client."))]
    yield {name.removeprefix("incidents_client."): importlib.import_module(name) for name in found}
    sys.path.remove(str(folder))


class Calls:
    """The client with a key and without one, and which operations it was used for."""

    def __init__(self, modules: dict[str, ModuleType], base: str, key: str) -> None:
        made, self.models, self.types = modules["client"], modules["models"], modules["types"]
        self.public = made.Client(base_url=base)
        self.editor = made.AuthenticatedClient(base_url=base, token=key)
        self.operations = {name: module for name, module in modules.items() if hasattr(module, "sync_detailed")}
        self.used: set[str] = set()

    def __call__(self, operation: str, *arguments: Any, status: int = 200, **options: Any) -> Any:
        """What the answer is as a model."""
        name = f"api.{operation}"
        self.used.add(name)
        module = self.operations[name]
        reading = "AuthenticatedClient | Client" in str(module.sync_detailed.__annotations__["client"])
        answer = module.sync_detailed(*arguments, client=self.public if reading else self.editor, **options)
        assert answer.status_code == status, f"{operation}: {answer.status_code} {answer.content[:300]!r}"
        self.etag = answer.headers.get("etag")
        return answer.parsed if answer.parsed is not None else answer.content


@pytest.fixture(scope="module")
def calls(modules: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    folder = tmp_path_factory.mktemp("live")
    service = Service(folder)
    made = command(
        "keys", "create", "--name", "client", "--scope", "write", cwd=folder,
        INCIDENTS_DATABASE_URL=f"sqlite:///{service.database}",
    )  # fmt: skip
    calls = Calls(modules, service.base, made.stdout.strip())
    with calls.public, calls.editor:
        yield calls
    service.stop()


def _read_all(call: Calls) -> None:
    found = call("incidents.incident", INDELIMANE)
    assert (found.id, found.toll.killed.best, found.toll.killed.first) == (INDELIMANE, 49, 53)
    assert (found.region.name, found.date_start) == ("Ménaka", dt.date(2019, 11, 1))
    assert found.toll.killed.reported_on == dt.date(2019, 11, 2)
    assert isinstance(found.recorded_at, dt.datetime)
    history = call("incidents.toll_history", INDELIMANE)
    assert [report.best for report in history.reports][:2] == [53, 49]
    assert call("incidents.versions", INDELIMANE).items[0].version == 1
    assert call("incidents.incident", INDELIMANE, as_of=dt.date(2019, 10, 31), status=404).type_.endswith(
        "not-yet-known"
    )
    assert call("toll_reports.toll_report", history.reports[0].id).best == 53
    assert call("reporters_and_sources.reporter", "gov-ml").name == "Government of Mali"
    assert len(call("reporters_and_sources.reporters").items) == 4
    assert call("reporters_and_sources.source", "article-2019-11-02-indelimane").published_on == dt.date(2019, 11, 2)
    assert len(call("reporters_and_sources.sources").items) == 1
    noon = dt.datetime(2019, 11, 2, 12, tzinfo=dt.UTC)
    assert call("statistics.stats", country=["ML"], as_of=noon).total.killed.best == 53
    assert call("statistics.region", "ML-9").incidents == 1
    assert "ML-9" in [region.code for region in call("statistics.regions").items]
    size = call("changes.log_checkpoint").size
    assert call("changes.changes", limit=2).head == size
    assert call("changes.log_proof", seq=1, size=size).seq == 1
    assert call("changes.log_proof", from_=1, to=size).to == size
    assert call("health.healthz").status == call("health.readyz").status == "ok"


def _walk(call: Calls, operation: str) -> list[str]:
    seen, cursor = [], call.types.UNSET
    while cursor is not None:
        page = call(operation, limit=2, cursor=cursor)
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
    return seen


def _read_features(call: Calls) -> None:
    for operation in (
        "ogc_landing", "ogc_api", "ogc_conformance", "ogc_collections", "ogc_collection", "ogc_schema", "ogc_queryables",
        "ogc_feature_schema",
    ):  # fmt: skip
        assert call(f"ogc_api_features.{operation}")
    assert call("ogc_api_features.ogc_features", limit=1)
    assert call("ogc_api_features.ogc_feature", INDELIMANE)


def _write_all(call: Calls) -> None:
    models = call.models
    for kind, name in (("reporter", "ReporterDraft"), ("source", "SourceDraft")):
        draft = report_body(1)["reported_by" if kind == "reporter" else "source"]
        assert call(f"reporters_and_sources.record_{kind}", body=getattr(models, name).from_dict(draft), status=201)
    body = models.IncidentDraft.from_dict(
        incident_body("there", region="Menaka", toll_reports=[report_body(3, id="tr-1")])
    )
    made = call("incidents.record_incident", body=body, idempotency_key="once", status=201)
    assert (made.region.code, made.toll.killed.best) == ("ML-9", 3)
    change = models.IncidentChange(date_end=dt.date(2021, 3, 16), date_precision=models.DatePrecision.DAYS)
    assert call("incidents.change_incident", "there", body=change, if_match=call.etag).date_end == dt.date(2021, 3, 16)
    assert call("incidents.change_incident", "there", body=change, if_match='"stale"', status=412).status == 412
    said = dt.datetime(2021, 3, 17, 9, 30, tzinfo=dt.UTC)
    report = models.TollReportDraft.from_dict(report_body(4, id="tr-2", reported_on=said.isoformat()))
    assert call("toll_reports.record_toll_report", "there", body=report, status=201).reported_on == said
    shared = models.TollReportDraft.from_dict(report_body(9, id="tr-3", incidents=["there", INDELIMANE]))
    assert call("toll_reports.record_shared_toll_report", body=shared, status=201).incidents == [INDELIMANE, "there"]
    taken_back = models.RetractionDraft(reason="a misprint")
    assert call("toll_reports.retract_toll_report", "tr-2", body=taken_back, status=201).status == "retracted"
    withdrawal = models.WithdrawalDraft(reason="told twice", merged_into=INDELIMANE)
    assert call("incidents.withdraw_incident", "there", body=withdrawal, status=201).merged_into == INDELIMANE
    assert call("incidents.incident", "there", status=410).additional_properties["merged_into"] == INDELIMANE
    rows = io.BytesIO(b"id,title,date_start,country\r\nx,T,2021-03-15,ML\r\n")
    csv = models.ImportRowsFormat.CSV
    assert b'"created":1' in call("import_.import_rows", body=call.types.File(payload=rows), format_=csv)
    nothing = models.SourceDraft.from_dict({"title": ""})
    assert call("reporters_and_sources.record_source", body=nothing, status=422).errors[0].name == "title"


def test_every_operation_works_with_typed_values_and_responses(calls: Calls) -> None:
    _read_all(calls)
    assert len(_walk(calls, "incidents.incidents")) == 3
    assert len(set(_walk(calls, "toll_reports.toll_reports"))) == 6
    _read_features(calls)
    _write_all(calls)
    assert calls.used | {ENDLESS} == calls.operations.keys()


def test_reads_work_without_a_key(modules: dict[str, ModuleType]) -> None:
    for name, module in modules.items():
        if hasattr(module, "sync_detailed"):
            takes = str(module.sync_detailed.__annotations__["client"])
            (operation,) = (
                (method, found)
                for methods in DOCUMENT["paths"].values()
                for method, found in methods.items()
                if found["operationId"] == name.rpartition(".")[2]
            )
            assert ("| Client" in takes.replace("incidents_client.client.", "")) == (operation[0] == "get"), name
