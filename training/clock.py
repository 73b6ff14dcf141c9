"""How long each part of a run took: the breakdown that every run prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Clock:
    """Seconds by step, in the order in which the steps ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of the block to a step."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start

    def table(self) -> str:
        """The breakdown as text, with the sum."""
        whole = sum(self.seconds.values())
        lines = [f"  {name:34}{spent:8.1f} s  {100 * spent / whole:3.0f} %" for name, spent in self.seconds.items()]
        return "\n".join([*lines, f"  {'together':34}{whole:8.1f} s"])
