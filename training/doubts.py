"""What a run can do and should be doubted all the same: told beside the verdicts, and kept with them."""

from collections.abc import Iterator

from features.catalogue import Catalogue
from model_registry.scoring.segments import FROM_CAPACITY, SegmentPolicy
from training.committee import MEASURED_ON
from training.config import TrainingConfig
from training.extract import Extract

TWICE = 2.0


def doubts(config: TrainingConfig, catalogue: Catalogue, policy: SegmentPolicy, extract: Extract) -> Iterator[str]:
    """Yield a sentence for each."""
    people = len(extract.client_ids)
    measured = config.committee.members > 0 and config.committee.widening is None
    of_that_size = MEASURED_ON / TWICE <= people <= MEASURED_ON * TWICE
    if measured and not of_that_size:
        yield (
            f"The range of each answer is drawn out by factors measured on {MEASURED_ON:,} people, and this extract "
            f"has {people:,}: with fewer it is too wide, with more too narrow. Set committee.widening in the "
            "configuration after `varhain evidence committee --people ...`."
        )
    known = {domain.name for domain in catalogue.domains}
    unknown = sorted({name for option in policy.options for name in option.domains} - known)
    if unknown:
        yield (
            f"The policy's options name domains that catalogue {catalogue.name} does not have: {', '.join(unknown)}. "
            "What stands beside those alone is never offered."
        )
    if policy.thresholds_are == FROM_CAPACITY and config.committee.members == 0:
        yield "Without a committee no answer tells how sure it is, and the tool never says that it does not know."
