"""Every error has an entry with its cause and its cure, and the `type` of a problem document links to it."""

import re

from app.web import error_catalogue
from tests.support import Client


def test_every_error_is_explained() -> None:
    unexplained = {entry.slug for entry in error_catalogue.entries()} - error_catalogue.EXPLAINED.keys()
    assert not unexplained, "give these a cause and a cure in EXPLAINED"


def test_the_type_of_a_problem_links_to_its_entry(client: Client) -> None:
    # when
    problem = client.get("/v1/incidents?regoin=menaka").json()
    page = client.get(problem["type"])

    # then
    assert problem["type"] == "/docs/errors#invalid-input"
    assert page.status_code == 200
    entry = re.search(r'<tr id="invalid-input">.*?</tr>', page.text, re.DOTALL)
    assert entry
    assert "<td>400, 422</td>" in entry[0]
    assert "<code>errors</code>" in entry[0]


def test_the_page_lists_every_error_once(client: Client) -> None:
    listed = re.findall(r'<tr id="([a-z-]+)">', client.get("/docs/errors").text)
    assert listed == [entry.slug for entry in error_catalogue.entries()]
    assert len(set(listed)) == len(listed)
