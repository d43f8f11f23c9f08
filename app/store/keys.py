"""API keys: made once, shown once, kept as a hash, and what each may do."""

import hashlib
import hmac
import re
import secrets
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing
from functools import cache

from sqlalchemy import bindparam, func, select, update

from app.domain.access import Access
from app.domain.dates import Instant, instant_text
from app.domain.vocabulary import Scope
from app.errors import Conflict, FieldError, InvalidInput, NotFound, Unauthorized, echo
from app.store.db.connections import EXPORT_CACHE_KIB, read_connection
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.db.sql_text import compiled
from app.store.db.statements import Row, Statement
from app.store.db.transaction import Transaction, now
from app.store.tables import ApiKey, table_of

_KEY = re.compile(r"ci_([0-9a-f]{12})_([0-9a-f]{64})_([0-9a-f]{8})", re.ASCII)
"""Prefix, id, 32 random bytes, and the CRC-32 of what stands before it, which tells a mistyped key from a wrong one."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9 ._@-]{0,98}[a-z0-9])?", re.IGNORECASE | re.ASCII)
TAKEN_NAMES = frozenset({"seeds"})
"""What the program itself records as."""
_keys = table_of(ApiKey).c
_COLUMNS = (_keys.id, _keys.name, _keys.scopes, _keys.created_at, _keys.expires_at, _keys.revoked_at)


def create(database: Database, name: str, scopes: Sequence[Scope], expires_at: Instant | None) -> str:
    """Makes a key and returns it; it cannot be had again. Its name is recorded with everything that it writes."""
    if not _NAME.fullmatch(name) or name.lower() in TAKEN_NAMES:
        raise InvalidInput(
            [FieldError("name", "is not of letters and digits, with spaces and ._@- between", name, "argument")]
        )
    key_id = secrets.token_hex(6)
    unchecked = f"ci_{key_id}_{secrets.token_hex(32)}"
    text = f"{unchecked}_{_checksum(unchecked)}"
    with database.writing() as transaction:
        if expires_at is not None and expires_at <= transaction.now:
            raise InvalidInput([FieldError("expires", "is over already", instant_text(expires_at), "argument")])
        if taken := transaction.first(_BY_NAME, {"name": name.lower()}):
            raise Conflict(f'a key is named "{taken[0]}" already; names tell for ever who recorded what')
        row = {"id": key_id, "name": name, "scopes": " ".join(sorted(set(scopes))), "hash": _hash(text)}
        times = {"created_at": transaction.now, "expires_at": expires_at, "revoked_at": None}
        transaction.insert(table_of(ApiKey), [{"key": transaction.next_key(ApiKey), **row, **times}])
    return text


def revoke(database: Database, key_id: str) -> None:
    """Ends a key. What it recorded stays."""
    with database.writing() as transaction:
        found = transaction.first(_BY_ID, {"id": key_id})
        if found is None:
            raise NotFound(f'no key has the id "{echo(key_id)}"; `incidents keys list` shows them')
        if found[-1] is None:
            transaction.change(REVOKE, {"of": key_id, "now": transaction.now})


def listed(database: Database) -> list[Row]:
    """(id, name, scopes, created, expires, revoked) of every key, oldest first."""
    with closing(read_connection(database.url, EXPORT_CACHE_KIB)[0]) as connection:
        return connection.execute(compiled(_ALL)).fetchall()


def revoked(connection: sqlite3.Connection) -> dict[str, Instant]:
    """Keys that were ended, and when; of a database of before there were keys, none."""
    try:
        return dict(connection.execute(compiled(_REVOKED)).fetchall())
    except sqlite3.OperationalError:
        return {}


async def access_of(reader: Reader, text: str) -> Access:
    """What a key may do. Raises `Unauthorized` for one that is wrong, revoked or out of date."""
    parts = _KEY.fullmatch(text)
    if not parts or not hmac.compare_digest(_checksum(text[: -len(parts[3]) - 1]), parts[3]):
        raise Unauthorized("this is not a key of this service; check that it was copied whole")
    rows = await reader.rows(Statement(_access_text(), {"id": parts[1]}))
    kept, name, scopes, expires_at, revoked_at = rows[0] if rows else (b"", "", "", None, None)
    if not hmac.compare_digest(kept, _hash(text)):
        raise Unauthorized("no such key is known")
    _expect_not_ended(expires_at, revoked_at)
    return Access(parts[1], name, frozenset(map(Scope, scopes.split())))


def expect_holds(transaction: Transaction, access: Access) -> None:
    """Raises `Unauthorized` where a key was revoked or has expired since `access_of` looked.

    Asked inside of each transaction that records something: a body may take minutes to arrive, and an import hours.
    """
    ends = transaction.first(_ENDS, {"id": access.id})
    if ends is None:
        raise Unauthorized("no such key is known")
    _expect_not_ended(*ends)


def _expect_not_ended(expires_at: Instant | None, revoked_at: Instant | None) -> None:
    if revoked_at is not None:
        raise Unauthorized("the key was revoked")
    if expires_at is not None and expires_at <= now():
        raise Unauthorized("the key is out of date")


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


_REVOKED = select(_keys.id, _keys.revoked_at).where(_keys.revoked_at.is_not(None))
_ALL = select(*_COLUMNS).order_by(_keys.created_at)
_BY_ID = select(*_COLUMNS).where(_keys.id == bindparam("id"))
_ENDS = select(_keys.expires_at, _keys.revoked_at).where(_keys.id == bindparam("id"))
_BY_NAME = select(_keys.name).where(func.lower(_keys.name) == bindparam("name"))
REVOKE = update(table_of(ApiKey)).where(_keys.id == bindparam("of")).values(revoked_at=bindparam("now"))


@cache
def _access_text() -> str:
    return compiled(
        select(_keys.hash, _keys.name, _keys.scopes, _keys.expires_at, _keys.revoked_at).where(
            _keys.id == bindparam("id")
        )
    )
