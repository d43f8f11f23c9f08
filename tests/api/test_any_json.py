"""Any JSON value in any member, over every interface: recorded and returned as sent, or rejected by name."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.merkle import leaf_hash
from app.domain.vocabulary import Scope
from app.store.db.database import Database
from tests.builders import incident_body, report_body
from tests.support import Client, Editor, command

TEXTS = st.one_of(
    st.text(max_size=8), st.text(st.sampled_from('\x00\ud800\udfff\\"\u2028\ufeff={é😀'), max_size=4)
).map(json.dumps)
NUMBERS = st.one_of(
    st.integers().map(str),
    st.integers(-(2**54), 2**54).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**54), 2**54).map(lambda whole: f"{whole}.0"),
    st.sampled_from(["1e16", "-1E16", "1e22", "1e300", "1e400", "1e-400", "-0", "-0.0", "9" * 25, "9" * 5000, "49.0"]),
)
JSON_TEXT = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "false"]), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(TEXTS, inner).map(":".join), max_size=4).map(lambda pairs: f"{{{','.join(pairs)}}}"),
    ),
    max_leaves=12,
)
"""JSON as text, so that a member may stand twice in it and a number be written in any way."""
OBJECTS = st.lists(st.tuples(TEXTS, JSON_TEXT).map(":".join), max_size=4).map(lambda pairs: f"{{{','.join(pairs)}}}")
DEEP = "[" * 2000 + "]" * 2000
BODY: dict[str, Any] = incident_body(
    None, summary="s", place="p", district="d", claimed_by="c", latitude=1.5, longitude=2.5, type_of_violence=1,
    region={"code": "ML-7", "name": "Gao"}, near_border=["NE"], actors=[{"name": "a", "role": "target"}],
    sources=[{"id": "s", "title": "t"}], toll_reports=[report_body(3)], attributes={"a": 1}, external_ids={"b": "1"},
)  # fmt: skip


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, inner in inside:
        yield (*path, name)
        yield from _paths(inner, (*path, name))


MEMBERS = st.sampled_from(sorted(_paths(BODY), key=str))


def _with(path: tuple[Any, ...], raw: str) -> bytes:
    changed = json.loads(json.dumps(BODY))
    inner = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = "@here@"
    return json.dumps(changed).replace('"@here@"', raw).encode()


@pytest.fixture(scope="module")
def editor(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    path = tmp_path_factory.mktemp("any_json") / "incidents.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    client = Client(database)
    made = Editor(client, database, Scope.WRITE, name="an editor")
    made.create("/v1/incidents", incident_body("there"))
    yield made
    client.close()
    database.close()


def _send(editor: Editor, method: str, address: str, content: bytes, media_type: str = "application/json") -> Any:
    return editor.request(method, address, headers={"Content-Type": media_type, "If-Match": "*"}, content=content)


def _expect_a_true_log(editor: Editor) -> None:
    """The newest entry is read by any reader of JSON, and has the hash that the log gives it."""
    last = editor.checkpoint()["size"] - 1
    (entry,) = json.loads(editor.get(f"/v1/changes?after={last}").text)["items"]
    assert leaf_hash(rfc8785.dumps({k: v for k, v in entry.items() if k != "hash"})).hex() == entry["hash"]


@settings(max_examples=400, deadline=None)
@given(MEMBERS, JSON_TEXT)
@example(("attributes",), '{"a":1e16}')
@example(("attributes", "a"), "1e300")
@example(("attributes", "a"), DEEP)
@example(("toll_reports", 0, "best"), "1e16")
def test_any_json_value_is_recorded_or_rejected_by_member(editor: Editor, path: tuple[Any, ...], raw: str) -> None:
    # when
    answer = _send(editor, "POST", "/v1/incidents", _with(path, raw))

    # then
    assert answer.status_code in (201, 409, 422), f"{path} {raw[:200]}: {answer.text[:500]}"
    if answer.status_code == 201:
        _expect_a_true_log(editor)
    elif answer.status_code == 422:
        assert answer.json()["errors"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["attributes", "external_ids"]), OBJECTS)
@example("attributes", '{"a":1e16}')
@example("attributes", '{"a":[1e21]}')
@example("external_ids", '{"a":1e16}')
def test_attributes_of_a_patch_are_returned_as_sent(editor: Editor, member: str, raw: str) -> None:
    # given
    before = editor.json("/v1/incidents/there")[member]

    # when
    answer = _send(editor, "PATCH", "/v1/incidents/there", f'{{"{member}":{raw}}}'.encode())

    # then
    assert answer.status_code in (200, 422), f"{raw[:200]}: {answer.text[:500]}"
    if answer.status_code == 200:
        sent = json.loads(raw)
        merged = {name: value for name, value in (before | sent).items() if sent.get(name, ...) is not None}
        assert answer.json()[member] == merged
        _expect_a_true_log(editor)
    else:
        assert editor.json("/v1/incidents/there")[member] == before


JSON_COLUMNS = ["attributes", "external_ids", "actors", "sources", "toll_reports"]
CELLS = st.tuples(st.sampled_from(JSON_COLUMNS), st.one_of(JSON_TEXT, JSON_TEXT.map("[{}]".format), OBJECTS))
HARD_CELLS = [
    ("attributes", '{"a":1e16}'), ("attributes", '{"a":1,"a":2}'), ("attributes", f'{{"a":{DEEP}}}'),
    ("attributes", f'{{"a":{"9" * 5000}}}'), ("attributes", '{"a":"\\ud800"}'), ("attributes", '{"a":1e400}'),
    ("toll_reports", '[{"best":1e16}]'), ("toll_reports", '[{"best":12345678901234567890}]'),
    ("toll_reports", f"[{{\"note\":{DEEP}}}]"), ("toll_reports", '[{"note":"\\ud800"}]'), ("actors", '[{"role":[]}]'),
    ("actors", "[[]]"), ("sources", "[1]"), ("external_ids", '{"a":1}'), ("toll_reports", '{"a":1}'),
]  # fmt: skip


def _file(cells: list[tuple[str, str]]) -> str:
    """A table of incidents, each with one cell of JSON, between two that have none."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "title", "date_start", "country", *JSON_COLUMNS])
    writer.writeheader()
    plain = {"title": "T", "date_start": "2021-03-15", "country": "ML"}
    for number, cell in enumerate([None, *cells, None]):
        writer.writerow(plain | {"id": f"row-{number}"} | (dict([cell]) if cell else {}))
    return out.getvalue()


@settings(max_examples=100, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=8))
@example(HARD_CELLS)
def test_any_json_in_a_csv_row_rejects_only_that_row(editor: Editor, cells: list[tuple[str, str]]) -> None:
    # when
    answer = _send(editor, "POST", "/v1/import?format=csv", _file(cells).encode(), "text/csv")

    # then: each row has its line, and the rows around them are taken
    assert answer.status_code == 200, answer.text[:500]
    *rows, last = [json.loads(line) for line in answer.text.splitlines()]
    assert len(rows) == len(cells) + 2, f"{last} {cells}"
    assert {rows[0]["outcome"], rows[-1]["outcome"]} <= {"created", "unchanged", "revised"}
    for row in rows:
        assert row["outcome"] != "refused" or row["reason"]


HARD_VALUES = [
    f'"{DEEP}"',
    DEEP,
    "[" * 300_000 + "]" * 300_000,
    "9" * 5000,
    "1e400",
    '"\\ud800"',
    '"\\u0000"',
    '{"a":1,"a":2}',
]


@settings(max_examples=100, deadline=None)
@given(st.lists(JSON_TEXT, min_size=1, max_size=8))
@example(HARD_VALUES)
def test_any_json_in_a_json_row_rejects_only_that_row(editor: Editor, values: list[str]) -> None:
    # given: events of ACLED, each with a column of its own
    event = '{{"event_id_cnty":"MLI{0}","event_date":"2021-03-15","event_type":"Battles","country":"Mali","fatalities":3,"timestamp":1620000000,"x":{1}}}'
    events = [event.format(number, value) for number, value in enumerate(['"a"', *values, '"b"'])]

    # when
    content = f"[{','.join(events)}]".encode()
    answer = _send(editor, "POST", "/v1/import?format=acled", content, "application/json")

    # then
    assert answer.status_code == 200, answer.text[:500]
    *rows, last = [json.loads(line) for line in answer.text.splitlines()]
    assert len(rows) == len(events), f"{last} {values}"
    assert {rows[0]["outcome"], rows[-1]["outcome"]} <= {"created", "unchanged", "revised"}, rows[0]


def test_the_command_line_rejects_invalid_rows_and_records_the_others(tmp_path: Path) -> None:
    # given: besides, a row with a byte that is no text
    (tmp_path / "hard.csv").write_bytes(_file(HARD_CELLS).encode() + b"byte,T\x81,2021-03-15,ML,,,,,\r\n")

    # when
    ran = command("import", "csv", "hard.csv", "--rejects", "rejects.csv", cwd=tmp_path)
    again = command("import", "csv", "rejects.csv", cwd=tmp_path)

    # then
    assert (ran.returncode, again.returncode) == (1, 1)
    assert "Traceback" not in ran.stderr + again.stderr, (ran.stderr + again.stderr)[-2000:]
    count = f"0 revised, 0 unchanged, 0 absent, 0 repaired, {len(HARD_CELLS) + 1} refused"
    assert ran.stderr.splitlines()[0] == f"hard.csv: 2 created, {count}"
    assert again.stderr.splitlines()[0] == f"rejects.csv: 0 created, {count}"
    csv.field_size_limit(1024 * 1024)
    with (tmp_path / "rejects.csv").open(encoding="utf-8", errors="surrogatepass") as file:
        *refused, byte = csv.DictReader(file)
    for row, (column, _) in zip(refused, HARD_CELLS, strict=True):
        assert row["refused_because"].startswith(column), row["refused_because"]
    assert byte["refused_because"] == "has bytes that are neither UTF-8 nor Windows-1252"
