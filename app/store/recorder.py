"""Writing beside the event loop, one at a time, and the answers that are kept so that a POST is safe to repeat."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from anyio import CapacityLimiter, fail_after, to_thread
from sqlalchemy import bindparam, delete, select

from app.domain.dates import DAY_LENGTH
from app.errors import Conflict, DatabaseBusy, Fault, InvalidInput
from app.store.engine import Database
from app.store.keys import Access
from app.store.reader import ReadSession, Row, Statement
from app.store.tables import KeptAnswer, table_of
from app.store.transaction import Transaction
from app.store.write import Writer

WAIT_SECONDS = 10.0
"""How long a write waits for its turn."""
KEPT_DAYS = 30
"""How long the answer to an `Idempotency-Key` is kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back for a write."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A POST that may be sent again: the key it was sent with, and a digest of all that makes it the same POST."""

    key: str
    request: bytes

    @classmethod
    def of(cls, key: str, method: str, path: str, body: bytes) -> "Repeatable":
        """The digest covers method, path and body."""
        return cls(key, hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).digest())


Work = Callable[[Writer, ReadSession], Coroutine[Any, Any, Answer]]
"""Records something, finishes the writer, and asks for the answer in the same transaction."""


class Recorder:
    """The writes of one process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._turn: CapacityLimiter | None = None
        self._in_flight: set[tuple[str, str]] = set()

    async def record(self, access: Access, work: Work, repeatable: Repeatable | None = None, *, opened: bool) -> Answer:
        """Runs a work in a transaction of its own. Raises `DatabaseBusy` where its turn does not come in time.

        A `Repeatable` that was answered before gets its answer again. Raises `Conflict` while it is being answered.
        """
        if self._turn is None:
            self._turn = CapacityLimiter(1)
        name = (access.id, repeatable.key) if repeatable else None
        if name in self._in_flight:
            raise Conflict("a request with this Idempotency-Key is being answered; ask again when it is")
        if name:
            self._in_flight.add(name)
        turn = object()
        try:
            try:
                with fail_after(WAIT_SECONDS):
                    await self._turn.acquire_on_behalf_of(turn)
            except TimeoutError:
                raise DatabaseBusy from None
            try:
                return await to_thread.run_sync(partial(self._record, access, work, repeatable, opened))
            finally:
                self._turn.release_on_behalf_of(turn)
        finally:
            if name:
                self._in_flight.discard(name)

    def _record(self, access: Access, work: Work, repeatable: Repeatable | None, opened: bool) -> Answer:
        with self.database.writing() as transaction:
            if repeatable and (kept := _kept(transaction, access, repeatable)):
                return kept
            session = ReadSession(_Inside(transaction), transaction.now, opened)
            answer = _run(work(Writer(transaction, access.name), session))
            if repeatable:
                _keep(transaction, access, repeatable, answer)
        return answer


class _Inside:
    """Reads inside of a write transaction, as a `Reader` does outside. Nothing is waited for."""

    def __init__(self, transaction: Transaction) -> None:
        self._connection = transaction.connection

    async def rows(self, statement: Statement) -> list[Row]:
        """All rows."""
        return self._connection.execute(statement.sql, statement.values).fetchall()

    async def slices(self, statement: Statement) -> AsyncGenerator[list[Row]]:
        """All rows at once."""
        yield await self.rows(statement)

    async def in_thread(self, call: Callable[..., Any], *arguments: Any, wait: float | None = None) -> Any:
        """This is the thread."""
        return call(*arguments)


def _run(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    raise AssertionError("a work inside a transaction waits for nothing")


_kept_columns = table_of(KeptAnswer).c
_FIND = select(_kept_columns.request, _kept_columns.status, _kept_columns.headers, _kept_columns.body).where(
    _kept_columns.api_key == bindparam("api_key"), _kept_columns.idempotency_key == bindparam("idempotency_key")
)
_FORGET = delete(table_of(KeptAnswer)).where(_kept_columns.recorded_at < bindparam("before"))


def _kept(transaction: Transaction, access: Access, asked: Repeatable) -> Answer | None:
    row = transaction.first(_FIND, {"api_key": access.id, "idempotency_key": asked.key})
    if row is None:
        return None
    request, status, headers, body = row
    if request != asked.request:
        why = "was sent before, with another request; use a new one"
        raise InvalidInput([Fault("Idempotency-Key", why, asked.key, "header")])
    return Answer(status, body, orjson.loads(headers) | {"Idempotency-Replayed": "true"})


def _keep(transaction: Transaction, access: Access, asked: Repeatable, answer: Answer) -> None:
    transaction.change(_FORGET, {"before": transaction.now - KEPT_DAYS * DAY_LENGTH})
    row = {
        "api_key": access.id,
        "idempotency_key": asked.key,
        "request": asked.request,
        "status": answer.status,
        "headers": orjson.dumps(dict(answer.headers)).decode(),
        "body": answer.body,
        "recorded_at": transaction.now,
    }
    transaction.insert(table_of(KeptAnswer), [row])
