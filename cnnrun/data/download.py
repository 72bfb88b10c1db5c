"""Downloads a file once into the cache, whole and checked, or says what to put where instead."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from cnnrun.data.http import TransferError, receive, unwritable
from cnnrun.errors import DataError

__all__ = ["RemoteFile", "cache_folder", "digest_of", "download"]

TRIES = 5
"""Of one mirror, as long as each brings bytes."""
CHUNK = 1 << 20
DIGESTS = {32: "md5", 64: "sha256"}
"""By the number of their hexadecimal digits."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded.

    Attributes:
        name: what it is called in the cache.
        urls: where it is, the best mirror first.
        digest: MD5 or SHA-256 of its content, in hexadecimal digits.
        maximum: bytes that it has at most.
        unpacked: the digest of what a compressed file holds, if it is known.
    """

    name: str
    urls: tuple[str, ...]
    digest: str
    maximum: int
    unpacked: str | None = None


def cache_folder() -> Path:
    """Return where data sets are kept: `CNNRUN_DATA`, else in the user's folder of caches."""
    if own := os.environ.get("CNNRUN_DATA"):
        return Path(own).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "cnnrun"
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "cnnrun"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "cnnrun"


def download(files: Sequence[RemoteFile], folder: Path, what: str) -> None:
    """Put files into a folder that it lacks; of two processes at once, one waits for the other.

    A file that is there has been checked before. What has been received of one is kept beside it as
    `NAME.part`, and goes on from there the next time.

    Args:
        files: those that make up a data set.
        folder: of the cache; it is made.
        what: the name of the data set, for messages.

    Raises:
        DataError: no mirror sent one of them, and it says which file to put where; or the folder
            cannot be written.
    """
    missing = [file for file in files if not (folder / file.name).is_file()]
    if not missing:
        return
    lock = _locked(folder, what)
    try:
        for file in missing:
            _fetch(file, folder)
    except TransferError as error:
        lacking = ", ".join(file.name for file in missing if not (folder / file.name).is_file())
        raise DataError(
            f"{what}: put {lacking} into {folder}, or name a folder that has it with path; it "
            f"cannot be downloaded: {error}"
        ) from None
    finally:
        lock.release()


def digest_of(path: Path, like: str, *, unpacked: bool = False) -> str:
    """Return the digest of a file, or of what a compressed one holds, of the kind of `like`."""
    digest = hashlib.new(DIGESTS[len(like)], usedforsecurity=False)
    with gzip.open(path) if unpacked else path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _locked(folder: Path, what: str) -> FileLock:
    """Make a folder, and return a lock that is held while a data set is downloaded into it."""
    lock = FileLock(folder / f".{what}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise unwritable(folder, error) from None
    return lock


def _fetch(file: RemoteFile, folder: Path) -> None:
    """Download a file from the first mirror that has it.

    Raises:
        TransferError: none has; it says what each answered.
    """
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.is_file():  # another process was faster
        return
    answers = []
    for url in file.urls:
        try:
            _fetch_from(url, file, part)
        except TransferError as error:
            answers.append(f"{urlsplit(url).hostname} {error}")
            continue
        _finish(part, target)
        return
    raise TransferError("; ".join(answers))


def _fetch_from(url: str, file: RemoteFile, part: Path) -> None:
    """Download a file as `part`, going on where one broke off.

    Raises:
        TransferError: the server does not send it, or sends another file, which is removed.
    """
    if _size(part) > file.maximum:
        part.unlink()
    resumed = _size(part) > 0
    _receive_patiently(url, file, part)
    if not _is_right(part, file) and resumed:  # what was there may be of another file
        part.unlink(missing_ok=True)
        _receive_patiently(url, file, part)
    if not _is_right(part, file):
        digest = digest_of(part, file.digest) if part.exists() else "none"
        part.unlink(missing_ok=True)
        kind = DIGESTS[len(file.digest)].upper()
        raise TransferError(f"sends another file ({kind} {digest}, not {file.digest})")


def _receive_patiently(url: str, file: RemoteFile, part: Path) -> None:
    for tries in range(TRIES):
        before = _size(part)
        try:
            receive(url, part, file.name, file.maximum)
        except TransferError:
            if tries + 1 == TRIES or _size(part) <= before:
                raise
        else:
            return


def _is_right(part: Path, file: RemoteFile) -> bool:
    return part.exists() and digest_of(part, file.digest) == file.digest


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _finish(part: Path, target: Path) -> None:
    """Have the file on the disk under its name, or not at all, whenever the machine stops."""
    try:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
        if os.name != "nt":  # Windows cannot open a folder
            handle = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise unwritable(target.parent, error) from None
