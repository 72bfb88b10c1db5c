"""The lock of a run: one process at a time trains it, and anybody may ask whether one does.

The system takes a lock back when its process ends, however it ends, so that none is left behind.
"""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from cnnrun.errors import RunError

__all__ = ["hold", "is_held"]

PATIENCE = 0.3
"""Seconds after which a lock counts as another training's: who asks `is_held` has it for less."""


def hold(folder: Path) -> BaseFileLock:
    """Return a lock on a run's folder that is held: until it is released, or the process ends.

    Raises:
        RunError: another process holds it, or the folder is not writable.
    """
    # Not bound to a thread, since a generator that holds it may be closed by any thread.
    lock = FileLock(_file(folder), thread_local=False)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise RunError(
            f"{folder}: another process is training this run; wait for its end, or stop it"
        ) from None
    except OSError as error:
        raise RunError(f"{folder}: cannot be written to ({error.strerror})") from None
    return lock


def is_held(folder: Path) -> bool:
    """Return whether a process holds the lock on a run's folder, without changing a file.

    A lock that this user may not ask about counts as held.
    """
    try:
        return not _is_free(_file(folder))
    except FileNotFoundError:  # nobody has locked it yet
        return False
    except OSError:
        return True


def _file(folder: Path) -> Path:
    return folder / ".lock"


if sys.platform == "win32":

    def _is_free(path: Path) -> bool:
        if not path.exists():
            raise FileNotFoundError(path)
        try:
            FileLock(path).acquire(timeout=0).lock.release()
        except Timeout:
            return False
        return True

else:
    import fcntl

    def _is_free(path: Path) -> bool:
        with path.open("rb") as file:  # shared, so that two who ask do not see each other
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True
