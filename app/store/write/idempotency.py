"""Responses kept for `Idempotency-Key`, so that a repeated POST gets the same again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from sqlalchemy import bindparam, delete, select

from app.domain.access import Access
from app.domain.dates import DAY_LENGTH
from app.errors import FieldError, InvalidInput
from app.store.db.transaction import Transaction
from app.store.tables import KeptAnswer, table_of

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
        raise InvalidInput([FieldError("Idempotency-Key", why, asked.key, "header")])
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
