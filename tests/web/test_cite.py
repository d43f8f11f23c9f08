"""Citations and linked data."""

import json
from datetime import date
from typing import Any

from app.web import cite
from tests.support import INDELIMANE, Client

ADDRESS = "https://incidents.example/incidents/x?recorded_as_of=2020-01-01T00%3A00%3A00Z"


def hostile(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"title": "</script><b>{100%} & $5 #1_a~^\\", "summary": "\u2028<!--"}


def test_a_citation_has_every_style(client: Client) -> None:
    # when
    told = cite.citation(client.json(INDELIMANE), ADDRESS, date(2026, 3, 1))

    # then
    assert told.address == ADDRESS and told.plain.endswith(ADDRESS) and "as recorded on 2026-03-01" in told.plain
    assert told.bibtex.startswith("@misc{ml-2019-11-01-indelimane,\n") and told.bibtex.endswith("\n}")
    assert f"url = {{{ADDRESS}}}" in told.bibtex
    csl = json.loads(told.csl)
    assert csl["URL"] == ADDRESS and csl["issued"] == {"date-parts": [[2026, 3, 1]]}


def test_tex_special_characters_are_escaped(item: dict[str, Any]) -> None:
    told = cite.citation(hostile(item), ADDRESS, date(2026, 3, 1))
    assert r"\{100\%\} \& \$5 \#1\_a\~{}\^{}\textbackslash{}" in told.bibtex


def test_json_ld_cannot_close_its_script_element(item: dict[str, Any]) -> None:
    # when
    told = cite.linked_data(hostile(item), "https://incidents.example/incidents/x", "Mali", {"text/csv": "https://a"})

    # then
    assert "<" not in told and "&" not in told and "\u2028" not in told
    read = json.loads(told)
    assert read["@type"] == "Dataset" and read["name"].startswith("</script><b>")
    assert read["about"]["@type"] == "Event" and read["about"]["startDate"] == "2019-11-01"
    assert read["about"]["location"]["address"]["addressCountry"] == "ML"


def test_json_ld_omits_unknown_values(item: dict[str, Any]) -> None:
    told = json.loads(
        cite.linked_data(item | {"latitude": None, "summary": None, "place": None, "region": None}, "a", "Mali", {})
    )
    assert told["about"]["location"]["name"] == "Mali"
    assert "geo" not in told["about"]["location"] and "description" not in told["about"]
