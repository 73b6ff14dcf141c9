"""Something looked up once for all requests that the event loop takes up in one pass.

A request is taken up in the pass after the one in which it was read from its socket, and what is kept here is forgotten
when the pass is over. So nothing is older than the requests it is used for: a key that was revoked before a request was
sent opens nothing, just as if it had been looked up for that request alone.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class OncePerPass(Generic[Found]):
    """What was found in this pass, by what was asked for; something that was not found is looked up anew."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Found] = {}

    def get(self, asked: Hashable, look_up: Callable[[], Found]) -> Found:
        """What `look_up` finds, now or before in this pass; what it raises, it raises."""
        if asked not in self._found:
            found = look_up()
            if not self._found:
                asyncio.get_running_loop().call_soon(self._found.clear)
            self._found[asked] = found
        return self._found[asked]
