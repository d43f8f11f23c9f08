"""Slots for what takes long: so many in a process, and of these a share for each client address."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import AppError, ShareTaken

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
