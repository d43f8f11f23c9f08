"""Redaction: a confidential record stores a commitment in place of its redacted members."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.domain.canonical import canonical

MARK = '"commitment":'
"""In the JSON text of every record with redacted members."""
SALT_LENGTH = 32
KEPT_VERBATIM = ("attributes", "external_ids")
"""Members of incidents whose content belongs to other data sets."""


def redact(record: dict[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A record with these members null and a commitment to them, and the secret: its salt and its JSON text.

    There is no secret where all these members are null.
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


def subject(kind: str, record_id: str) -> str:
    """The key of a secret: `reporter:…`, `source:…`, `toll_report:…`."""
    return f"{kind}:{record_id}"
