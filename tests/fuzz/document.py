"""Random requests generated from the OpenAPI document, and the checks on their responses."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api.application import create_app
from app.settings import Settings
from tests.support import Client

DOCUMENT: dict[str, Any] = create_app(Settings(_env_file=None)).openapi()  # type: ignore[call-arg]
STREAM = "GET /v1/changes/stream"
"""Never ends, so it is left out."""
OPERATIONS = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if found.ok().label != STREAM
}
FUZZED = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or len(operation.query) + len(operation.path_parameters) + len(operation.body)
]
"""Every operation with requests that fit the document, and with those that do not where it takes any parameter."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def fuzz(client: Client, label: str, mode: GenerationMode, key: str, *, examples: int, fixed: bool = True) -> None:
    """Asks one operation so many times, with a key that may do everything. `fixed`: the same requests each time."""

    @settings(
        max_examples=examples, derandomize=fixed, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        sent = case.as_transport_kwargs(base_url="http://testserver")
        sent["headers"]["Authorization"] = f"Bearer {key}"
        sent["headers"] = {name: str(value).encode("latin-1") for name, value in sent["headers"].items()}
        passed = {name: sent[name] for name in ("params", "headers", "json") if name in sent}
        response = client.request(sent["method"], sent["url"], content=sent.get("data"), **passed)
        case.validate_response(response, checks=CHECKS)

    check()
