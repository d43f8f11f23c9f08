"""The write queue of a process: writes run in a worker thread, in the order of their arrival."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anyio import to_thread

from app.domain.access import Access
from app.domain.vocabulary import Scope
from app.errors import Conflict, DatabaseBusy
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.keys import expect_holds
from app.store.read.session import WriteSession
from app.store.write.idempotency import Repeatable, WriteResponse, find_kept, keep
from app.store.write.writer import Writer, open_writer

MAX_BATCH = 32
"""Writes that share a transaction."""
MAX_WAITING = 200
"""Writes that may wait for their turn."""

Respond = Callable[[WriteSession], WriteResponse]
"""Reads the response in the transaction of the write, after its facts are written."""
Work = Callable[[Writer], Respond]
"""Records something."""


@dataclass(slots=True)
class _Job:
    """A write that waits for its turn."""

    access: Access
    work: Work
    repeatable: Repeatable | None
    response: asyncio.Future[WriteResponse]


class Recorder:
    """The writes of one process. Those that wait together share a transaction.

    Each write is a recording of its own and succeeds or fails alone. Sharing the transaction saves syncs to disk, which
    take longer than everything else. No response is sent before its write is on disk.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: deque[_Job] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._stopped = False
        self._in_flight: set[tuple[str, str]] = set()

    async def record(self, access: Access, work: Work, repeatable: Repeatable | None = None) -> WriteResponse:
        """Runs a work and returns its response. Raises what the work raises.

        Raises `Unauthorized` where the key has ended meanwhile, and `DatabaseBusy` where too many writes wait.
        A `Repeatable` gets its earlier response again, or raises `Conflict` while the earlier request is running.
        """
        name = (access.id, repeatable.key) if repeatable else None
        if name in self._in_flight:
            raise Conflict("a request with this Idempotency-Key is in progress; retry when it is done")
        if self._stopped or len(self._waiting) >= MAX_WAITING:
            raise DatabaseBusy
        job = _Job(access, work, repeatable, asyncio.get_running_loop().create_future())
        if name:
            self._in_flight.add(name)
            job.response.add_done_callback(lambda _: self._in_flight.discard(name))
        job.response.add_done_callback(lambda response: response.exception())  # its client may be gone
        self._waiting.append(job)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await asyncio.shield(job.response)

    async def stop(self) -> None:
        """Rejects new and waiting writes, and returns when those that have begun are done."""
        self._stopped = True
        while self._waiting:
            self._waiting.popleft().response.set_exception(DatabaseBusy())
        if self._worker is not None:
            await self._worker

    async def close(self) -> None:
        """Closes the database when the last write is done."""
        await self.stop()
        self.database.close()

    async def _work(self) -> None:
        try:
            while self._waiting:
                jobs = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
                try:
                    results = await to_thread.run_sync(self._record, jobs)
                except Exception as error:
                    results = [error] * len(jobs)
                for job, result in zip(jobs, results, strict=True):
                    if isinstance(result, WriteResponse):
                        job.response.set_result(result)
                    else:
                        job.response.set_exception(result)
        finally:
            self._worker = None

    def _record(self, jobs: Sequence[_Job]) -> list[WriteResponse | Exception]:
        """Responses or exceptions, in the order of the jobs.

        Where the transaction fails, nothing is recorded, and a job may have failed because of another one that is gone.
        Each job is then retried alone.
        """
        results: list[WriteResponse | Exception] = []
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


def _one(transaction: Transaction, job: _Job) -> WriteResponse:
    expect_holds(transaction, job.access)
    if job.repeatable and (kept := find_kept(transaction, job.access, job.repeatable)):
        return kept
    can_read_confidential = job.access.may(Scope.READ_CONFIDENTIAL)
    with open_writer(transaction, job.access.name, can_read_confidential=can_read_confidential) as writer:
        respond = job.work(writer)
    response = respond(WriteSession(transaction, can_read_confidential))
    if job.repeatable:
        keep(transaction, job.access, job.repeatable, response)
    return response
