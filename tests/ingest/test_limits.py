"""Files beyond a limit are rejected quickly, on one line. Large files are tested in `tests/faults`."""

import gzip
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from app.errors import InvalidInput
from app.ingest import limits, packed_files, pipeline, sheets, text_files
from app.ingest.files import open_table
from tests.faults import bombs

ROW = b"x,T,2021-03-15,ML\n"


def refusal(path: Path) -> str:
    """Why a file is rejected whole, be it at its beginning or further on."""
    with pytest.raises(InvalidInput) as error, open_table(path) as table:
        for row in table.rows:
            assert row.fault is None or "damaged" not in row.fault
    (fault,) = error.value.faults
    assert fault.name == "file"
    return fault.message


def read(path: Path) -> list[dict[str, str]]:
    with open_table(path) as table:
        return [dict(row.cells) for row in table.rows]


SMALL = [
    "40,000 members in JSON", "40,000 columns", "2,000,000 columns", "gz in gz, 20 deep", "zip in zip, 20 deep",
    "xlsx: row 2,000,000,000", "xlsx: 16,384 columns", "xlsx: column ZZZ", "xlsx: entities", "zip: LZMA with 4 GB",
]  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_file_that_is_too_wide_too_deep_or_too_long_is_rejected_quickly(tmp_path: Path, name: str) -> None:
    # given
    _, make = {**bombs.PLAIN, **bombs.PACKED}[name]
    make(tmp_path / "bomb")

    # when
    begun = time.process_time()
    why = refusal(tmp_path / "bomb")

    # then
    assert time.process_time() - begun < 1
    assert "\n" not in why


@pytest.mark.parametrize("count", [limits.MAX_COLUMNS, limits.MAX_COLUMNS + 1])
def test_a_table_may_have_as_many_columns_as_the_limit(tmp_path: Path, count: int) -> None:
    # given
    names = [f"c{n}" for n in range(count)]
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(names)
    book.active.append(["1"] * count)
    book.save(tmp_path / "a.xlsx")
    (tmp_path / "a.csv").write_text(f"{','.join(names)}\n{','.join('1' * count)}\n")

    # then
    for name in ("a.xlsx", "a.csv"):
        if count <= limits.MAX_COLUMNS:
            assert read(tmp_path / name) == [dict.fromkeys(names, "1")]
        else:
            assert refusal(tmp_path / name) == "has 1,001 columns; a table has at most 1,000"


def test_each_compression_may_be_used_once(tmp_path: Path) -> None:
    # given
    table = b"id,name\n1,a\n"
    in_zip = bombs.zipped(table)
    allowed = {"gz": gzip.compress(table), "zip": in_zip, "zip in gz": gzip.compress(in_zip)}
    refused = {
        "gz in gz": gzip.compress(gzip.compress(table)),
        "zip in zip": _named("a.csv", in_zip),
        "gz in zip in gz": gzip.compress(_named("a.csv", gzip.compress(table))),
    }

    # then
    for name, content in allowed.items():
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name) == [{"id": "1", "name": "a"}], name
    for name, content in refused.items():
        (tmp_path / name).write_bytes(content)
        assert "unpack it and import its content" in refusal(tmp_path / name), name


def _named(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def _gz(path: Path, rows: int) -> None:
    path.write_bytes(gzip.compress(b"id,title,date_start,country\n" + ROW * rows))


def _zip_of(path: Path, rows: int) -> None:
    path.write_bytes(bombs.zipped(b"id,title,date_start,country\n" + ROW * rows))


def _sheet(path: Path, rows: int) -> None:
    bombs.workbook(path, [bombs.cells(1, "id"), *[b'<row><c t="str"><v>x</v></c></row>'] * rows])


@pytest.mark.parametrize("make", [_gz, _zip_of, _sheet])
def test_a_file_may_expand_only_to_a_multiple_of_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path, int], None]
) -> None:
    # given
    monkeypatch.setattr(limits, "ALWAYS_UNPACKED", 100_000)
    monkeypatch.setattr(limits, "MAX_RATIO", 30)
    make(tmp_path / "little", 500)
    make(tmp_path / "much", 30_000)

    # then
    assert len(read(tmp_path / "little")) == 500
    assert "unpacks to more than" in refusal(tmp_path / "much")


@pytest.mark.parametrize("begin", ["", "id,name\n1,a\n"])
@pytest.mark.parametrize("line", ["\n", " , \n"])
def test_empty_rows_count_toward_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: str, line: str
) -> None:
    # given
    monkeypatch.setattr(text_files, "MAX_BLANK_ROWS", 100)
    (tmp_path / "few").write_text(f"{begin}{line * 100 if begin or line == chr(10) else ''}id,name\n2,b\n")
    (tmp_path / "many").write_text(f"{begin}{line * 101}id,name\n2,b\n")

    # then
    assert read(tmp_path / "few")[-1] == {"id": "2", "name": "b"}
    assert refusal(tmp_path / "many")


def test_a_row_over_several_lines_has_a_maximum_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(text_files, "MAX_RECORD", 1000)
    (tmp_path / "file").write_text('id,name\n1,a\n"' + '\n","' * 500)

    # then
    assert "has a row of more than" in refusal(tmp_path / "file")


def test_split_rows_are_joined_up_to_a_number_of_lines(tmp_path: Path) -> None:
    # given
    (tmp_path / "file").write_text("id,name\n" + "a\n" * 300_000 + "1,b\n")

    # when
    begun = time.process_time()
    with open_table(tmp_path / "file") as table:
        *refused, last = table.rows

    # then
    assert time.process_time() - begun < 10
    assert {row.fault for row in refused} == {"has 1 cells, but the header has 2"}
    assert len(refused) >= 300_000 // limits.MAX_TORN
    assert dict(last.cells) == {"id": "1", "name": "b"}


def test_a_batch_has_a_maximum_size_in_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(pipeline, "MAX_BATCH_LENGTH", 1000)
    items = [pipeline.Item("", None, cells={"a": "x" * length}) for length in (10, 1000, 10, 10, 2000, 10)]

    # then
    assert [len(batch) for batch in pipeline._batches(items)] == [2, 3, 1]


class Stopped(Exception):
    pass


@pytest.mark.parametrize("name", ["a.csv.gz", "a.zip", "a.xlsx", "xlsx in gz"])
def test_cancellation_is_checked_during_decompression(tmp_path: Path, name: str) -> None:
    # given: one read of the file, out of which much comes
    path = tmp_path / name
    if name.endswith(("xlsx", "gz")) and "xlsx" in name:
        _sheet(path, 20_000)
        path.write_bytes(path.read_bytes() if name == "a.xlsx" else gzip.compress(path.read_bytes()))
    else:
        (_zip_of if name == "a.zip" else _gz)(path, 100_000)
    assert path.stat().st_size < packed_files.READ_SIZE
    looks = 0

    def look(_: int) -> None:
        nonlocal looks
        looks += 1
        if looks > 10:
            raise Stopped

    # when, then
    with pytest.raises(Stopped), open_table(path, look) as table:
        for _ in table.rows:
            pass


def test_workbook_values_round_trip(tmp_path: Path) -> None:
    # given
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["a", "b", "c", "d", "e"])
    book.active.append(["_x0041_", "é\n\U0001f4a3", -1.5e300, 12345678901, "  "])
    book.active.append([None, None, "=1+1", True, "NA"])
    book.save(tmp_path / "a.xlsx")

    # then: a formula has no value before a spreadsheet has computed it
    assert read(tmp_path / "a.xlsx") == [
        {"a": "A", "b": "é\n\U0001f4a3", "c": "-1.5e+300", "d": "12345678901", "e": "  "},
        {"a": "", "b": "", "c": "", "d": "True", "e": "NA"},
    ]


def test_shared_strings_are_resolved_and_missing_ones_reported(tmp_path: Path) -> None:
    # given
    texts = b"<sst><si><t>id</t></si><si><r><t>tw</t></r><r><t>o</t></r><rPh><t>loud</t></rPh></si></sst>"

    def cells(*numbers: int) -> bytes:
        return b"<row>" + b"".join(b'<c t="s"><v>%d</v></c>' % n for n in numbers) + b"</row>"

    bombs.workbook(tmp_path / "a.xlsx", [cells(0, 1), *[cells(1, 0)] * 30, cells(7, 0)], [texts])

    # when
    with open_table(tmp_path / "a.xlsx") as table:
        *good, bad = table.rows

    # then
    assert [dict(row.cells) for row in good] == [{"id": "two", "two": "id"}] * 30
    assert bad.fault is not None
    assert "damaged from this row on" in bad.fault


def test_sheet_rows_with_decreasing_numbers_are_rejected(tmp_path: Path) -> None:
    # given
    bombs.workbook(tmp_path / "a.xlsx", [bombs.cells(1, "id"), bombs.cells(5, "x"), bombs.cells(5, "y")])

    # then
    assert refusal(tmp_path / "a.xlsx") == "has a row 5 after row 5"
    assert sheets.MAX_ROWS == 2**20
