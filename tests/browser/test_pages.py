"""The pages in a browser: with a mouse, by keyboard, without scripts, on a phone, and with a hostile record."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.builders import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

PAGE = "/incidents/ml-2019-11-01-indelimane"
SEEDED = [
    "/", "/?q=menaka&as_of=2019-11-01", PAGE, "/regions/ML", "/sources/article-2019-11-02-indelimane",
    "/reporters/gov-ml", "/guide", "/docs/errors",
]  # fmt: skip
SAMPLE = ["/", "/?killed_min=10&sort=-killed", "/regions/NG", "/reporters/ucdp"]
DOCS = ["/docs", "/redoc"]
HOSTILE_PAGES = ["/", "/incidents/bad", "/regions/ML", "/sources/src-bad", "/reporters/r-bad"]
AXE = Path(__file__).parent / "axe" / "axe.min.js"
SETTLED = """() => {
  const parts = ["results", "sums", "map", "histogram"].map((id) => document.getElementById(id));
  return document.querySelector("[data-sum=incidents]").textContent !== "…" && !parts.some((part) => part.ariaBusy === "true");
}"""
Visits = Callable[..., "Visit"]


def settle(page: Page) -> None:
    """Waits until the explorer shows what is asked."""
    page.wait_for_function(SETTLED)


def ready(page: Page) -> None:
    """Waits until a page shows all that it has."""
    page.wait_for_load_state("load")
    if page.locator("#sums").count():
        settle(page)


def told(page: Page) -> dict[str, Any]:
    """What the explorer shows: the incidents of the list with their figures, the sums, and the clock."""
    return {
        "list": dict(
            zip(
                page.locator("#results .title").all_inner_texts(),
                page.locator("#results .toll .figure").all_inner_texts(),
                strict=False,
            )
        ),
        "killed": page.locator("[data-sum=killed]").inner_text().split()[0],
        "lowered": page.locator("[data-sum=lowered]").inner_text(),
        "clock": page.locator("#clock-words").inner_text(),
    }


def expect(page: Page, **expected: Any) -> None:
    """Waits until the explorer shows this."""
    wanted = {
        "incidents": ("[data-sum=incidents]", expected.get("incidents")),
        "killed": ("[data-sum=killed]", expected.get("killed")),
        "lowered": ("[data-sum=lowered]", expected.get("lowered")),
        "clock": ("#clock-words", expected.get("clock")),
    }
    for place, text in wanted.values():
        if text is not None:
            page.wait_for_function(
                "([place, text]) => document.querySelector(place).textContent.startsWith(text)", arg=[place, text]
            )
    settle(page)


INDELIMANE = "Attack on the army post at Indelimane"


def test_the_explorer_shows_what_was_known_on_a_day_and_who_reported_it(visit: Visit) -> None:
    # given the explorer
    visit.open("/")
    page = visit.page
    settle(page)

    # when "menaka" is typed
    page.locator("#f-q").fill("menaka")

    # then there is one incident
    expect(page, incidents="1", killed="49", lowered="1", clock="now")
    assert told(page)["list"] == {INDELIMANE: "49"}
    assert page.locator("#results .moved").inner_text().strip().endswith("lowered from 53")

    # when the slider is on 1 November 2019, then on the day after
    slider = page.get_by_role("slider", name="As known on")
    slider.fill("0")
    expect(page, incidents="1", killed="53", lowered="0", clock="1 November 2019")
    assert told(page)["list"] == {INDELIMANE: "53"}
    assert parse_qs(urlsplit(page.url).query) == {"q": ["menaka"], "as_of": ["2019-11-01"]}
    slider.fill("1")
    expect(page, incidents="1", killed="49", lowered="1", clock="2 November 2019")
    assert told(page)["list"] == {INDELIMANE: "49"}

    # and when it is opened
    page.get_by_role("link", name=INDELIMANE).click()
    page.get_by_role("heading", name=INDELIMANE).wait_for()

    # then the chart has both steps, and the table names both reporters
    chart = page.locator(".chart").first
    assert chart.locator("text.step").all_text_contents() == ["53", "49"]
    assert chart.locator("a.mark").count() == 2
    names = page.locator("table.reports td:nth-child(3) a").all_inner_texts()
    assert {"Government of Mali", "Malian Armed Forces"} <= set(names)
    visit.screenshot("incident")
    visit.expect_clean()


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until something has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not come to {selector}")


def test_the_explorer_works_by_keyboard_alone(visit: Visit) -> None:
    visit.open("/")
    page = visit.page
    settle(page)
    tab_to(page, "a.skip")
    page.evaluate("document.body.dataset.same = 'yes'")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to(page, "#f-q")
    assert page.evaluate("document.body.dataset.same") == "yes", "the page was not loaded again"
    page.keyboard.type("menaka")
    expect(page, incidents="1", killed="49")
    tab_to(page, "#slider")
    page.keyboard.press("Home")
    expect(page, killed="53", clock="1 November 2019")
    page.keyboard.press("ArrowRight")
    expect(page, killed="49", clock="2 November 2019")
    assert page.evaluate("document.activeElement.id") == "slider", "the focus stays"
    assert page.locator("#live").inner_text() == "1 incident, as known on 2 November 2019"
    tab_to(page, "#results .title")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=INDELIMANE).wait_for()
    tab_to(page, "a.mark")
    tip = page.locator(".tip").first
    assert tip.inner_text().startswith("53 killed, reported by Government of Mali on 1 November 2019")
    tab_to(page, "a.mark")
    assert tip.inner_text().startswith("49 killed, reported by Malian Armed Forces on 2 November 2019")
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.keyboard.press("Enter")
    page.wait_for_url("**#tr-indelimane-killed-fama-1")
    assert page.locator("tr:target td").nth(2).inner_text().startswith("Malian Armed Forces")
    visit.expect_clean()


def test_the_address_contains_the_whole_state(visit: Visit) -> None:
    visit.open("/?q=menaka&as_of=2019-11-01&sort=-killed")
    expect(visit.page, incidents="1", killed="53", clock="1 November 2019")
    assert visit.page.locator("#f-q").input_value() == "menaka"
    assert visit.page.locator("#f-sort").input_value() == "-killed"
    for form, name in (("", "JSON"), ("&f=csv", "CSV"), ("&f=geojson", "GeoJSON")):
        href = visit.page.get_by_role("link", name=name, exact=True).get_attribute("href")
        assert href == f"./v1/incidents?q=menaka&as_of=2019-11-01&sort=-killed{form}"
    visit.page.locator("#f-q").fill("nowhere at all")
    expect(visit.page, incidents="0")
    visit.page.get_by_text("Nothing that matches had been reported").wait_for()
    visit.expect_clean()


def test_an_instant_is_kept_until_the_slider_moves(visit: Visit) -> None:
    visit.open("/?q=menaka&as_of=2019-11-02T01:00:00%2B00:30")
    expect(visit.page, incidents="1", killed="53", clock="2019-11-02T01:00:00+00:30")
    visit.page.locator("#slider").fill("1")
    expect(visit.page, killed="49", clock="2 November 2019")
    assert visit.page.locator("#f-as_of").input_value() == "2019-11-02"
    visit.expect_clean()


def test_an_invalid_filter_is_reported_next_to_the_form(visit: Visit) -> None:
    visit.open("/")
    settle(visit.page)
    visit.page.locator("#f-region").fill("Menaca")
    visit.page.wait_for_function("() => document.getElementById('live').textContent.includes('Ménaka')")
    assert "Ménaka" in visit.page.locator("#map-note").inner_text()
    visit.page.locator("#f-region").fill("Ménaka")
    expect(visit.page, incidents="1")


def test_fast_typing_sends_one_request(visit: Visit) -> None:
    visit.open("/")
    settle(visit.page)
    visit.page.locator("#f-q").press_sequentially("menaka", delay=20)
    expect(visit.page, incidents="1")
    assert len([url for url in visit.served if "/v1/stats" in url and "group_by" not in url and "q=m" in url]) == 1


LOADED = f"""async () => {{
  const settled = {SETTLED};
  while (!settled() || !document.querySelector("#histogram canvas")) await new Promise((next) => setTimeout(next, 5));
  return performance.now();
}}"""
WATCH_SHIFTS = """
globalThis.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) shifts.push([entry.value, ...entry.sources.map(({ node }) => node?.id || node?.className || "")]);
}).observe({ type: "layout-shift", buffered: true });
"""


def test_the_page_is_usable_within_a_second_without_layout_shift(visits: Visits, sample_server: str) -> None:
    # when
    visit = visits(sample_server)
    visit.page.add_init_script(WATCH_SHIFTS)
    took = []
    for _ in range(3):
        visit.open("/")
        took.append(visit.page.evaluate(LOADED))

    # then
    assert visit.page.locator("[data-sum=incidents]").inner_text() == "1,298"
    print(f"usable after {', '.join(f'{ms:.0f}' for ms in took)} ms")
    assert min(took) < 1000, took
    assert visit.page.evaluate("shifts") == []
    visit.expect_clean()


def test_a_first_visit_transfers_little(visits: Visits, sample_server: str) -> None:
    visit = visits(sample_server)
    visit.open("/")
    visit.page.evaluate(LOADED)
    sizes = visit.page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map((entry) => [entry.name, entry.transferSize])"
    )
    whole = sum(size for _, size in sizes)
    print(f"{whole / 1000:.0f} kB in {len(sizes)} answers")
    assert all(size for name, size in sizes if not name.startswith("data:")), sizes
    assert whole < 250_000, sizes


def test_a_span_is_chosen_by_dragging_over_the_histogram(visits: Visits, sample_server: str) -> None:
    # given
    visit = visits(sample_server)
    visit.open("/")
    page = visit.page
    page.evaluate(LOADED)
    page.locator("#histogram").scroll_into_view_if_needed()
    box = page.locator("#histogram .u-over").bounding_box()
    assert box

    # when
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=5)
    page.mouse.up()

    # then
    page.wait_for_url("**date_from=*")
    settle(page)
    asked = parse_qs(urlsplit(page.url).query)
    fewer = int(page.locator("[data-sum=incidents]").inner_text().replace(",", ""))
    assert 0 < fewer < 1298
    assert page.locator("#f-date_from").input_value() == asked["date_from"][0]
    assert page.locator("#f-date_to").input_value() == asked["date_to"][0]
    shown = page.locator("#results time").first.get_attribute("datetime")
    assert shown and asked["date_from"][0] <= shown <= asked["date_to"][0]
    assert page.locator("#histogram .u-select").bounding_box()["width"] > 20, "the span stays marked"  # type: ignore[index]
    visit.expect_clean()


def test_pages_follow_each_other(visits: Visits, sample_server: str) -> None:
    visit = visits(sample_server)
    visit.open("/?sort=-killed")
    page = visit.page
    settle(page)
    first = page.locator("#results li").first.get_attribute("data-id")
    page.get_by_role("link", name="Next page").click()
    page.wait_for_function("(id) => document.querySelector('#results li').dataset.id !== id", arg=first)
    assert page.locator("#results li").count() == 50
    assert "cursor=" in page.url
    page.get_by_role("link", name="First page").click()
    page.wait_for_function("(id) => document.querySelector('#results li').dataset.id === id", arg=first)
    page.go_back()
    page.wait_for_function("(id) => document.querySelector('#results li').dataset.id !== id", arg=first)
    settle(page)
    visit.expect_clean()


def test_a_late_page_does_not_replace_a_newer_response(visits: Visits, sample_server: str) -> None:
    # given a next page that comes late
    visit = visits(sample_server)
    page = visit.page

    def late(route: Route) -> None:
        time.sleep(1)
        route.fallback()

    page.route(lambda url: "cursor=" in url, late)
    visit.open("/")
    settle(page)
    page.get_by_role("link", name="Next page").click()

    # when something else is asked meanwhile
    page.locator("#f-killed_min").fill("5000")
    page.wait_for_url("**killed_min=5000*")
    settle(page)
    page.wait_for_timeout(1500)

    # then it stays
    assert page.locator("#results li").count() == int(page.locator("[data-sum=incidents]").inner_text())


def test_back_from_an_incident_restores_the_query(visit: Visit) -> None:
    visit.open("/")
    page = visit.page
    settle(page)
    page.locator("#f-q").fill("menaka")
    expect(page, incidents="1")
    page.get_by_role("link", name=INDELIMANE).click()
    page.get_by_role("heading", name=INDELIMANE).wait_for()
    page.go_back()
    expect(page, incidents="1", killed="49")
    assert page.locator("#f-q").input_value() == "menaka"
    assert told(page)["list"] == {INDELIMANE: "49"}
    visit.expect_clean()


def test_the_map_has_a_mark_with_details_for_each_incident(visits: Visits, sample_server: str) -> None:
    visit = visits(sample_server)
    visit.open("/?killed_min=1&limit=1&sort=-killed")
    page = visit.page
    settle(page)
    page.locator("#f-killed_min").fill("100000")
    expect(page, incidents="0")
    page.locator("#f-killed_min").fill("")
    settle(page)
    page.locator("#map").focus()
    page.keyboard.press("+")
    visit.screenshot("map")
    visit.expect_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_overflows_the_page(visits: Visits, server: str, sample_server: str, width: int, scheme: str) -> None:
    for where, paths in ((server, SEEDED), (sample_server, SAMPLE)):
        visit = visits(where, viewport={"width": width, "height": 900}, color_scheme=scheme)
        for path in paths:
            visit.open(path)
            ready(visit.page)
            visit.expect_no_overflow()
            visit.screenshot(f"{path.strip('/').replace('/', '-').replace('?', '-') or 'explorer'}-{width}-{scheme}")
        visit.expect_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violations(visits: Visits, server: str, sample_server: str, scheme: str) -> None:
    found = {}
    for where, paths in ((server, [*SEEDED, "/incidents/nowhere", *DOCS]), (sample_server, SAMPLE)):
        visit = visits(where, color_scheme=scheme)
        for path in paths:
            visit.page.goto(f"{where}{path}")
            ready(visit.page)
            if path in DOCS:
                visit.page.get_by_text("/v1/incidents", exact=True).first.wait_for(state="attached")
            visit.page.evaluate(AXE.read_text("utf-8"))
            for each in visit.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]:
                if each["impact"] in ("serious", "critical"):
                    found[f"{path}: {each['id']}"] = [node["html"][:200] for node in each["nodes"][:3]]
    assert found == {}


def test_a_hostile_record_does_no_harm(visits: Visits, hostile_server: str) -> None:
    for width in (390, 1440):
        visit = visits(hostile_server, viewport={"width": width, "height": 900})
        for path in HOSTILE_PAGES:
            visit.open(path)
            ready(visit.page)
            visit.page.wait_for_load_state("networkidle")  # what is still loading would be broken off by the next page
            visit.expect_no_overflow()
            assert visit.page.locator("img[src=x]").count() == 0
            assert visit.page.locator("body").evaluate("(body, text) => body.textContent.includes(text)", HOSTILE)
        visit.open("/")
        settle(visit.page)
        visit.page.locator("#f-q").fill(HOSTILE)
        visit.page.wait_for_url("**q=*")
        settle(visit.page)
        visit.screenshot(f"hostile-{width}")
        visit.expect_clean()


def test_a_popup_shows_only_text(visits: Visits, hostile_server: str) -> None:
    visit = visits(hostile_server)
    visit.open("/")
    page = visit.page
    settle(page)
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # the one mark is in the middle
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert "<script>alert(1)</script>" in popup.inner_text()
    assert popup.locator("script, img").count() == 0
    visit.expect_no_overflow()
    visit.expect_clean()


def test_without_scripts_everything_but_the_map_works(visits: Visits, server: str) -> None:
    # given
    visit = visits(server, java_script_enabled=False)
    visit.open("/")
    page = visit.page
    assert page.locator("#results li").count() == 3
    assert page.locator("#map").is_hidden() and page.locator("#slider").is_hidden()

    # when the form is sent
    page.locator("#f-q").fill("menaka")
    page.locator("#f-as_of").fill("2019-11-01")
    page.get_by_role("button", name="Show").click()

    # then
    assert parse_qs(urlsplit(page.url).query) == {"q": ["menaka"], "as_of": ["2019-11-01"], "sort": ["-date"]}
    assert page.locator("#results li").count() == 1
    assert page.locator("#results .figure").inner_text() == "53"
    page.get_by_role("link", name=INDELIMANE).click()
    assert page.locator(".chart text.step").first.text_content() == "53"
    assert page.locator("table.reports tbody tr").count() == 1
    page.get_by_role("link", name="View the current version").click()
    assert page.locator("table.reports tbody tr").count() == 4
    page.locator("table.reports").get_by_role("link", name="Government of Mali").click()
    page.get_by_role("heading", name="How its figures held up").wait_for()
    visit.screenshot("without-scripts")


def test_a_page_prints(visit: Visit) -> None:
    visit.open(PAGE)
    visit.page.emulate_media(media="print")
    assert visit.page.locator("nav[aria-label=Site]").is_hidden()
    assert visit.page.locator(".chart").first.is_visible()
    assert visit.page.get_by_text("@misc").is_visible(), "what is folded is unfolded"
    visit.screenshot("print")


def test_a_citation_is_copied(visits: Visits, server: str) -> None:
    visit = visits(server, permissions=["clipboard-read", "clipboard-write"])
    visit.open(PAGE)
    visit.page.locator("[data-copy=cite-address]").click()
    visit.page.get_by_role("button", name="Copied").wait_for()
    address = visit.page.evaluate("navigator.clipboard.readText()")
    visit.page.goto(address)
    visit.page.get_by_text("As recorded here on").wait_for()
    visit.expect_clean()
