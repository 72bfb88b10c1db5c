"""A disk that fails, or a machine that stops, at the k-th operation below a folder."""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["FAULTS", "Disk", "killed"]

CALLS = ("open", "fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "truncate")
FAULTS = ("ENOSPC", "EIO", "KILL")


class Disk:
    """Counts what is done below `root`; the operation of that number fails, or is the last.

    Attributes:
        done: the operations so far, each as its name and path.
    """

    def __init__(self, root: Path, fault: str | None = None, at: int = -1) -> None:
        self.root = os.fspath(root.resolve())
        self.fault = fault
        self.at = at
        self.done: list[str] = []

    def step(self, name: str, path: Any, before: Callable[[], None] | None = None) -> None:
        """Count an operation, or let it fail; what `before` does is done of it nevertheless."""
        if not path.startswith(self.root):
            return
        self.done.append(f"{name} {os.path.relpath(path, self.root)}")
        if len(self.done) - 1 == self.at:
            if before is not None:
                before()
            if self.fault == "KILL":
                os.kill(os.getpid(), signal.SIGKILL)
            number = getattr(errno, str(self.fault))
            raise OSError(number, os.strerror(number), path)

    @contextmanager
    def mounted(self) -> Iterator[Disk]:
        """Stand between the program and the file system."""
        calls = {name: getattr(os, name) for name in CALLS}
        opened = io.open
        for name, call in calls.items():
            setattr(os, name, self._counted(name, call))
        io.open = builtins.open = self._opener(opened)
        try:
            yield self
        finally:
            for name, call in calls.items():
                setattr(os, name, call)
            io.open = builtins.open = opened

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(target: Any, *arguments: Any, **options: Any) -> Any:
            self.step(name, _path(target, options.get("dir_fd")))
            return call(target, *arguments, **options)

        return counted

    def _opener(self, opened: Callable[..., Any]) -> Callable[..., Any]:
        def counted(target: Any, *arguments: Any, **options: Any) -> Any:
            path = _path(target)
            self.step("open", path)
            file = opened(target, *arguments, **options)
            return _File(self, file, path) if path.startswith(self.root) else file

        return counted


class _File:
    """A file whose reads and writes are counted; of a write that fails, half is done."""

    def __init__(self, disk: Disk, file: Any, path: str) -> None:
        self._disk, self._file, self._path = disk, file, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        for line in self._file:
            self._disk.step("read", self._path)
            yield line

    def read(self, *arguments: Any) -> Any:
        self._disk.step("read", self._path)
        return self._file.read(*arguments)

    def write(self, content: Any) -> int:
        def half() -> None:
            self._file.write(content[: len(content) // 2])
            self._file.flush()

        self._disk.step("write", self._path, half)
        return self._file.write(content)


def _path(target: Any, folder: int | None = None) -> str:
    """Return the absolute path of what a call is about: a path, or the number of an open file."""
    if isinstance(target, int):
        return os.readlink(f"/proc/self/fd/{target}")
    base = os.readlink(f"/proc/self/fd/{folder}") if folder is not None else os.getcwd()
    return os.path.join(base, os.fspath(target))


def killed(action: Callable[[], None]) -> bool:
    """Do something in a process of its own; return whether SIGKILL ended it."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
