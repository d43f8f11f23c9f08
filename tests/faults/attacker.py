"""Many connections from one address, in a process that does nothing else: `attacker.py`, with a plan on standard input.

The plan is JSON: `port`, `source` (the address that it comes from), `connections`, `how`, `seconds`, and `requests`, the
bytes of each as text, which the connections send in turn. `how` is one of

- `read`: reads each response to its end and sends the next request, again and again;
- `leave`: leaves when the first bytes are there, and does not come back;
- `hold`: reads the status and then nothing, and leaves the connection open.

It prints a line when it begins, and at the end the number of responses by status as JSON. Responses
are not parsed but for their length, so that little of the processor goes to the attack.
"""

import errno
import json
import os
import re
import resource
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from typing import Any

PART = 256 * 1024
SMALL_BUFFER = 4096
"""Bytes that a client that reads nothing lets the system take for it, so that the sender notices soon."""
STATUS_BYTES = len("HTTP/1.1 200")
LAST_CHUNK = b"\r\n0\r\n\r\n"
AT_ONCE = 16
"""Connections that are opened at a time; the next ones are when these have their responses."""
LEAVE_AT_ONCE = struct.pack("ii", 1, 0)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Connection:
    """One connection of the attack."""

    def __init__(self, attack: "Attack", number: int) -> None:
        self._attack, self._next, self._is_new = attack, number, True
        self._left: int | None = None
        self.open()

    def open(self) -> None:
        """Connects; also replaces connections that the service closed."""
        self._socket = socket.socket()
        self._socket.setblocking(False)
        if self._attack.how == "hold":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self._socket.bind((self._attack.source, 0))
        if (code := self._socket.connect_ex(("127.0.0.1", self._attack.port))) not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        self._attack.selector.register(self._socket, selectors.EVENT_WRITE, self)
        self._ask()

    def _ask(self) -> None:
        requests = self._attack.requests
        self._unsent = memoryview(requests[self._next % len(requests)])
        self._next += self._attack.connections
        self._begin, self._end = b"", b""
        self._has_head = False

    def go_on(self, events: int) -> None:
        """Sends or reads what the system takes or has."""
        try:
            if events & selectors.EVENT_WRITE:
                self._send()
            else:
                self._read()
        except BlockingIOError:
            return
        except OSError as error:
            self._tally(type(error).__name__)
            self._close()

    def _send(self) -> None:
        self._unsent = self._unsent[self._socket.send(self._unsent) :]
        if not self._unsent:
            self._attack.selector.modify(self._socket, selectors.EVENT_READ, self)

    def _read(self) -> None:
        if self._attack.how == "hold":
            self._count(self._socket.recv(STATUS_BYTES))
            self._attack.selector.unregister(self._socket)
            return
        got = self._socket.recv(PART)
        if not self._begin:
            self._count(got)
        if self._attack.how == "leave" or not got:
            self._close()
        elif self._is_whole(got):
            self._ask()
            self._attack.selector.modify(self._socket, selectors.EVENT_WRITE, self)

    def _count(self, got: bytes) -> None:
        self._tally(got[9:12].decode("latin-1") or "closed")

    def _tally(self, outcome: str) -> None:
        self._attack.statuses[outcome] += 1
        self._attack.served += self._is_new
        self._is_new = False

    def _is_whole(self, got: bytes) -> bool:
        """Whether a response ends with these bytes."""
        if not self._has_head:
            self._begin += got
            head, end, got = self._begin.partition(b"\r\n\r\n")
            if not end:
                return False
            self._has_head = True
            found = _LENGTH.search(head)
            self._left = int(found[1]) if found else None
        if self._left is not None:
            self._left -= len(got)
            return self._left <= 0
        self._end = (self._end + got[-len(LAST_CHUNK) :])[-len(LAST_CHUNK) :]
        return self._end == LAST_CHUNK

    def _close(self) -> None:
        self._attack.selector.unregister(self._socket)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LEAVE_AT_ONCE)
        self._socket.close()
        if self._attack.how == "read":
            self._attack.closed.append(self)


class Attack:
    """The requests of an attack and their results."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.port, self.source, self.how = plan["port"], plan["source"], plan["how"]
        self.connections, self._seconds = plan["connections"], plan["seconds"]
        self.requests = [request.encode() for request in plan["requests"]]
        self.selector = selectors.DefaultSelector()
        self.statuses: Counter[str] = Counter()
        self.closed: list[Connection] = []
        self.served = 0

    def run(self) -> None:
        """Attacks for so many seconds."""
        print("begun", flush=True)
        connections: list[Connection] = []
        until = time.monotonic() + self._seconds
        while (left := until - time.monotonic()) > 0:
            while len(connections) < min(self.connections, self.served + AT_ONCE):
                connections.append(Connection(self, len(connections)))
            for key, events in self.selector.select(min(left, 0.05)):
                key.data.go_on(events)
            again, self.closed = self.closed, []
            for connection in again:
                connection.open()


def main() -> None:
    """Runs the plan."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    attack = Attack(json.load(sys.stdin))
    attack.run()
    print(json.dumps(attack.statuses), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
