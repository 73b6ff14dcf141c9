"""The synthetic population: facts only, the same from the same seed, and a true risk that is true."""

import ast
import json
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.catalogue import load_catalogue
from features.facts import DEPARTURES
from features.outcome import ACTIVATION_NEUTRAL, labels
from training.extract import Extract, read_extract
from training.population.generate import Order, OutputRefusedError, generate
from training.population.parameters import HORIZON_DAYS, with_choices

ROOT = Path(__file__).parents[2]
UNTIL = date(2026, 10, 31)
FACTS = ("spells", "services", "self_assessments", "statements", "departures")
HAPPENED = {"spells": "start", "services": "start", "self_assessments": "date", "statements": "happened_on",
            "departures": "date"}  # fmt: skip


@dataclass(frozen=True)
class Made:
    folder: Path
    figures: dict[str, Any]

    def table(self, name: str) -> pa.Table:
        part = "truth" if name == "truth" else "extract"
        return pq.read_table(self.folder / part / f"{name}.parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("population") / "area"
    return Made(folder, generate(Order(people=12_000, seed=7, until=UNTIL), folder))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def days(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column.cast(pa.int32()), -1).to_numpy().astype(np.int64)


def latest_spells(made: Made) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Person, code, start and end (far future: open) of the version of each spell known last."""
    table = made.table("spells")
    person = table["client_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    fact, known = table["fact_id"].to_numpy(), days(table["known_on"])
    order = np.lexsort((known, fact))
    last = order[np.append(np.diff(fact[order]) != 0, True)]
    end = np.where(days(table["end"]) == -1, 10**6, days(table["end"]))
    code = table["employment_code"].cast(pa.int32()).to_numpy()
    return person[last], code[last], days(table["start"])[last], end[last]


def test_the_same_seed_gives_the_same_bytes_at_any_number_of_processes(tmp_path: Path) -> None:
    order = Order(people=6_000, seed=3, until=UNTIL)
    assert order.chunks == 2
    generate(order, tmp_path / "one", processes=1)
    generate(order, tmp_path / "two", processes=2)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(Order(people=50, seed=seed, until=UNTIL), tmp_path / str(seed))
    first, second = (pq.read_table(tmp_path / str(seed) / "extract/protected.parquet") for seed in (1, 2))
    assert not set(first["client_id"].to_pylist()) & set(second["client_id"].to_pylist())


@pytest.mark.parametrize("people", [1, 2, 4_999, 5_001])
def test_there_are_exactly_as_many_people_as_asked_for(tmp_path: Path, people: int) -> None:
    generate(Order(people=people, seed=1, until=UNTIL), tmp_path / "area")
    assert pq.read_metadata(tmp_path / "area/extract/protected.parquet").num_rows == people


def test_it_shares_no_code_with_the_features() -> None:
    imports = set()
    for path in (ROOT / "training/population").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imports.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                imports |= {name.name.split(".")[0] for name in node.names}
    assert not imports & {"features", "model_registry", "service"}


def test_client_ids_are_letters_only_and_sorted(made: Made) -> None:
    ids = made.table("protected")["client_id"].to_pylist()
    assert all(len(name) == 12 and name.isascii() and name.isalpha() and name.islower() for name in ids)
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("name", [*FACTS, "truth"])
def test_every_file_is_sorted_by_client(made: Made, name: str) -> None:
    ids = made.table(name)["client_id"].to_pylist()
    assert ids == sorted(ids)


@pytest.mark.parametrize("name", FACTS)
def test_nothing_is_known_before_it_happens_or_after_the_delivery(made: Made, name: str) -> None:
    table = made.table(name)
    known, happened = days(table["known_on"]), days(table[HAPPENED[name]])
    noted = known >= 0
    assert np.all(known[noted] >= happened[noted])
    assert np.all(known <= (UNTIL - date(1970, 1, 1)).days)


def test_the_end_of_a_spell_is_not_known_before_it(made: Made) -> None:
    table = made.table("spells")
    known, end = days(table["known_on"]), days(table["end"])
    noted = (known >= 0) & (end >= 0)
    assert np.all(known[noted] >= end[noted])


def test_an_end_comes_as_a_new_row_of_the_same_fact(made: Made) -> None:
    table = made.table("spells")
    rows = pc.value_counts(table["fact_id"])
    versions = np.array([row["counts"] for row in rows.to_pylist()])
    assert {1, 2, 3} <= set(versions.tolist())


@pytest.mark.parametrize("name", FACTS)
def test_no_two_versions_of_a_fact_are_known_on_the_same_day(made: Made, name: str) -> None:
    table = made.table(name)
    pairs = set(zip(table["fact_id"].to_pylist(), days(table["known_on"]).tolist(), strict=True))
    assert len(pairs) == table.num_rows


def test_a_person_is_in_one_spell_at_a_time(made: Made) -> None:
    person, _, start, end = latest_spells(made)
    order = np.lexsort((start, person))
    same = np.diff(person[order]) == 0
    assert np.all(start[order][1:][same] > end[order][:-1][same])
    assert np.all(end >= start)


def test_some_spells_carry_no_recording_day(made: Made) -> None:
    assert made.table("spells")["known_on"].null_count > 0
    assert made.table("services")["known_on"].null_count > 0


def test_meta_says_that_nobody_is_real(made: Made) -> None:
    meta = json.loads((made.folder / "extract/meta.json").read_text("utf-8"))
    assert meta["synthetic"] is True
    assert meta["delivered_until"] == "2026-10-31"


def test_labour_market_figures_are_published_some_weeks_after_the_month(made: Made) -> None:
    table = made.table("labour_market")
    assert sorted(set(table["occupation"].to_pylist())) == [str(group) for group in range(10)]
    lag = days(table["published_on"]) - days(table["month"])
    assert lag.min() >= 28 + 24
    assert lag.max() <= 31 + 25
    assert np.all(table["jobseekers_per_vacancy"].to_numpy() > 0)


def test_work_on_the_open_market_lasts_longer_than_a_bridged_break(made: Made) -> None:
    person, code, start, end = latest_spells(made)
    order = np.lexsort((start, person))
    followed = np.append(np.diff(person[order]) == 0, False)
    between = (code[order] == 1) & followed
    assert (end - start + 1)[order][between].min() >= 28


def catalogue_codes() -> dict[str, dict[str, dict[str, Any]]]:
    """Every code list of the area's catalogue: input or protected attribute -> code -> its entry."""
    text = (ROOT / "features/catalogues/keski_uusimaa.toml").read_text("utf-8")
    catalogue = tomllib.loads(text)
    lists = {}
    for entries in [*catalogue["inputs"].values(), catalogue["protected"]]:
        for name, entry in entries.items():
            if "values" in entry:
                lists[name] = {value["code"]: value for value in entry["values"]}
    return lists


def written_codes(made: Made) -> list[tuple[str, str, int]]:
    """Every code written, with its list and the first and last day it is written for."""
    found = []
    sources = [("spells", "employment_code", "employment_code"), ("services", "service", "service")]
    sources += [("self_assessments", n, n) for n in ("instrument_version", "collected_by", "collected_for")]
    for name, column, code_list in sources:
        table = made.table(name)
        both = zip(table[column].to_pylist(), days(table[HAPPENED[name]]).tolist(), strict=True)
        found += [(code_list, code, day) for code, day in set(both)]
    table = made.table("statements")
    stated = zip(
        table["input"].to_pylist(), table["value"].to_pylist(), days(table["happened_on"]).tolist(), strict=True
    )
    return found + [row for row in set(stated) if row[0] != "history_from"]


def test_every_code_is_in_the_catalogue_and_valid_on_its_day(made: Made) -> None:
    lists = catalogue_codes()
    for name, code, day in written_codes(made):
        key = code[0] if name == "occupation_isco" else code
        value = lists[name][key]
        on = date.fromordinal(date(1970, 1, 1).toordinal() + day)
        assert value.get("valid_from", date.min) <= on <= value.get("valid_to", date.max), (name, code)


@pytest.mark.parametrize(
    "attribute",
    ["sex", "citizenship_group", "native_language_group", "origin_group", "municipality_code", "form_language"],
)
def test_protected_codes_are_the_catalogues(made: Made, attribute: str) -> None:
    assert set(made.table("protected")[attribute].to_pylist()) <= set(catalogue_codes()[attribute])


def test_rehabilitative_work_activity_ends_with_its_law(made: Made) -> None:
    table = made.table("services")
    rehabilitative = np.array(table["service"].to_pylist()) == "rehabilitative_work"
    assert rehabilitative.any()
    assert days(table["end"])[rehabilitative].max() <= (date(2026, 12, 31) - date(1970, 1, 1)).days


def test_scores_lie_within_their_own_limits(made: Made) -> None:
    table = made.table("self_assessments")
    for section in ("inclusion", "mind", "everyday", "skills", "body"):
        score = table[f"{section}_score"].to_numpy()
        given = ~np.isnan(score)
        assert np.all(score[given] >= table[f"{section}_minimum"].to_numpy()[given])
        assert np.all(score[given] <= table[f"{section}_maximum"].to_numpy()[given])


def test_some_do_not_permit_the_use_of_their_self_assessment(made: Made) -> None:
    permitted = pc.mean(made.table("self_assessments")["use_permitted"].cast(pa.float64())).as_py()
    assert 0.94 < permitted < 0.99


def test_inflow_survival_and_base_rate_are_in_their_bands(made: Made) -> None:
    by_year = made.figures["by_year"]
    for year in (2019, *range(2021, 2027)):
        assert 1_250 < by_year[year]["inflow_a_month"] * 100_000 / 12_000 < 2_200
    early = np.mean([by_year[year]["survival"][12] for year in range(2019, 2023)])
    assert early == pytest.approx(0.17, abs=0.02)
    assert by_year[2025]["survival"][12] == pytest.approx(0.28, abs=0.05)
    assert 0.10 < made.figures["assessed_at_registration"] < 0.20


def test_the_true_risk_at_registration_separates_as_well_as_it_should(made: Made) -> None:
    assert 0.74 < made.figures["auc"] < 0.80


def test_the_true_risk_agrees_with_what_happens(made: Made) -> None:
    """In tenths of the true risk at registration, the share that reaches twelve months lies within sampling error."""
    truth, until = made.table("truth"), (UNTIL - date(1970, 1, 1)).days
    ids = made.table("protected")["client_id"]
    person = pc.index_in(truth["client_id"], value_set=ids.combine_chunks()).to_numpy().astype(np.int64)
    start, risk = days(truth["spell_start"]), truth["true_risk"].to_numpy()
    at_entry = (truth["landmark"].to_numpy() == 0) & (start + HORIZON_DAYS + 60 <= until)
    reached = reached_horizon(made, person[at_entry], start[at_entry])
    known = ~np.isnan(reached)
    risk, reached = risk[at_entry][known], reached[known]
    tenth = np.searchsorted(np.quantile(risk, np.linspace(0.1, 0.9, 9)), risk)
    for part in range(10):
        p, y = risk[tenth == part], reached[tenth == part]
        error = np.sqrt((p * (1 - p)).sum()) / len(p)
        assert abs(y.mean() - p.mean()) < 4 * error + 0.012, part


def reached_horizon(made: Made, person: np.ndarray, start: np.ndarray) -> np.ndarray:
    """1 where a run still goes on 365 days after its start, by the spells alone; NaN for who had moved away by then.

    On that day the person is unemployed, in a service or in subsidised work, and nothing else began since the start.
    """
    ids = made.table("protected")["client_id"].combine_chunks()
    names = made.table("spells")["client_id"].combine_chunks().dictionary_encode().dictionary
    place = pc.index_in(names, value_set=ids).to_numpy().astype(np.int64)
    owner, code, begun, end = latest_spells(made)
    carries = np.isin(code, (0, 2, 8))
    key = place[owner] * 2**20 + begun

    def last_before(spells: np.ndarray) -> np.ndarray:
        """Row of the last of some spells begun by the horizon; the first of all where there is none."""
        rows = np.flatnonzero(spells)[np.argsort(key[spells])]
        return rows[np.maximum(np.searchsorted(key[rows], person * 2**20 + start + HORIZON_DAYS, side="right") - 1, 0)]

    on_the_day, other = last_before(carries), last_before(~carries)
    going_on = (place[owner[on_the_day]] == person) & (end[on_the_day] >= start + HORIZON_DAYS)
    interrupted = (place[owner[other]] == person) & (begun[other] > start)
    value = (going_on & ~interrupted).astype(float)
    departures = made.table("departures")
    gone = departures.filter(pc.equal(departures["reason"], "moved"))
    moved = np.full(len(ids), 2**40)
    moved[pc.index_in(gone["client_id"], value_set=ids).to_numpy()] = days(gone["date"])
    value[moved[person] <= start + HORIZON_DAYS] = np.nan
    return value


@dataclass(frozen=True)
class Lived:
    """Person-dates a year or more before the end of the records: landmark, true risk, and what came (label B)."""

    landmark: np.ndarray
    risk: np.ndarray
    outcome: np.ndarray


@pytest.fixture(scope="module")
def without_trend(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A population in which every year is like 2019, so that no shock is shared and people err each for themselves.

    Whoever moves away before the horizon is left out, also where the run had ended before: the true risk knows no
    moving, and who moves is drawn apart from how a run ends. To leave out only those whose run still went on would
    keep the ends and lose the stays.
    """
    folder = tmp_path_factory.mktemp("no_trend") / "area"
    generate(Order(people=30_000, seed=7, until=UNTIL, parameters=with_choices(trend=False)), folder)
    catalogue, until = load_catalogue("keski_uusimaa"), (UNTIL - date(1970, 1, 1)).days
    extract = read_extract(folder / "extract", catalogue)
    truth = pq.read_table(folder / "truth" / "truth.parquet")
    person = pc.index_in(truth["client_id"].cast(pa.string()), value_set=pa.array(extract.client_ids)).to_numpy()
    horizon = days(truth["spell_start"]) + HORIZON_DAYS
    chosen = np.flatnonzero((horizon + 60 <= until) & (moved_on(extract)[person] > horizon))
    as_of = days(truth["as_of"])[chosen].astype(np.int32)
    told = labels(catalogue, extract.facts.take(person[chosen].astype(np.int64)), as_of, until, ACTIVATION_NEUTRAL)
    assert np.array_equal(told.matures_on, horizon[chosen])
    assert not np.isnan(told.value).any()
    return Lived(truth["landmark"].to_numpy()[chosen], truth["true_risk"].to_numpy()[chosen], told.value)


def moved_on(extract: Extract) -> np.ndarray:
    """The day on which each person moved away; far future for who did not."""
    departures = extract.facts.tables["departures"]
    owner = np.repeat(np.arange(len(extract.client_ids)), np.diff(departures.offsets))
    moved = departures["code"] == DEPARTURES.index("moved")
    day = np.full(len(extract.client_ids), 2**40)
    day[owner[moved]] = departures["happened_on"][moved]
    return day


@pytest.mark.slow
@pytest.mark.parametrize("landmark", [0, 3, 6, 9])
def test_at_each_landmark_the_mean_true_risk_is_the_share_that_stays(without_trend: Lived, landmark: int) -> None:
    """Of everybody at the landmark, and of each third of the true risk: within three standard errors."""
    here = np.flatnonzero(without_trend.landmark == landmark)
    by_risk = here[np.argsort(without_trend.risk[here])]
    assert len(here) > 6_000
    for part in (here, *np.array_split(by_risk, 3)):
        risk, outcome = without_trend.risk[part], without_trend.outcome[part]
        error = np.sqrt((risk * (1 - risk)).sum()) / len(part)
        assert error < 0.012
        assert abs(outcome.mean() - risk.mean()) < 3 * error


@pytest.mark.slow
def test_who_is_pensioned_before_the_horizon_has_no_risk_and_never_stays(without_trend: Lived) -> None:
    pensioned = without_trend.risk == 0
    assert pensioned.sum() > 100
    assert not without_trend.outcome[pensioned].any()


def test_an_interrupted_run_leaves_the_earlier_population_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "area"
    generate(Order(people=20, seed=1, until=UNTIL), out)
    before = bytes_of(tmp_path)

    def interrupted(people: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(Order(people=20, seed=2, until=UNTIL), out, advance=interrupted)
    assert bytes_of(tmp_path) == before


def test_what_a_killed_run_left_behind_does_not_trip_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".area.partial" / "extract"
    left.mkdir(parents=True)
    (left / "spells.parquet").write_bytes(b"half")
    generate(Order(people=20, seed=1, until=UNTIL), tmp_path / "area")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["area"]


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/to_a_friend.txt").write_text("dear", "utf-8")
    with pytest.raises(OutputRefusedError, match="not a synthetic population"):
        generate(Order(people=20, seed=1, until=UNTIL), tmp_path / "letters")
    assert (tmp_path / "letters/to_a_friend.txt").read_text("utf-8") == "dear"
