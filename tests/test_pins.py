"""The requirements files are complete: every requirement of every pinned package, extras included, is pinned."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FILES = {
    "requirements.txt": ["build"],
    "requirements-dev.txt": ["build", "test"],
    "requirements-browser.txt": ["build", "test", "browser"],
    "requirements-bench.txt": ["build", "test", "bench"],
    "requirements-clients.txt": ["build", "test", "browser", "clients"],
}


def pins_of(file: str) -> dict[str, str]:
    """Name → version, as far as a pin is meant for this Python and machine."""
    pins = {}
    for line in re.findall(r"^[a-z0-9].*?(?= \\$)", (ROOT / file).read_text("utf-8"), re.MULTILINE):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            pins[canonicalize_name(requirement.name)] = next(iter(requirement.specifier)).version
    return pins


def unmet(wanted: list[str], pins: dict[str, str]) -> Iterator[str]:
    """Each requirement that no pin meets, with those of the packages that are installed as pinned."""
    waiting, seen = [(Requirement(text), "pyproject.toml") for text in wanted], set()
    while waiting:
        requirement, by = waiting.pop()
        name = canonicalize_name(requirement.name)
        pin = pins.get(name)
        if pin is None or not requirement.specifier.contains(pin, prereleases=True):
            yield f"{requirement} of {by}: {pin}"
            continue
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                needed = distribution(name).requires or []
            except PackageNotFoundError:  # belongs to a file of pins that is not installed here
                continue
            by = f"{name}[{extra}]" if extra else name
            inner = map(Requirement, needed)
            waiting.extend((r, by) for r in inner if r.marker is None or r.marker.evaluate({"extra": extra}))


def wanted_by(file: str) -> list[str]:
    return PROJECT["project"]["dependencies"] + [w for g in FILES[file] for w in PROJECT["dependency-groups"][g]]


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_and_its_extras_are_pinned(file: str) -> None:
    assert list(unmet(wanted_by(file), pins_of(file))) == []


def test_a_missing_pin_of_an_extra_is_found() -> None:
    # given a package whose extra needs another, which is not pinned
    pins = pins_of("requirements-dev.txt")
    without = {name: version for name, version in pins.items() if name != "httptools"}

    # then
    assert list(unmet(["uvicorn[standard]"], without))[:1] != []
    assert any(text.startswith("httptools") for text in unmet(["uvicorn[standard]"], without))


def test_every_pinned_package_of_the_tests_is_installed_at_its_pin() -> None:
    pins = pins_of("requirements-dev.txt")
    assert {name: distribution(name).version for name in pins} == pins


def test_every_requirements_file_is_generated_by_relock() -> None:
    made = re.findall(r"--output-file (\S+)", (ROOT / "Makefile").read_text("utf-8"))
    assert {path.name for path in ROOT.glob("requirements*.txt")} == {*FILES} == {*made}


def test_pins_are_installed_without_dependency_resolution() -> None:
    for file in ("Makefile", "Dockerfile"):
        installs = re.findall(r"^.*--require-hashes.*$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        assert installs and all("--no-deps" in line for line in installs), file


def test_no_pin_is_a_cloud_client_or_names_a_registry() -> None:
    pinned = "".join((ROOT / file).read_text("utf-8") for file in FILES)
    assert "\nfastapi==" in pinned
    assert "fastapi-cloud" not in pinned
    assert "://" not in pinned
