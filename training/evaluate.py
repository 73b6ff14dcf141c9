"""Judge a candidate beside its challengers: per landmark and never pooled, month 0 the headline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import TrainingError
from model_registry.evidence.estimates import (
    Estimate,
    ModelMeasures,
    compare_models,
    draw_weights,
    interval,
    why_not_assessable,
)
from model_registry.evidence.measures import base_rate
from model_registry.evidence.survival import effective_n
from training.challengers import SIMPLEST_FIRST
from training.fit import SMALL_TREES

Floats = NDArray[np.float64]

LEAK_CEILING = 0.85
"""An AUC above this at registration has never been honest: published profiling models reach 0.63-0.76."""
LEAK_WARNING = 0.80
SERVED, REGISTER = "served model", "register model"
BETTER, WORSE = "better than the candidate", "worse than the candidate"
EQUAL, NOT_ASSESSABLE = "cannot be told apart from the candidate", "not assessable"


@dataclass(frozen=True)
class LandmarkEvaluation:
    """All models on the people at one landmark: `n` person-dates of so many people.

    `effective_n` is how many equally weighted person-dates would tell as much.
    """

    landmark: int
    n: int
    people: int
    outcomes: int
    effective_n: float
    base_rate: Estimate
    models: Mapping[str, ModelMeasures]

    def described(self) -> dict[str, Any]:
        """The evaluation as evidence: plain numbers, texts and None."""
        return {
            "landmark": self.landmark,
            "n": self.n,
            "people": self.people,
            "outcomes": self.outcomes,
            "effective_n": round(self.effective_n, 1),
            "base_rate": asdict(self.base_rate),
            "models": {
                name: {
                    "values": {key: asdict(estimate) for key, estimate in model.values.items()},
                    "differences": {key: asdict(estimate) for key, estimate in model.differences.items()},
                }
                for name, model in self.models.items()
            },
        }


@dataclass(frozen=True)
class Comparison:
    """The candidate against one challenger at one landmark, by AUC; the first landmark is the headline."""

    challenger: str
    landmark: int
    verdict: str
    difference: Estimate


def evaluate_models(
    outcome: Floats,
    landmark: NDArray[np.int8],
    person: NDArray[np.int64],
    risks: Mapping[str, Floats],
    draws: int,
    seed: int,
    done: Callable[[str], None] | None = None,
    own_weights: Floats | None = None,
) -> tuple[LandmarkEvaluation, ...]:
    """Return the evaluation at each landmark.

    Parameters
    ----------
    outcome, landmark, person : (n,)
        Of the evaluation slice.
    risks : model name -> float64 (n,)
        The served model first; every other is compared with it on the same draws of persons.
    own_weights : float64 (n,), optional
        For whom each row stands besides itself (censoring); multiplied into every draw.
    """
    evaluations = []
    for month in np.unique(landmark):
        rows = np.flatnonzero(landmark == month)
        weights = draw_weights(person[rows], draws, seed + int(month))
        own, standing = outcome[rows], None if own_weights is None else own_weights[rows]
        drawn = weights if standing is None else weights * standing[:, None]
        lower, upper = interval(np.asarray(base_rate(own, drawn)))
        evaluations.append(
            LandmarkEvaluation(
                landmark=int(month),
                n=len(rows),
                people=len(np.unique(person[rows])),
                outcomes=int(own.sum()),
                effective_n=float(len(rows)) if standing is None else effective_n(standing),
                base_rate=Estimate(float(base_rate(own, standing)), lower, upper, why_not_assessable(own)),
                models=compare_models(
                    own, {name: risk[rows] for name, risk in risks.items()}, weights, standing, done=done
                ),
            )
        )
    return tuple(evaluations)


def refuse_leaks(evaluations: Sequence[LandmarkEvaluation]) -> list[str]:
    """Return warnings where the headline is suspiciously good.

    Raises
    ------
    TrainingError
        Where it is too good to be honest.
    """
    headline = evaluations[0]
    warnings = []
    for name, model in headline.models.items():
        auc = model.values["auc"].value
        if auc is None:
            continue
        found = f"the AUC of the {name} at month {headline.landmark} is {auc:.3f}"
        if auc > LEAK_CEILING:
            raise TrainingError(
                f"{found}, above {LEAK_CEILING}: a feature probably knows the outcome; look for outcome material among "
                "the inputs and for recording times later than what they tell"
            )
        if auc > LEAK_WARNING:
            warnings.append(f"{found}, above {LEAK_WARNING}: check that no feature knows the outcome")
    return warnings


def compare_with_challengers(evaluations: Sequence[LandmarkEvaluation]) -> tuple[Comparison, ...]:
    """Return the verdict on each challenger at each landmark: worse, better, or cannot be told apart."""
    found = []
    for evaluation in evaluations:
        for name in (*SIMPLEST_FIRST, SMALL_TREES):
            if name in evaluation.models:
                difference = evaluation.models[name].differences["auc"]
                found.append(Comparison(name, evaluation.landmark, _verdict(difference), difference))
    return tuple(found)


def recommendation(comparisons: Sequence[Comparison]) -> str:
    """Return the recommendation by the headline: the candidate, or the simplest challenger that is not worse.

    A second sentence tells at which other landmarks a simpler challenger cannot be told apart, or does better.
    """
    if not comparisons:
        return "There is no challenger to compare the candidate with."
    headline = comparisons[0].landmark
    return " ".join(
        [
            _headline([one for one in comparisons if one.landmark == headline]),
            *_other_landmarks([one for one in comparisons if one.landmark != headline]),
        ]
    )


def _headline(comparisons: Sequence[Comparison]) -> str:
    better = [one.challenger for one in comparisons if one.verdict == BETTER]
    if better:
        return f"The candidate fails: {' and '.join(better)} do better beyond the interval."
    simpler = [one for one in comparisons if one.challenger != SMALL_TREES]
    equal = [one.challenger for one in simpler if one.verdict == EQUAL]
    if equal:
        return f"Recommended is the {equal[0]}: it is simpler and cannot be told apart from the candidate."
    if any(one.verdict.startswith(NOT_ASSESSABLE) for one in comparisons):
        return "There are too few outcomes to compare the candidate with its challengers."
    return "The candidate is better than every challenger that may serve."


def _other_landmarks(comparisons: Sequence[Comparison]) -> list[str]:
    sentences = []
    for verdict, words in ((EQUAL, "cannot be told apart from the candidate"), (BETTER, "does better")):
        by_challenger: dict[str, list[str]] = {}
        for one in comparisons:
            if one.verdict == verdict and one.challenger != SMALL_TREES:
                by_challenger.setdefault(one.challenger, []).append(str(one.landmark))
        for challenger, months in by_challenger.items():
            place = f"month{'s' if len(months) > 1 else ''} {', '.join(months)}"
            sentences.append(f"The {challenger} {words} at {place}.")
    return sentences


def _verdict(difference: Estimate) -> str:
    if difference.lower is None or difference.upper is None:
        return f"{NOT_ASSESSABLE}: {difference.reason or 'no interval'}"
    if difference.upper < 0:
        return BETTER
    return WORSE if difference.lower > 0 else EQUAL
