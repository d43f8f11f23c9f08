"""Conditional requests and ranges, as in RFC 9110."""

from email.utils import formatdate, parsedate_to_datetime

import pytest
from starlette_compress import CompressMiddleware

from app.api.http import responses
from app.api.http.conditional_requests import Conditions, chosen_encoding, conditional_headers, read_http_date
from app.api.http.responses import SETTLED_SECONDS, modified_second
from app.errors import RangeNotSatisfiable
from app.store.db.database import Database
from tests.builders import incident_draft, record, record_report
from tests.support import INDELIMANE, PAGES, READ_ADDRESSES, Client

TAG, SIZE, CHANGED = '"abc"', 100, 784111777
DATE, EARLIER, LATER = (formatdate(CHANGED + n, usegmt=True) for n in (0, -1, 1))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, False), ({b"if-match": TAG}, False), ({b"if-match": '"x", "abc"'}, False), ({b"if-match": " * "}, False),
        ({b"if-match": '"x"'}, True), ({b"if-match": 'W/"abc"'}, True), ({b"if-match": "abc"}, True), ({b"if-match": ""}, True),
        ({b"if-unmodified-since": DATE}, False), ({b"if-unmodified-since": LATER}, False),
        ({b"if-unmodified-since": EARLIER}, True), ({b"if-unmodified-since": "yesterday"}, False),
        ({b"if-match": TAG, b"if-unmodified-since": EARLIER}, False), ({b"if-match": '"x"', b"if-unmodified-since": LATER}, True),
    ],
)  # fmt: skip
def test_a_precondition_on_another_state_fails(sent: dict[bytes, str], expected: bool) -> None:
    assert Conditions(sent, TAG, CHANGED).failed is expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, False), ({b"if-none-match": TAG}, True), ({b"if-none-match": 'W/"abc"'}, True), ({b"if-none-match": "*"}, True),
        ({b"if-none-match": '"x", "abc"'}, True), ({b"if-none-match": '"x"'}, False),
        ({b"if-modified-since": DATE}, True), ({b"if-modified-since": LATER}, True), ({b"if-modified-since": EARLIER}, False),
        ({b"if-modified-since": "never"}, False), ({b"if-modified-since": ""}, False),
        ({b"if-none-match": '"x"', b"if-modified-since": LATER}, False), ({b"if-none-match": "", b"if-modified-since": LATER}, False),
    ],
)  # fmt: skip
def test_a_known_representation_is_not_modified(sent: dict[bytes, str], expected: bool) -> None:
    assert Conditions(sent, TAG, CHANGED).not_modified is expected


def test_date_conditions_are_ignored_without_a_date() -> None:
    assert not Conditions({b"if-unmodified-since": EARLIER}, TAG, None).failed
    assert not Conditions({b"if-modified-since": LATER}, TAG, None).not_modified
    assert Conditions({b"range": "bytes=0-1", b"if-range": DATE}, TAG, None).requested_part(SIZE) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", CHANGED), ("Sunday, 06-Nov-94 08:49:37 GMT", CHANGED),
        ("Sun Nov  6 08:49:37 1994", CHANGED), (None, None), ("", None), ("x", None), ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None), ("0", None), ("Sun, 06 Nov 1994 08:49:37 +9999999", None),
    ],
)  # fmt: skip
def test_only_the_three_http_date_formats_are_read(text: str | None, seconds: int | None) -> None:
    assert read_http_date(text) == seconds


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", (0, 1)), ("bytes=0-9", (0, 10)), ("bytes=90-", (90, 100)), ("bytes=-10", (90, 100)), ("BYTES = 5 - 6 ", (5, 7)),
        ("bytes=0-99", (0, 100)), ("bytes=50-1000", (50, 100)), ("bytes=-1000", (0, 100)), ("bytes=99-99", (99, 100)),
        (f"bytes=0-{10**29}", (0, 100)),
        (None, None), ("", None), ("bytes", None), ("bytes=", None), ("bytes=-", None), ("bytes=a-b", None), ("bytes=1-a", None),
        ("bytes=5-4", None), ("bytes=0-1,3-4", None), ("bytes=0-1, bytes=3-4", None), ("items=0-1", None), ("bytes=--1", None),
        ("bytes=+1-2", None), ("bytes=1.0-2", None), ("bytes=٠-١", None), ("bytes=0-" + "9" * 5000, None),
    ],
)  # fmt: skip
def test_one_range_is_read_and_an_invalid_one_ignored(asked: str | None, expected: tuple[int, int] | None) -> None:
    assert Conditions({} if asked is None else {b"range": asked}, TAG, CHANGED).requested_part(SIZE) == expected


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes={10**29}-"])
def test_a_range_without_a_byte_cannot_be_satisfied(asked: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as raised:
        Conditions({b"range": asked}, TAG, CHANGED).requested_part(SIZE)
    assert raised.value.facts == {"size": SIZE}


@pytest.mark.parametrize(
    ("if_range", "same"),
    [(TAG, True), (DATE, True), ('"x"', False), (f"W/{TAG}", False), (EARLIER, False), (LATER, False), ("", False), ("x", False),
     (f'{TAG}, "x"', False)],
)  # fmt: skip
def test_if_range_requires_the_same_representation(if_range: str, same: bool) -> None:
    sent = {b"range": "bytes=0-9", b"if-range": if_range}
    assert Conditions(sent, TAG, CHANGED).requested_part(SIZE) == ((0, 10) if same else None)


def test_several_header_lines_are_one_list() -> None:
    sent = [(b"if-match", b'"a"'), (b"host", b"x"), (b"if-match", b'"b"')]
    assert conditional_headers(sent) == {b"if-match": '"a","b"'}


@pytest.mark.parametrize(
    "accepted",
    ["", "gzip", "br", "zstd", "gzip, br", "br,gzip;q=1.0", "gzip;q=0", "*", "*;q=0", "br;q=0, *", "identity", "deflate", "GZIP",
     "x-gzip", "gzip;q=0.1, br;q=x", "identity;q=0"],
)  # fmt: skip
def test_the_etag_matches_the_content_coding_of_the_body(client: Client, accepted: str) -> None:
    answer = client.get("/v1/incidents", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding", "identity") == chosen_encoding(accepted)


def test_the_middleware_supports_every_ordered_coding() -> None:
    made = CompressMiddleware(lambda *_: None)  # type: ignore[arg-type, return-value]
    assert [made._zstd is None, made._brotli is None, made._gzip is None] == [False] * 3


@pytest.mark.parametrize("address", [*READ_ADDRESSES, *PAGES, "/v1/incidents?f=parquet", "/ogc", "/assets/pages.css"])
def test_an_etag_depends_on_the_coding_and_not_on_accept_encoding(client: Client, address: str) -> None:
    def tags(*accepted: str) -> set[str]:
        return {client.get(address, headers={"Accept-Encoding": a}).headers["etag"] for a in accepted}

    brotli, gzip = tags("gzip, br", "br,gzip;q=1.0", "br", "BR, deflate"), tags("gzip", "gzip, deflate", "br;q=0, gzip")
    plain = tags("identity", "", "deflate", "gzip;q=0")
    assert len(brotli) == len(gzip) == len(plain) == 1
    assert len(brotli | gzip | plain) == (1 if "parquet" in address else 3)


@pytest.mark.parametrize(
    "address", [*READ_ADDRESSES, *PAGES, "/v1/incidents?f=parquet", "/v1/incidents?f=ndjson", "/ogc"]
)
def test_if_match_with_an_old_etag_is_a_412(client: Client, address: str) -> None:
    # given
    had = client.get(address).headers

    # when
    sent = [{"If-Match": tags.format(had["etag"])} for tags in ("{}", '"x", {}', "*", '"x"', "W/{}", "")]
    sent += [{"If-Unmodified-Since": date} for date in (had["last-modified"], DATE)]
    answers = [client.get(address, headers=headers) for headers in sent]

    # then
    assert [answer.status_code for answer in answers] == [200, 200, 200, 412, 412, 412, 200, 412]
    for refused in (answers[3], answers[-1]):
        assert refused.headers["cache-control"] == "no-store"
    assert client.request("HEAD", address, headers={"If-Match": '"x"'}).status_code == 412


@pytest.mark.parametrize("address", [f"{INDELIMANE}?f=xml", "/v1/incidents/nowhere", "/v1/incidents/nowhere/versions",
                                     "/v1/incidents?region=Menaca", "/v1/incidents?f=csv&region=Menaca",
                                     "/v1/incidents?f=parquet&region=Menaca"])  # fmt: skip
@pytest.mark.parametrize("condition", [
    {"If-Match": '"x"'}, {"If-Match": "*"}, {"If-None-Match": "*"}, {"If-Unmodified-Since": DATE},
    {"If-Modified-Since": formatdate(4e9, usegmt=True)},
])  # fmt: skip
def test_a_condition_does_not_hide_an_error(client: Client, address: str, condition: dict[str, str]) -> None:
    assert client.get(address, headers=condition).status_code == (404 if "nowhere" in address else 422)


@pytest.mark.parametrize(
    "address", [*READ_ADDRESSES, *PAGES, "/v1/incidents?f=parquet", "/v1/incidents?f=ndjson", "/ogc"]
)
def test_if_modified_since_gets_a_304_when_unchanged(client: Client, address: str) -> None:
    # given
    had = client.get(address).headers
    asked = parsedate_to_datetime(had["last-modified"]).timestamp()

    # when
    same, later, before = (
        client.get(address, headers={"If-Modified-Since": formatdate(asked + n, usegmt=True)}) for n in (0, 60, -1)
    )
    tagged = client.get(address, headers={"If-Modified-Since": had["last-modified"], "If-None-Match": '"another"'})

    # then
    assert [a.status_code for a in (same, later, before, tagged)] == [304, 304, 200, 200]
    assert (same.content, same.headers["etag"], "content-length" in same.headers) == (b"", had["etag"], False)
    head = client.request("HEAD", address, headers={"If-Modified-Since": had["last-modified"]})
    assert head.status_code == 304


class Clock:
    """The clock of the service, which stands still unless it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = float(responses.STARTED + 1000)
        monkeypatch.setattr("app.store.db.transaction.now", lambda: int(self.seconds * 1e6))
        monkeypatch.setattr("app.api.http.read_response.time.time", lambda: self.seconds)


def test_a_change_within_the_same_second_is_never_a_304(
    empty_client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the client takes for the date: `Last-Modified`, or the time at which it was answered."""
    clock = Clock(monkeypatch)
    record(database, incident_draft("a"))
    known: list[tuple[str, int]] = []
    state = ""
    for step in range(60):
        # when there is an answer four times a second, and now and then a change after it, half of them committed late
        answer = empty_client.get("/v1/incidents")
        for date, seen in known:
            asked = empty_client.get("/v1/incidents", headers={"If-Modified-Since": date})
            # then
            assert asked.status_code == 200 or seen == len(empty_client.ids("/v1/incidents")), (step, date)
        dates = {answer.headers["last-modified"], formatdate(int(clock.seconds), usegmt=True)}
        known = [*known, *((date, len(answer.json()["items"])) for date in dates)][-12:]
        clock.seconds += 0.25
        if step % 7 == 3:
            late = 2.0 if step % 2 else 0.0
            clock.seconds -= late
            record(database, incident_draft(f"i-{step}"))
            clock.seconds += late
        state = answer.headers["etag"]
    assert state


def test_last_modified_is_never_in_the_future_and_counts_once_settled(
    empty_client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    clock = Clock(monkeypatch)
    record(database, incident_draft("a"))
    changed = int(clock.seconds)

    # when
    asked = {}
    for after in (0.0, 0.9, SETTLED_SECONDS - 0.1, SETTLED_SECONDS, SETTLED_SECONDS + 60):
        clock.seconds = changed + after
        date = empty_client.get("/v1/incidents/a").headers["last-modified"]
        again = empty_client.get("/v1/incidents/a", headers={"If-Modified-Since": date}).status_code
        asked[after] = (parsedate_to_datetime(date).timestamp() - changed, again)

    # then
    assert asked == {0.0: (0, 200), 0.9: (0, 200), 4.9: (4, 200), 5: (5, 304), 65: (5, 304)}


def test_another_version_of_the_program_changes_the_date() -> None:
    """What was recorded long ago may be answered otherwise by another version, or from a backup."""
    assert modified_second(0) == responses.STARTED
    assert modified_second(responses.STARTED * 1_000_000) == responses.STARTED + SETTLED_SECONDS


def test_a_replica_sends_no_date(seeded: Database) -> None:
    # given
    url = seeded.url.render_as_string(hide_password=False)
    replica = Client(seeded, replica_url=url)

    # when
    answer = replica.get(INDELIMANE, headers={"If-Modified-Since": formatdate(4e9, usegmt=True)})
    replica.close()

    # then
    assert (answer.status_code, "last-modified" in answer.headers) == (200, False)


def test_a_new_report_reaches_clients_that_use_if_modified_since(own_client: Client, seeded: Database) -> None:
    # given
    had = own_client.get(INDELIMANE).headers["last-modified"]
    assert own_client.get(INDELIMANE, headers={"If-Modified-Since": had}).status_code == 304
    # when
    record_report(seeded, "ml-2019-11-01-indelimane", best=50, reporter="ngo", reported_on="2019-11-03")
    # then
    assert own_client.get(INDELIMANE, headers={"If-Modified-Since": had}).status_code == 200
