"""The registry of feature functions: what may stand as `function` in a catalogue, and what each of them reads."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODULES = ("history", "services", "self_assessment", "labour_market")
"""The modules of `features` that register functions."""


@dataclass(frozen=True)
class FeatureFunction:
    """A named function of the known facts.

    name : str
        As written in a catalogue.
    reads : tuple of str
        The kinds of fact ("spells", "services", "self_assessments") and the single inputs it looks at.
    compute : callable
        (known, **parameters) -> float64 (n,), NaN where not known.
    """

    name: str
    reads: tuple[str, ...]
    compute: Callable[..., NDArray[np.float64]]

    def __call__(self, known: Any, **parameters: Any) -> NDArray[np.float64]:
        """Return the feature's values for n people, float64 (n,)."""
        return self.compute(known, **parameters)


FUNCTIONS: dict[str, FeatureFunction] = {}


Function = Callable[..., NDArray[np.float64]]


def feature_function(name: str, reads: tuple[str, ...]) -> Callable[[Function], Function]:
    """Return a decorator that registers a function under `name`, with the facts and inputs it reads."""

    def register(function: Function) -> Function:
        known = FUNCTIONS.get(name)
        if known is not None and known.compute.__module__ != function.__module__:
            raise ValueError(f"feature function {name} is registered twice: in {known.compute.__module__} and again")
        FUNCTIONS[name] = FeatureFunction(name, reads, function)
        return function

    return register


@cache
def load_functions() -> dict[str, FeatureFunction]:
    """Return every registered function, after importing the modules that hold them."""
    for module in MODULES:
        importlib.import_module(f"features.{module}")
    return FUNCTIONS
