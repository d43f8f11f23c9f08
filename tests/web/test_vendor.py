"""Vendored files match their list: every file, with its checksum and its license."""

import hashlib
import re

from app.web import docs, render
from app.web.render import VENDOR


def test_the_vendored_list_has_every_file_with_its_checksum() -> None:
    listed = dict(re.findall(r"`([\w.-]+/[\w./-]+)` \| `([0-9a-f]{64})`", (VENDOR / "README.md").read_text("utf-8")))
    there = {
        str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.glob("*/**/*")
        if file.is_file() and not file.name.startswith(("LICENSE", "NOTICE")) and not file.name.endswith("LICENSE.txt")
    }
    assert listed == there


def test_every_package_has_its_license_and_its_version_in_its_addresses() -> None:
    told = (VENDOR / "README.md").read_text("utf-8")
    versions = {"swagger-ui": docs.SWAGGER_UI_VERSION, "redoc": docs.REDOC_VERSION} | render.VERSIONS
    folders = {folder.name for folder in VENDOR.iterdir() if folder.is_dir()}
    assert folders == set(versions)
    for name, version in versions.items():
        assert (VENDOR / name / "LICENSE").stat().st_size > 500
        assert re.search(rf"{name}[\w-]*@{re.escape(version)}\b", told)
