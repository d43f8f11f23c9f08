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
"""How long the response to an `Idempotency-Key` is kept."""


@dataclass(frozen=True, slots=True)
class WriteResponse:
    """The response to a write."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A POST that may be repeated: its `Idempotency-Key`, and a digest that identifies the request."""

    key: str
    request: bytes

    @classmethod
    def of(cls, key: str, method: str, path: str, body: bytes) -> "Repeatable":
        """The digest covers method, path and body."""
        return cls(key, hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).digest())


_columns = table_of(KeptAnswer).c
_FIND = select(_columns.request, _columns.status, _columns.headers, _columns.body).where(
    _columns.api_key == bindparam("api_key"), _columns.idempotency_key == bindparam("idempotency_key")
)
_FORGET = delete(table_of(KeptAnswer)).where(_columns.recorded_at < bindparam("before"))


def find_kept(transaction: Transaction, access: Access, sent: Repeatable) -> WriteResponse | None:
    """The response to the same POST. Raises `InvalidInput` where the key was used for another request."""
    row = transaction.first(_FIND, {"api_key": access.id, "idempotency_key": sent.key})
    if row is None:
        return None
    request, status, headers, body = row
    if request != sent.request:
        why = "was used for another request; use a new one"
        raise InvalidInput([FieldError("Idempotency-Key", why, sent.key, "header")])
    return WriteResponse(status, body, orjson.loads(headers) | {"Idempotency-Replayed": "true"})


def keep(transaction: Transaction, access: Access, sent: Repeatable, response: WriteResponse) -> None:
    """Keeps a response, and deletes those that are older than `KEPT_DAYS`."""
    transaction.change(_FORGET, {"before": transaction.now - KEPT_DAYS * DAY_LENGTH})
    row = KeptAnswer(
        api_key=access.id,
        idempotency_key=sent.key,
        request=sent.request,
        status=response.status,
        headers=orjson.dumps(dict(response.headers)).decode(),
        body=response.body,
        recorded_at=transaction.now,
    )
    transaction.insert(table_of(KeptAnswer), [row.model_dump()])
