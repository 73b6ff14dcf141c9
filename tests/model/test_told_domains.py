"""A caseload names the same parts of life as a single answer: `told_domains` in codes, `reasons.explain` in words."""

from itertools import compress

import numpy as np
import pytest

from features.catalogue import Catalogue, load_catalogue
from features.sensitive import rests_on
from model_registry.scoring.reasons import DOMAIN_FLOOR, FEATURE_FLOOR, explain
from model_registry.scoring.told_domains import Order, TellingRules
from tests.small_package import catalogue as small_catalogue


def names(catalogue: Catalogue, order: Order) -> list[list[str]]:
    domains = [domain.name for domain in catalogue.domains]
    return [[domains[place] for place in row if place >= 0] for row in order]


def values_of(catalogue: Catalogue, n: int, rng: np.random.Generator) -> np.ndarray:
    """Feature values that can be put into words: codes of the list, yes and no, some zeros, some not known."""
    values = rng.normal(size=(n, len(catalogue.features)))
    for column, feature in enumerate(catalogue.features):
        told = catalogue.input(feature.input) if feature.input else None
        if told and told.type == "code":
            values[:, column] = rng.integers(0, len(told.values), n)
        elif told and told.type == "boolean":
            values[:, column] = rng.integers(0, 2, n)
    values[rng.random(values.shape) < 0.2] = 0.0
    values[rng.random(values.shape) < 0.3] = np.nan
    return values


@pytest.mark.parametrize("name", ["keski_uusimaa", "small"])
@pytest.mark.parametrize("spread", [0.02, 0.08, 0.5])
def test_the_domains_are_those_of_the_words_in_their_order(name: str, spread: float) -> None:
    catalogue = small_catalogue() if name == "small" else load_catalogue(name)
    rng = np.random.default_rng(round(1000 * spread))
    values = values_of(catalogue, 700, rng)
    relative = spread * rng.normal(size=values.shape) + 0.5 * spread

    told = {group: names(catalogue, order) for group, order in TellingRules(catalogue).told(relative, values).items()}

    features = catalogue.feature_names
    for row in range(len(values)):
        said = explain(
            catalogue,
            dict(zip(features, relative[row], strict=True)),
            dict(zip(features, values[row], strict=True)),
            [],
        )
        for group, found in told.items():
            assert found[row] == [part.domain for part in getattr(said, group)], group
    assert any(told["can_be_influenced"])
    assert any(told["strengths"]) == any(feature.strength for feature in catalogue.features)


def test_a_net_exactly_at_the_floor_is_told() -> None:
    catalogue = small_catalogue()
    values = np.ones((2, len(catalogue.features)))
    relative = np.zeros_like(values)
    relative[0, 0], relative[1, 0] = DOMAIN_FLOOR, np.nextafter(DOMAIN_FLOOR, 0)

    told = TellingRules(catalogue).told(relative, values)

    assert [bool(row) for row in names(catalogue, told["can_be_influenced"])] == [True, False]
    assert FEATURE_FLOOR < DOMAIN_FLOOR


def test_topics_of_health_and_social_care_are_named_only_where_asked_for() -> None:
    catalogue = load_catalogue("keski_uusimaa")
    values = np.ones((1, len(catalogue.features)))
    quiet, open_ = (TellingRules(catalogue, with_sensitive=told) for told in (False, True))

    topics = names(catalogue, open_.told(np.zeros_like(values), values)["topics"])[0]

    sensitive = [rests_on(catalogue, feature) for feature in catalogue.features]
    assert {feature.domain for feature in compress(catalogue.features, sensitive)} == set(topics)
    assert names(catalogue, quiet.told(np.zeros_like(values), values)["topics"]) == [[]]
    assert (quiet.tells_topics, open_.tells_topics) == (False, True)


def test_nobody_gives_nothing() -> None:
    catalogue = small_catalogue()
    nothing = np.empty((0, len(catalogue.features)))

    assert {order.shape for order in TellingRules(catalogue).told(nothing, nothing).values()} == {(0, 1)}
