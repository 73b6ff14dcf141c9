"""A policy with fixed thresholds, for tests that are not about how thresholds are set."""

from model_registry.scoring.segments import SegmentPolicy

FIXED = {0: (0.38, 0.50), 3: (0.59, 0.69), 6: (0.72, 0.79), 9: (0.85, 0.89)}


def fixed_policy() -> SegmentPolicy:
    return SegmentPolicy.load().with_thresholds(FIXED, "Fixed for a test.")
