"""From a template to the bytes of a page. What is put in is escaped."""

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
"""What pages load: files of ours, and those of others."""
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
"""No inline script, no inline style, nothing from elsewhere."""
MOST_KEPT_LENGTH = 8192
"""Characters of an incident that is kept as HTML: with all places taken, some 30 MB."""
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
"""Changes with any template, style or script: a page that a browser kept must not outlive them."""


country = cache(country_name)


@cache
def own(file: str) -> str:
    """The address of a file of ours, which changes with its content."""
    content = (STATIC / file).read_bytes()
    return f"assets/{file}?v={blake2b(content, digest_size=6).hexdigest()}"


def vendored(folder: str, file: str) -> str:
    """The address of a vendored file, which changes with its version."""
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


def page(template: str, root: str, **told: Any) -> bytes:
    """A page. `root` leads from its address to that of the explorer: addresses hold behind a proxy with a prefix."""
    return _pages.get_template(template).render(root=root, **told).encode()


def part(template: str, **told: Any) -> Markup:
    """A part of a page, to be put in as it is."""
    return Markup(_pages.get_template(template).render(**told))  # noqa: S704 - its values were escaped


def listed(text: str, root: str, clocks: str) -> Markup:
    """An incident of a list. `text` is its JSON; those that are asked for often are kept as they were made."""
    return _kept(text, root, clocks) if len(text) <= MOST_KEPT_LENGTH else _kept.__wrapped__(text, root, clocks)


@lru_cache(maxsize=2048)
def _kept(text: str, root: str, clocks: str) -> Markup:
    return part("listed.html", item=orjson.loads(text), root=root, clocks=clocks)


def feed(**told: Any) -> bytes:
    """The Atom feed."""
    return _pages.get_template("feed.atom.xml").render(**told).encode()
