"""The HTML pages: the same data as `/v1`, with the same HTTP semantics, and safe with hostile records."""

import html
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit

import httpx
import pytest

from app.store.db.database import Database
from app.store.write.writer import recording
from app.web.render import POLICY
from tests.builders import (
    HOSTILE,
    NOT_IN_XML,
    hostile_incident,
    incident_body,
    incident_draft,
    record,
    record_report,
    report_body,
    report_draft,
)
from tests.support import INDELIMANE, PAGES, Client, Editor

PAGE = "/incidents/ml-2019-11-01-indelimane"
HTML_PAGES = [page for page in PAGES if page != "/feed.atom"]
ATOM = "{http://www.w3.org/2005/Atom}"
VOID = {"meta", "link", "input", "br", "path", "rect", "circle", "img"}


class _Reading(HTMLParser):
    """What a browser makes of a page: its elements, and whether each is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.elements.append((tag, told))
        self.ids += [told["id"] or ""] if "id" in told else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> _Reading:
    """The page, whose elements are all closed and whose ids are all different."""
    reading = _Reading()
    reading.feed(text)
    reading.close()
    assert reading.open == []
    assert len(set(reading.ids)) == len(reading.ids)
    return reading


def links(reading: _Reading) -> list[str]:
    return [told["href"] or "" for tag, told in reading.elements if tag in ("a", "link") and "href" in told]


@pytest.mark.parametrize("address", HTML_PAGES)
def test_a_page_is_well_formed_and_keeps_to_its_policy(client: Client, address: str) -> None:
    # when
    answer = client.get(address)

    # then
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "public, no-cache"
    reading = read(answer.text)
    assert [told for tag, told in reading.elements if tag == "html"] == [{"lang": "en"}]
    assert len([tag for tag, _ in reading.elements if tag == "h1"]) == 1
    assert len([tag for tag, _ in reading.elements if tag == "main"]) == 1
    for tag, told in reading.elements:
        assert "style" not in told and not any(name.startswith("on") for name in told), (tag, told)
        if tag == "script":
            assert "src" in told or told.get("type") == "application/ld+json", "no inline script"
        for name in ("href", "src", "action"):
            host = urlsplit(told.get(name) or "").hostname
            assert host in (None, "testserver") or "external" in (told.get("rel") or ""), told


@pytest.mark.parametrize("address", HTML_PAGES)
def test_every_link_of_a_page_resolves(client: Client, address: str) -> None:
    for link in set(links(read(client.get(address).text))):
        if link.startswith(("data:", "http")) and "testserver" not in link:
            continue
        there = urlsplit(urljoin(f"http://testserver{address}", html.unescape(link)))
        answer = client.get(f"{there.path}{'?' if there.query else ''}{there.query}")
        assert answer.status_code == 200, f"{link}: {answer.status_code} {answer.text[:200]}"
        assert not there.fragment or f'id="{there.fragment}"' in answer.text, link


def loads(address: str, answer: httpx.Response) -> set[str]:
    """What a page or stylesheet loads and links to, as addresses relative to nothing."""
    if answer.headers["content-type"].startswith("text/css"):
        found = re.findall(r"url\(\s*[\"']?([^)\"']+)", answer.text) + re.findall(
            r"sourceMappingURL=(\S+)", answer.text
        )
        found = [link for link in found if not link.startswith(("#", "data:"))]
    elif "javascript" in answer.headers["content-type"]:
        found = re.findall(r"^//# sourceMappingURL=(\S+)", answer.text, re.MULTILINE)
    elif answer.headers["content-type"].startswith("text/html"):
        reading = _Reading()
        reading.feed(answer.text)
        told = [attributes for _, attributes in reading.elements]
        found = [
            value
            for attributes in told
            for name in ("href", "src", "action", "poster")
            if (value := attributes.get(name))
        ]
    else:
        found = []
    return {urljoin(f"http://testserver{address}", html.unescape(link)) for link in found}


def test_everything_that_a_page_loads_or_links_exists(client: Client) -> None:
    # given
    seen: dict[str, str] = {}
    inline = 0
    waiting = ["/", "/docs", "/redoc", "/guide", "/incidents/nowhere", *HTML_PAGES]
    fine = {"/incidents/nowhere": 404}

    # when
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        answer = client.get(address)
        seen[address] = answer.headers["content-type"]
        assert answer.status_code == fine.get(address, 200), f"{address}: {answer.status_code}"
        for link in loads(address, answer):
            parts = urlsplit(link)
            if parts.scheme == "data":
                inline += 1
                assert re.fullmatch(r"data:[a-z/+.-]*(;[a-z0-9=-]+)*,[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]*", link), link
            elif parts.hostname == "testserver":
                waiting.append(f"{parts.path}{'?' if parts.query else ''}{parts.query}")

    # then
    kinds = {kind.partition(";")[0] for kind in seen.values()}
    assert {"text/html", "text/css", "text/javascript", "image/png", "application/json"} <= kinds
    assert any("leaflet/images" in address for address in seen) and inline


TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?"  # of HTML, 2.3.5: no more than milliseconds
)


@pytest.mark.parametrize("address", HTML_PAGES)
def test_every_time_element_is_valid_html(own_client: Client, seeded: Database, address: str) -> None:
    # given
    record_report(
        seeded, "ml-2019-11-01-indelimane", best=50, reporter="ngo", reported_on="2019-11-03T04:05:06.123456+02:00"
    )

    # when
    reading = read(own_client.get(address).text)

    # then
    told = [attributes["datetime"] or "" for tag, attributes in reading.elements if tag == "time"]
    assert [text for text in told if not TIME.fullmatch(text)] == []
    assert address != PAGE or "2019-11-03T04:05:06.123+02:00" in told


@pytest.mark.parametrize("address", HTML_PAGES)
def test_every_field_has_a_label(client: Client, address: str) -> None:
    reading = read(client.get(address).text)
    labelled = {told.get("for") for tag, told in reading.elements if tag == "label"}
    for tag, told in reading.elements:
        if tag in ("input", "select"):
            assert told["id"] in labelled or told.get("aria-label"), told


def test_the_explorer_shows_what_is_known_and_when(client: Client) -> None:
    # when
    now, then, before = (
        client.get(f"/?q=menaka{more}").text for more in ("", "&as_of=2019-11-01", "&as_of=2019-10-31")
    )

    # then
    for page, figure_, movement in ((now, "49", "lowered from 53"), (then, "53", None)):
        assert page.count('<li data-id="') == 1 and 'data-id="ml-2019-11-01-indelimane"' in page
        assert f'<span class="figure">{figure_}</span>' in page
        assert ("lowered from 53" in page) is (movement is not None)
    assert "incidents/ml-2019-11-01-indelimane?as_of=2019-11-01" in then, "the clock goes along"
    assert "Nothing that matches had been reported by 31 October 2019." in before


def test_the_form_shows_the_given_filters(client: Client) -> None:
    # when
    page = client.get("/?country=ML&country=NE&change=lowered&killed_min=3").text

    # then
    reading = read(page)
    values = [
        (told["name"], told["value"])
        for tag, told in reading.elements
        if tag == "input" and told.get("name") and told.get("value")
    ]
    assert values == [("country", "ML"), ("country", "NE"), ("killed_min", "3")]
    assert [told["value"] for tag, told in reading.elements if tag == "option" and "selected" in told] == [
        "lowered",
        "-date",
    ]
    for form in ("", "f=csv", "f=geojson"):
        query = "country=ML&amp;country=NE&amp;change=lowered&amp;killed_min=3"
        assert f'href="./v1/incidents?{query}{"&amp;" + form if form else ""}"' in page
    assert (
        "curl &#39;http://testserver/v1/incidents?country=ML&amp;country=NE&amp;change=lowered&amp;killed_min=3&#39;"
        in page
    )


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("/?q=&country=ML&region=", "./?country=ML"),
        ("/?q=&country=", "./"),
        ("/?q=a%26b&country=", "./?q=a%26b"),
        ("/regions/ML?as_of=", "./ML"),
    ],
)
def test_a_form_that_is_sent_without_script_leads_to_a_short_address(client: Client, sent: str, meant: str) -> None:
    answer = client.get(sent)
    assert (answer.status_code, answer.headers["location"]) == (303, meant)


@pytest.mark.parametrize("page", ["/incidents/", "/regions/", "/sources/", "/reporters/"])
@pytest.mark.parametrize(
    "segment",
    [
        "https:evil.example", "https:%5C%5Cevil.example", "%5C%5Cevil.example", "%5Cevil.example", "javascript:alert(1)",
        "data:text,x", "a%3Fb", "a%23b", "a%0D%0ALocation:%20x", "%09%09evil.example", "%C3%A9", "%252F%252Fevil.example", "@evil.example",
    ],
)  # fmt: skip
def test_a_redirect_stays_on_the_requested_page(client: Client, page: str, segment: str) -> None:
    # when
    asked = f"http://testserver{page}{segment}"
    answer = client.get(f"{asked}?as_of=&recorded_as_of=")

    # then: as a browser reads it, which takes a backslash for a slash
    assert answer.status_code == 303
    led = urlsplit(urljoin(asked, answer.headers["location"].replace("\\", "/")))
    assert (led.scheme, led.netloc, led.query) == ("http", "testserver", "")
    assert unquote(led.path) == unquote(page + segment)


INVISIBLE = "".join(map(chr, [1, 8, 0xB, 0xC, 0x1F, 0x7F, 0x80, 0x9F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
NONCHARACTERS = "\ufdd0\ufdef\ufffe\uffff"


def test_no_page_contains_invisible_or_bidirectional_characters(empty_client: Client, database: Database) -> None:
    # given
    text = f"Post{INVISIBLE}{NONCHARACTERS} \u05e9\u200f!"
    source, reporter = {"id": "s", "title": text, "publisher": text}, {"id": "r", "name": text, "kind": "media"}
    told = report_body(3, id="tr", source=source, reported_by=reporter, note=text, locator=text)
    actors = [{"name": text, "kind": "unknown", "role": "target"}]
    record(
        database,
        incident_draft(
            "bad", title=text, summary=text, place=text, actors=actors, attributes={"a": text}, toll_reports=[told]
        ),
    )

    for address in (
        "/",
        "/incidents/bad",
        "/regions/ML",
        "/sources/s",
        "/reporters/r",
        "/feed.atom",
        f"/?q={quote(text)}",
        f"/?killed_min={quote(text)}",
    ):
        # when
        page = empty_client.get(address).text

        # then
        assert not {*page} & {*INVISIBLE, *NONCHARACTERS}, address
        assert "Post\ufffd" in page, address
    assert empty_client.json("/v1/incidents/bad")["title"] == text


def test_pages_of_the_list_follow_each_other(empty_client: Client, database: Database) -> None:
    # given
    record(database, *(incident_draft(f"i-{n:03}", day=f"2020-01-{n % 28 + 1:02}") for n in range(120)))

    # when
    seen, address = [], "/?country=ML"
    while address:
        page = empty_client.get(address).text
        seen += re.findall(r'<li data-id="(i-\d+)"', page)
        following = re.search(r'<a class="button" href="([^"]+)" rel="next"', page)
        address = f"/{html.unescape(following[1])}" if following else ""

    # then
    assert len(seen) == len(set(seen)) == 120
    assert ("country", "ML") in parse_qsl(urlsplit(address or "/?country=ML").query)


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/?regoin=x", 422, "regoin"),
        ("/?region=Menaca", 422, "Ménaka"),
        ("/?as_of=never", 422, "as_of"),
        ("/?q=%00", 422, "q"),
        ("/?limit=-1", 422, "limit"),
        ("/?q=%3Cscript%3E&limit=x", 422, "limit"),
        ("/incidents/nowhere", 404, "nowhere"),
        ("/incidents/%3Cscript%3E", 404, "incident"),
        ("/regions/XX", 404, "XX"),
        ("/sources/nowhere", 404, "nowhere"),
        ("/reporters/nowhere", 404, "nowhere"),
        ("/incidents/ml-2019-11-01-indelimane?as_of=2019-10-01", 404, "known"),
    ],
)
def test_an_error_page_states_what_to_do(client: Client, address: str, status: int, said: str) -> None:
    # when
    answer = client.get(address)

    # then
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    reading = read(answer.text)
    assert said in " ".join(reading.text)
    assert "<script>" not in answer.text
    assert "Back to the explorer" in answer.text


def test_a_withdrawn_incident_links_to_the_incident_it_was_merged_into(empty_client: Client, editor: Editor) -> None:
    # given
    for incident_id in ("kept", "double"):
        editor.create("/v1/incidents", incident_body(incident_id))
    editor.create("/v1/incidents/double/withdrawal", {"reason": "recorded twice", "merged_into": "kept"})

    # when
    page = empty_client.get("/incidents/double")

    # then
    assert page.status_code == 410
    assert 'href="../incidents/kept"' in page.text and "recorded twice" in page.text


@pytest.fixture
def hostile(editor: Editor) -> str:
    """A record whose every text is an attack. Returns its id."""
    made: str = editor.create("/v1/incidents", hostile_incident())["id"]
    return made


@pytest.mark.parametrize("address", ["/", "/incidents/bad", "/regions/ML", "/sources/src-bad", "/reporters/r-bad"])
def test_a_hostile_record_is_shown_as_text(empty_client: Client, hostile: str, address: str) -> None:
    # when
    answer = empty_client.get(address)

    # then
    assert answer.status_code == 200
    reading = read(answer.text)
    assert not [told for tag, told in reading.elements if tag == "img" or any(n.startswith("on") for n in told)]
    assert "<script>alert" not in answer.text
    assert "49" not in re.findall(r"\{\{|49\b", " ".join(reading.text)), "no template is run"
    assert "alert(1)" in " ".join(reading.text), "it is shown"
    assert "<bdi>" in answer.text


def test_json_ld_is_valid_json(empty_client: Client, hostile: str) -> None:
    page = empty_client.get("/incidents/bad").text
    (told,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(told)["about"]["name"].startswith(f"{NOT_IN_XML}</title></script>")


def test_an_incident_page_shows_the_whole_history(client: Client) -> None:
    # when
    page = client.get(PAGE).text
    history = client.json(f"{INDELIMANE}/toll-history")

    # then
    text = " ".join(read(page).text)
    for told in history["reports"]:
        assert f'<tr id="{told["id"]}" class="{told["status"]}">' in page
        assert f'<a class="mark {told["status"]}" href="#{told["id"]}"' in page
    for name in ("Government of Mali", "Malian Armed Forces"):
        assert f"<bdi>{name}</bdi>" in page
    assert "lowered from 53" in text and "lowered the headline by 4" in text


def test_an_incident_with_very_many_reports_shows_the_newest_and_a_count(
    empty_client: Client, database: Database
) -> None:
    # given
    reports = [
        report_draft(n, id=f"tr-{n}", reported_on=f"2020-01-02T00:{n // 60:02}:{n % 60:02}Z") for n in range(600)
    ]
    record(database, incident_draft("many"))
    with recording(database, "tests") as writer:
        for report in reports:
            writer.record_report(report, ["many"])

    # when
    page = empty_client.get("/incidents/many").text

    # then
    shown = re.findall(r'<tr id="tr-(\d+)"', page)
    assert [int(n) for n in shown] == list(range(100, 600))
    assert page.count('<a class="mark ') == 500
    assert "Showing the newest 500 of 600. All of them are in the" in page
    assert '<span class="figure">599</span>' in page
    read(page)


def test_the_permanent_address_keeps_showing_the_same_page(own_client: Client, seeded: Database) -> None:
    # given
    page = own_client.get(PAGE).text
    (told,) = re.findall(r'<pre id="cite-address" tabindex="0">(.*?)</pre>', page)
    address = html.unescape(told).removeprefix("http://testserver")
    seen = own_client.get(address).text

    # when another figure comes
    record_report(seeded, "ml-2019-11-01-indelimane", best=60, reporter="ngo", reported_on="2019-11-04")

    # then
    assert '<span class="figure">60</span>' in own_client.get(PAGE).text
    assert own_client.get(address).text == seen
    assert '<span class="figure">49</span>' in seen and "As recorded here on" in seen


def test_a_region_page_shows_its_sums_and_regions(client: Client) -> None:
    page, region = client.get("/regions/ML").text, client.json("/v1/regions/ML")
    assert "<h1><bdi>Mali</bdi></h1>" in page
    assert f"<dd>{region['incidents']}</dd>" in page
    assert 'href="../regions/ML-9"' in page


def told(client: Client, address: str) -> str:
    """The text of a page in single spaces."""
    return re.sub(r"\s+", " ", " ".join(read(client.get(address).text).text))


def test_a_reporter_page_compares_figures_with_the_headline(client: Client) -> None:
    now, then = told(client, "/reporters/gov-ml"), told(client, "/reporters/gov-ml?as_of=2019-11-01")
    assert "too high 1 100 %" in now
    assert "Median difference: -4 people, -7.5 % of the first figure" in now
    assert "unchanged 1 100 %" in then and "Median difference: none" in then
    assert "unchanged 1 100 %" in told(client, "/reporters/fama")
    assert "was ever the headline of an incident" in told(client, "/reporters/fama?as_of=2019-11-01"), "not yet said"


def test_only_figures_that_were_the_headline_are_compared(empty_client: Client, database: Database) -> None:
    # given: a part of the victims, boasts (one that the headline came to later), a figure that was raised later, and one that was taken back
    record(database, *(incident_draft(name) for name in ("a", "b", "c", "d")))
    record_report(database, "d", best=10, reporter="gov", reported_on="2020-01-02")
    record_report(database, "d", best=20, reporter="rebels", reported_on="2020-01-03")
    record_report(database, "d", best=20, reporter="gov", reported_on="2020-01-05")
    record_report(database, "a", best=61, reporter="ngo", reported_on="2020-01-02")
    record_report(database, "a", best=12, reporter="army", reported_on="2020-01-03", victims="civilian")
    record_report(database, "a", best=900, reporter="rebels", reported_on="2020-01-03")
    record_report(database, "b", best=10, reporter="ngo", reported_on="2020-01-02")
    record_report(database, "b", best=25, reporter="gov", reported_on="2020-01-05")
    void = record_report(database, "c", best=7, reporter="ngo", reported_on="2020-01-02")
    with recording(database, "tests") as writer:
        writer.retract_report(void, "a misprint", "2020-01-09")

    # then
    ngo = told(empty_client, "/reporters/ngo")
    assert "For 3 incidents a death toll from this reporter was once the headline." in ngo
    for line in (
        "too low 1 33 %",
        "too high 0 0 %",
        "unchanged 1 33 %",
        "no longer compared: no headline is left 1 33 %",
    ):
        assert line in ngo
    assert "Median difference: +7.5 people, +75.0 %" in ngo
    for nobody in ("army", "rebels"):
        assert "No death toll from this reporter was ever the headline" in told(empty_client, f"/reporters/{nobody}")


def feed(client: Client, address: str = "/feed.atom") -> ET.Element:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/atom+xml")
    return ET.fromstring(answer.content)  # noqa: S314 - our own


def test_the_feed_is_valid_atom(client: Client) -> None:
    # when
    told = feed(client, "/feed.atom?country=ML")

    # then
    for parent in (told, *told.iter(f"{ATOM}entry")):
        assert all((parent.findtext(f"{ATOM}{name}") or "").strip() for name in ("id", "title", "updated"))
    assert told.find(f"{ATOM}link[@rel='self']").get("href") == "http://testserver/feed.atom?country=ML"  # type: ignore[union-attr]
    entries = {entry.findtext(f"{ATOM}id"): entry for entry in told.iter(f"{ATOM}entry")}
    assert len(entries) == client.json("/v1/incidents?country=ML&total=true&limit=1")["total"]
    summary = entries[f"http://testserver{PAGE}"].findtext(f"{ATOM}summary") or ""
    assert summary.startswith("49 killed, lowered from 53.")


def test_a_revised_incident_comes_first_in_the_feed(own_client: Client, seeded: Database) -> None:
    # given
    had = own_client.get("/feed.atom").headers["etag"]
    assert own_client.get("/feed.atom", headers={"If-None-Match": had}).status_code == 304
    record_report(seeded, "ml-2019-11-01-indelimane", best=60, reporter="ngo", reported_on="2019-11-04")

    # when
    told = feed(own_client)

    # then
    first = told.find(f"{ATOM}entry")
    assert first is not None and first.findtext(f"{ATOM}id") == f"http://testserver{PAGE}"
    assert told.findtext(f"{ATOM}updated") == first.findtext(f"{ATOM}updated")


def test_a_feed_of_a_hostile_record_is_valid_xml(empty_client: Client, hostile: str) -> None:
    (entry,) = feed(empty_client).iter(f"{ATOM}entry")
    title = entry.findtext(f"{ATOM}title") or ""
    assert title.startswith("\ufffd" * 4) and "<script>alert(1)</script>" in title


def test_a_feed_without_entries_is_valid(empty_client: Client) -> None:
    assert feed(empty_client).find(f"{ATOM}entry") is None


def test_an_invalid_feed_query_is_a_problem_document(client: Client) -> None:
    answer = client.get("/feed.atom?regoin=x")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_pages_work_on_an_empty_database(empty_client: Client) -> None:
    for address in ("/", "/guide"):
        read(empty_client.get(address).text)
    page = empty_client.get("/").text
    assert "No incidents match" in page and 'data-first=""' in page


def test_addresses_work_behind_a_proxy_with_a_prefix(seeded: Database) -> None:
    made = Client(seeded, public_url="https://data.example/conflict")
    try:
        page = made.get(PAGE).text
    finally:
        made.close()
    assert '<link rel="canonical" href="https://data.example/conflict/incidents/ml-2019-11-01-indelimane">' in page
    assert 'href="../v1/incidents/ml-2019-11-01-indelimane"' in page
    assert not [link for link in links(read(page)) if link.startswith("/")]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_runs_a_fixed_number_of_statements(own_client: Client, seeded: Database, address: str) -> None:
    def cost() -> int:
        before = own_client.app.state.reader.statements
        assert own_client.get(address).status_code == 200
        told: int = own_client.app.state.reader.statements - before
        return told

    cost()
    few = cost()
    record(seeded, *(incident_draft(f"more-{n}", region="ML-9", place="Ménaka") for n in range(40)))
    cost()  # may look up what the newest recording changed
    assert cost() == few <= 12


def values(reading: _Reading) -> dict[str, Any]:
    return {
        told["name"] or "": told.get("value") for tag, told in reading.elements if tag == "input" and told.get("name")
    }


def test_query_values_are_escaped_in_the_page(client: Client) -> None:
    page = client.get("/", params={"q": HOSTILE}).text
    assert values(read(page))["q"] == HOSTILE
    assert "<script>alert" not in page
