"""Which features rest on what is told about health or social care."""

from collections.abc import Collection

from features.catalogue import Catalogue, Feature
from features.functions import load_functions

SENSITIVE = ("health", "social_care")


def rests_on(catalogue: Catalogue, feature: Feature, classes: Collection[str] = SENSITIVE) -> bool:
    """Return whether anything that a feature is computed from is of one of these data classes."""
    if feature.function is None:
        return catalogue.input(str(feature.input)).data_class in classes
    reads = load_functions()[feature.function].reads
    return any(item.data_class in classes for item in catalogue.inputs if item.fact in reads or item.name in reads)
