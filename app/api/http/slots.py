"""Slots that requests hold until their response is sent, and the client addresses that share them."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request
from starlette.types import Scope

from app.store.db.slots import Slots

HELD = "held_slots"
"""The member of a request's scope with the functions that give its slots back; `middleware.Envelope` calls them."""


def hold(request: Request, slots: Slots) -> None:
    """Takes a slot until the response is sent or the client has disconnected. Raises like `Slots.take`."""
    address = address_of(request.scope)
    slots.take(address)
    held: list[Callable[[], None]] = request.scope[HELD]
    held.append(lambda: slots.give_back(address))


def address_of(scope: Scope) -> str:
    """The address that a request comes from.

    It is the peer's. If the peer is a proxy that uvicorn trusts (`FORWARDED_ALLOW_IPS`, 127.0.0.1 by default), it is
    the one that its `X-Forwarded-For` names.
    """
    return network_of(scope["client"][0] if scope.get("client") else "")


def network_of(host: str) -> str:
    """An IPv4 address itself; of an IPv6 address its first 64 bits: one subscriber has all addresses behind them."""
    if ":" not in host:
        return host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
