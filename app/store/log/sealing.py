"""Commitments: what stands in a record in the place of what is confidential."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.domain.canonical import canonical

MARK = '"commitment":'


SALT_LENGTH = 32


SEALED_IN_REPORTS = ("locator", "note")


KEPT_VERBATIM = ("attributes", "external_ids")
"""Members of incidents that are not ours to read."""


def seal(record: dict[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A record without these members and with a commitment to them, and what is kept apart: its salt and its text.

    Nothing is kept apart where none of the members has a value.
    """
    secret = {name: record[name] for name in names if record[name] is not None}
    if not secret:
        return record, None
    salt = secrets.token_bytes(SALT_LENGTH)
    public = record | dict.fromkeys(names) | {"commitment": commitment(salt, secret)}
    return public, {"salt": salt, "record": orjson.dumps(secret).decode()}


def commitment(salt: bytes, secret: Mapping[str, Any]) -> str:
    """SHA-256 of the salt and the canonical JSON of the members, in hexadecimal."""
    return hashlib.sha256(salt + canonical(secret)).hexdigest()


def subject(kind: str, of: str) -> str:
    """What a secret is known by: `reporter:…`, `source:…`, `toll_report:…`."""
    return f"{kind}:{of}"
