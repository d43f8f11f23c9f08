"""Entity tags: of what is answered, made of what its bytes depend on."""

from hashlib import blake2b
from importlib.metadata import version as version_of

from app import __version__
from app.domain.dates import Instant
from app.query.code_lists import Format

MADE_WITH = " ".join((__version__, *(version_of(name) for name in ("duckdb", "pycountry"))))
"""Versions of the programs whose output is part of an answer."""


def tag(path: str, query: bytes, form: Format, encoding: str, stamp: object, version: Instant | None) -> str:
    """A strong entity tag: the same only where every byte of the answer is, in the content coding that it is sent in.

    That of an incident begins with the version of its record, which is what a change is made for (`If-Match`).
    """
    mark = "" if version is None else _mark(path, version)
    return f'"{mark}{_digest(MADE_WITH, path, query, form, encoding, stamp)}"'


def is_of_version(tags: str, path: str, version: Instant) -> bool:
    """Whether one of the tags of an `If-Match` is of this version of the record at a path."""
    return tags.strip() == "*" or any(t.strip().startswith(f'"{_mark(path, version)}') for t in tags.split(","))


def _mark(path: str, version: Instant) -> str:
    return f"{version:x}-{_digest(path)[:8]}."


def _digest(*told: object) -> str:
    return blake2b(repr(told).encode(), digest_size=12).hexdigest()
