"""The event loop is shared by clients, not by connections: many connections do not get a client more of it.

This is no limit of what runs at once, which `Slots` are for: it limits time, and it neither refuses nor queues.
"""

import asyncio
import time

SHARE_SECONDS = 0.002
"""In one round of the event loop the requests of one client start within this time; the others start in the next."""


class Rounds:
    """The rounds of the event loop of this process.

    In a round the loop calls everything that is ready, and only then polls for what has arrived. Without this limit,
    sixteen ready requests of 5 ms keep a request of another client waiting for 80 ms.
    """

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        """When the first request of each client started in this round."""

    async def turn(self, client: str) -> None:
        """Returns in a round in which the client has time left."""
        while (started := self._started.get(client)) is not None:
            if time.monotonic() - started < SHARE_SECONDS:
                return
            await asyncio.sleep(0)
        if not self._started:
            asyncio.get_running_loop().call_soon(self._started.clear)
        self._started[client] = time.monotonic()


rounds = Rounds()
