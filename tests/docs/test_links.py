"""Every link leads somewhere, every picture is there, and no page names a machine or a path of one."""

import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT, name, prose

HOSTS = {
    "127.0.0.1", "acleddata.com", "data.humdata.org", "datatracker.ietf.org", "docs.ogc.org", "example.org",
    "hxlstandard.org", "keepachangelog.com", "ogcapi.ogc.org", "semver.org", "ucdp.uu.se", "www.rfc-editor.org", "incidents.example.org",
}  # fmt: skip
"""Hosts that pages may link to."""
_LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
_PATH_OF_CODE = re.compile(r"`((?:app|migrations|seeds|tests)/[A-Za-z0-9_./-]*)`")
HAS_ROOMS = all((ROOT / "app" / room).is_dir() for room in ("query", "formats", "store/read", "api/http"))


def _anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as forges make them."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        kept = "".join(c for c in text if c in " -_" or unicodedata.category(c)[0] in "LN")
        slug = kept.strip().replace(" ", "-")
        seen = found.get(slug, 0)
        found[slug] = seen + 1
        anchors.add(f"{slug}-{seen}" if seen else slug)
    return anchors


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_resolves(page: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(page)):
        if urlsplit(link).scheme:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_names_only_hosts_that_readers_can_visit(page: Path) -> None:
    hosts = {
        urlsplit(address).hostname for address in re.findall(r"https?://[^\s)\]\"'`<>…]+", page.read_text("utf-8"))
    }
    assert hosts <= HOSTS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_names_no_path_of_a_particular_machine(page: Path) -> None:
    assert not re.findall(r"(?<![\w.])/(?:tmp|home|root|work|opt|mnt)/[\w.-]+", page.read_text("utf-8"))


@pytest.mark.skipif(not HAS_ROOMS, reason="the docs describe rooms of app that are not all there")
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    assert not [path for path in _PATH_OF_CODE.findall(prose(page)) if not (ROOT / path).exists()]


def test_every_page_is_reachable_from_the_readme() -> None:
    # given
    reached, waiting = set(), [ROOT / "README.md"]

    # when
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in _LINK.findall(prose(page)))
        waiting += [t for link in links if (t := (page.parent / link).resolve()) in PAGES]

    # then
    assert set(PAGES) - reached == set()


def test_every_image_is_used_and_small() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    pictures = list((ROOT / "docs/images").iterdir())
    assert pictures
    for picture in pictures:
        assert f"images/{picture.name}" in text
        assert picture.stat().st_size < 200_000
