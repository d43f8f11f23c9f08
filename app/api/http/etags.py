"""Entity tags, made of everything that the bytes of a response depend on."""

from hashlib import blake2b
from importlib.metadata import version as version_of

from app import __version__
from app.domain.dates import Instant
from app.query.code_lists import Format

PROGRAM_VERSIONS = " ".join((__version__, *(version_of(name) for name in ("pyarrow", "pycountry"))))
"""Versions of the programs whose output is part of a response."""


def tag(path: str, query: bytes, response_format: Format, encoding: str, stamp: object, version: Instant | None) -> str:
    """A strong entity tag: equal only if every byte of the response is equal in its content coding.

    The tag of an incident begins with the version of its record, which `If-Match` of a change refers to.
    """
    prefix = "" if version is None else _version_prefix(path, version)
    return f'"{prefix}{_digest(PROGRAM_VERSIONS, path, query, response_format, encoding, stamp)}"'


def is_of_version(tags: str, path: str, version: Instant) -> bool:
    """Whether one of the tags of an `If-Match` is of this version of the record at a path."""
    prefix = f'"{_version_prefix(path, version)}'
    return tags.strip() == "*" or any(t.strip().startswith(prefix) for t in tags.split(","))


def _version_prefix(path: str, version: Instant) -> str:
    return f"{version:x}-{_digest(path)[:8]}."


def _digest(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=12).hexdigest()
