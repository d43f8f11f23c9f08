"""The problem documents of the OpenAPI document."""

from typing import Any

from app.api.openapi.schemas_problems import Problem

PROBLEM: dict[str, Any] = {"model": Problem, "content": {"application/problem+json": {}}}
"""The content of every error response."""


ANY_ROUTE: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request is not well-formed HTTP.", **PROBLEM},
    414: {"description": "The address is too long.", **PROBLEM},
    431: {"description": "The headers are too long.", **PROBLEM},
}
"""Errors that any route may respond with: they are found before it is called."""
