"""The targets of the population, their report, the ceilings, and what can be planted in it."""

import math
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from training.ceiling import measures
from training.population.generate import Order, generate, read_helped, tally_of
from training.population.hazard import continuations
from training.population.keyed import Keyed
from training.population.parameters import Parameters, Planted, with_choices
from training.population.people import People
from training.population.report import Line, as_text, compare, kept_tally, program_digest
from training.population.stocks import GROUPS, MEASURES, MONTH_ENDS, count_stocks, month_place, stretches
from training.population.summary import Tally, curve, recall_at
from training.population.targets import TARGETS, Target

UNTIL = date(2026, 10, 31)
PEOPLE = 1_500


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def made(folder: Path, parameters: Parameters | None = None, helped: dict[str, int] | None = None) -> Path:
    generate(Order(PEOPLE, 5, UNTIL, parameters or Parameters(), helped or {}), folder)
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("plain") / "area")


def table(folder: Path, name: str) -> pa.Table:
    return pq.read_table(folder / ("truth" if name == "truth" else "extract") / f"{name}.parquet")


def lived(rows: list[tuple[int, str, str]]) -> dict[str, np.ndarray]:
    """Spells of one person: code, first and last day."""
    code, start, end = zip(*rows, strict=True)
    n = len(rows)
    last = np.array([day(text) for text in end])
    return {
        "person": np.zeros(n, np.int64),
        "code": np.array(code),
        "start": np.array([day(text) for text in start]),
        "end": last,
        "registered": last,
        "run": np.zeros(n, np.int64),
    }


def test_a_service_breaks_the_official_stretch_and_a_layoff_does_not() -> None:
    spells = lived([
        (3, "2024-01-01", "2024-01-31"),
        (2, "2024-02-01", "2024-06-30"),
        (8, "2024-07-01", "2024-07-31"),
        (2, "2024-08-01", "2024-12-31"),
    ])  # fmt: skip
    found = stretches(spells)
    assert found.start.tolist() == [day("2024-01-01"), day("2024-08-01")]
    assert found.end.tolist() == [day("2024-06-30"), day("2024-12-31")]


def test_long_term_unemployed_is_who_has_been_registered_for_twelve_months() -> None:
    spells = lived([(2, "2023-01-10", "2024-03-15")])
    runs = {name: spells[name] for name in ("person", "start", "end")}
    people = one_person()
    stocks = count_stocks(people, spells, runs, day("2026-10-31"))
    long_term = stocks[GROUPS.index("all"), MEASURES.index("long_term")]
    assert MONTH_ENDS[np.flatnonzero(long_term)].tolist() == [day("2024-01-31"), day("2024-02-29")]
    assert stocks[GROUPS.index("all"), MEASURES.index("jobseekers"), month_place(2023, 1)] == 1


def one_person() -> People:
    fields = {name: np.zeros(1, np.int64) for name in People.__dataclass_fields__}
    return People(**{**fields, "born_on": np.array([day("1980-01-01")])})


def test_the_curve_counts_who_moved_away_as_not_seen() -> None:
    ended, lost = np.zeros(367), np.zeros(367)
    ended[10], lost[5], lost[366] = 1, 2, 2
    assert curve(ended, lost)[9] == 1.0
    assert curve(ended, lost)[10] == pytest.approx(2 / 3)


def test_recall_is_what_the_highest_risks_hold() -> None:
    reached, not_reached = np.array([0.0, 1.0, 3.0]), np.array([4.0, 1.0, 1.0])
    assert recall_at(reached, not_reached, 0.4) == pytest.approx(0.75)


def test_both_measures_of_a_ceiling_by_hand() -> None:
    outcome, risk = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.5, 0.1])
    area, _, quarter = measures(outcome, risk)
    assert area == pytest.approx(0.875)
    assert quarter == pytest.approx(0.5)


def test_paths_of_hiring_have_mean_one_and_nothing_moves_before_the_as_of_date() -> None:
    paths = continuations(Parameters(), seed=1, months=6)
    assert paths.shape[1] >= 200
    assert np.all(paths[:8] == 1.0)
    assert paths[-1].mean() == pytest.approx(1.0, abs=0.01)
    assert np.all(continuations(Parameters(trend=False), 1, 0) == 1.0)


def test_keyed_numbers_are_uniform_and_hang_on_nothing_but_their_key() -> None:
    keys = np.arange(20_000)
    numbers = Keyed(3).uniform(7, keys)
    assert numbers.mean() == pytest.approx(0.5, abs=0.01)
    assert np.array_equal(Keyed(3).uniform(7, keys[100:200]), numbers[100:200])
    assert abs(np.corrcoef(numbers, Keyed(3).uniform(8, keys))[0, 1]) < 0.03


@pytest.mark.parametrize(("values", "holds"), [([1.0, 1.02, 0.98], True), ([1.07, 1.08, 1.06], False)])
def test_a_target_holds_within_five_per_cent(values: list[float], holds: bool) -> None:
    line = Line(Target("S", lambda tally: 0.0, "assumption", 1.0), np.array(values))
    assert line.mean_holds is holds


def test_a_default_seed_far_outside_does_not_hold() -> None:
    line = Line(Target("S", lambda tally: 0.0, "assumption", 1.0), np.array([1.3] + [0.99, 1.01] * 5))
    assert line.mean_holds
    assert not line.default_seed_holds


def test_every_target_has_a_source_and_one_that_gives_way_has_its_reason() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)
    for target in TARGETS:
        assert target.source
        assert (target.tolerance == 0.05) or target.trade_off


def test_the_report_names_what_does_not_hold_and_keeps_finished_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VARHAIN_HOME", str(tmp_path))
    first = kept_tally(1, 800, 1)
    kept = list((tmp_path / "population-report").iterdir())
    assert [path.name for path in kept] == [f"{program_digest()}-800-1.npz"]
    again = kept_tally(1, 800, 1)
    assert np.array_equal(first.stocks, again.stocks)
    impossible = Target("jobseekers on the moon", lambda tally: float(tally.people), "assumption", 1.0)
    text = as_text(compare([first, again], (impossible,)), 800)
    assert "jobseekers on the moon" in text
    assert "NO" in text
    assert "0 of 1 targets hold" in text


def test_counts_are_the_same_at_any_number_of_processes() -> None:
    order = Order(5_400, 2, UNTIL)
    one, two = tally_of(order, 1), tally_of(order, 2)
    assert np.array_equal(one.stocks, two.stocks)
    assert np.array_equal(one.was, two.was)


def test_help_shortens_runs_of_the_helped_and_changes_nothing_before_it(plain: Path, tmp_path: Path) -> None:
    on = day("2024-03-01")
    ids = table(plain, "protected")["client_id"].to_pylist()
    helped = dict.fromkeys(ids[: PEOPLE // 2], on)
    after = made(tmp_path / "helped", with_choices(help_effect=0.5), helped)
    for name in ("spells", "services", "self_assessments", "statements"):
        before, changed = (known_by(table(folder, name), on) for folder in (plain, after))
        assert before == changed, name
    assert table(plain, "spells").num_rows != table(after, "spells").num_rows
    others = pa.array(ids[PEOPLE // 2 :])
    untouched = [
        rows.filter(pc.is_in(rows["client_id"], others)) for rows in (table(plain, "spells"), table(after, "spells"))
    ]
    assert untouched[0].equals(untouched[1])


def known_by(rows: pa.Table, on: int) -> list[tuple[object, ...]]:
    known = rows.filter(pc.less_equal(rows["known_on"].cast(pa.int32()), on))
    return sorted(
        zip(*(column.to_pylist() for column in known.drop_columns(["fact_id"]).columns), strict=True), key=repr
    )


def test_helped_people_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "helped.csv").write_text("client_id,as_of\nabc,2024-03-01\n", "utf-8")
    assert read_helped(tmp_path / "helped.csv") == {"abc": day("2024-03-01")}


def test_foreign_citizens_hazard_ratio_and_trend_are_choices() -> None:
    assert with_choices(foreign_hazard_ratio=0.85).effects.foreign_citizen == pytest.approx(math.log(0.85))
    assert not with_choices(trend=False).trend


def from_drift(folder: Path, name: str) -> pa.Table:
    rows = table(folder, "statements")
    late = pc.greater_equal(rows["happened_on"].cast(pa.int32()), Planted().drift_from)
    return rows.filter(pc.and_(late, pc.equal(rows["input"], name)))


def test_a_lost_field_and_a_new_code_list_begin_on_their_day(plain: Path, tmp_path: Path) -> None:
    planted = Planted(lost_field="own_expectation", new_code_list=True)
    drifted = made(tmp_path / "drifted", Parameters(planted=planted))
    assert from_drift(plain, "own_expectation").num_rows > 0
    assert from_drift(drifted, "own_expectation").num_rows == 0
    codes = set(from_drift(plain, "reason_job_ended")["value"].to_pylist())
    assert not codes & set(from_drift(drifted, "reason_job_ended")["value"].to_pylist())


def test_a_downturn_raises_the_true_risk_from_its_day_on(plain: Path, tmp_path: Path) -> None:
    down = made(tmp_path / "down", Parameters(planted=Planted(downturn=True)))
    assert late_risk(down) > late_risk(plain) * 1.1


def late_risk(folder: Path) -> float:
    rows = table(folder, "truth")
    chosen = pc.and_(
        pc.equal(rows["landmark"], 0), pc.greater_equal(rows["as_of"].cast(pa.int32()), Planted().drift_from)
    )
    return float(pc.mean(rows.filter(chosen)["true_risk"]).as_py())


def test_a_new_client_mix_brings_more_foreign_citizens(plain: Path, tmp_path: Path) -> None:
    mixed = made(tmp_path / "mixed", Parameters(planted=Planted(client_mix=True, drift_from=day("2022-01-01"))))
    shares = [
        np.mean(np.array(table(folder, "protected")["citizenship_group"].to_pylist()) != "finland")
        for folder in (plain, mixed)
    ]
    assert shares[1] > shares[0] * 1.2


@pytest.fixture(scope="module")
def biased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    planted = Planted(late_outcomes=True, missing_assessments=True, hiding_service=True, group="women")
    return made(tmp_path_factory.mktemp("biased") / "area", Parameters(planted=planted))


def of_women(folder: Path, name: str) -> pa.Table:
    people = table(folder, "protected")
    women = people.filter(pc.equal(people["sex"], "female"))["client_id"]
    rows = table(folder, name)
    return rows.filter(pc.is_in(rows["client_id"], women.combine_chunks()))


def test_outcomes_of_one_group_are_recorded_ninety_days_later(plain: Path, biased: Path) -> None:
    def delay(folder: Path) -> float:
        rows = of_women(folder, "spells")
        outside = rows.filter(pc.is_in(rows["employment_code"], pa.array(["05", "07"])))
        lag = pc.subtract(outside["known_on"].cast(pa.int32()), outside["start"].cast(pa.int32()))
        first = pa.table({"fact": outside["fact_id"], "lag": lag}).group_by("fact").aggregate([("lag", "min")])
        return float(np.median(pc.drop_null(first["lag_min"]).to_numpy()))

    assert delay(biased) >= delay(plain) + 60


def test_one_group_answers_less_and_is_more_often_in_a_service(plain: Path, biased: Path) -> None:
    assert of_women(biased, "self_assessments").num_rows < 0.5 * of_women(plain, "self_assessments").num_rows
    assert of_women(biased, "services").num_rows > 1.5 * of_women(plain, "services").num_rows


def test_sums_of_two_tallies_add_up() -> None:
    one = tally_of(Order(300, 1, UNTIL))
    both = Tally()
    both.add(one)
    both.add(one)
    assert both.people == 2 * one.people
    assert np.array_equal(both.stocks, 2 * one.stocks)
