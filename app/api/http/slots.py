"""Slots for what takes long: so many in a process, and of these a share for each client address."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import Request
from starlette.types import Scope

from app.store.db.slots import Slots

HELD = "held_slots"
"""The member of a request's scope with what gives its slots back. `middleware.Envelope` does so at its end."""


def hold(request: Request, slots: Slots) -> None:
    """Takes a slot until the response to this request is sent, or its client has left. Raises as `Slots.one` does."""
    address = address_of(request.scope)
    slots.take(address)
    request.scope[HELD].append(lambda: slots.give_back(address))


def address_of(scope: Scope) -> str:
    """The address that a request comes from.

    It is the peer's, or where the peer is a proxy that uvicorn trusts (`FORWARDED_ALLOW_IPS`, 127.0.0.1 by default) the
    one that its `X-Forwarded-For` names.
    """
    return network_of(scope["client"][0] if scope.get("client") else "")


def network_of(host: str) -> str:
    """An address of IPv4 itself; of IPv6 its first 64 bits, since whoever has one has all that begin with them."""
    if ":" not in host:
        return host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
