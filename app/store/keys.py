"""API keys: shown once when created, stored as a hash, each with its scopes.

Creating, revoking and listing keys uses SQLModel's `Session`: it is rare, so clarity counts more than microseconds.
Authentication runs on every request and uses the driver.
"""

import hashlib
import hmac
import re
import secrets
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import bindparam, func, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from app.domain.access import Access
from app.domain.dates import Instant, instant_text
from app.domain.vocabulary import Scope
from app.errors import Conflict, FieldError, InvalidInput, NotFound, Unauthorized, echo
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.db.sql_text import AnySelect, compiled
from app.store.db.statements import Statement
from app.store.db.transaction import Transaction, now
from app.store.tables import ApiKey, table_of

_KEY = re.compile(r"ci_([0-9a-f]{12})_([0-9a-f]{64})_([0-9a-f]{8})", re.ASCII)
"""Prefix, id, 32 random bytes, and a CRC-32 of all this, which distinguishes a mistyped key from a wrong one."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9 ._@-]{0,98}[a-z0-9])?", re.IGNORECASE | re.ASCII)
RESERVED_NAMES = frozenset({"seeds"})
"""Names under which the program itself records."""
_keys = table_of(ApiKey).c
_REVOKED = select_columns(_keys.id, _keys.revoked_at).where(_keys.revoked_at.is_not(None))
_ENDS = select_columns(_keys.expires_at, _keys.revoked_at).where(_keys.id == bindparam("id"))
REVOKE = update(table_of(ApiKey)).where(_keys.id == bindparam("of")).values(revoked_at=bindparam("now"))


def create(database: Database, name: str, scopes: Sequence[Scope], expires_at: Instant | None) -> str:
    """Creates a key and returns it, this once. Its name is recorded with everything that it writes."""
    if not _NAME.fullmatch(name) or name.lower() in RESERVED_NAMES:
        raise InvalidInput(
            [FieldError("name", "must consist of letters and digits, with spaces and ._@- between", name, "argument")]
        )
    created_at = now()
    if expires_at is not None and expires_at <= created_at:
        raise InvalidInput([FieldError("expires", "is in the past", instant_text(expires_at), "argument")])
    key_id = secrets.token_hex(6)
    unchecked = f"ci_{key_id}_{secrets.token_hex(32)}"
    text = f"{unchecked}_{_checksum(unchecked)}"
    with _session(database) as session:
        if taken := session.exec(select(ApiKey.name).where(func.lower(ApiKey.name) == name.lower())).first():
            raise Conflict(f'a key is already named "{taken}"; names identify for ever who recorded what')
        newest = session.exec(select(func.max(ApiKey.key))).one()
        session.add(
            ApiKey(
                key=(newest or 0) + 1,
                id=key_id,
                name=name,
                scopes=" ".join(sorted(set(scopes))),
                hash=_hash(text),
                created_at=created_at,
                expires_at=expires_at,
            )
        )
    return text


def revoke(database: Database, key_id: str) -> None:
    """Revokes a key. Everything that it recorded stays."""
    with _session(database) as session:
        key = session.exec(select(ApiKey).where(ApiKey.id == key_id)).first()
        if key is None:
            raise NotFound(f'no key has the id "{echo(key_id)}"; `incidents keys list` shows them')
        if key.revoked_at is None:
            key.revoked_at = now()


def list_keys(database: Database) -> list[ApiKey]:
    """Every key, oldest first."""
    with Session(database.engine, expire_on_commit=False) as session:
        return list(session.exec(select(ApiKey).order_by(col(ApiKey.created_at))).all())


@contextmanager
def _session(database: Database) -> Iterator[Session]:
    """A write transaction, committed at its end."""
    with database.translated(), Session(database.engine) as session, session.begin():
        yield session


def revoked(connection: sqlite3.Connection) -> dict[str, Instant]:
    """When keys were revoked, by id. Empty for a database from before there were keys."""
    try:
        return dict(connection.execute(compiled(_REVOKED)).fetchall())
    except sqlite3.OperationalError:
        return {}


async def access_of(reader: Reader, text: str) -> Access:
    """The rights of a key. Raises `Unauthorized` for a key that is wrong, revoked or expired."""
    parts = _KEY.fullmatch(text)
    if not parts or not hmac.compare_digest(_checksum(text[: -len(parts[3]) - 1]), parts[3]):
        raise Unauthorized("this is not a key of this service; check that it was copied completely")
    rows = await reader.rows(Statement.of(_build_access, id=parts[1]))
    stored, name, scopes, expires_at, revoked_at = rows[0] if rows else (b"", "", "", None, None)
    if not hmac.compare_digest(stored, _hash(text)):
        raise Unauthorized("no such key exists")
    _expect_not_ended(expires_at, revoked_at)
    return Access(parts[1], name, frozenset(map(Scope, scopes.split())))


def expect_holds(transaction: Transaction, access: Access) -> None:
    """Raises `Unauthorized` where a key was revoked or has expired since `access_of`.

    Checked in each transaction that records something: a body may take minutes to arrive, and an import hours.
    """
    ends = transaction.first(_ENDS, {"id": access.id})
    if ends is None:
        raise Unauthorized("no such key exists")
    _expect_not_ended(*ends)


def _expect_not_ended(expires_at: Instant | None, revoked_at: Instant | None) -> None:
    if revoked_at is not None:
        raise Unauthorized("the key was revoked")
    if expires_at is not None and expires_at <= now():
        raise Unauthorized("the key has expired")


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _build_access() -> AnySelect:
    columns = (_keys.hash, _keys.name, _keys.scopes, _keys.expires_at, _keys.revoked_at)
    return select_columns(*columns).where(_keys.id == bindparam("id"))
