"""The problem documents that any route may answer with, for the OpenAPI document."""

from typing import Any

from app.api.openapi import schemas

PROBLEM: dict[str, Any] = {"model": schemas.Problem, "content": {"application/problem+json": {}}}
"""What every error is answered with."""


ANY_ROUTE: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request is not well-formed HTTP.", **PROBLEM},
    414: {"description": "The address is too long.", **PROBLEM},
    431: {"description": "The headers are too long.", **PROBLEM},
}
"""Errors that come before the route is looked at."""
