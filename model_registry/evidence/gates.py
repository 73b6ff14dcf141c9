"""What a model must show: a gate is a requirement in one sentence, its limit and what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from model_registry.evidence.estimates import Estimate

Verdict = Literal["passed", "failed", "not assessable"]
MOST_UNSURE_AT_THE_TOP = 0.75
"""Of those with the highest level at the first landmark, the share of whom the tool may say that it does not know it
(assumption): with more the level would say little."""


@dataclass(frozen=True)
class Gate:
    """One gate: `sentence` says the requirement, what was found and the verdict."""

    name: str
    limit: float
    verdict: Verdict
    evidence: Estimate
    sentence: str


class LevelsAtALandmark(Protocol):
    """What a gate asks of the figures of levels."""

    @property
    def landmark(self) -> int:
        """Months."""

    @property
    def unsure(self) -> Mapping[str, Estimate]:
        """The share of whom the tool does not know the level, by who they are."""


def unsure_among_the_top(levels: Sequence[LevelsAtALandmark], limit: float = MOST_UNSURE_AT_THE_TOP) -> Gate:
    """The gate on the share "does not know" among those with close support at the first landmark."""
    name = "does not know, among the highest level"
    first = levels[0]
    found = first.unsure.get("level close_support", Estimate(None, None, None, "the model has no committee"))
    asked = (
        f"at month {first.landmark} the tool may not know the level of at most {limit:.0%} of those with close support"
    )
    if found.value is None:
        return Gate(name, limit, "not assessable", found, f"Gate, not assessable: {asked}; {found.reason}.")
    verdict: Verdict = "passed" if found.value <= limit else "failed"
    return Gate(name, limit, verdict, found, f"Gate, {verdict}: {asked}; found {found.value:.0%}.")
