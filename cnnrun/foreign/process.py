"""Runs a program once: a file of arrays in, a file of arrays out, and no process left behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError, shortened
from cnnrun.foreign.exchange import read_arrays, write_arrays
from cnnrun.foreign.function import FaultError
from cnnrun.untrusted import visible

__all__ = ["Program"]

PLACES = ("{input}", "{output}")
INTERPRETERS = ("python", "julia", "node", "Rscript", "perl", "ruby", "octave", "bash", "sh")
LAST_BYTES = 4000
"""Of what a program printed: enough for its last line."""


class Program:
    """A command in which `{input}` and `{output}` stand for the paths of files.

    Attributes:
        name: of the program or script, for messages.
        timeout: seconds that one start may take.
        starts: how many there have been.
        seconds: what the last one took.
    """

    def __init__(self, command: str, timeout: float) -> None:
        """Take the command; nothing is run yet.

        Raises:
            ConfigError: it cannot be run.
        """
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise ConfigError(f"program {command}: {error}") from None
        missing = [place for place in PLACES if place not in command]
        if missing or not self._words:
            raise ConfigError(
                f"program '{command}' lacks {' and '.join(missing)}: say where the names of both "
                "files go, as in './conv {input} {output}'"
            )
        if not timeout > 0:
            raise ConfigError(f"timeout {timeout:g}: a program needs a time above 0 seconds")
        first = self._words[0]
        if shutil.which(first) is None:
            is_there = Path(first).is_file()
            advice = (
                f"cannot be executed: chmod +x {first}, or name what runs it, as in "
                f"'python {first} {{input}} {{output}}'"
                if is_there
                else "is not there: compile it first, or give its path from this folder"
            )
            raise ConfigError(f"program {first} {advice}")
        self.name = _name(self._words)
        self.timeout = timeout
        self.starts, self.seconds = 0, 0.0

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Hand it arrays by name, and return what it writes.

        Raises:
            ConfigError: the system refuses to start it.
            FaultError: it crashes, takes too long, or writes no arrays.
        """
        with tempfile.TemporaryDirectory(prefix="cnnrun-") as folder:
            paths = {place: Path(folder) / f"{place[1:-1]}.npz" for place in PLACES}
            write_arrays(paths["{input}"], arrays)
            self._execute(paths, Path(folder))
            try:
                return read_arrays(paths["{output}"])
            except FaultError as fault:
                raise FaultError(f"{self.name}: {fault}{_said(Path(folder))}") from None

    def _execute(self, paths: Mapping[str, Path], folder: Path) -> None:
        words = list(self._words)
        for place, path in paths.items():
            words = [word.replace(place, str(path)) for word in words]
        self.starts += 1
        start = time.perf_counter()
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                raise ConfigError(
                    f"program {self._words[0]} cannot be started: {error.strerror}; is it compiled "
                    "for this machine, or does a script lack its first line, #!/usr/bin/env ...?"
                ) from None
            try:
                code = process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                raise FaultError(
                    f"{self.name} did not end within {self.timeout:g} s and was killed: does it "
                    "wait for input, or loop for ever? Give a longer time limit, or smaller inputs"
                    + _said(folder)
                ) from None
            finally:
                _end(process)
        self.seconds = time.perf_counter() - start
        if code:
            raise FaultError(f"{self.name} {_ending(code)}{_said(folder)}")


def _name(words: list[str]) -> str:
    """Return the name of the file that is run: of a script rather than of what runs it."""
    names = [Path(word).name for word in words]
    if names[0].startswith(INTERPRETERS) and len(names) > 1 and Path(words[1]).is_file():
        return names[1]
    return names[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and all that it has started and left running."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _ending(code: int) -> str:
    """Return in words how a program ended that did not end well."""
    if code > 0:
        return f"ends with exit code {code}: it has to end with 0 where all went well"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hints = {
        "SIGSEGV": ": it reads or writes outside its arrays",
        "SIGBUS": ": it reads or writes outside its arrays",
        "SIGABRT": ": it gave up itself (an assertion, or memory freed twice)",
        "SIGFPE": ": an integer was divided by zero",
        "SIGILL": ": it is compiled for another machine",
        "SIGKILL": ": the memory may have run out",
    }
    return f"crashes with {name}{hints.get(name, '')}"


def _said(folder: Path) -> str:
    """Return the last line that a program printed, of its errors if there are any."""
    for name in ("err", "out"):
        with open(folder / name, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
        printed = [line.strip() for line in lines if line.strip()]
        if printed:
            return f" (its last line: {shortened(visible(printed[-1]), 200)})"
    return ""
