"""A flat extract: one file, its catalogue, and no code of its own."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from features.catalogue import Catalogue, catalogue_from_text
from features.errors import ExtractError, TrainingError
from training.config import checked_config
from training.extract import Extract, read_extract
from training.pipeline import train

PENN = (Path(__file__).parents[1] / "data" / "penn.toml").read_text(encoding="utf-8")
HEADER = (
    "abdt tg inuidur1 inuidur2 female black hispanic othrace dep q1 recall agelt35 agegt54 "
    "durable nondurable lusd husd muld"
)
ROWS = [
    "10824 0 18 18 0 0 0 0 2 0 0 0 0 0 0 0 1 0",
    "10635 2 26 3 1 0 0 0 0 0 1 0 0 1 0 1 0 0",
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return catalogue_from_text(PENN)


def read(tmp_path: Path, catalogue: Catalogue, rows: list[str], header: str = HEADER) -> Extract:
    file = tmp_path / "claims.dat"
    file.write_text("\n".join([header, *rows]) + "\n")
    return read_extract(file, catalogue)


def refusal(tmp_path: Path, catalogue: Catalogue, rows: list[str], header: str = HEADER) -> str:
    with pytest.raises(ExtractError) as refused:
        read(tmp_path, catalogue, rows, header)
    return refused.value.message


def test_a_blank_separated_file_becomes_a_frame(tmp_path, catalogue):
    extract = read(tmp_path, catalogue, ROWS)
    assert extract.flat.frame.column("tg").tolist() == [0.0, 2.0]
    assert extract.flat.frame.column("recall").tolist() == [0.0, 1.0]
    assert extract.flat.outcome.tolist() == [0.0, 1.0]
    assert extract.flat.as_of.tolist() == [7171, 6982]  # 20 August 1989 and 12 February 1989
    assert extract.protected["female"].tolist() == [0.0, 1.0]
    assert extract.delivered_until == 7171 + 182


def test_commas_and_parquet_give_the_same(tmp_path, catalogue):
    blank = read(tmp_path, catalogue, ROWS).flat.frame.values
    commas = catalogue_from_text(PENN.replace('separator = "whitespace"', 'separator = ","'))
    csv = tmp_path / "claims.csv"
    csv.write_text("\n".join([HEADER, *ROWS]).replace(" ", ",") + "\n")
    parquet = tmp_path / "claims.parquet"
    table = {name: [int(row.split()[i]) for row in ROWS] for i, name in enumerate(HEADER.split())}
    pa.parquet.write_table(pa.table(table), parquet)
    np.testing.assert_array_equal(read_extract(csv, commas).flat.frame.values, blank)
    np.testing.assert_array_equal(read_extract(parquet, commas).flat.frame.values, blank)


def test_a_column_missing(tmp_path, catalogue):
    message = refusal(tmp_path, catalogue, ROWS, HEADER.replace("recall", "recalled"))
    assert message == "claims.dat: column recall is missing; deliver it, or rename the column that holds it"


def test_a_row_with_a_field_too_few(tmp_path, catalogue):
    message = refusal(tmp_path, catalogue, [ROWS[0], ROWS[1][:-2]])
    assert message.startswith("claims.dat, row 2: has 17 fields where the header has 18")


def test_an_unknown_code(tmp_path, catalogue):
    message = refusal(tmp_path, catalogue, [ROWS[0].replace("10824 0", "10824 9")])
    assert message.startswith("claims.dat, column tg, row 1: is not a code of tg; use one of 0, 1, 2")


def test_a_number_outside_its_range(tmp_path, catalogue):
    message = refusal(tmp_path, catalogue, [ROWS[0].replace(" 2 ", " 3 ")])
    assert message.startswith("claims.dat, column dep, row 1: is outside its range, 0 to 2")


def test_an_identity_code_in_the_name_of_the_file(tmp_path, catalogue):
    file = tmp_path / "131052-308T.dat"
    file.write_text("\n".join([HEADER, *ROWS]) + "\n")
    with pytest.raises(ExtractError, match="the path of the extract holds something shaped like") as refused:
        read_extract(file, catalogue)
    assert "131052" not in refused.value.message


def test_an_identity_code_in_the_name_of_a_column(tmp_path, catalogue):
    message = refusal(tmp_path, catalogue, [f"{row} 1" for row in ROWS], header=f"{HEADER} c131052-308T")
    assert "claims.dat: the name of column number 19 holds something shaped like" in message
    assert "131052" not in message


def test_an_identity_code_in_a_column_that_is_not_even_read(tmp_path, catalogue):
    message = refusal(tmp_path, catalogue, [f"{ROWS[0]} 131052-308T"], f"{HEADER} remark")
    assert "claims.dat, column remark, row 1: holds something shaped like a personal identity code" in message
    assert "131052" not in message


def test_a_file_that_is_not_utf8(tmp_path, catalogue):
    (tmp_path / "claims.dat").write_bytes(f"{HEADER}\n{ROWS[0]}\n".encode() + "päivä\n".encode("latin-1"))
    with pytest.raises(ExtractError, match=r"claims.dat, row 2: is not UTF-8"):
        read_extract(tmp_path / "claims.dat", catalogue)


def test_a_person_twice_on_one_day(tmp_path, catalogue):
    by_person = catalogue_from_text(PENN.replace('person = "row"', 'person = "who"'))
    rows = [f"{ROWS[0]} a", f"{ROWS[1]} a", f"{ROWS[1]} a"]
    message = refusal(tmp_path, by_person, rows, f"{HEADER} who")
    assert message.startswith("claims.dat, column person and as-of date, row 3: stand there twice")


def test_a_folder_in_place_of_the_file(tmp_path, catalogue):
    with pytest.raises(ExtractError, match="reads one flat file; give the file, not a folder"):
        read_extract(tmp_path, catalogue)


def test_one_class_only_cannot_be_trained_on(tmp_path):
    random = np.random.default_rng(1)
    rows = [ROWS[0].replace("10824", str(day)) for day in random.integers(10_400, 10_880, 600)]
    (tmp_path / "penn.toml").write_text(PENN, encoding="utf-8")
    (tmp_path / "claims.dat").write_text("\n".join([HEADER, *rows]) + "\n")
    config = checked_config({"extract": str(tmp_path / "claims.dat"), "catalogue": str(tmp_path / "penn.toml")})
    with pytest.raises(TrainingError, match=r"nobody of .* person-dates has the outcome; a model needs both classes"):
        train(config)
