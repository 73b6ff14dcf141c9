"""A disk that refuses, in one sentence: the libraries that write each say it in their own way."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed.comm import CommClosedError

from features.errors import TrainingError

NUMBER = re.compile(r"\[errno (\d+)\]", re.IGNORECASE)


@contextmanager
def writing(what: str, out: Path) -> Iterator[None]:
    """Turn an error of the disk into a TrainingError; those of a connection, which are OSErrors too, pass.

    Examples
    --------
    >>> with writing("the scores", Path("scores")):
    ...     raise OSError(28, "whatever")
    Traceback (most recent call last):
    ...
    features.errors.TrainingError: the scores cannot be written to scores (No space left on device); make room there, \
or name another folder; nothing was put in place
    """
    try:
        yield
    except (ConnectionError, TimeoutError, CommClosedError):
        raise
    except OSError as error:
        # pyarrow and shutil tell the number in their text only
        number = error.errno or next(iter(NUMBER.findall(str(error))), None)
        reason = os.strerror(int(number)) if number else type(error).__name__
        raise TrainingError(
            f"{what} cannot be written to {out} ({reason}); make room there, or name another folder; nothing was put "
            "in place"
        ) from error


@contextmanager
def put_whole(out: Path) -> Iterator[Path]:
    """Yield a new folder beside `out`, for this user alone, that takes its place when the block has ended well.

    Its name is its own, so that two commands with one `out` never touch each other's: the second to end finds the
    place taken.

    Raises
    ------
    OSError
        Where the disk refuses, or `out` holds something by then; `writing` tells it in a sentence.
    """
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield partial
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
