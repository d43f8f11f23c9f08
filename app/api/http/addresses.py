"""Absolute addresses of this service, as a client reaches it."""

from starlette.requests import Request


def base(request: Request) -> str:
    """Where the service begins, without a `/` at its end.

    `INCIDENTS_PUBLIC_URL` where that is set. Else the scheme and the `Host` of the request, and the prefix that a proxy
    told uvicorn; a `Host` that is none is replaced by the address that the service listens on.
    """
    public: str | None = request.app.state.settings.public_url
    return (public or str(request.base_url)).rstrip("/")


def absolute(request: Request, address: str) -> str:
    """The same address, which begins with its path on this host, for those who see it without the request."""
    prefix: str = request.scope.get("root_path", "")
    return base(request) + address.removeprefix(prefix.rstrip("/"))
