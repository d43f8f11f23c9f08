"""Plain HTTP clients: requests along `Link`, Node's fetch on a connection that idled, EventSource in Chromium."""

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.builders import incident_body, report_body
from tests.clients.conftest import Served, program

pytestmark = pytest.mark.clients
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.mark.parametrize("query", ["limit=100", "limit=37&sort=-killed", "country=ML&limit=9"])
def test_requests_follows_the_links_and_gets_every_incident_once(served: Served, query: str) -> None:
    import requests

    # when
    ids: list[str] = []
    url = f"{served.base}/v1/incidents?{query}"
    while url:
        answer = requests.get(url, timeout=30)
        ids += [item["id"] for item in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url")

    # then
    assert sorted(ids) == served.ids(lambda f: f.country == "ML" if "country" in query else True)


@pytest.mark.slow
def test_node_fetch_gets_a_response_on_an_idle_connection(served: Served) -> None:
    """The client keeps a connection for some seconds. The service must not close it at the very moment of a request."""
    node = program("node", "nodejs")
    script = Path(__file__).with_name("idle.mjs")

    # when each process asks, idles for so many seconds, and asks again
    idling = [4.6, 4.8, 4.9, 5.0, 5.1, 5.2, 5.5, 30.0]
    running = [
        subprocess.Popen(
            [node, script, f"{served.base}/v1/incidents?limit=1", str(seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for seconds in idling
    ]  # fmt: skip
    told = [process.communicate(timeout=90)[0] for process in running]

    # then
    assert [(seconds, text.split()) for seconds, text in zip(idling, told, strict=True)] == [
        (seconds, ["200", "200"]) for seconds in idling
    ]


@pytest.mark.slow
def test_the_service_keeps_an_idle_connection_for_more_than_30_seconds(served: Served) -> None:
    """Load balancers and pools of clients keep them for a minute, and send the next request on them without asking."""
    node = program("node", "nodejs")
    ran = subprocess.run(
        [node, Path(__file__).with_name("kept.mjs"), str(served.service.port), "30"],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert ran.stdout.split() == ["200", "200", "same", "connection"], ran.stdout + ran.stderr


def test_event_source_in_chromium_gets_old_and_new_entries(own_served: Served) -> None:
    from playwright.sync_api import sync_playwright

    # given
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM} (Debian: chromium)")
    known = httpx.get(f"{own_served.base}/v1/log/checkpoint").json()["size"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{own_served.base}/guide")

        # when
        page.evaluate("""() => {
            window.heard = [];
            const source = new EventSource('/v1/changes/stream?after=0');
            source.onmessage = (event) => heard.push([event.lastEventId, event.data]);
        }""")
        page.wait_for_function("count => heard.length >= count", arg=known, timeout=30_000)
        body = incident_body("heard", toll_reports=[report_body(4, id="heard-1")])
        sent = httpx.post(
            f"{own_served.base}/v1/incidents", json=body, headers={"Authorization": f"Bearer {own_served.key}"}
        )
        size = httpx.get(f"{own_served.base}/v1/log/checkpoint").json()["size"]
        page.wait_for_function("count => heard.length >= count", arg=size, timeout=30_000)
        heard = page.evaluate("heard")
        browser.close()

    # then
    assert sent.status_code == 201 and size > known
    entries = [json.loads(data) for _, data in heard]
    assert [entry["seq"] for entry in entries] == list(range(1, size + 1))
    assert [last for last, _ in heard] == [str(n) for n in range(1, size + 1)]
    assert {"incident.created", "toll.reported"} <= {entry["kind"] for entry in entries[known:]}
