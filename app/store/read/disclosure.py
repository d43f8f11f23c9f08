"""What is confidential: kept apart from the public records, which carry a salted commitment to it instead.

The log and every stored answer hold the public form. Those with the scope `read:confidential` get the members put back
into their places, and the salt, with which they can show that what they were told is what was recorded.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from app.store.db.sql_text import compiled
from app.store.db.statements import Statement, filled_up
from app.store.log.redaction import KEPT_VERBATIM, MARK, subject
from app.store.read.session import ReadSession
from app.store.tables import TABLES

AT_ONCE = 500
"""Secrets that one statement asks for."""


async def disclosed(session: ReadSession, texts: list[str]) -> list[str]:
    """JSON texts with what is confidential in its places, where the session may see it."""
    if not session.confidential or not any(MARK in text for text in texts):
        return texts
    documents = [orjson.loads(text) for text in texts]
    await _open(session, documents)
    return [orjson.dumps(document).decode() for document in documents]


async def disclosed_document(session: ReadSession, document: Any) -> Any:
    """The same for one document, which is changed."""
    if session.confidential:
        await _open(session, document)
    return document


async def _open(session: ReadSession, document: Any) -> None:
    closed: dict[str, list[dict[str, Any]]] = {}
    for found in _closed(document):
        closed.setdefault(subject(_kind(found), found["id"]), []).append(found)
    wanted = list(closed)
    for n in range(0, len(wanted), AT_ONCE):
        some = wanted[n : n + AT_ONCE]
        for of, salt, record in await session.rows(_statement(some, session)):
            for found in closed[of]:
                found |= orjson.loads(record) | {"salt": salt.hex()}


def _closed(value: Any) -> Iterator[dict[str, Any]]:
    """Every record in a document that has a commitment."""
    if isinstance(value, dict):
        if "commitment" in value:
            yield value
        for name, inner in value.items():
            if name not in KEPT_VERBATIM:
                yield from _closed(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _closed(inner)


def _kind(record: Mapping[str, Any]) -> str:
    return "toll_report" if "measure" in record else "reporter" if "kind" in record else "source"


@lru_cache(maxsize=16)
def _text(count: int) -> str:
    secret = TABLES["secret"].c
    places = [bindparam(f"subject_{n}") for n in range(count)]
    return compiled(
        select(secret.subject, secret.salt, secret.record).where(
            secret.subject.in_(places), secret.recorded_at <= bindparam("recorded")
        )
    )


def _statement(wanted: Sequence[str], session: ReadSession) -> Statement:
    wanted = filled_up(wanted)
    subjects = {f"subject_{n}": of for n, of in enumerate(wanted)}
    return Statement(_text(len(wanted)), {"recorded": session.recorded} | subjects)
