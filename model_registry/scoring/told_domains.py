"""Which parts of life are named for each of many people: `reasons.explain` without its words, row by row in one loop.

A caseload of half a million is explained in codes alone. The rules are those of `reasons.py`, with its constants; a
test holds the two together on random rows.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.catalogue import Catalogue
from features.kernels import compiled
from features.sensitive import rests_on
from model_registry.scoring.reasons import CAN_BE_INFLUENCED, DOMAIN_FLOOR, FEATURE_FLOOR, SENTENCES_PER_DOMAIN

Floats = npt.NDArray[np.float64]
Order = npt.NDArray[np.int8]
"""Positions in `Catalogue.domains` in the order in which they are told, int8 (n, domains); -1 after the last."""


@dataclass(frozen=True)
class TellingRules:
    """What of a catalogue decides which domains are told.

    with_sensitive : bool
        Whether topics that rest on health or social care are told as well; no reason or strength ever does.
    """

    catalogue: Catalogue
    with_sensitive: bool = True

    def told(self, relative: Floats, values: Floats) -> dict[str, Order]:
        """The domains told of each of n people, by the group they are told in.

        Parameters
        ----------
        relative, values : float64 (n, k)
            Contributions relative to the landmark, and feature values, columns as in `catalogue.feature_names`.
        """
        shape = (len(values), len(self.catalogue.domains))
        strengths, raised = np.full(shape, -1, np.int8), np.full(shape, -1, np.int8)
        domain, function, worded, topic = self._arrays
        order_domains(relative, values, domain, function, worded, strengths, raised)
        influenced = np.array([d.group == CAN_BE_INFLUENCED for d in self.catalogue.domains] + [False])
        first = influenced[raised]
        return {
            "strengths": strengths,
            "can_be_influenced": np.where(first, raised, np.int8(-1)),
            "situation_now": np.where(first, np.int8(-1), raised),
            "topics": self._topics(values, topic),
        }

    @property
    def tells_topics(self) -> bool:
        """Whether there is any topic to be told."""
        return bool((self._arrays[3] >= 0).any())

    @cached_property
    def _arrays(self) -> tuple[npt.NDArray[np.int64], ...]:
        """By feature: its domain where it may be a reason, its function, whether it has words as a strength, and its
        domain where it may be a topic; -1 for none.
        """
        features, names = self.catalogue.features, [domain.name for domain in self.catalogue.domains]
        functions = [feature.function or feature.name for feature in features]
        topics = [
            feature.shown == "topic" and (self.with_sensitive or not rests_on(self.catalogue, feature))
            for feature in features
        ]
        place = [names.index(feature.domain) for feature in features]
        return (
            np.array([at if feature.shown == "reason" else -1 for at, feature in zip(place, features, strict=True)]),
            np.array([functions.index(name) for name in functions]),
            np.array([int(bool(feature.strength)) for feature in features]),
            np.array([at if is_topic else -1 for at, is_topic in zip(place, topics, strict=True)]),
        )

    def _topics(self, values: Floats, topic: npt.NDArray[np.int64]) -> Order:
        found = np.full((len(values), len(self.catalogue.domains)), -1, np.int8)
        for column, feature in enumerate(self.catalogue.features):
            if topic[column] >= 0:
                value = values[:, column]
                known = ~np.isnan(value) if feature.voluntary else ~np.isnan(value) & (value != 0)
                found[known, topic[column]] = topic[column]
        return found


@compiled
def order_domains(relative, values, domain, function, worded, strengths, raised):  # type: ignore[no-untyped-def]
    """Write the domains that are strengths and those that raise the risk, each in the order in which they are told."""
    k, domains = len(domain), strengths.shape[1]
    net = np.empty(domains)
    heaviest = np.empty(domains)
    strength = np.empty(domains)
    heard = np.empty(k, np.bool_)
    for i in range(len(values)):
        net[:] = 0.0
        heaviest[:] = 0.0
        for f in range(k):
            heard[f] = domain[f] >= 0 and not np.isnan(values[i, f])
            if heard[f]:
                net[domain[f]] += relative[i, f]
                heaviest[domain[f]] = max(heaviest[domain[f]], relative[i, f])
        clear = False
        for d in range(domains):
            strength[d] = 0.0
            # The weightiest sentences that lower the risk, one for each function; those with words as a strength count.
            for _ in range(SENTENCES_PER_DOMAIN):
                best = -1
                for f in range(k):
                    lowers = heard[f] and domain[f] == d and relative[i, f] <= -FEATURE_FLOOR
                    if lowers and (best < 0 or relative[i, f] <= relative[i, best]):
                        best = f
                if best < 0:
                    break
                if worded[best] == 1:
                    strength[d] += relative[i, best]
                for f in range(k):
                    if function[f] == function[best] and domain[f] == d:
                        heard[f] = False
            clear = clear or (strength[d] < 0.0 and net[d] < DOMAIN_FLOOR)
        place = 0
        while True:
            best = -1
            for d in range(domains):
                if (
                    strength[d] < 0.0
                    and (net[d] < DOMAIN_FLOOR or not clear)
                    and (best < 0 or strength[d] < strength[best])
                ):
                    best = d
            if best < 0:
                break
            strengths[i, place] = best
            strength[best] = 0.0
            place += 1
        place = 0
        while True:
            best = -1
            for d in range(domains):
                if net[d] >= DOMAIN_FLOOR and heaviest[d] >= FEATURE_FLOOR and (best < 0 or net[d] > net[best]):
                    best = d
            if best < 0:
                break
            raised[i, place] = best
            heaviest[best] = 0.0
            place += 1
