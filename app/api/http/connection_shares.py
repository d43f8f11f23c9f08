"""The open connections of a process by client address, and which of them wait for a request."""

from collections import Counter
from typing import Generic, TypeVar

MAX_SHARE = 0.75
"""The part of all connections on which one address may have requests."""
C = TypeVar("C")


class ConnectionShares(Generic[C]):
    """The connections of a process. They are no `Slots`: one more closes the connection that has waited longest."""

    def __init__(self) -> None:
        self.by_address = Counter[str]()
        """How many connections each address has open."""
        self.waiting: dict[str, dict[C, None]] = {}
        """By address, the connections without the head of a request; the one that has waited longest comes first."""

    def open(self, address: str) -> None:
        """Counts a new connection."""
        self.by_address[address] += 1

    def close(self, address: str, connection: C) -> None:
        """Forgets a connection."""
        self.stop_waiting(address, connection)
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]

    def wait(self, address: str, connection: C) -> None:
        """The connection waits for a request from now on."""
        self.waiting.setdefault(address, {})[connection] = None

    def stop_waiting(self, address: str, connection: C) -> None:
        """The connection has a request, or is closed."""
        if own := self.waiting.get(address):
            own.pop(connection, None)
            if not own:
                del self.waiting[address]

    def longest_waiting(self) -> C:
        """The connection that has waited longest, of the address that has most connections open."""
        address = max(self.waiting, key=self.by_address.__getitem__)
        return next(iter(self.waiting[address]))

    def exceeds_share(self, address: str, max_connections: int) -> bool:
        """Whether an address has requests on more than its share of all connections."""
        busy = self.by_address[address] - len(self.waiting.get(address, ()))
        return busy > max_connections * MAX_SHARE
