"""Random numbers that belong to a fact: they stay the same whatever happens to other facts and other people.

A stream of random numbers shifts for everybody when one person's run ends earlier. What is drawn after careers is
therefore drawn by key, so that helping some people changes nothing but what follows from the help.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.population.days import Days, Floats

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Keyed:
    """Uniform numbers by seed, purpose and key (SplitMix64; Steele, Lea and Flood 2014)."""

    seed: int

    def uniform(self, purpose: int, key: Days) -> Floats:
        """Numbers in (0, 1), float64 (n,); the same key and purpose always give the same number."""
        salt = np.uint64((self.seed * 1_000_003 + purpose * 7_919 + 1) % 2**64)
        with np.errstate(over="ignore"):
            state: NDArray[np.uint64] = (key.astype(np.uint64) + salt * _STEP) * _STEP
            for shift, factor in zip((30, 27), _MIX, strict=True):
                state = (state ^ (state >> np.uint64(shift))) * factor
            state ^= state >> np.uint64(31)
        return ((state >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53

    def integers(self, purpose: int, key: Days, high: int) -> Days:
        """Integers from 0 to `high` - 1."""
        return (self.uniform(purpose, key) * high).astype(np.int64)

    def geometric(self, purpose: int, key: Days, probability: float) -> Days:
        """Number of trials up to the first success, from 1."""
        return np.ceil(np.log(self.uniform(purpose, key)) / np.log1p(-probability)).astype(np.int64).clip(1)


def key_of(person: Days, on: Days) -> Days:
    """One number for a person of a chunk and a day; sorted where both are."""
    return person * 2**20 + on
