"""The two ceilings: how well anybody could tell, given everything, and given only the facts a model may use.

The second is found by fitting a rich model to the true risk itself (no noise of outcomes in it) on populations of other
seeds, with the admitted features only: no age, nothing protected, no latent state. What it reaches on the population at
hand is what is left for any model; the distance between the two is the price of what is left out. It is an estimate
from below: the column "half" tells what half the people to learn from gave, and so how much more people could still
add."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.catalogue import Catalogue, load_catalogue
from features.frame import build_features
from model_registry.evidence.measures import auc, rank, recall_at_capacity
from training.cohort import Cohort, build_cohort
from training.extract import Extract, read_extract

Floats = NDArray[np.float64]
FIT_SEEDS = (1001, 1002)
"""People whom no evaluation ever sees."""
ROUNDS, LEAVES, RATE, LEAST = 400, 31, 0.05, 100
CAPACITIES = (0.10, 0.25)


@dataclass(frozen=True)
class Known:
    """Person-dates with features, true risk and outcome (NaN: not known)."""

    values: Floats
    names: tuple[str, ...]
    categories: tuple[str, ...]
    true_risk: Floats
    outcome: Floats
    landmark: NDArray[np.int8]
    year: NDArray[np.int64]


@dataclass(frozen=True)
class Ceiling:
    """AUC and recall at 10 and 25 % at one landmark, in one year of entry; `people` with a known outcome."""

    landmark: int
    people: int
    base_rate: float
    everything: tuple[float, float, float]
    admitted: tuple[float, float, float]
    admitted_half: tuple[float, float, float]
    """The same from half the people to learn from."""


def ceilings(
    people: int, seed: int, processes: int, year: int = 2022, say: Callable[[str], object] = lambda words: None
) -> tuple[Ceiling, ...]:
    """Both ceilings at every landmark for the person-dates of one year in the population of `seed`."""
    catalogue = load_catalogue("keski_uusimaa")
    with tempfile.TemporaryDirectory(prefix="varhain-ceiling-") as scratch:
        parts = []
        for number in (*FIT_SEEDS, seed):
            say(f"population of seed {number}")
            parts.append(population_of(Path(scratch) / str(number), people, number, processes, catalogue))
    *fitted, judged = parts
    found = []
    for landmark in catalogue.landmarks:
        say(f"model of the true risk, month {landmark}")
        whole = true_risk_model(fitted, landmark)
        half = true_risk_model(fitted[:1], landmark)
        rows = (judged.landmark == landmark) & (judged.year == year) & ~np.isnan(judged.outcome)
        outcome, values = judged.outcome[rows], judged.values[rows]
        found.append(
            Ceiling(
                landmark,
                int(rows.sum()),
                float(outcome.mean()),
                measures(outcome, judged.true_risk[rows]),
                measures(outcome, whole(values)),
                measures(outcome, half(values)),
            )
        )
    return tuple(found)


def kept_text(people: int, seed: int, processes: int, say: Callable[[str], object], folder: Path, program: str) -> str:
    """The table of ceilings, from `folder` where the same program has made it before."""
    digest = hashlib.sha256(program.encode() + Path(__file__).read_bytes())
    for path in sorted((Path(__file__).parents[1] / "features").rglob("*.[pt][yo]*")):
        if path.suffix in (".py", ".toml"):
            digest.update(path.read_bytes())
    file = folder / f"ceilings-{digest.hexdigest()[:16]}-{people}-{seed}.txt"
    if not file.is_file():
        text = as_text(ceilings(people, seed, processes, say=say), people, seed)
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(text + "\n", "utf-8")
        partial.replace(file)
    return file.read_text("utf-8").rstrip()


def measures(outcome: Floats, risk: Floats) -> tuple[float, float, float]:
    """AUC, and recall at 10 and 25 % of the people flagged."""
    ranking = rank(outcome, risk)
    tenth, quarter = (float(recall_at_capacity(ranking, capacity)) for capacity in CAPACITIES)
    return float(auc(ranking)), tenth, quarter


def true_risk_model(parts: Sequence[Known], landmark: int) -> Callable[[Floats], Floats]:
    """A model of the true risk by the admitted features, fitted on the person-dates of one landmark."""
    import lightgbm

    values = np.concatenate([part.values[part.landmark == landmark] for part in parts])
    risk = np.concatenate([part.true_risk[part.landmark == landmark] for part in parts])
    data = lightgbm.Dataset(
        values, risk, feature_name=list(parts[0].names), categorical_feature=list(parts[0].categories)
    )
    settings = {
        "objective": "cross_entropy",
        "num_leaves": LEAVES,
        "learning_rate": RATE,
        "min_data_in_leaf": LEAST,
        "feature_fraction": 0.7,
        "lambda_l2": 5.0,
        "seed": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    model = lightgbm.train(settings, data, ROUNDS)
    return lambda rows: np.asarray(model.predict(rows), np.float64)


def as_text(found: Sequence[Ceiling], people: int, seed: int, year: int = 2022) -> str:
    """The table of ceilings."""
    lines = [
        f"Ceilings, person-dates of {year}, seed {seed}; admitted facts: a model of the true risk itself, learnt from "
        f"{len(FIT_SEEDS)} other populations of {people:,} people",
        "month  people  base rate   AUC everything  admitted  (half)   recall 10 %: everything  admitted"
        "   recall 25 %: everything  admitted",
    ]
    for one in found:
        every, told, half = one.everything, one.admitted, one.admitted_half
        lines.append(
            f"{one.landmark:5}  {one.people:6,}      {one.base_rate:.3f}            {every[0]:.3f}     {told[0]:.3f}"
            f"   {half[0]:.3f}                     {every[1]:.3f}     {told[1]:.3f}"
            f"                     {every[2]:.3f}     {told[2]:.3f}"
        )
    return "\n".join(lines)


def population_of(
    folder: Path, people: int, seed: int, processes: int, catalogue: Catalogue, trend: bool = True
) -> Known:
    """The person-dates of a population made for this purpose in `folder`, with their true risk."""
    from training.population.generate import Order, generate
    from training.population.parameters import DEFAULT_UNTIL, with_choices

    order = Order(people, seed, date.fromisoformat(DEFAULT_UNTIL), with_choices(trend))
    generate(order, folder, processes)
    extract = read_extract(folder / "extract", catalogue)
    cohort = build_cohort(extract, catalogue)
    assert extract.facts is not None
    frame = build_features(catalogue, extract.facts.take(cohort.person), cohort.as_of)
    risk = true_risks_of(folder / "truth" / "truth.parquet", extract, cohort)
    found = ~np.isnan(risk)
    year = cohort.as_of.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    names = tuple(name for name in catalogue.feature_names if name in frame.names)
    categories = tuple(name for name in catalogue.category_names if name in names)
    return Known(
        frame.select(names).values[found],
        names,
        categories,
        risk[found],
        cohort.outcome[found],
        cohort.landmark[found],
        year[found],
    )


def true_risks_of(file: Path, extract: Extract, cohort: Cohort) -> Floats:
    """The true risk (n,) of each person-date of a cohort from a population's own truth; NaN where it has none."""
    truth = pq.read_table(file)
    place = {name: position for position, name in enumerate(extract.client_ids)}
    person = np.array([place.get(name, -1) for name in truth["client_id"].to_pylist()], np.int64)
    key = (person * 2**20 + truth["as_of"].cast("int32").to_numpy()) * 16 + truth["landmark"].to_numpy()
    order = np.argsort(key)
    wanted = (cohort.person * 2**20 + cohort.as_of) * 16 + cohort.landmark
    where = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    risk: Floats = truth["true_risk"].to_numpy()[order][where]
    return np.where(key[order][where] == wanted, risk, np.nan)
