"""The event loop is shared by clients, not by connections: with many of them nobody gets more of it."""

import asyncio
import time

SHARE_SECONDS = 0.002
"""In one round of the event loop, requests of one client begin within this time; the others begin in the next round."""


class Rounds:
    """The rounds of the event loop of this process.

    In a round the loop calls all that is ready, and only then looks for what has arrived. Without this, sixteen ready
    requests of 5 ms keep a request of another client waiting for 80 ms.
    """

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        """When the first request of each client began in this round."""

    async def turn(self, client: str) -> None:
        """Returns in a round in which the client has time left."""
        while (begun := self._begun.get(client)) is not None:
            if time.monotonic() - begun < SHARE_SECONDS:
                return
            await asyncio.sleep(0)
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._begun.clear)
        self._begun[client] = time.monotonic()


rounds = Rounds()
