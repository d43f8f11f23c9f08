"""Confidential members: stored apart from the public records, which carry a salted commitment to them instead.

The log and every stored response hold the public form. Readers with the scope `read:confidential` get the members back
in their places, with the salt, which proves that the members are those that were recorded.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from app.domain.json_text import json_of
from app.store.db.sql_text import AnySelect, among
from app.store.db.statements import Read, Statement
from app.store.log.redaction import KEPT_VERBATIM, MARK, subject
from app.store.read.session import ReadSession, View
from app.store.tables import Secret

SECRETS_AT_ONCE = 500
"""Secrets that one statement reads."""


async def disclosed(session: ReadSession, texts: list[str]) -> list[str]:
    """JSON texts with their confidential members, if the session may see these."""
    return await session.run(disclosed_texts, texts)


def disclosed_texts(view: View, texts: list[str]) -> Read[list[str]]:
    """The same as a read in steps."""
    if not view.confidential or not any(MARK in text for text in texts):
        return texts
    documents = [orjson.loads(text) for text in texts]
    yield from _disclose(view, documents)
    return [json_of(document) for document in documents]


async def disclosed_document(session: ReadSession, document: Any) -> Any:
    """A document with its confidential members, added in place."""
    if session.confidential:
        await session.run(_disclose, document)
    return document


def _disclose(view: View, document: Any) -> Read[None]:
    redacted: dict[str, list[dict[str, Any]]] = {}
    for record in _redacted_records(document):
        redacted.setdefault(subject(_kind(record), record["id"]), []).append(record)
    remaining = iter(redacted)
    while some := list(islice(remaining, SECRETS_AT_ONCE)):
        rows = yield Statement.of(_build_secrets, subjects=json_of(some), recorded=view.recorded)
        for of, salt, members in rows:
            for record in redacted[of]:
                record |= orjson.loads(members) | {"salt": salt.hex()}


def _redacted_records(value: Any) -> Iterator[dict[str, Any]]:
    """Every record in a document that has a commitment."""
    if isinstance(value, dict):
        if "commitment" in value:
            yield value
        for name, inner in value.items():
            if name not in KEPT_VERBATIM:
                yield from _redacted_records(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _redacted_records(inner)


def _kind(record: Mapping[str, Any]) -> str:
    return "toll_report" if "measure" in record else "reporter" if "kind" in record else "source"


def _build_secrets() -> AnySelect:
    """(subject, salt, members) of secrets."""
    return select(col(Secret.subject), col(Secret.salt), col(Secret.record)).where(
        among(col(Secret.subject), "subjects"), col(Secret.recorded_at) <= bindparam("recorded")
    )
