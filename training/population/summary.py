"""Counts gathered chunk by chunk, and the figures made of them: inflow, survival, base rate, AUC of the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.population.careers import DEPARTED, STILL_GOING_ON
from training.population.chunk import Chunk
from training.population.days import Days, Floats, year_of
from training.population.parameters import HORIZON_DAYS, WINDOW_OPENS
from training.population.people import MOVED
from training.population.rows import take
from training.population.self_assessments import SECTIONS
from training.population.stocks import GROUPS, MEASURES, MONTHS, count_stocks, starts_by_month, stretches

FIRST_YEAR, YEARS = 2019, 40
RISK_BINS = 4000
REGISTRATION_DAYS = 7
"""A self-assessment within a week of the start counts as made at registration."""
SURVIVAL_DAYS = {3: 91, 6: 183, 12: HORIZON_DAYS}


def _zeros(*shape: int) -> Floats:
    return np.zeros(shape)


SUMS = ("ended", "censored", "reached", "not_reached", "official_starts", "run_starts", "stocks", "official_ended",
        "official_censored", "was", "retest", "sections")  # fmt: skip


@dataclass
class Tally:
    """Sums over people; two tallies add up, so that any number of people fits in little memory.

    Attributes
    ----------
    rows : rows written by table
    ended, censored : float64 (years, horizon + 2), runs by year of entry and by day of the run on which they ended or
        were lost from sight (moved, still going on); the last day stands for the horizon and beyond
    reached, not_reached : float64 (years, bins), month-0 true risks of runs whose outcome is known
    official_starts, run_starts : float64 (months,), spells of registered unemployment and runs that begin
    stocks : float64 (groups, measures, months), see `stocks.py`
    official_ended, official_censored : as `ended` and `censored`, for the first registered spell of each run
    was : float64 (3, 11), Work Ability Scores: all entrants, who answered at registration, long-term unemployed
    retest : sums of 1, x, y, xx, yy, xy over scores of entrants and their repetition
    sections : sums of products of (1, the five section scores) over complete answers
    """

    people: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    ended: Floats = field(default_factory=lambda: _zeros(YEARS, HORIZON_DAYS + 2))
    censored: Floats = field(default_factory=lambda: _zeros(YEARS, HORIZON_DAYS + 2))
    reached: Floats = field(default_factory=lambda: _zeros(YEARS, RISK_BINS))
    not_reached: Floats = field(default_factory=lambda: _zeros(YEARS, RISK_BINS))
    assessed_at_registration: float = 0.0
    official_starts: Floats = field(default_factory=lambda: _zeros(MONTHS))
    run_starts: Floats = field(default_factory=lambda: _zeros(MONTHS))
    stocks: Floats = field(default_factory=lambda: _zeros(len(GROUPS), len(MEASURES), MONTHS))
    official_ended: Floats = field(default_factory=lambda: _zeros(YEARS, HORIZON_DAYS + 2))
    official_censored: Floats = field(default_factory=lambda: _zeros(YEARS, HORIZON_DAYS + 2))
    was: Floats = field(default_factory=lambda: _zeros(3, 11))
    retest: Floats = field(default_factory=lambda: _zeros(6))
    sections: Floats = field(default_factory=lambda: _zeros(6, 6))

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.people += other.people
        for name, count in other.rows.items():
            self.rows[name] = self.rows.get(name, 0) + count
        for name in SUMS:
            getattr(self, name)[:] += getattr(other, name)
        self.assessed_at_registration += other.assessed_at_registration


def tally_chunk(chunk: Chunk, rows: Mapping[str, int], until: int) -> Tally:
    """The counts of one chunk."""
    tally = Tally(people=len(chunk.people), rows=dict(rows))
    runs = chunk.runs
    seen = (runs["start"] >= WINDOW_OPENS) & (runs["start"] <= until)
    start, person = runs["start"][seen], runs["person"][seen]
    ended_by, end = runs["ended_by"][seen], runs["end"][seen]
    year = year_of(start) - FIRST_YEAR
    moved = (ended_by == DEPARTED) & (chunk.people.departs_why[person] == MOVED)
    lost = moved | (ended_by == STILL_GOING_ON) | (end > until)
    days = np.minimum(np.minimum(end, until) - start + 1, HORIZON_DAYS + 1)
    np.add.at(tally.ended, (year[~lost], days[~lost]), 1)
    np.add.at(tally.censored, (year[lost], days[lost]), 1)

    tally.stocks = count_stocks(chunk.people, chunk.lived, runs, until)
    _tally_official(tally, chunk, until)
    _tally_answers(tally, chunk)
    answers = take(chunk.self_assessments, chunk.self_assessments["answered"])
    answered = _key(answers["person"], answers["date"])
    soon = [np.isin(_key(person, start + days_later), answered) for days_later in range(REGISTRATION_DAYS)]
    tally.assessed_at_registration = float(np.any(soon, axis=0).sum())

    truth = chunk.truth
    at_entry = truth["landmark"] == 0
    keys = _key(truth["person"][at_entry], truth["spell_start"][at_entry])
    where = np.minimum(np.searchsorted(keys, _key(person, start)), len(keys) - 1)
    found = keys[where] == _key(person, start) if len(keys) else np.zeros(len(start), np.bool_)
    known = found & (start + HORIZON_DAYS <= until) & ~(moved & (days <= HORIZON_DAYS))
    bins = np.minimum((truth["true_risk"][at_entry][where] * RISK_BINS).astype(np.int64), RISK_BINS - 1)
    reached = end >= start + HORIZON_DAYS
    np.add.at(tally.reached, (year[known & reached], bins[known & reached]), 1)
    np.add.at(tally.not_reached, (year[known & ~reached], bins[known & ~reached]), 1)
    return tally


def _tally_official(tally: Tally, chunk: Chunk, until: int) -> None:
    official = stretches(chunk.lived)
    tally.official_starts = starts_by_month(official.start[official.start <= until])
    tally.run_starts = starts_by_month(chunk.runs["start"][chunk.runs["start"] <= until])
    first = (official.at_run_start > 0) & (official.start >= WINDOW_OPENS) & (official.start <= until)
    person, start, end = official.person[first], official.start[first], official.end[first]
    moved = (end >= chunk.people.departs_on[person]) & (chunk.people.departs_why[person] == MOVED)
    lost = moved | (end > until)
    days = np.minimum(np.minimum(end, until) - start + 1, HORIZON_DAYS + 1)
    year = year_of(start) - FIRST_YEAR
    np.add.at(tally.official_ended, (year[~lost], days[~lost]), 1)
    np.add.at(tally.official_censored, (year[lost], days[lost]), 1)


def _tally_answers(tally: Tally, chunk: Chunk) -> None:
    answers = chunk.self_assessments
    score, answered = answers["work_ability_score"], answers["answered"]
    known = ~np.isnan(score)
    entry = answers["day_of_run"] < REGISTRATION_DAYS
    for row, chosen in enumerate((entry, entry & answered, answered & (answers["day_of_run"] >= HORIZON_DAYS))):
        tally.was[row] = np.bincount(score[known & chosen].astype(np.int64), minlength=11)
    both = entry & known & ~np.isnan(answers["repeated"])
    x, y = score[both], answers["repeated"][both]
    tally.retest[:] = [len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]
    scores = np.stack([np.ones(len(score)), *(answers[f"{section}_score"] for section in SECTIONS)])
    scores = scores[:, answered & ~np.isnan(scores).any(axis=0)]
    tally.sections = scores @ scores.T


def _key(person: Days, on: Days) -> Days:
    """One number for a person and a day; sorted where both are."""
    return person * 2**20 + on


def survival(tally: Tally, year: int) -> dict[int, float | None]:
    """Kaplan-Meier shares of a year's entrants still unemployed after 3, 6 and 12 months; `None` where not yet seen."""
    row = year - FIRST_YEAR
    return _at_months(tally.ended[row], tally.censored[row])


def curve(ended: Floats, censored: Floats) -> Floats:
    """Kaplan-Meier curve by day from counts by day, float64 (horizon + 2,)."""
    at_risk = (ended + censored)[::-1].cumsum()[::-1]
    left: Floats = np.cumprod(1 - np.divide(ended, at_risk, out=np.zeros_like(ended), where=at_risk > 0))
    return left


def _at_months(ended: Floats, censored: Floats) -> dict[int, float | None]:
    at_risk = (ended + censored)[::-1].cumsum()[::-1]
    left = curve(ended, censored)
    return {months: float(left[day]) if at_risk[day + 1] >= 100 else None for months, day in SURVIVAL_DAYS.items()}


def recall_at(reached: Floats, not_reached: Floats, capacity: float) -> float | None:
    """Share of those who reach twelve months among the `capacity` with the highest binned risk."""
    if not reached.sum():
        return None
    people = np.concatenate(([0.0], np.cumsum((reached + not_reached)[::-1])))
    found = np.concatenate(([0.0], np.cumsum(reached[::-1])))
    return float(np.interp(capacity * people[-1], people, found) / found[-1])


def area_under_curve(reached: Floats, not_reached: Floats) -> float | None:
    """AUC of binned risks; `None` where one class is missing."""
    if not reached.sum() or not not_reached.sum():
        return None
    below = np.cumsum(not_reached) - not_reached
    return float((reached * (below + not_reached / 2)).sum() / (reached.sum() * not_reached.sum()))


def figures(tally: Tally, months_of_year: Mapping[int, float]) -> dict[str, Any]:
    """The printed figures; `months_of_year` tells how much of each year was simulated."""
    entered = (tally.ended + tally.censored).sum(axis=1)
    by_year = {}
    for year, months in months_of_year.items():
        row = year - FIRST_YEAR
        known = tally.reached[row].sum() + tally.not_reached[row].sum()
        by_year[year] = {
            "inflow_a_month": tally.official_starts[12 * row : 12 * row + 12].sum() / months,
            "runs_a_month": entered[row] / months,
            "survival_official": _at_months(tally.official_ended[row], tally.official_censored[row]),
            "survival": survival(tally, year),
            "base_rate": tally.reached[row].sum() / known if known >= 100 else None,
            "auc": area_under_curve(tally.reached[row], tally.not_reached[row]) if known >= 100 else None,
            "mean_true_risk": _mean_risk(tally, row) if known >= 100 else None,
        }
    reached, not_reached = tally.reached.sum(axis=0), tally.not_reached.sum(axis=0)
    return {
        "people": tally.people,
        "rows": dict(tally.rows),
        "by_year": by_year,
        "assessed_at_registration": tally.assessed_at_registration / max(entered.sum(), 1),
        "auc": area_under_curve(reached, not_reached),
        "base_rate": reached.sum() / max(reached.sum() + not_reached.sum(), 1),
    }


def _mean_risk(tally: Tally, row: int) -> float:
    weight = tally.reached[row] + tally.not_reached[row]
    return float((weight * (np.arange(RISK_BINS) + 0.5) / RISK_BINS).sum() / weight.sum())


def as_text(facts: Mapping[str, Any]) -> str:
    """The figures in a few lines for the terminal."""

    def shown(value: float | None) -> str:
        return "    -" if value is None else f"{value:5.3f}"

    rows = facts["rows"]
    lines = [
        f"{facts['people']:,} people; "
        + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in rows.items()),
        "year   inflow/month   new runs   S(3)   S(6)  S(12)  official   base rate   mean true risk   AUC (month 0)",
    ]
    for year, row in facts["by_year"].items():
        s = row["survival"]
        lines.append(
            f"{year}   {row['inflow_a_month']:12,.0f}   {row['runs_a_month']:8,.0f}  "
            f"{shown(s[3])}  {shown(s[6])}  {shown(s[12])}     {shown(row['survival_official'][12])}"
            f"       {shown(row['base_rate'])}            {shown(row['mean_true_risk'])}   {shown(row['auc'])}"
        )
    lines.append(
        f"self-assessment at registration {facts['assessed_at_registration']:.1%}; "
        f"all years: base rate {facts['base_rate']:.3f}, AUC of the true risk at month 0 {shown(facts['auc']).strip()}"
    )
    lines.append(
        "inflow: spells of registered unemployment (02, 03) that begin, as the statistics count them; S: runs;"
    )
    lines.append("official: S(12) where services break the count; the true risk knows no later change of hiring")
    return "\n".join(lines)
