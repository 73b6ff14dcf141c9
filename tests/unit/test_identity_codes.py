"""Anything shaped like a Finnish personal identity code is found, whatever it hides in, and never repeated.

The codes below are put together at run time, so that this file holds none itself.
"""

import secrets
import uuid
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.identity_codes import (
    REDACTED,
    find_identity_codes,
    holds_bare_identity_code,
    holds_identity_code,
    redacted,
)

DATE, REST = "131052", "308T"  # the specimen of the Digital and Population Data Services Agency
CENTURY_SIGNS = "+-ABCDEFUVWXY"


@pytest.mark.parametrize("sign", [*CENTURY_SIGNS, *CENTURY_SIGNS.lower()])
def test_every_century_sign_in_either_case(sign: str) -> None:
    assert holds_identity_code(f"{DATE}{sign}{REST}")
    assert holds_identity_code(f"{DATE}{sign}{REST.lower()}")


@pytest.mark.parametrize("sign", "GHIJKLMNOPQRSTZ*/.")
def test_other_signs_make_no_code(sign: str) -> None:
    assert not holds_identity_code(f"{DATE}{sign}{REST}")


@pytest.mark.parametrize("check", "0123456789ABCDEFHJKLMNPRSTUVWXY")
def test_the_checksum_is_not_asked(check: str) -> None:
    assert holds_identity_code(f"{DATE}-308{check}")


@pytest.mark.parametrize("date", ["000000", "320152", "311399", "999999"])
def test_a_code_that_stands_alone_counts_with_an_impossible_date(date: str) -> None:
    assert holds_identity_code(f"{date}-{REST}")
    assert holds_identity_code(f"({date}A{REST})")


@pytest.mark.parametrize(
    "around", ["client-{}", "{}.json", "/v1/clients/{}/screenings", "a,{},b", "x{}x", "20{}1", "_{}_", "åä{}ö"]
)
def test_wherever_it_stands(around: str) -> None:
    assert holds_identity_code(around.format(f"{DATE}-{REST}"))


def test_inside_a_word_an_impossible_date_is_a_number_like_any_other() -> None:
    assert not holds_identity_code(f"x999999-{REST}x")
    assert holds_identity_code(f"x{DATE}-{REST}x")


DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u00ad\u2e3a\u30a0"


@pytest.mark.parametrize("dash", [*DASHES])
def test_every_dash_is_a_dash(dash: str) -> None:
    assert holds_identity_code(f"{DATE}{dash}{REST}")


@pytest.mark.parametrize(
    "disguised",
    [
        f"{DATE} - {REST}",
        f"{DATE}\t-\u00a0{REST}",
        f"{DATE}\u200b-\u2060{REST}",
        "１３１０５２－３０８Ｔ",
        "١٣١٠٥٢-٣٠٨T",
        "𝟏𝟑𝟏𝟎𝟓𝟐A𝟑𝟎𝟖T",
        f"{DATE}%2D{REST}",
        f"{DATE}%E2%80%93{REST}",
    ],
)
def test_blanks_other_digits_invisible_characters_and_escapes_hide_nothing(disguised: str) -> None:
    assert holds_identity_code(disguised)


@pytest.mark.parametrize(
    "innocent",
    [
        "2026-10-15",
        "2026-10-15T12:30:00+02:00",
        "20261015T123000Z",
        "02",
        "5223",
        "within_3_months",
        "aJx-k_pseudonym",
        "keski_uusimaa",
        "040-1234567",
        "2026.1",
        "",
    ],
)
def test_dates_codes_and_pseudonyms_pass(innocent: str) -> None:
    assert not holds_identity_code(innocent)


@pytest.mark.parametrize("dressed", ["00131052A308D0000000000000000000", "00131052-308a-4000-8000-000000000000"])
def test_a_code_dressed_as_a_random_token_is_refused(dressed: str) -> None:
    assert holds_identity_code(dressed)
    assert not holds_bare_identity_code(dressed)


def test_a_bare_code_is_found_in_a_trace_number() -> None:
    assert holds_bare_identity_code("131052-308T")
    assert not holds_bare_identity_code("00-4bf92f131052a3080000000000004736-00f067aa0ba902b7-01")


def test_few_random_pseudonyms_are_refused_by_chance() -> None:
    uuids = [str(uuid.UUID(int=secrets.randbits(128), version=4)) for _ in range(3000)]
    assert sum(holds_identity_code(one) for one in uuids) < 15  # 1 in 1,100 is expected: three of these


def test_a_code_beside_a_digest_is_still_found() -> None:
    assert holds_identity_code(f"{sha256(b'x').hexdigest()} {DATE}-{REST}")


@given(
    st.text(max_size=20),
    st.from_regex(r"[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-Ya-y]", fullmatch=True),
    st.text(max_size=20),
)
def test_a_code_between_blanks_is_found_in_any_text(before: str, code: str, after: str) -> None:
    assert holds_identity_code(f"{before} {code} {after}")


def test_pointers_tell_every_place_of_a_document() -> None:
    code = f"{DATE}-{REST}"
    document = {
        "client_id": code,
        "spells": [{"start": "2026-10-12"}, {"note": f"see {code}"}],
        "a/b~c": code,
        "n": 131052,
    }
    assert find_identity_codes(document) == ["/client_id", "/spells/1/note", "/a~1b~0c"]


def test_a_key_is_told_by_the_object_it_stands_in() -> None:
    code = f"{DATE}-{REST}"
    pointers = find_identity_codes({"spells": [{code: {"x": code}}]})
    assert pointers == ["/spells/0"]
    assert find_identity_codes({code: 1}) == [""]


def test_a_text_that_holds_one_is_replaced_as_a_whole() -> None:
    assert redacted(f"file {DATE}-{REST}.toml") == REDACTED
    assert redacted("file area.toml") == "file area.toml"
