"""The files of a package: written whole or not at all, and proved unchanged before a byte of them is used."""

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import PackageError

FORMAT_VERSION = 1
META_FILE = "package.json"
# The registry gives the version after the package is made, so the digest leaves it out.
OUTSIDE_THE_DIGEST = ("digest", "version")


def digest_of(meta: Mapping[str, Any]) -> str:
    """The digest (SHA-256, hex) of a package: over package.json, which holds the SHA-256 of every other file."""
    content = {key: value for key, value in meta.items() if key not in OUTSIDE_THE_DIGEST}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_files(folder: Path, files: Mapping[str, bytes], meta: Mapping[str, Any]) -> None:
    """Write a package folder that appears whole or not at all; `meta` gets the checksums and the digest.

    Raises
    ------
    PackageError
        If the folder is already there: a package is never changed.
    """
    if folder.exists():
        raise PackageError(f"There is already a package folder {folder.name}; packages never change, choose another.")
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    whole = {"format": FORMAT_VERSION, **meta, "files": sums}
    whole["digest"] = digest_of(whole)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        for name, content in files.items():
            write_file(partial / name, content)
        write_file(partial / META_FILE, meta_bytes(whole))
        move_whole(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def move_whole(partial: Path, folder: Path) -> None:
    """Make a finished partial folder, a sibling of `folder`, appear as `folder` in one step."""
    partial.chmod(0o755)
    try:
        partial.rename(folder)
    except OSError as error:
        raise PackageError(f"The package folder {folder.name} could not be put in place: {error.strerror}.") from error
    descriptor = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def meta_bytes(meta: Mapping[str, Any]) -> bytes:
    """package.json as it is written."""
    return (json.dumps(meta, indent=2, ensure_ascii=False) + "\n").encode()


def write_file(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_files(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """package.json and the content of every other file, all of it checked against its SHA-256.

    Raises
    ------
    PackageError
        Naming the file that is missing, changed, unreadable or not part of the package.
    """
    if not folder.is_dir():
        raise PackageError(f"There is no package folder {folder.name}.")
    meta = _read_meta(folder)
    stray = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {META_FILE, *meta["files"]}
    if stray:
        raise _fault(folder, sorted(stray)[0], "is not part of the package; remove it")
    files = {}
    for name, expected in meta["files"].items():
        content = _read(folder, name)
        if hashlib.sha256(content).hexdigest() != expected:
            raise _fault(folder, name, "is not the file the package was made with; export the package again")
        files[name] = content
    return meta, files


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta = json.loads(_read(folder, META_FILE))
        version, files, digest, computed = meta["format"], meta["files"], meta["digest"], digest_of(meta)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _fault(folder, META_FILE, "is not a package description; export the package again") from error
    if version != FORMAT_VERSION:
        raise _fault(folder, META_FILE, f"is of another format; this version of Varhain reads format {FORMAT_VERSION}")
    if digest != computed:
        raise _fault(folder, META_FILE, "has been changed: its digest differs; export the package again")
    if not isinstance(files, dict) or any(Path(name).name != name for name in files):
        raise _fault(folder, META_FILE, "names a file outside the package")
    return dict(meta)


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise _fault(folder, name, "is missing; export the package again") from None
    except OSError as error:
        raise _fault(folder, name, f"cannot be read: {error.strerror}") from error
    except ValueError:  # a name that no file can have
        raise _fault(folder, META_FILE, "names a file that cannot be") from None


def _fault(folder: Path, name: str, what: str) -> PackageError:
    return PackageError(f"Package {folder.name}: {name} {what}.")


def npz_bytes(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as an npz file; the same arrays give the same bytes. Raises ValueError for an array that needs pickle."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def arrays_of_npz(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an npz file, without pickle: reading executes nothing.

    Raises
    ------
    PackageError
        If it is cut short or not an npz file.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise PackageError("it is not a whole npz file") from error
