"""Several processes of one sweep on this machine: each joins it as one on any machine would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cnnrun.errors import ConfigError, RunError
from cnnrun.runs import StopRequest
from cnnrun.sweeps.reconcile import is_done
from cnnrun.sweeps.study import Sweep

__all__ = ["work_together"]

LOOK_SECONDS = 1.0
POLL_SECONDS = 0.1
MOST_REPLACED = 100


def work_together(
    sweep: Sweep,
    runs_dir: Path,
    jobs: int,
    *,
    workers: int | None = None,
    stop: StopRequest | None = None,
    on_change: Callable[[], None] = lambda: None,
) -> None:
    """Let several processes carry out a sweep; one that is killed is replaced.

    Args:
        sweep: it.
        runs_dir: where the folders of runs are created.
        jobs: how many.
        workers: parts of a batch that each computes at once; by default the processors are shared.
        stop: set its `signal` to stop all.
        on_change: called every second.

    Raises:
        CnnrunError: a process ended with an error.
    """
    stop = StopRequest() if stop is None else stop
    request = stop
    sweep.hurried = lambda: bool(request)
    each = workers or max(1, (os.cpu_count() or 1) // jobs)
    command = [
        sys.executable, "-m", "cnnrun", "sweep", "join", sweep.url, sweep.name, "--quiet",
        "--workers", str(each), "--runs-dir", str(runs_dir),
        *(word for plugin in sweep.plugins for word in ("--plugin", str(plugin))),
    ]  # fmt: skip
    processes = [_Process(command) for _ in range(jobs)]
    errors: list[str] = []
    is_told, looked, replaced = False, 0.0, 0
    try:
        while processes:
            if stop and not is_told:
                is_told = True
                for process in processes:
                    process.interrupt()
            for process in [one for one in processes if one.code is not None]:
                processes.remove(process)
                if (process.code or 0) < 0 and not stop and replaced < MOST_REPLACED:
                    replaced += 1  # killed, which is not its fault
                    processes.append(_Process(command))
                elif process.code not in (0, 130):
                    errors.append(process.last_words)
                process.close()
            if time.monotonic() - looked > LOOK_SECONDS:
                on_change()
                looked = time.monotonic()
            time.sleep(POLL_SECONDS)
    finally:
        for process in processes:
            process.interrupt()
            process.close()
    if errors and (reason := sweep.stop_reason):
        raise ConfigError(reason)
    if errors and not stop and not is_done(sweep, sweep.trials()):
        raise RunError(errors[-1])


class _Process:
    """A process of the sweep, which a terminal's Ctrl-C does not reach: we tell it, once."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=self._errors, start_new_session=True
        )

    @property
    def code(self) -> int | None:
        """What it ended with; negative if it was killed, None while it runs."""
        return self._process.poll()

    @property
    def last_words(self) -> str:
        """The last line that it wrote to stderr."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1].removeprefix("error: ") if lines else f"a process ended with {self.code}"

    def interrupt(self) -> None:
        """Let it save and end."""
        with suppress(OSError):
            self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Wait for its end, and forget what it wrote."""
        self._process.wait()
        self._errors.close()
