"""Long tables block by block: however a file is broken, it is told with the place and without the content."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from features import table_stream
from features.errors import ExtractError
from features.table_stream import TableStream

HEADER = "client_id,code\n"


def csv(path: Path, *lines: str | bytes) -> Path:
    path.write_bytes(b"".join(one if isinstance(one, bytes) else one.encode() for one in (HEADER, *lines)))
    return path


def read(path: Path, skip: int = 0, separator: str = ",") -> pa.Table:
    return pa.concat_tables(TableStream(path, separator).blocks(skip))


def refusal(path: Path, separator: str = ",") -> str:
    with pytest.raises(ExtractError) as refused:
        read(path, separator=separator)
    return refused.value.message


def test_codes_keep_their_zeros_and_empty_cells_are_missing(tmp_path: Path) -> None:
    table = read(csv(tmp_path / "a.csv", "anna,02\n", "berta,\n"))

    assert table.to_pydict() == {"client_id": ["anna", "berta"], "code": ["02", None]}


@pytest.mark.parametrize("skip", [0, 1, 3, 4, 9])
def test_reading_can_begin_at_any_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: int) -> None:
    monkeypatch.setattr(table_stream, "ROWS_A_BLOCK", 2)
    table = pa.table({"client_id": [f"c{n}" for n in range(9)]})
    pa.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=4)

    blocks = list(TableStream(tmp_path / "a.parquet").blocks(skip))

    assert [name for block in blocks for name in block["client_id"].to_pylist()] == [f"c{n}" for n in range(skip, 9)]


def test_a_row_with_another_number_of_fields_is_told_by_its_number(tmp_path: Path) -> None:
    lines = ["anna,02\n"] * 70_000 + ["berta,03,secret\n"] + ["clara,04\n"] * 10

    said = refusal(csv(tmp_path / "a.csv", *lines))

    assert said.startswith("a.csv, row 70001: has 3 fields where the header has 2")
    assert "secret" not in said


def test_another_encoding_is_told_by_its_row(tmp_path: Path) -> None:
    said = refusal(csv(tmp_path / "a.csv", "anna,02\n", "j\u00e4rvi,03\n".encode("latin-1")))

    assert said == "a.csv, row 2: is not UTF-8; save the file as UTF-8"
    (tmp_path / "b.csv").write_bytes("k\u00e4ytt\u00e4j\u00e4\n".encode("latin-1"))
    assert "header is not UTF-8" in refusal(tmp_path / "b.csv")


def test_a_parquet_file_that_was_cut_short_is_told_so(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"client_id": ["anna"] * 5_000}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for length in (0, 3, len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.parquet").write_bytes(whole[:length])

        assert "cut short or not a Parquet file" in refusal(tmp_path / "a.parquet")


def test_a_parquet_file_damaged_inside_is_told_so(tmp_path: Path) -> None:
    names = [f"client-{n * 7919 % 10_007}" for n in range(10_000)]
    pa.parquet.write_table(pa.table({"client_id": names}), tmp_path / "a.parquet", compression="zstd")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[200:5_000] = b"\0" * 4_800
    (tmp_path / "a.parquet").write_bytes(content)

    assert "cut short or damaged" in refusal(tmp_path / "a.parquet")


def test_texts_held_as_a_dictionary_are_texts(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"code": pa.array(["02", None, "02"]).dictionary_encode()}), tmp_path / "a.parquet")

    assert read(tmp_path / "a.parquet").column("code").type == pa.string()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "client_id,client_id\na,b\n", "twice"),
        ("a.txt", "x", "must end in .csv or .parquet"),
        ("a.xlsx", "x", "must end in .csv or .parquet"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)

    assert said in refusal(tmp_path / name)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "there is no file a.csv" in refusal(tmp_path / "a.csv")


def test_blank_separated_rows_are_read_and_short_ones_told(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("a  b\n 1 2\n3 4\n")
    assert read(tmp_path / "a.dat", separator="whitespace").to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}

    (tmp_path / "a.dat").write_text("a  b\n 1 2\n3\n")
    assert "row 2: has 1 fields" in refusal(tmp_path / "a.dat", "whitespace")
