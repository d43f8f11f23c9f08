"""`/metrics`: requests by route and status, and their durations, for Prometheus.

`middleware.Envelope` counts them: a middleware of its own took a third of the time of a short read.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Scope

_requests = Counter("http_requests_total", "Requests with a response.", ("method", "route", "status"))
_seconds = Histogram(
    "http_request_duration_seconds",
    "Time from the arrival of a request to the end of its response.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE"})


def count(scope: Scope, method: str, status: int, seconds: float) -> None:
    """Counts a request. All unknown paths share one label, and so do all unknown methods: clients cannot add series."""
    route = _route_of(scope)
    _requests.labels(method if method in _METHODS else "other", route, status).inc()
    _seconds.labels(route).observe(seconds)


def _route_of(scope: Scope) -> str:
    """The path template of the route. FastAPI names its own routes; pages and files are found by their endpoint."""
    if route := scope.get("route"):
        return str(route.path)
    if endpoint := scope.get("endpoint"):
        for route in scope["app"].routes:
            if endpoint is getattr(route, "app" if isinstance(route, Mount) else "endpoint", None):
                return str(route.path_format)
    return "unmatched"


async def metrics(_: Request) -> Response:
    """The metrics of this process, or of all workers if `PROMETHEUS_MULTIPROC_DIR` is set."""
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_LATEST)


ROUTE = Route("/metrics", metrics, methods=["GET"])
