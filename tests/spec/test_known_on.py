"""`known_on` decides what exists on a day, never `happened_on`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.as_of import known_at, published_at
from features.catalogue import load_catalogue
from features.facts import Facts, LabourMarket, fact_table
from features.frame import build_features
from tests.people import day, days, facts_of

KEYS = ("happened_on", "end", "code")


def test_a_fact_recorded_late_is_not_known_before() -> None:
    facts = facts_of({"spells": [("02", "2026-01-01", None, "2026-01-05")]})
    assert known_at(facts, days("2026-01-04")).tables["spells"].rows == 0
    assert known_at(facts, days("2026-01-05")).tables["spells"].rows == 1


def test_of_several_versions_the_one_known_last_counts() -> None:
    versions = [("02", "2026-01-01", None, "2026-01-01", 7), ("02", "2026-01-03", "2026-02-10", "2026-02-12", 7)]
    facts = facts_of({"spells": versions})
    before = known_at(facts, days("2026-02-11")).tables["spells"]
    after = known_at(facts, days("2026-02-12")).tables["spells"]
    assert (before["happened_on"][0], before["end"][0]) == (day("2026-01-01"), day("2026-02-11"))
    assert (after["happened_on"][0], after["end"][0]) == (day("2026-01-03"), day("2026-02-10"))


def test_what_is_announced_has_not_happened_yet() -> None:
    facts = facts_of({"services": [("1", "2026-03-01", "2026-03-31", "2026-02-01")]})
    assert known_at(facts, days("2026-02-15")).tables["services"].rows == 0


def test_a_spell_is_cut_to_the_day() -> None:
    facts = facts_of({"services": [("1", "2026-03-01", "2026-03-31", "2026-02-01")]})
    assert known_at(facts, days("2026-03-10")).tables["services"]["end"][0] == day("2026-03-10")


def test_a_figure_of_the_labour_market_counts_from_its_publication() -> None:
    market = LabourMarket(
        np.array([0, 2]), days("2026-02-25", "2026-03-25"), days("2026-01-01", "2026-02-01"), np.array([3.0, 4.0])
    )
    assert published_at(market, np.array([0.0]), days("2026-03-24"))[0] == 3.0
    assert published_at(market, np.array([0.0]), days("2026-03-25"))[0] == 4.0
    assert np.isnan(published_at(market, np.array([0.0]), days("2026-02-24"))[0])
    assert np.isnan(published_at(market, np.array([0.0]), days("2027-01-01"))[0])
    assert np.isnan(published_at(market, np.array([np.nan]), days("2026-04-01"))[0])


def test_a_revision_of_an_old_month_does_not_hide_the_present_one() -> None:
    published = days("2026-06-25", "2026-07-25", "2026-08-25", "2026-08-26")
    months = days("2026-05-01", "2026-06-01", "2026-01-01", "2026-06-01")
    market = LabourMarket(np.array([0, 4]), published, months, np.array([3.0, 4.0, 9.0, 5.0]))
    assert published_at(market, np.array([0.0]), days("2026-08-25"))[0] == 4.0
    assert published_at(market, np.array([0.0]), days("2026-08-26"))[0] == 5.0


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Facts, Facts]:
    """One person's facts, and the same facts with more of them that became known after day 20,000."""
    start = st.integers(18_000, 19_990)

    def table(kind: str, late: bool) -> dict[str, list[float]]:
        columns: dict[str, list[float]] = {}
        for i in range(draw(st.integers(0, 6))):
            happened = draw(start)
            row = {"fact_id": draw(st.integers(0, 4)) if late else i, "happened_on": happened}
            row["known_on"] = draw(st.integers(20_001, 20_400)) if late else happened + draw(st.integers(0, 9))
            if kind in ("spells", "services"):
                row |= {"end": happened + draw(st.integers(0, 600)), "code": draw(st.integers(0, 8))}
            else:
                row |= {"input": draw(st.integers(0, 5)), "value": draw(st.integers(0, 3))}
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        return columns

    early = {kind: table(kind, False) for kind in ("spells", "services", "statements")}
    late = {kind: table(kind, True) for kind in early}
    nothing = facts_of({})

    def world(*parts: dict[str, dict[str, list[float]]]) -> Facts:
        tables = dict(nothing.tables)
        for kind in early:
            names = ("fact_id", "happened_on", "known_on") + (
                ("end", "code") if kind != "statements" else ("input", "value")
            )
            columns = {name: np.array([v for part in parts for v in part[kind].get(name, [])]) for name in names}
            tables[kind] = fact_table(kind, 1, np.zeros(len(columns["fact_id"]), int), columns)
        return Facts(("person",), tables)

    return world(early), world(early, late)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_a_fact_known_after_the_as_of_date_never_changes_a_feature(pair: tuple[Facts, Facts]) -> None:
    catalogue = load_catalogue("keski_uusimaa")
    without, with_late_facts = pair
    as_of = np.array([20_000], np.int32)
    np.testing.assert_array_equal(
        build_features(catalogue, without, as_of).values, build_features(catalogue, with_late_facts, as_of).values
    )


@pytest.mark.parametrize("kind", ["spells", "services", "statements", "self_assessments", "departures"])
def test_taking_people_keeps_each_with_their_own_facts(kind: str) -> None:
    first = {"spells": [("02", "2026-01-01", None)], "statements": [("history_from", "2020-01-01", "2026-01-01")]}
    facts = facts_of(first, {}, {"spells": [("01", "2025-01-01", None), ("02", "2026-02-01", None)]})
    taken = facts.take(np.array([2, 0, 2]))
    for new, old in enumerate((2, 0, 2)):
        for name, column in taken.tables[kind].columns.items():
            own = column[taken.tables[kind].offsets[new] : taken.tables[kind].offsets[new + 1]]
            source = facts.tables[kind]
            np.testing.assert_array_equal(own, source[name][source.offsets[old] : source.offsets[old + 1]])
