"""Files become rows in every container and dialect, or are rejected as a whole."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.errors import InvalidInput
from app.ingest.files import open_table
from app.ingest.formats import import_file, importer_of
from app.ingest.rows import Row
from app.ingest.text_files import LONGEST_CELL, LONGEST_LINE
from app.query.code_lists import FileFormat
from app.store.db.database import Database

PLAIN = "id,Name ,note\n1,Ménaka,a post\n2,Gao,\n"
READ = [{"id": "1", "name": "Ménaka", "note": "a post"}, {"id": "2", "name": "Gao", "note": ""}]


def rows(path: Path) -> list[Row]:
    with open_table(path) as table:
        return list(table.rows)


def read(path: Path) -> list[dict[str, str]]:
    found = rows(path)
    assert [row.fault for row in found] == [None] * len(found)
    return [dict(row.cells) for row in found]


def refusal(path: Path) -> str:
    """Why a file is refused whole: one line."""
    with pytest.raises(InvalidInput) as error, open_table(path):
        pass
    (fault,) = error.value.faults
    assert fault.name == "file"
    assert "\n" not in fault.message
    return fault.message


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes | str], Path]:
    def made(content: bytes | str, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return made


Put = Callable[..., Path]


def zipped(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def workbook(*lines: Any) -> bytes:
    out, book = io.BytesIO(), openpyxl.Workbook()
    assert book.active is not None
    for line in lines:
        book.active.append(line)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(), PLAIN.encode("utf-8-sig"), PLAIN.encode("utf-16"), b"\xff\xfe" + PLAIN.encode("utf-16-le"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"), PLAIN.replace("\n", "\r\n").encode(), PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(), PLAIN.replace(",", "|").encode(), PLAIN.strip().encode(),
        PLAIN.replace("\n", "\n\n , \n").encode(), gzip.compress(PLAIN.encode()), zipped(("a.csv", PLAIN.encode())),
        zipped(("__MACOSX/._a.csv", b"junk"), ("read me.pdf", b"%PDF"), ("folder/a.CSV", PLAIN.encode())),
        zipped(("a.csv", PLAIN.encode("utf-8-sig"))), gzip.compress(zipped(("a.csv", PLAIN.encode()))),
        workbook(["id", "Name ", "note"], [1, "Ménaka", "a post"], [2, "Gao", None]),
        zipped(("a.xlsx", workbook(["id", "Name", "note"], ["1", "Ménaka", "a post"], [2, "Gao"]))),
        json.dumps(READ).encode(), b"\xef\xbb\xbf " + json.dumps(READ).encode(),
        json.dumps({"status": 200, "success": True, "data": READ, "count": 2}).encode(),
        gzip.compress(json.dumps([{"id": 1, "name": "Ménaka", "note": "a post"}, {"id": 2, "name": "Gao", "note": None}]).encode()),
    ],
    ids=[
        "UTF-8", "byte order mark", "UTF-16", "UTF-16 LE", "UTF-16 BE", "CRLF", "semicolons", "tabs", "bars", "no last line break",
        "empty lines", "gzip", "zip", "zip among other things", "zip and mark", "zip in gzip", "workbook", "workbook in a zip",
        "JSON", "JSON and mark", "answer of an API", "JSON in gzip",
    ],
)  # fmt: skip
def test_a_table_is_read_from_every_container(put: Put, content: bytes) -> None:
    # when: the name says nothing
    found = read(put(content, "download"))

    # then
    assert found == READ


def test_text_that_is_not_utf_8_is_read_as_windows_1252_and_reported_by_line(put: Put) -> None:
    # when
    found = rows(put(b"id,name\n1,M\xe9naka\n2,Gao\n3,\x93Ch\xe9rif\x94\n"))

    # then
    assert [row.cells["name"] for row in found] == ["Ménaka", "Gao", "“Chérif”"]
    assert [len(row.repairs) for row in found] == [1, 0, 1]
    assert "Windows-1252" in found[0].repairs[0]


def test_bytes_in_neither_encoding_are_rejected_with_their_line(put: Put) -> None:
    # when
    bad, good = rows(put(b"id,name\n1,\x81\x8d\n2,Gao\n"))

    # then
    assert (bad.line, good.line, good.fault) == (2, 3, None)
    assert bad.fault == "has bytes that are neither UTF-8 nor Windows-1252"


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks(put: Put) -> None:
    # when
    found = rows(put('id,name,note\n1,"a, ""b""","two\nlines"\n2,c,d\n'))

    # then
    assert dict(found[0].cells) == {"id": "1", "name": 'a, "b"', "note": "two\nlines"}
    assert [row.line for row in found] == [2, 4]


def test_a_row_split_by_a_line_break_is_joined_and_reported(put: Put) -> None:
    # when
    found = rows(put("id,name,note,year\n1,a,begins\nand ends,2019\n2,b,c,2020\n"))

    # then
    assert [dict(row.cells) for row in found] == [
        {"id": "1", "name": "a", "note": "begins and ends", "year": "2019"},
        {"id": "2", "name": "b", "note": "c", "year": "2020"},
    ]
    assert found[0].repairs == ("was torn apart by a line break",)


def test_a_row_split_into_three_is_joined(put: Put) -> None:
    # when
    (found,) = rows(put("id,name,note,year\n1,a\nb,begins\nends,2019\n"))

    # then
    assert dict(found.cells) == {"id": "1", "name": "a b", "note": "begins ends", "year": "2019"}


def test_rows_of_the_wrong_length_are_rejected_and_reading_continues(put: Put) -> None:
    # when
    short, good, long, trailing = rows(put("id,name,note\n1,a\n2,b,c\n3,d,e,f\n4,g,h,,\n"))

    # then
    assert short.fault == "has 2 cells, but the header has 3"
    assert long.fault is not None
    assert "may lack quotes" in long.fault
    assert (good.fault, trailing.fault) == (None, None)
    assert trailing.cells["note"] == "h"


def test_an_unclosed_quote_is_rejected_with_the_lines_that_it_covers(put: Put) -> None:
    # when
    first, swallowed = rows(put('id,name\n1,a\n2,"b\n3,c\n'))

    # then
    assert first.fault is None
    assert swallowed.fault == "has an unclosed quote that continues to line 4"


def test_a_cell_that_is_too_long_is_rejected_and_reading_continues(put: Put) -> None:
    # when
    found = rows(put(f"id,name\n1,{'a' * (LONGEST_CELL + 1)}\n2,b\n"))

    # then
    assert [row.fault is None for row in found] == [False, True]


def test_an_endless_line_is_not_kept_in_memory(put: Put) -> None:
    # when
    first, rest = rows(put(b"id,name\n1,a\n" + b"b" * (LONGEST_LINE + 10)))

    # then
    assert first.fault is None
    assert rest.fault is not None
    assert "damaged from this row on" in rest.fault


@pytest.mark.parametrize(
    "under", ["#event+id,#loc+name,", "#event+id,#loc+name,#description", "id,name,note", "ID, Name ,note"]
)
def test_hashtag_rows_and_repeated_headers_are_skipped(put: Put, under: str) -> None:
    assert read(put(PLAIN.replace("\n1", f"\n{under}\n1").replace("\n2", f"\n{under}\n2"))) == READ


def test_columns_without_a_name_are_left_out(put: Put) -> None:
    # given: an index, as pandas writes it, and trailing commas
    content = ",id,name,note,Unnamed: 4,\n0,1,Ménaka,a post,x,\n1,2,Gao,,,\n"

    # when, then
    assert read(put(content)) == READ


def test_columns_of_refused_rows_are_not_read_again(put: Put) -> None:
    # given
    content = "refused_line,refused_because,id,name,note\nf.csv line 2,why,1,Ménaka,a post\nx,y,2,Gao,\n"

    # when, then
    assert read(put(content)) == READ


def test_workbook_cells_are_read_like_cells_of_a_text_file(put: Put) -> None:
    # when
    (row,) = read(put(workbook(["a", "b", "c", "d"], [datetime(2019, 11, 1), date(2019, 11, 2), 1.5, True])))

    # then
    assert row == {"a": "2019-11-01 00:00:00", "b": "2019-11-02 00:00:00", "c": "1.5", "d": "True"}


def test_a_json_item_that_is_no_object_is_rejected_by_its_number(put: Put) -> None:
    # when
    found = rows(put(b'[{"id": 1}, 7, {"id": 2}]'))

    # then
    assert [(row.line, row.fault) for row in found] == [(1, None), (2, "is not an object"), (3, None)]


HARD_ITEMS = {
    b'{"id": ' + b"[" * 300_000 + b"]" * 300_000 + b"}": "is nested more than 64 deep",
    b'{"id": ' + b"9" * 5000 + b"}": "has a number of more than 20 digits in it",
    b'{"id": 1e400}': "has a number in it that is too large",
    b'{"id": NaN}': "has NaN in it, which is not a number of JSON",
    b'{"id": 1, "id": 2}': "id: is given more than once",
    b'{"id": "\xff"}': "is not UTF-8",
    b'{"id": "]}", "name"}': "is not JSON at line 1, column 20",
    b'{"id" 1}': "is not JSON at line 1, column 7",
    b"[1, 2]": "is not an object",
    b'"\\"],["': "is not an object",
    b"-1.5e3": "is not an object",
    b"null": "is not an object",
}


def test_an_invalid_json_item_does_not_affect_the_others(put: Put) -> None:
    # given
    good = b'{"id": 7, "name": "\xf0\x9f\x92\xa3 \\u00e9 \\"]}\\\\", "note": 1.50, "more": {"a": [1, "\xc3\xa9"]}, "no": null}'
    content = b"[" + b" ,\n".join([good, *HARD_ITEMS, good]) + b"]"

    # when
    first, *hard, last = rows(put(content))

    # then
    told = {"id": "7", "name": '\U0001f4a3 é "]}\\', "note": "1.5", "more": '{"a": [1, "é"]}', "no": ""}
    assert (dict(first.cells), dict(last.cells)) == (told, told)
    assert [row.fault for row in hard] == list(HARD_ITEMS.values())
    assert [row.line for row in hard] == list(range(2, len(HARD_ITEMS) + 2))


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_json_is_read_the_same_for_any_chunking(put: Put, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    # given
    items = [{"id": "a\\", "name": "é\U0001f4a3" * 50}, {"id": 'b"]}[{', "name": ""}, {"id": "c", "name": "\n" * 100}]
    content = json.dumps({"count": 3, "data": items}, ensure_ascii=False).encode()
    monkeypatch.setattr("app.ingest.json_rows.CHUNK", max(size, 30))  # in which the list begins

    # then
    assert [dict(row.cells) for row in rows(put(content))] == items


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"\xef\xbb\xbf", b" , ,\n", b"\x00\x01\x02", b"id,name\x00\n1,a\n", b"\x89PNG\r\n\x1a\n\x00\x00", b"%PDF-1.7\n\x00",
        b"\x1f\x8b\x08\x00 broken", gzip.compress(b"", mtime=0), b"PK\x03\x04 broken", zipped(), zipped(("a.pdf", b"%PDF")),
        zipped(("a.csv", b"id\n1\n"), ("b.csv", b"id\n2\n")), zipped(("xl/workbook.xml", b"<no")), b"{}", b"[]", b'["a"]', b'{"a": 1}', b"[{", b"id,name,id\n1,2,3\n",
        b"a" * (LONGEST_LINE + 10),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_rejected_on_one_line(put: Put, content: bytes) -> None:
    assert refusal(put(content))


def test_a_missing_file_is_rejected_on_one_line(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.csv") == "No such file or directory"
    assert refusal(tmp_path) == "Is a directory"


def test_a_rejection_states_what_is_wrong(put: Put) -> None:
    assert "2 tables" in refusal(put(zipped(("a.csv", b"id\n1\n"), ("b.csv", b"id\n2\n"))))
    assert refusal(put(b"id,name,id\n1,2,3\n")) == "has the column id more than once"
    assert refusal(put(b"")) == "is empty"


@pytest.mark.parametrize("cut", [0.5, 0.9])
@pytest.mark.parametrize("pack", [gzip.compress, lambda text: json.dumps([{"id": n} for n in range(20_000)]).encode()])
def test_a_truncated_file_is_read_up_to_the_break_and_reported(
    put: Put, pack: Callable[[bytes], bytes], cut: float
) -> None:
    # given
    whole = pack("".join(["id\n", *(f"{n * 7919}\n" for n in range(40_000))]).encode())

    # when
    found = rows(put(whole[: int(len(whole) * cut)]))

    # then
    assert len(found) > 1000
    assert [row.fault for row in found[:-1]] == [None] * (len(found) - 1)
    assert "the file is damaged from this row on" in (found[-1].fault or "")


def test_progress_reports_how_much_of_a_file_is_read(put: Put) -> None:
    # given
    path, told = put("id\n" + f"{'1' * 199}\n" * 20_000), list[int]()

    # when
    with open_table(path, told.append) as table:
        next(table.rows)
        early = told[-1]
        assert sum(1 for _ in table.rows) == 19_999

    # then
    assert early < told[-1] == path.stat().st_size
    assert told == sorted(told)


def fits(columns: Any) -> bool:
    return {"id", "name"} <= {*columns}


TITLES = "A data base; exported 2020-05-11, by somebody\n\nLicence: CC BY, see below\n"


@pytest.mark.parametrize(
    "content",
    [
        (TITLES + PLAIN).encode(), (TITLES + PLAIN).encode("utf-16"), gzip.compress((TITLES + PLAIN).replace(",", ";").encode()),
        workbook(["A data base"], [], ["id", "Name", "note"], [1, "Ménaka", "a post"], [2, "Gao"]),
        zipped(("README.txt", b"What is in here, and how"), ("LICENSE.txt", b"CC BY"), ("a.csv", PLAIN.encode())),
        zipped(("codebook.csv", b"column,meaning\nid,a number\n"), ("a.txt", PLAIN.encode()), ("broken.json", b"[{")),
        json.dumps({"type": "FeatureCollection", "bbox": [0, 1, 2, 3], "features": [{"type": "Feature", "geometry": None, "properties": row} for row in READ]}).encode(),
        json.dumps({"fields": [], "features": [{"attributes": row, "geometry": None} for row in READ]}).encode(),
    ],
    ids=["titles", "titles in UTF-16", "titles in gzip", "titles in a workbook", "README in a zip", "code book in a zip", "GeoJSON", "JSON of ArcGIS"],
)  # fmt: skip
def test_the_matching_file_of_an_archive_is_found(put: Put, content: bytes) -> None:
    with open_table(put(content, "download"), fits=fits) as table:
        assert [dict(row.cells) for row in table.rows] == READ


def test_rows_below_title_lines_keep_their_line_numbers(put: Put) -> None:
    for content in ((TITLES + PLAIN).encode(), workbook(["A data base"], [], [], ["id", "name"], [1, "a"], [2, "b"])):
        with open_table(put(content), fits=fits) as table:
            assert [row.line for row in table.rows] == [5, 6]


def test_the_matching_sheet_is_read_and_two_matching_sheets_are_rejected(put: Put) -> None:
    # given
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Notes"])

    def content(*sheets: str) -> bytes:
        for name in sheets:
            for row in (["id", "name"], [1, name]):
                (book[name] if name in book.sheetnames else book.create_sheet(name)).append(row)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    # then
    with open_table(put(content("2019")), fits=fits) as table:
        assert [dict(row.cells) for row in table.rows] == [{"id": "1", "name": "2019"}]
    with (
        pytest.raises(InvalidInput, match=r"has 2 sheets that match \(2019, 2020\)"),
        open_table(put(content("2020")), fits=fits),
    ):
        pass


def test_the_point_of_a_feature_becomes_latitude_and_longitude(put: Put) -> None:
    point = {"type": "Point", "coordinates": [2.4, 15.9]}
    features = [
        {"properties": {"id": 1}, "geometry": point}, {"properties": {"id": 2, "latitude": 1, "longitude": 2}, "geometry": point},
        {"attributes": {"id": 3}, "geometry": {"x": 2.4, "y": 15.9}}, {"properties": {"id": 4}, "geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}},
        {"properties": {"id": 5}, "geometry": {"type": "Point", "coordinates": []}},
    ]  # fmt: skip
    found = read(put(json.dumps({"features": features})))
    assert found == [
        {"id": "1", "longitude": "2.4", "latitude": "15.9"}, {"id": "2", "latitude": "1", "longitude": "2"}, {"id": "3", "longitude": "2.4", "latitude": "15.9"},
        {"id": "4"}, {"id": "5"},
    ]  # fmt: skip


def test_a_file_without_a_header_is_reported(put: Put) -> None:
    why = "has no header: the first line is data. Add a line with the column names above it: 618155,PAK-2026,2026,1,12"
    assert refusal(put("618155,PAK-2026,2026,1,12\n618156,PAK-2026,2026,1,12\n")) == why


@pytest.mark.parametrize(
    ("columns", "like"),
    [
        ("event_id_cnty,event_date,event_type,country,fatalities,timestamp", "acled"), ("id,type_of_violence,side_a,where_prec,country,date_start,best", "ucdp-ged"),
        ("id,title,date_start,country", "csv"), ("incidents,measure,reported_on,best", "csv"),
    ],
)  # fmt: skip
def test_a_file_of_another_dataset_is_recognized(put: Put, database: Database, columns: str, like: str) -> None:
    for format in FileFormat:
        if format != like:
            with pytest.raises(InvalidInput, match=f"It looks like .* use the format {like}"):
                import_file(importer_of(format, "26.1", "2026-06-01"), put(f"{columns}\n"), database, "tests")


def test_rows_without_their_trailing_empty_cells_are_not_joined(put: Put) -> None:
    found = rows(
        put("id,date_start,country,title,summary,district,place\na,2020-01-01,ML,Attack\nb,2020-02-01,NE,Clash\n")
    )
    assert [row.fault for row in found] == ["has 4 cells, but the header has 7"] * 2


def test_an_api_response_may_have_an_empty_list_before_its_data(put: Put) -> None:
    content = {"status": 200, "messages": [], "count": 2, "data": READ}
    assert read(put(json.dumps(content))) == READ


def test_rows_below_a_second_header_in_another_order_are_rejected(put: Put) -> None:
    # given two files that were joined, the second with its columns turned round
    found = rows(put("id,latitude,longitude\n1,15.5,0.5\nid,longitude,latitude\n2,0.5,15.5\n3,0.5,15.5\n"))

    # then
    why = "follows a second header with another order of columns (line 3); split the file there"
    assert [(row.line, row.fault) for row in found] == [(2, None), (3, why), (4, why), (5, why)]
