"""Progress with the time left, on stderr, so that tables on stdout stay clean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str, total: int, shown: bool = True) -> Iterator[Callable[[int], object]]:
    """Yield a function that moves the bar by so many steps."""
    from tqdm import tqdm

    with tqdm(total=total, desc=f"{title:28}", disable=not shown, leave=shown, mininterval=0.5) as bar:
        yield bar.update
