"""The OpenAPI document describes the service: parameters, examples, and every real response."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from schemathesis import GenerationMode

from app.api.application import create_app
from app.api.openapi import examples, schemas, schemas_history, schemas_log, schemas_problems, schemas_statistics
from app.domain.vocabulary import Scope
from app.query.code_lists import Group
from app.query.feature_query import FeatureByIdQuery, FeatureInfoQuery, FeatureQuery
from app.query.parameters import (
    ChangesQuery,
    ClockQuery,
    HistoryQuery,
    IncidentByIdQuery,
    IncidentQuery,
    ListQuery,
    ProofQuery,
    RecordedQuery,
    ReportQuery,
    StatisticsQuery,
)
from app.query.query import MAX_ERRORS, Query, parameters_of
from app.settings import Settings
from app.store import keys
from app.store.db.database import Database
from tests.fuzz.document import DOCUMENT, FUZZED, fuzz
from tests.support import INDELIMANE, Client, Editor

ONE, REPORT = "/v1/incidents/{incident_id}", "/v1/toll-reports/{report_id}"
TAKEN: dict[str, type[Query]] = {
    "/v1/incidents": IncidentQuery, ONE: IncidentByIdQuery, f"{ONE}/toll-history": HistoryQuery,
    f"{ONE}/versions": RecordedQuery, "/v1/toll-reports": ReportQuery, REPORT: ClockQuery,
    "/v1/reporters": ListQuery, "/v1/sources": ListQuery, "/v1/stats": StatisticsQuery,
    "/v1/regions": ClockQuery, "/v1/regions/{code}": ClockQuery,
    "/v1/reporters/{reporter_id}": RecordedQuery, "/v1/sources/{source_id}": RecordedQuery,
    "/v1/changes": ChangesQuery, "/v1/log/checkpoint": RecordedQuery, "/v1/log/proof": ProofQuery,
    **dict.fromkeys(("/ogc", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/incidents"), FeatureInfoQuery),
    **{f"/ogc/collections/incidents/{schema}": FeatureInfoQuery for schema in ("queryables", "schema", "feature-schema")},
    "/ogc/collections/incidents/items": FeatureQuery, "/ogc/collections/incidents/items/{incident_id}": FeatureByIdQuery,
}  # fmt: skip
NAMED = {
    "incident_id": INDELIMANE.split("/")[-1], "code": "ML", "report_id": "tr-indelimane-killed-gov-1",
    "reporter_id": "gov-ml", "source_id": "article-2019-11-02-indelimane",
}  # fmt: skip
WRITTEN = {
    "/v1/incidents": "post", ONE: "patch", f"{ONE}/toll-reports": "post", f"{ONE}/withdrawal": "post",
    "/v1/toll-reports": "post", f"{REPORT}/retraction": "post", "/v1/sources": "post", "/v1/reporters": "post",
    "/v1/import": "post",
}  # fmt: skip
ANSWERS: dict[str, type[BaseModel]] = {
    INDELIMANE: schemas.Incident,
    f"{INDELIMANE}?as_of=2019-11-01": schemas.Incident,
    "/v1/incidents/ml-2019-10-burkina-border-1": schemas.Incident,
    f"{INDELIMANE}/toll-history": schemas_history.TollHistory,
    "/v1/incidents/ml-2019-10-burkina-border-1/toll-history": schemas_history.TollHistory,
    f"{INDELIMANE}/versions": schemas_history.Versions,
    "/v1/toll-reports?total=true": schemas.TollReportPage,
    "/v1/toll-reports/tr-burkina-border-killed-unnamed": schemas.TollReport,
    "/v1/reporters": schemas.ReporterPage,
    "/v1/sources?limit=1": schemas.SourcePage,
    "/v1/stats": schemas_statistics.Stats,
    f"/v1/stats?group_by={','.join(Group)}": schemas_statistics.Stats,
    "/v1/stats?as_of=2000-01-01": schemas_statistics.Stats,
    "/v1/regions": schemas_statistics.Regions,
    "/v1/regions/ML": schemas_statistics.RegionSummary,
    "/v1/regions/ML-8": schemas_statistics.RegionSummary,
    "/v1/reporters/gov-ml": schemas.ReporterCounted,
    "/v1/sources/article-2019-11-02-indelimane": schemas.SourceCounted,
    "/v1/changes?limit=50": schemas_log.Changes,
    "/v1/log/checkpoint": schemas_log.Checkpoint,
    "/v1/log/proof?seq=3": schemas_log.InclusionProof,
    "/v1/log/proof?from=3": schemas_log.ConsistencyProof,
    "/healthz": schemas_problems.Health,
    "/readyz": schemas_problems.Health,
    "/v1/incidents/nowhere": schemas_problems.Problem,
    f"{INDELIMANE}?as_of=2019-10-31": schemas_problems.Problem,
    "/v1/incidents?regoin=x&limit=0": schemas_problems.Problem,
    "/nowhere": schemas_problems.Problem,
}


def _operation(path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path]["get"]
    return found


def test_the_document_has_exactly_the_routes() -> None:
    assert DOCUMENT["paths"].keys() == {*TAKEN, *WRITTEN, "/v1/changes/stream", "/healthz", "/readyz"}
    for path, operations in DOCUMENT["paths"].items():
        reads = path not in WRITTEN or path in TAKEN
        assert operations.keys() == ({"get"} if reads else set()) | ({WRITTEN[path]} if path in WRITTEN else set())
    assert DOCUMENT["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", TAKEN)
def test_every_parameter_of_a_route_is_described(path: str) -> None:
    # when
    told = {p["name"]: p for p in _operation(path)["parameters"]}

    # then
    in_path = {part[1:-1] for part in path.split("/") if part.startswith("{")}
    assert told.keys() == parameters_of(TAKEN[path]).keys() | in_path
    for name, parameter in told.items():
        assert len(parameter["description"]) > 10, name
        assert (parameter["in"], parameter["required"]) == (("path", True) if name in in_path else ("query", False))
        for schema in parameter["schema"].get("anyOf", [parameter["schema"]]):
            assert schema["type"] in ("string", "integer", "number", "boolean", "array")


@pytest.mark.parametrize("path", TAKEN)
def test_a_route_accepts_exactly_the_documented_parameters(client: Client, path: str) -> None:
    # given
    address = path.format(**NAMED)
    told = {p["name"] for p in _operation(path)["parameters"] if p["in"] == "query"}

    # when: every parameter that any route has is sent, some at a time, and those that are not known here are named
    every = sorted({name for model in TAKEN.values() for name in parameters_of(model)})
    some = [every[n : n + MAX_ERRORS] for n in range(0, len(every), MAX_ERRORS)]
    queries = ["&".join(f"{name}=%00" for name in names) for names in some]
    faults = [fault for query in queries for fault in client.get(f"{address}?{query}").json()["errors"]]

    # then
    assert {f["name"] for f in faults if "is not a parameter here" in f["message"]} == {*every} - told


@pytest.mark.parametrize("path", TAKEN)
def test_every_parameter_example_is_accepted(client: Client, path: str) -> None:
    address = path.format(**NAMED)
    for parameter in _operation(path)["parameters"]:
        for example in parameter.get("examples", {}).values():
            sent = {parameter["name"]: example["value"]} | {"near": {"radius_km": 1}, "radius_km": {"near": "0,0"}}.get(
                parameter["name"], {}
            )
            answer = client.get(address, params=sent)
            assert answer.status_code in (200, 404), f"{sent}: {answer.status_code} {answer.text[:300]}"


def _less_instants(value: Any) -> Any:
    """The value without the members that differ from one loading of the seeds to the next."""
    if isinstance(value, list):
        return [_less_instants(v) for v in value]
    if isinstance(value, dict):
        return {k: _less_instants(v) for k, v in value.items() if k not in ("recorded_at", "updated_at")}
    return value


@pytest.mark.parametrize(
    ("path", "address", "example"),
    [
        ("/v1/incidents", "/v1/incidents?region=menaka", examples.INCIDENT_PAGE),
        (ONE, INDELIMANE, examples.INCIDENT),
        (f"{ONE}/toll-history", f"{INDELIMANE}/toll-history?measure=killed", examples.TOLL_HISTORY),
        ("/v1/stats", "/v1/stats?country=ML&group_by=country", examples.STATS),
    ],
)
def test_every_response_example_equals_the_response_over_the_seeds(
    client: Client, path: str, address: str, example: Any
) -> None:
    shown = _operation(path)["responses"]["200"]["content"]["application/json"]["example"]
    assert shown == json.loads(json.dumps(example))
    assert _less_instants(client.json(address)) == _less_instants(shown)


@pytest.mark.parametrize("address", ANSWERS)
def test_a_real_response_matches_its_schema(client: Client, address: str) -> None:
    """Strictly: no further member, no number told as text."""
    ANSWERS[address].model_validate_json(client.get(address).content, strict=True)


@pytest.mark.parametrize("question", ["", "as_of=2019-11-02", "near_border=BF&total=true", "limit=1"])
def test_a_page_of_incidents_matches_its_schema(client: Client, question: str) -> None:
    # when
    page = client.json(f"/v1/incidents?{question}")

    # then
    schemas.IncidentPage.model_validate_json(json.dumps(page), strict=True)
    TypeAdapter(list[schemas.Incident]).validate_json(json.dumps(page["items"]), strict=True)


@pytest.mark.parametrize("path", TAKEN)
def test_every_response_refers_to_a_schema(path: str) -> None:
    responses = _operation(path)["responses"]
    assert {"200", "304", "400", "414", "431", "503"} <= responses.keys()
    assert ("422" in responses) == (not path.startswith("/ogc"))
    assert ("404" in responses) == ("{" in path)
    for status in responses.keys() - {"200", "206", "304"}:
        assert responses[status]["content"]["application/problem+json"]["schema"] == {
            "$ref": "#/components/schemas/Problem"
        }


KEYWORDS = frozenset(
    "$ref additionalProperties anyOf const default description enum examples exclusiveMinimum format items maxItems "
    "maxLength maximum minItems minLength minimum oneOf pattern properties propertyNames required title type".split()
)
"""What JSON Schema 2020-12 knows, as far as the document uses it."""
DAYS = {"date_start", "date_end", "date_from", "date_to", "published_on", "day", "released_on"}
MOMENTS = {"reported_on", "as_of", "recorded_as_of", "reported_from", "reported_to", "updated_since"}
INSTANTS = {"recorded_at", "updated_at", "withdrawn_at", "at"}
SMALL = {"limit", "status", "year", "type_of_violence"}
"""Whole numbers that 32 bits hold."""


def _schemas(value: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside of one, with the name of the member that it is of."""
    if isinstance(value, list):
        for inner in value:
            yield from _schemas(inner, name)
    elif isinstance(value, dict):
        yield name, value
        for keyword in ("anyOf", "oneOf", "items", "additionalProperties", "propertyNames"):
            yield from _schemas(value.get(keyword), name if keyword in ("anyOf", "oneOf") else "")
        for member, inner in value.get("properties", {}).items():
            yield from _schemas(inner, member)


def _all_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of the document, by the member or parameter that it is of."""
    for model in DOCUMENT["components"]["schemas"].values():
        yield from _schemas(model)
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                yield from _schemas(parameter["schema"], parameter["name"])
            contents = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (one.get("content", {}).values() for one in contents):
                yield from _schemas([media.get("schema") for media in content])


def test_every_schema_has_only_json_schema_keywords() -> None:
    assert {keyword for _, schema in _all_schemas() for keyword in schema} == KEYWORDS


def test_days_instants_and_integers_have_formats() -> None:
    formats: dict[str, set[str | None]] = {}
    for name, schema in _all_schemas():
        if schema.get("type") in ("string", "integer"):
            formats.setdefault(name, set()).add(schema.get("format"))
            if schema["type"] == "integer" and "enum" not in schema and name not in SMALL:
                assert schema.get("format") == "int64", name
    for names, wanted in ((DAYS, {"date"}), (MOMENTS, {"date", "date-time"}), (INSTANTS, {"date-time"})):
        assert {name: formats[name] for name in names} == dict.fromkeys(names, wanted)


@pytest.mark.parametrize("path", TAKEN)
def test_a_parameter_declares_whether_it_accepts_the_empty_text(client: Client, path: str) -> None:
    for parameter in _operation(path)["parameters"]:
        for schema in parameter["schema"].get("anyOf", [parameter["schema"]]):
            text = schema.get("items", schema)
            if parameter["in"] == "query" and text["type"] == "string":
                answer = client.get(path.format(**NAMED), params={parameter["name"]: ""})
                refused, limits = (
                    answer.status_code in (400, 422),
                    text.keys() & {"minLength", "pattern", "enum", "format"},
                )
                assert bool(limits) if refused else not limits & {"minLength", "pattern"}, parameter["name"]


def test_the_document_has_license_servers_tags_and_security() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert DOCUMENT["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert DOCUMENT["servers"] == [{"url": "/"}]
    assert {tag for operation in operations for tag in operation["tags"]} == {t["name"] for t in DOCUMENT["tags"]}
    assert all(len(tag["description"]) > 20 for tag in DOCUMENT["tags"])
    assert all("security" in operation for operation in operations)


def test_the_base_url_in_the_settings_is_the_server() -> None:
    made = create_app(Settings(_env_file=None, public_url="https://data.example/conflict"))  # type: ignore[call-arg]
    assert made.openapi()["servers"] == [{"url": "https://data.example/conflict"}]


def test_a_body_has_one_documented_media_type_and_others_are_accepted(own_client: Client, seeded: Database) -> None:
    # given
    editor = Editor(own_client, seeded, Scope.WRITE, name="an editor")
    sent = {
        (method.upper(), path): list(operation["requestBody"]["content"])
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }

    # then
    assert sent.pop(("PATCH", ONE)) == ["application/merge-patch+json"]
    assert sent.pop(("POST", "/v1/import")) == ["application/octet-stream"]
    assert set(map(tuple, sent.values())) == {("application/json",)}
    for media_type in ("application/merge-patch+json", "application/json"):
        answer = editor.request("PATCH", INDELIMANE, {}, headers={"If-Match": "*", "Content-Type": media_type})
        assert answer.status_code == 200, answer.text
    for media_type in ("application/octet-stream", "text/csv"):
        headers = {"Content-Type": media_type}
        rows = b"id,title,date_start,country\r\nx,T,2021-03-15,ML\r\n"
        answer = editor.request("POST", "/v1/import?format=csv", headers=headers, content=rows)
        assert json.loads(answer.text.splitlines()[-1])["summary"]["refused"] == 0


@pytest.mark.parametrize(("label", "mode"), FUZZED)
def test_responses_to_random_requests_match_the_document(
    seeded: Database, own_client: Client, label: str, mode: GenerationMode
) -> None:
    """Requests that fit the document, and requests that do not: both get what it says."""
    key = keys.create(seeded, "fuzz", [Scope.ADMIN], None)
    fuzz(own_client, label, mode, key, examples=25)
