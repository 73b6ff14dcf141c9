"""The tables of an extract as Arrow: the words and columns of the dated-facts format, nothing else."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from training.population.chunk import Chunk
from training.population.days import OPEN, Days
from training.population.labour_market import LabourMarket
from training.population.parameters import Parameters
from training.population.people import DIED, MOVED, OLD_AGE_PENSION
from training.population.recording import ASSESSMENT_IDS, FACT_IDS_A_PERSON, NOT_RECORDED
from training.population.rows import take
from training.population.self_assessments import SECTIONS
from training.population.services import KINDS
from training.population.statements import INPUTS

LETTERS, ID_LENGTH = 26, 12
SEX_CODES = ("male", "female", "other", "not_recorded")
CITIZENSHIP_CODES = ("finland", "eu_eea", "other")
LANGUAGE_CODES = ("fi", "sv", "se", "other")
FORM_LANGUAGE_CODES = ("fi", "fi_plain", "sv", "en", "other")
ORIGIN_CODES = ("11", "12", "21", "22")
DEPARTURE_CODES = {MOVED: "moved", DIED: "died", OLD_AGE_PENSION: "old_age_pension"}
PLAIN_SCORES = ("work_ability_score", "functioning", "life_satisfaction", "health")


def client_ids(rng: np.random.Generator, first: int, count: int, people: int) -> pa.Array:
    """Names of people `first` to `first + count` of all `people`: twelve letters, unique, in alphabetical order.

    Letters only, so that none can look like a personal identity code. Each person draws from an equal slice of all
    names of twelve letters, so no chunk needs to know another's.
    """
    slice_size = LETTERS**ID_LENGTH // people
    number = (first + np.arange(count)) * slice_size + rng.integers(0, slice_size, count)
    letters = np.empty((count, ID_LENGTH), np.uint8)
    for place in reversed(range(ID_LENGTH)):
        number, letter = np.divmod(number, LETTERS)
        letters[:, place] = ord("a") + letter
    return pa.array(letters.view(f"S{ID_LENGTH}").ravel().astype(str), pa.string())


def dates(days: Days, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Day numbers as dates; null where `missing`."""
    absent = np.zeros(len(days), np.bool_) if missing is None else missing
    return pa.array(np.where(absent, 0, days).astype(np.int32), pa.int32(), mask=absent).cast(pa.date32())


def words(codes: NDArray[Any], vocabulary: tuple[str, ...]) -> pa.Array:
    """Positions in a vocabulary as strings."""
    return pa.array(vocabulary, pa.string()).take(pa.array(codes.astype(np.int32)))


def chunk_tables(chunk: Chunk, ids: pa.Array, first_person: int, parameters: Parameters) -> dict[str, pa.Table]:
    """Every table of one chunk, sorted by client_id."""

    def who(person: Days) -> pa.Array:
        return ids.take(pa.array(person.astype(np.int32)))

    def fact(person: Days, number: Days) -> pa.Array:
        return pa.array((first_person + person) * FACT_IDS_A_PERSON + number, pa.int64())

    def known_on(days: Days) -> pa.Array:
        return dates(days, days == NOT_RECORDED)

    s, v, t, d, a, p = (
        chunk.spells,
        chunk.services,
        chunk.statements,
        chunk.departures,
        chunk.self_assessments,
        chunk.people,
    )
    a = take(a, a["answered"])
    order = np.lexsort((a["date"], a["person"]))
    a = take(a, order)
    first_of_person = np.searchsorted(a["person"], a["person"])
    assessed_on = a["date"]
    return {
        "spells": pa.table({
            "client_id": who(s["person"]),
            "fact_id": fact(s["person"], s["fact"]),
            "employment_code": words(s["code"], tuple(f"{code:02d}" for code in range(9))),
            "start": dates(s["start"]),
            "end": dates(s["end"], s["end"] == OPEN),
            "known_on": known_on(s["known_on"]),
        }),
        "services": pa.table({
            "client_id": who(v["person"]),
            "fact_id": fact(v["person"], v["fact"]),
            "service": words(v["kind"], tuple(kind.code for kind in KINDS)),
            "start": dates(v["start"]),
            "end": dates(v["end"]),
            "known_on": known_on(v["known_on"]),
        }),
        "self_assessments": pa.table({
            "client_id": who(a["person"]),
            "fact_id": fact(a["person"], ASSESSMENT_IDS + np.arange(len(order)) - first_of_person),
            "date": dates(assessed_on),
            "known_on": dates(a["known_on"]),
            "instrument_version": words(a["version_2020"], ("2017", "2020")),
            "collected_by": words(a["version_2020"] * 0, ("employment_service",)),
            "collected_for": words(a["version_2020"] * 0, ("service_planning",)),
            "use_permitted": pa.array(a["use_permitted"]),
            **{name: _scores(a[name]) for name in PLAIN_SCORES},
            **{
                f"{section}_{part}": _scores(a[f"{section}_{part}"])
                for section in SECTIONS
                for part in ("score", "minimum", "maximum")
            },
        }),
        "statements": pa.table({
            "client_id": who(t["person"]),
            "fact_id": fact(t["person"], t["fact"]),
            "input": words(t["input"], INPUTS),
            "value": pa.array(t["value"].astype(object), pa.string()),
            "happened_on": dates(t["happened_on"]),
            "known_on": dates(t["known_on"]),
        }),
        "departures": pa.table({
            "client_id": who(d["person"]),
            "fact_id": fact(d["person"], d["fact"]),
            "date": dates(d["date"]),
            "known_on": dates(d["known_on"]),
            "reason": words(d["why"], tuple(DEPARTURE_CODES[code] for code in sorted(DEPARTURE_CODES))),
        }),
        "protected": pa.table({
            "client_id": ids,
            "sex": words(p.sex, SEX_CODES),
            "birth_year": pa.array(
                p.born_on.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970, pa.int64()
            ),
            "citizenship_group": words(p.citizenship, CITIZENSHIP_CODES),
            "native_language_group": words(p.language, LANGUAGE_CODES),
            "form_language": words(p.form_language, FORM_LANGUAGE_CODES),
            "origin_group": words(p.origin, ORIGIN_CODES),
            "municipality_code": words(p.municipality, parameters.municipality_codes),
            "disability_or_long_illness_flag": pa.array(p.long_illness),
        }),
        "truth": pa.table({
            "client_id": who(chunk.truth["person"]),
            "spell_start": dates(chunk.truth["spell_start"]),
            "as_of": dates(chunk.truth["as_of"]),
            "landmark": pa.array(chunk.truth["landmark"], pa.int64()),
            "true_risk": pa.array(chunk.truth["true_risk"], pa.float64()),
        }),
    }  # fmt: skip


def labour_market_table(market: LabourMarket, until: int) -> pa.Table:
    """The series of jobseekers per vacancy as published by `until`, by occupation group and month."""
    published = market.published_on()
    seen = published <= until
    months = market.months[seen].astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return pa.table(
        {
            "occupation": pa.array(np.repeat(np.arange(10), len(months)).astype(str)),
            "month": dates(np.tile(months, 10)),
            "jobseekers_per_vacancy": pa.array(market.tightness[:, seen].ravel()),
            "published_on": dates(np.tile(published[seen], 10)),
        }
    )


def _scores(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))
