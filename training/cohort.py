"""Who is screened when: the as-of dates of each run of unemployment at the catalogue's landmarks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.as_of import known_at
from features.catalogue import Catalogue
from features.errors import TrainingError
from features.facts import Facts, day_number, empty_table
from features.frame import FeatureFrame, build_features
from features.history import LAID_OFF, UNEMPLOYED, present_spell
from features.outcome import labels
from training.extract import Extract

DAYS_A_MONTH = 30.4375
PERSON_DATES_AT_ONCE = 50_000
LEGAL_AGES = (18, 64)
"""First and last age in years at which people are screened (assumption: the area's own choice stands in its policy)."""


@dataclass(frozen=True)
class Cohort:
    """Person-dates in scope, with their outcome.

    Attributes
    ----------
    person : int64 (n,)
        Position in the extract's `client_ids`.
    as_of, matures_on : int32 (n,)
        Day numbers.
    landmark : int8 (n,)
        Months since the run began.
    outcome : float64 (n,)
        1.0 or 0.0; NaN while not known.
    counts : mapping of words to number
        What was left out and why, and what is flagged; for the evidence.
    flags : mapping of period to bool (n,)
        Person-dates in a known-bad period that the catalogue flags: the run began in it, or the as-of date lies in it.
    """

    person: NDArray[np.int64]
    as_of: NDArray[np.int32]
    matures_on: NDArray[np.int32]
    landmark: NDArray[np.int8]
    outcome: NDArray[np.float64]
    counts: Mapping[str, int]
    flags: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.person)


def flat_cohort(extract: Extract, catalogue: Catalogue) -> Cohort:
    """Return the cohort of a flat extract: every row, at its one landmark; rows without an outcome are counted."""
    flat = extract.flat
    if flat is None:
        raise TrainingError("this extract holds dated facts; its cohort is built from runs of unemployment")
    n = len(flat.person)
    return Cohort(
        person=flat.person,
        as_of=flat.as_of,
        matures_on=(flat.as_of + np.int32(catalogue.horizon_days)).astype(np.int32),
        landmark=np.full(n, catalogue.landmarks[0], np.int8),
        outcome=flat.outcome,
        counts={"outcome not known": int(np.isnan(flat.outcome).sum())},
    )


def build_cohort(extract: Extract, catalogue: Catalogue) -> Cohort:
    """Return the person-dates of an extract of dated facts, one for each run and landmark reached.

    Month 0 is the day on which the start of the run became known; later landmarks are whole months after the start.
    Who is in scope is judged by what was known on the day itself: an unemployed person (also one in a service or in
    subsidised work within the run), not one who is only temporarily laid off, of an age the Act names (the one use of
    the birth year). Runs that began in a period the catalogue excludes are left out.
    """
    if extract.facts is None:
        raise TrainingError("this extract is flat; each of its rows is a person-date")
    found = [_at_landmark(extract, extract.facts, catalogue, position) for position in range(len(catalogue.landmarks))]
    person, start, as_of, landmark = (np.concatenate([part[i] for part in found]) for i in range(4))
    counts: dict[str, int] = {"laid off on the day": sum(part[4] for part in found)}

    age = ages(extract, person, as_of)
    wrong_age = (age < LEGAL_AGES[0]) | (age > LEGAL_AGES[1])
    counts[f"outside the ages {LEGAL_AGES[0]}-{LEGAL_AGES[1]}"] = int(wrong_age.sum())
    kept = ~wrong_age
    flags = {}
    for period in catalogue.bad_periods:
        inside = (start >= day_number(period.starts)) & (start <= day_number(period.ends))
        if period.rule == "exclude" and "spells" in period.facts:
            counts[f"began in the period left out: {period.name}"] = int((inside & kept).sum())
            kept &= ~inside
        else:
            inside |= (as_of >= day_number(period.starts)) & (as_of <= day_number(period.ends))
            flags[period.name] = inside
    for name, inside in flags.items():
        counts[f"in the period flagged: {name}"] = int((inside & kept).sum())
    order = np.lexsort((landmark[kept], as_of[kept], person[kept]))
    person, as_of, landmark = person[kept][order], as_of[kept][order], landmark[kept][order]

    outcome = labels(catalogue, extract.facts.take(person), as_of, extract.delivered_until)
    counts["outcome not known"] = int(np.isnan(outcome.value).sum())
    flagged = {name: inside[kept][order] for name, inside in flags.items()}
    return Cohort(person, as_of, outcome.matures_on, landmark, outcome.value, counts, flagged)


def features_of_cohort(
    catalogue: Catalogue, facts: Facts, cohort: Cohort, done: Callable[[int], object] = lambda rows: None
) -> FeatureFrame:
    """Return the features of a cohort's person-dates, some at a time; `done` is told how many are ready."""
    parts = [np.empty((0, len(catalogue.feature_names)))]
    for start in range(0, len(cohort), PERSON_DATES_AT_ONCE):
        rows = slice(start, start + PERSON_DATES_AT_ONCE)
        parts.append(build_features(catalogue, facts.take(cohort.person[rows]), cohort.as_of[rows]).values)
        done(len(parts[-1]))
    return FeatureFrame(np.concatenate(parts), catalogue.feature_names, catalogue.fingerprint)


def ages(extract: Extract, person: NDArray[np.int64], as_of: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return ages in years (n,), the year of the as-of date less the birth year; NaN where not recorded."""
    if "birth_year" not in extract.protected:
        return np.full(len(person), np.nan)
    year = as_of.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return year - extract.protected["birth_year"][person]


def _at_landmark(
    extract: Extract, facts: Facts, catalogue: Catalogue, position: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int8], int]:
    """Person, start of the run, as-of date and landmark of everybody who was in scope at one landmark."""
    months = catalogue.landmarks[position]
    later = catalogue.landmarks[position + 1 :] or (catalogue.horizon_months,)
    person, start, known_on = _starts(facts)
    reached = start + np.int32(round(months * DAYS_A_MONTH))
    as_of = np.maximum(reached, known_on).astype(np.int32) if months == 0 else reached
    candidate = (
        (as_of >= known_on) & (as_of <= extract.delivered_until) & (as_of - start < round(later[0] * DAYS_A_MONTH))
    )
    person, start, as_of = person[candidate], start[candidate], as_of[candidate]
    spells = facts.tables["spells"].take(person)
    nothing = empty_table("services", len(person))
    known = known_at(
        Facts(("",) * len(person), {"spells": spells, "services": nothing}),
        as_of,
        catalogue.statement_inputs,
        catalogue.label.bridging_days,
    )
    present = present_spell(known)
    in_run = present.start == start
    laid_off = in_run & (present.code == LAID_OFF)
    chosen = _one_per_run(in_run & ~laid_off, person, start, catalogue.label.bridging_days)
    landmark = np.full(len(chosen), months, np.int8)
    return person[chosen], start[chosen], as_of[chosen], landmark, int(laid_off.sum())


def _starts(facts: Facts) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Every start of unemployment that was ever recorded, with the day it became known; the true one may come later."""
    spells = facts.tables["spells"]
    owner = np.repeat(np.arange(len(facts)), np.diff(spells.offsets))
    unemployed = spells["code"] == UNEMPLOYED
    person, start, known_on = owner[unemployed], spells["happened_on"][unemployed], spells["known_on"][unemployed]
    order = np.lexsort((known_on, start, person))
    person, start, known_on = person[order], start[order], known_on[order]
    first = np.ones(len(person), np.bool_)
    first[1:] = (np.diff(person) != 0) | (np.diff(start) != 0)
    return person[first].astype(np.int64), start[first].astype(np.int32), known_on[first].astype(np.int32)


def _one_per_run(
    in_scope: NDArray[np.bool_], person: NDArray[np.int64], start: NDArray[np.int32], bridging_days: int
) -> NDArray[np.int64]:
    """Rows in scope, without a second one for a run whose start was corrected by a few days."""
    rows = np.flatnonzero(in_scope)
    close = (np.diff(person[rows]) == 0) & (np.diff(start[rows]) <= bridging_days)
    return np.delete(rows, np.flatnonzero(close) + 1)
