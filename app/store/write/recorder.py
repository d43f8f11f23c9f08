"""Writing beside the event loop, in one order, and the answers that are kept so that a POST is safe to repeat."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anyio import to_thread

from app.domain.access import Access
from app.errors import Conflict, DatabaseBusy
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.keys import expect_holds
from app.store.read.session import WriteSession
from app.store.write.idempotency import Answer, Repeatable, _keep, _kept
from app.store.write.writer import Writer

MOST_AT_ONCE = 32
"""Writes that share a transaction."""
MOST_WAITING = 200
"""Writes that may wait for their turn."""


Work = Callable[[Writer, WriteSession], Answer]
"""Records something, finishes the writer, and asks for the answer in the same transaction."""


@dataclass(slots=True)
class _Job:
    """A write that waits for its turn, and where its answer goes."""

    access: Access
    work: Work
    repeatable: Repeatable | None
    opened: bool
    answer: asyncio.Future[Answer]


class Recorder:
    """The writes of one process: in the order of their arrival, those that wait together in one transaction.

    Each is a recording of its own, kept or refused by itself; what they share is the way to the disk, which takes
    longer than all else. None is answered before it is there.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: deque[_Job] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._stopped = False
        self._in_flight: set[tuple[str, str]] = set()

    async def record(self, access: Access, work: Work, repeatable: Repeatable | None = None, *, opened: bool) -> Answer:
        """Runs a work. Raises what it raises, `Unauthorized` where the key has ended meanwhile, and `DatabaseBusy`
        where too many are waiting.

        A `Repeatable` that was answered before gets its answer again. Raises `Conflict` while it is being answered.
        """
        name = (access.id, repeatable.key) if repeatable else None
        if name in self._in_flight:
            raise Conflict("a request with this Idempotency-Key is being answered; ask again when it is")
        if self._stopped or len(self._waiting) >= MOST_WAITING:
            raise DatabaseBusy
        job = _Job(access, work, repeatable, opened, asyncio.get_running_loop().create_future())
        if name:
            self._in_flight.add(name)
            job.answer.add_done_callback(lambda _: self._in_flight.discard(name))
        job.answer.add_done_callback(lambda answer: answer.exception())  # its client may be gone
        self._waiting.append(job)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await asyncio.shield(job.answer)

    async def stop(self) -> None:
        """Takes no more, sends back what waits, and ends when what was begun is done."""
        self._stopped = True
        while self._waiting:
            self._waiting.popleft().answer.set_exception(DatabaseBusy())
        if self._worker is not None:
            await self._worker

    async def close(self) -> None:
        """Closes the database when the last write is done."""
        await self.stop()
        self.database.close()

    async def _work(self) -> None:
        try:
            while self._waiting:
                jobs = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
                try:
                    results = await to_thread.run_sync(self._record, jobs)
                except Exception as error:
                    results = [error] * len(jobs)
                for job, result in zip(jobs, results, strict=True):
                    if isinstance(result, Answer):
                        job.answer.set_result(result)
                    else:
                        job.answer.set_exception(result)
        finally:
            self._worker = None

    def _record(self, jobs: Sequence[_Job]) -> list[Answer | Exception]:
        """Answers, and what was raised instead.

        Where the whole does not reach the disk nothing of it was recorded, and what was refused may have been refused
        for the sake of what is not there: each is tried again by itself.
        """
        results: list[Answer | Exception] = []
        try:
            with self.database.writing() as transaction:
                for job in jobs:
                    try:
                        with transaction.part() as part:
                            results.append(_one(part, job))
                    except sqlite3.Error:
                        raise
                    except Exception as error:
                        results.append(error)
        except Exception as error:
            if len(jobs) == 1 or isinstance(error, DatabaseBusy):
                return [error] * len(jobs)
            return [result for job in jobs for result in self._record([job])]
        return results


def _one(transaction: Transaction, job: _Job) -> Answer:
    expect_holds(transaction, job.access)
    if job.repeatable and (kept := _kept(transaction, job.access, job.repeatable)):
        return kept
    session = WriteSession(transaction, job.opened)
    answer = job.work(Writer(transaction, job.access.name, insider=job.opened), session)
    if job.repeatable:
        _keep(transaction, job.access, job.repeatable, answer)
    return answer
