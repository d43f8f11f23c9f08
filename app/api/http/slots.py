"""Slots for what takes long: so many in a process, and of these a share for each client address."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request
from starlette.types import Scope

from app.errors import AppError, ShareTaken

HELD = "held_slots"
"""The member of a request's scope with what gives its slots back. `middleware.Envelope` does so at its end."""
ONE_OF = 4
"""One address may hold a quarter of the slots of a kind, and always one."""


class Slots:
    """The slots of one kind in this process."""

    def __init__(self, most: int, what: str, none_left: Callable[[int], AppError]) -> None:
        self.most = most
        self.what = what
        """What the slots are for, in the plural."""
        self.none_left = none_left
        self.taken = 0
        self.by_address = Counter[str]()

    @property
    def share(self) -> int:
        """How many one address may hold."""
        return max(self.most // ONE_OF, 1)

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Holds a slot. Raises what `none_left` makes where all are taken, and `ShareTaken` where those of one address
        are."""
        self.take(address)
        try:
            yield
        finally:
            self.give_back(address)

    def take(self, address: str) -> None:
        """Takes a slot, which `give_back` ends. Raises as `one` does."""
        if self.taken >= self.most:
            raise self.none_left(self.most)
        if self.by_address[address] >= self.share:
            raise ShareTaken(self.share, self.what)
        self.taken += 1
        self.by_address[address] += 1

    def give_back(self, address: str) -> None:
        """Ends what `take` began."""
        self.taken -= 1
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]


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
