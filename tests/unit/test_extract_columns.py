"""No column is a hiding place: whatever stands between a code's parts, and whatever type the column has."""

import re

import pyarrow as pa
import pytest

from features.extract_columns import ExtractFile
from features.identity_codes import holds_identity_code

BLANKS = [chr(number) for number in range(128) if re.fullmatch(r"\s", chr(number))]
PART = pa.struct([("131052-308T", pa.string())])


def faults_of(column: pa.Array) -> list[str]:
    file = ExtractFile("spells.parquet", pa.table({"note": column}))
    file.refuse_identity_codes()
    return file.faults


@pytest.mark.parametrize("blank", BLANKS, ids=[f"{ord(blank):02x}" for blank in BLANKS])
@pytest.mark.parametrize("parts", [("131052", "-308T"), ("131052-", "308T"), ("131052-308", "T")], ids=str)
def test_a_code_with_any_blank_between_its_parts_is_refused(blank: str, parts: tuple[str, str]) -> None:
    text = (blank * 2).join(parts)
    assert holds_identity_code(text)
    (fault,) = faults_of(pa.array(["fine", text]))
    assert fault.startswith("spells.parquet, column note, row 2: holds something shaped like a personal identity code")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["131052-308T"]]),
        pa.array([{"131052-308T": "131052-308T"}], PART),
        pa.array([[("a", "131052-308T")]], pa.map_(pa.string(), pa.string())),
        pa.array([b"131052-308T"]),
        pa.array([b"131052-308T"], pa.binary(11)),
        pa.array([b"131052-308T"]).dictionary_encode(),
        pa.array(["131052-308T"], pa.string_view()),
        pa.array([None], pa.list_(PART)),
    ],
    ids=lambda column: re.sub(r"\d", "", str(column.type))[:25],
)
def test_a_column_where_texts_could_hide_is_refused_without_a_word_of_it(column: pa.Array) -> None:
    file = ExtractFile("spells.parquet", pa.table({"note": column}))
    file.refuse_identity_codes()
    assert len(file.faults) == 1
    assert file.faults[0].startswith("spells.parquet, column note: is ")
    assert file.faults[0].endswith("; deliver a plain column of text, numbers or dates")
    for read in (file.text, file.days, file.numbers, file.whole, file.flags):
        read("note")
    assert len(file.faults) == 6
    assert not [fault for fault in file.faults if holds_identity_code(fault)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["ab", None]),
        pa.array(["ab", None]).dictionary_encode(),
        pa.array([1, None]),
        pa.array([1.5, None]),
        pa.array([True, None]),
        pa.array([1, None], pa.date32()),
        pa.array([1, None], pa.timestamp("us", "UTC")),
        pa.array([1, None], pa.decimal128(5)),
        pa.nulls(2),
    ],
    ids=lambda column: str(column.type)[:20],
)
def test_plain_columns_pass(column: pa.Array) -> None:
    assert faults_of(column) == []
