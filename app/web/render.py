"""Renders templates to the bytes of pages. Values are escaped."""

from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app import __version__
from app.domain.places import country_name, country_numbers
from app.web import words

_HERE = Path(__file__).resolve().parent
STATIC, VENDOR = _HERE / "static", _HERE / "vendor"
"""Files that pages load: our own, and vendored ones."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""No inline script, no inline style, nothing from other hosts."""
MAX_CACHED_LENGTH = 8192
"""Characters of an incident whose HTML is cached. A full cache takes about 30 MB."""
VERSIONS = {"leaflet": "1.9.4", "uplot": "1.6.32", "topojson-client": "3.1.0", "world-atlas": "2.0.2"}

_pages = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,
    finalize=words.visible,
)
_pages.filters |= words.FILTERS
MADE_OF = blake2b(
    b"".join(file.read_bytes() for name in ("templates", "static") for file in sorted((_HERE / name).iterdir())),
    digest_size=6,
).hexdigest()
"""Changes with any template, style or script: a page in a browser's cache must not outlive them."""


country = cache(country_name)


@cache
def own(file: str) -> str:
    """The address of one of our files; it changes with the content."""
    content = (STATIC / file).read_bytes()
    return f"assets/{file}?v={blake2b(content, digest_size=6).hexdigest()}"


def vendored(folder: str, file: str) -> str:
    """The address of a vendored file; it changes with the version."""
    return f"assets/vendor/{folder}/{file}?v={VERSIONS[folder]}"


_pages.globals |= {
    "own": own,
    "vendored": vendored,
    "arrows": words.ARROWS,
    "where": words.where,
    "country_name": country,
    "country_numbers": " ".join(f"{code}:{number}" for code, number in country_numbers().items()),
    "app_version": __version__,
}


def page(template: str, root: str, **values: Any) -> bytes:
    """A page. `root` is the relative address of the explorer: links also work behind a proxy that adds a prefix."""
    return _pages.get_template(template).render(root=root, **values).encode()


def part(template: str, **values: Any) -> Markup:
    """A part of a page, to be inserted without escaping."""
    return Markup(_pages.get_template(template).render(**values))  # noqa: S704 - its values were escaped


def listed(text: str, root: str, clocks: str) -> Markup:
    """An incident in a list. `text` is its JSON; the HTML of short ones is cached."""
    return _listed(text, root, clocks) if len(text) <= MAX_CACHED_LENGTH else _listed.__wrapped__(text, root, clocks)


@lru_cache(maxsize=2048)
def _listed(text: str, root: str, clocks: str) -> Markup:
    return part("listed.html", item=orjson.loads(text), root=root, clocks=clocks)


def feed(**values: Any) -> bytes:
    """The Atom feed."""
    return _pages.get_template("feed.atom.xml").render(**values).encode()
