"""What a run has done so far, in a folder beside its output: so that a run that was killed goes on where it stopped.

    lock        held by the run at work
    run.json    what decides the output, the day on which the run was begun, and its id in the ledger
    00000.answers  00000.rejects  00000.json    a portion; it counts once its .json is there, which is written last
    ready.json  the digests of the whole output and the two files beside it, written before they get their names

Every file is written beside its name, forced to disk, and then renamed, so that a name always stands for a whole file.
"""

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from service.caseload_file.plan import CaseloadError, Plan

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

READY = "ready.json"
FOR_OTHERS = 0o077
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@dataclass(frozen=True)
class Done:
    """A portion that is done: the rows of the source up to `next_row`, of which the last client is `last_client`."""

    next_row: int
    last_client: str
    counts: Mapping[str, int]


class WorkFolder:
    """The folder of one run, locked while this lives."""

    def __init__(self, plan: Plan) -> None:
        self.folder = plan.work
        self._plan = plan

    def refuse_another_hand(self) -> None:
        """Raise CaseloadError where the folder is there and not this user's alone.

        Who can write to it decides what the output says, and who can read it reads about people.
        """
        if not os.path.lexists(self.folder):
            return
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & FOR_OTHERS:
            raise CaseloadError(
                f"{self.folder.name} is not a folder of this user alone (a folder itself, its own, mode 0700): see who "
                "made it, and move it away"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; it is made where there is none.

        Raises
        ------
        CaseloadError
            Another run is at work on the same output, or somebody else has made the folder or may enter it.
        """
        with said_in_a_sentence():
            if not os.path.lexists(self.folder):
                self.folder.mkdir(mode=0o700, exist_ok=True)
        self.refuse_another_hand()
        lock = FileLock(self.folder / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise CaseloadError(f"another run is at work on {self._plan.out.name}: wait for it, or end it") from None
        try:
            yield
        finally:
            lock.release()

    def begun(self) -> dict[str, Any] | None:
        """What the run that left this folder was to do; None where there was none."""
        file = self.folder / "run.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def begin(self, content: Mapping[str, Any]) -> None:
        """Write down what this run is to do."""
        self.write("run.json", as_json(content))

    def done(self) -> list[Done]:
        """The portions that are done, in order."""
        found: list[Done] = []
        while (file := self.folder / f"{len(found):05d}.json").exists():
            found.append(Done(**json.loads(file.read_text(encoding="utf-8"))))
        return found

    def add(self, number: int, answers: bytes, rejects: bytes, portion: Done) -> None:
        """Keep a portion that is done."""
        self.write(f"{number:05d}.answers", answers)
        self.write(f"{number:05d}.rejects", rejects)
        self.write(f"{number:05d}.json", as_json(vars(portion)))

    def forget_from(self, number: int) -> None:
        """Take the portions from this one on as not done; the last goes first, so that those done follow each other."""
        for later in reversed(range(number, len(self.done()))):
            (self.folder / f"{later:05d}.json").unlink()

    def parts(self, kind: str) -> Iterator[Path]:
        """The files of one kind ("answers" or "rejects") of all portions, in order."""
        return (self.folder / f"{number:05d}.{kind}" for number in range(len(self.done())))

    def write(self, name: str, content: bytes) -> None:
        """Write a file of this folder as a whole."""
        with self.making(name) as file:
            file.write(content)

    @contextmanager
    def making(self, name: str) -> Iterator[IO[bytes]]:
        """A file of this folder to be written; it has its name when the block has ended well."""
        draft = self.folder / f"{name}.draft"
        with said_in_a_sentence():
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self.folder / name)

    def publish(self, name: str, target: Path) -> None:
        """Give a file of this folder its place outside, in one step. Raises CaseloadError where that is taken."""
        give_name(self.folder / name, target)

    def remove(self) -> None:
        """Remove the folder with everything in it, once the names given outside are on disk."""
        parent = os.open(self.folder.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
        # First what says that the output is this run's: of a folder half removed, no other run takes it for its own.
        (self.folder / READY).unlink(missing_ok=True)
        shutil.rmtree(self.folder)


def give_name(file: Path, target: Path) -> None:
    """Give a whole file its name, in one step; it may keep the one it had. Raises CaseloadError where that is taken."""
    with said_in_a_sentence():
        try:
            os.link(file, target)
        except FileExistsError:
            raise is_there(target) from None
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            # Some disks know no second name for a file; the lock keeps other runs away meanwhile.
            if target.exists():
                raise is_there(target) from None
            file.rename(target)


def is_there(target: Path) -> CaseloadError:
    """The refusal of a name that is taken."""
    return CaseloadError(f"--out: {target.name} exists already; name another file, or move it away")


def as_json(content: Any) -> bytes:
    """JSON as it is written here, the same bytes for the same content."""
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


@contextmanager
def said_in_a_sentence() -> Iterator[None]:
    """Turn what a disk says into one sentence that a person can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise CaseloadError(
                "the disk is full, or this user may write no more on it: what is done is kept; make space and give the "
                "same command again, it goes on where it stopped"
            ) from error
        raise CaseloadError(
            f"--out: cannot be written ({error.strerror}); see its folder and give the same command"
        ) from (error)
