"""The OpenAPI pages work without internet, under their own content security policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser


def test_the_docs_page_sends_a_request_without_leaving_the_machine(visit: Visit) -> None:
    # given the page, with every operation listed
    visit.open("/docs")
    page = visit.page
    operation = page.locator(".opblock").filter(
        has=page.locator(".opblock-summary-path[data-path='/v1/incidents']"),
        has_text="GET",
    )
    operation.wait_for()

    # when the reader opens "GET /v1/incidents" and presses Execute
    operation.locator(".opblock-summary-control").first.click()
    operation.get_by_role("button", name="Execute").click()

    # then the answer of the service is shown
    live = operation.locator(".live-responses-table .response")
    live.wait_for()
    assert live.locator(".response-col_status").inner_text().split()[0] == "200"
    shown = json.loads(live.locator(".highlight-code code").first.inner_text())
    assert len(shown["items"]) > 0
    assert any(url.startswith(f"{visit.server}/v1/incidents") for url in visit.served)
    assert all("country=" not in url for url in visit.served), "an example was sent unasked"
    live.scroll_into_view_if_needed()
    visit.screenshot("docs")
    visit.expect_clean()


def test_the_docs_page_shows_a_padlock_only_for_operations_with_a_key(visit: Visit) -> None:
    # given
    visit.open("/docs")
    visit.page.locator(".opblock").first.wait_for()

    # when
    shown = {
        f"{block.locator('.opblock-summary-method').inner_text()} "
        f"{block.locator('.opblock-summary-path').get_attribute('data-path')}": [
            button.get_attribute("aria-label") for button in block.locator("button.authorization__btn").all()
        ]
        for block in visit.page.locator(".opblock").all()
    }

    # then: no key is in use, so that a closed one would be wrong
    assert all(name == "authorization button unlocked" for names in shown.values() for name in names)
    assert len(shown["POST /v1/incidents"]) == len(shown["GET /v1/incidents"]) == 1
    assert shown["GET /v1/stats"] == shown["GET /healthz"] == []
    visit.expect_clean()


def test_links_of_the_docs_page_open_one_operation(visit: Visit) -> None:
    # given the address of one operation
    document = visit.page.request.get(f"{visit.server}/openapi.json").json()
    operation = document["paths"]["/v1/incidents"]["get"]

    # when it is opened
    visit.open(f"/docs#/{quote(operation['tags'][0])}/{quote(operation['operationId'])}")

    # then that operation is open
    opened = visit.page.locator(".opblock.is-open")
    opened.wait_for()
    assert opened.locator(".opblock-summary-path").get_attribute("data-path") == "/v1/incidents"
    visit.expect_clean()


def test_redoc_lists_and_finds_operations_without_leaving_the_machine(visit: Visit) -> None:
    # given the reference
    visit.open("/redoc")
    page = visit.page
    page.get_by_role("heading", name="Conflict Incidents").first.wait_for()
    page.get_by_text("/v1/incidents", exact=True).first.wait_for(state="attached")

    # when the reader searches it, which runs in a worker
    page.get_by_placeholder("Search...").fill("toll history")

    # then something is found
    page.locator("[data-role='search:results'] [role='menuitem']").first.wait_for()
    visit.screenshot("redoc")
    visit.expect_clean()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_page_has_a_title_and_a_language_and_fits_a_phone(visit: Visit, path: str) -> None:
    # given a narrow screen
    visit.page.set_viewport_size({"width": 390, "height": 800})

    # when the page is opened
    visit.open(path)
    visit.page.get_by_role("heading", name="Conflict Incidents").first.wait_for()

    # then it names itself, and nothing sticks out
    assert visit.page.title().startswith("Conflict Incidents")
    assert visit.page.locator("html").get_attribute("lang") == "en"
    visit.expect_no_overflow()
    visit.expect_clean()
