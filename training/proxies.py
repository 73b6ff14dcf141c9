"""Proxies by name: how well what the model may see tells what it may not.

An input can stand in for a protected attribute without anybody meaning it. Each suspect is named and measured: what it
tells of each attribute, learnt on some people and measured on others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.as_of import known_at
from features.catalogue import Catalogue
from features.facts import Facts
from features.history import statement
from model_registry.evidence import measures
from model_registry.evidence.estimates import Estimate, draw_weights, interval, why_not_assessable
from training.cohort import DAYS_A_MONTH
from training.fit import Table

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

OLD_FROM = 55
HISTORY_MONTHS = (12, 36, 60)
PRIOR = 20.0
"""People at the mean that are added to each class of a proxy, so that a rare one tells little (assumption)."""
TOGETHER = "all of them together"
NOT_ATTRIBUTES = ("form_language", "municipality_code")
"""The language of the form is a suspect itself; the municipality is a place, and no group of people."""


@dataclass(frozen=True)
class ProxyFigure:
    """How well one suspect tells one attribute: AUC .5 is not at all, 1 entirely."""

    proxy: str
    attribute: str
    told: str
    n: int
    members: int
    auc: Estimate

    def described(self) -> dict[str, Any]:
        """The figure as evidence."""
        return asdict(self)


def suspects(
    catalogue: Catalogue,
    facts: Facts,
    protected: Mapping[str, Floats],
    table: Table,
    person: NDArray[np.int64],
    as_of: NDArray[np.int32],
) -> dict[str, Codes]:
    """Return the suspects by name as classes (n,): whole numbers from 0."""
    found: dict[str, Codes] = {}
    by_input = {one.input: one.name for one in catalogue.active_features if one.input is not None}
    if "education_level" in by_input:
        found["unknown education"] = np.isnan(table.frame.column(by_input["education_level"])).astype(np.int64)
    if "history_from" in catalogue.statement_inputs:
        known = known_at(facts.take(person), as_of, catalogue.statement_inputs, catalogue.label.bridging_days)
        months = (as_of - statement(known, "history_from", False)) / DAYS_A_MONTH
        found["short observable history"] = np.where(
            np.isnan(months), len(HISTORY_MONTHS) + 1, np.digitize(np.nan_to_num(months), HISTORY_MONTHS)
        ).astype(np.int64)
    found["entry season"] = as_of.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    if "form_language" in protected:
        found["form language"] = _classes(protected["form_language"][person])
    if "occupation_isco" in by_input:
        found["occupation"] = _classes(table.frame.column(by_input["occupation_isco"]))
    return found


def attributes(
    catalogue: Catalogue, protected: Mapping[str, Floats], person: NDArray[np.int64], as_of: NDArray[np.int32]
) -> dict[str, tuple[str, Floats]]:
    """Return each attribute as a question with a yes (1.0), a no (0.0) or no answer (NaN) for each row.

    A code asks for anybody outside the largest group; a year of birth for `OLD_FROM` years and more.
    """
    found: dict[str, tuple[str, Floats]] = {}
    for one in catalogue.protected:
        if one.name in NOT_ATTRIBUTES or one.name not in protected:
            continue
        values = protected[one.name][person]
        known = ~np.isnan(values)
        if not known.any():
            continue
        if one.name == "birth_year":
            year = as_of.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
            found[one.name] = (f"{OLD_FROM} years or older", np.where(known, year - values >= OLD_FROM, np.nan))
        elif one.type == "boolean":
            found[one.name] = ("yes", values)
        elif one.type == "code":
            largest = int(np.bincount(values[known].astype(np.int64)).argmax())
            code = one.values[largest].code
            found[one.name] = (f"not {code}", np.where(known, values != largest, np.nan))
    return found


def measure_proxies(
    learnt_classes: Mapping[str, Codes],
    learnt_attributes: Mapping[str, tuple[str, Floats]],
    classes: Mapping[str, Codes],
    asked: Mapping[str, tuple[str, Floats]],
    person: NDArray[np.int64],
    draws: int,
    seed: int,
) -> tuple[ProxyFigure, ...]:
    """Return the figures of every suspect for every attribute, and of all suspects together.

    Parameters
    ----------
    learnt_classes, learnt_attributes
        Of other people than those measured.
    person : int64 (n,)
        Of the people measured.
    """
    found = []
    for attribute, (told, answers) in asked.items():
        if attribute not in learnt_attributes:
            continue
        rows = np.flatnonzero(~np.isnan(answers))
        own, drawn = answers[rows], draw_weights(person[rows], draws, seed)
        reason = why_not_assessable(own)
        together = np.zeros(len(rows))
        for proxy, code in classes.items():
            scores = _log_odds_of(learnt_classes[proxy], learnt_attributes[attribute][1], code[rows])
            together += scores
            found.append(_figure(proxy, attribute, told, own, scores, drawn, reason))
        found.append(_figure(TOGETHER, attribute, told, own, together, drawn, reason))
    return tuple(found)


def _figure(
    proxy: str, attribute: str, told: str, own: Floats, scores: Floats, drawn: Floats, reason: str | None
) -> ProxyFigure:
    if reason is not None:
        return ProxyFigure(proxy, attribute, told, len(own), int(own.sum()), Estimate(None, None, None, reason))
    spread = np.asarray(measures.auc(measures.rank(own, scores, drawn)))
    value = float(measures.auc(measures.rank(own, scores)))
    return ProxyFigure(proxy, attribute, told, len(own), int(own.sum()), Estimate(value, *interval(spread)))


def _log_odds_of(code: Codes, answers: Floats, wanted: Codes) -> Floats:
    """The log-odds of a yes in each class, less those of everybody, for the classes wanted."""
    known = ~np.isnan(answers)
    size = int(max(code.max(initial=0), wanted.max(initial=0))) + 1
    n = np.bincount(code[known], minlength=size)
    yes = np.bincount(code[known], answers[known], minlength=size)
    mean = float(np.clip(answers[known].mean(), 1e-6, 1 - 1e-6))
    rate = (yes + PRIOR * mean) / (n + PRIOR)
    log_odds: Floats = measures.log_odds(rate) - float(measures.log_odds(np.array([mean]))[0])
    return log_odds[wanted]


def _classes(values: Floats) -> Codes:
    return np.where(np.isnan(values), 0, np.nan_to_num(values) + 1).astype(np.int64)


def by_attribute(figures: Sequence[ProxyFigure]) -> dict[str, list[ProxyFigure]]:
    """Return the figures by attribute, in order."""
    found: dict[str, list[ProxyFigure]] = {}
    for one in figures:
        found.setdefault(one.attribute, []).append(one)
    return found
