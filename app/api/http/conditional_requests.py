"""Conditional requests and byte ranges (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from starlette_compress._utils import parse_accept_encoding

from app.errors import RangeNotSatisfiable
from app.query.code_lists import Format

ENCODINGS = ("zstd", "br", "gzip")
"""Content codings in the order in which the compression middleware prefers them."""
IDENTITY = "identity"
_CONDITIONAL = frozenset(
    {
        b"accept-encoding",
        b"if-match",
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
        b"if-range",
        b"range",
    }
)
_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,30})\s*-\s*([0-9]{0,30})\s*", re.ASCII | re.IGNORECASE)

Headers = Mapping[bytes, str]
"""The request headers that this module uses, by their names in lower case."""


def conditional_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that conditions and ranges are made of. Several lines of one header become a list."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in _CONDITIONAL:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


@lru_cache(maxsize=64)
def chosen_encoding(accept_encoding: str) -> str:
    """The content coding of a response to this `Accept-Encoding`.

    The compression middleware's own parser reads the header, so that an entity tag and the bytes always agree.
    """
    accepted = parse_accept_encoding(accept_encoding)
    return next((encoding for encoding in ENCODINGS if encoding in accepted), IDENTITY)


def encoding_of(response_format: Format, sent: Headers) -> str:
    """The content coding of a response. Parquet is compressed already."""
    return IDENTITY if response_format is Format.PARQUET else chosen_encoding(sent.get(b"accept-encoding", ""))


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT`."""
    return formatdate(seconds, usegmt=True)


def read_http_date(text: str | None) -> int | None:
    """Seconds since 1970, or `None` for an invalid date: a condition with one is ignored."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


class Conditions(NamedTuple):
    """The conditions of a request, and the entity tag and date of the content that they are compared with.

    `modified` is in seconds since 1970, or `None` without a date: conditions with dates are then ignored.
    """

    sent: Headers
    etag: str
    modified: int | None

    @property
    def known(self) -> bool:
        """Whether `If-None-Match` names the tag, strong or weak. `*` names none."""
        tags = self.sent.get(b"if-none-match")
        return tags is not None and self.etag in (tag.strip().removeprefix("W/") for tag in tags.split(","))

    @property
    def failed(self) -> bool:
        """Whether the response is 412: by `If-Match`, whose weak tags never match, else by `If-Unmodified-Since`."""
        if (tags := self.sent.get(b"if-match")) is not None:
            return tags.strip() != "*" and self.etag not in (tag.strip() for tag in tags.split(","))
        since = read_http_date(self.sent.get(b"if-unmodified-since"))
        return since is not None and self.modified is not None and self.modified > since

    @property
    def not_modified(self) -> bool:
        """Whether the response is 304: by `If-None-Match`, else by `If-Modified-Since`."""
        if (tags := self.sent.get(b"if-none-match")) is not None:
            return tags.strip() == "*" or self.known
        since = read_http_date(self.sent.get(b"if-modified-since"))
        return since is not None and self.modified is not None and self.modified <= since

    def requested_part(self, size: int) -> tuple[int, int] | None:
        """The bytes that a GET requests, as (first, one past the last); `None` is all of them.

        Anything but one well-formed range of bytes is ignored, and so is a range whose `If-Range` does not match.
        Raises `RangeNotSatisfiable` if the range begins behind the end.
        """
        found = _RANGE.fullmatch(self.sent.get(b"range", ""))
        if not found or not any(found.groups()) or not self._has_part():
            return None
        first, last = (int(digits) if digits else None for digits in found.groups())
        if first is None:
            start, stop = max(size - (last or 0), 0), size
        elif last is not None and last < first:
            return None
        else:
            start, stop = first, size if last is None else min(last + 1, size)
        if start >= size:
            raise RangeNotSatisfiable(size)
        return start, stop

    def _has_part(self) -> bool:
        """Whether the client has a part of these bytes: `If-Range` is the strong tag, or the exact date."""
        if_range = self.sent.get(b"if-range")
        if if_range is None or if_range.strip() == self.etag:
            return True
        return self.modified is not None and read_http_date(if_range) == self.modified
