"""Absolute addresses of this service, as a client reaches it."""

from starlette.requests import Request


def base(request: Request) -> str:
    """The address of the service, without a `/` at its end.

    It is `INCIDENTS_PUBLIC_URL` if that is set. Otherwise it is made of the scheme and the `Host` of the request, and
    of the prefix that a proxy reported to uvicorn; an invalid `Host` is replaced by the address that the service
    listens on.
    """
    public: str | None = request.app.state.settings.public_url
    return (public or str(request.base_url)).rstrip("/")


def absolute(request: Request, address: str) -> str:
    """An address that begins with its path on this host, as an absolute one."""
    prefix: str = request.scope.get("root_path", "")
    return base(request) + address.removeprefix(prefix.rstrip("/"))
