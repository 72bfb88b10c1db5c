"""Stops a training by a signal: the first stops it after the current step, the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from cnnrun.launchers import is_ranked

__all__ = ["StopRequest", "ignore_signals", "stop_on_signals"]


@dataclass
class StopRequest:
    """Whether training should stop, and the signal that asked for it."""

    signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What a process ends with after that signal: 130, 143 or 129."""
        return 128 + (self.signal or 0)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGINT, SIGTERM and SIGHUP into a request; a second one ends the process.

    SIGHUP, which a terminal sends when it is closed, is left alone under `nohup`, which ignores it.
    """
    request = StopRequest()
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def handle(number: int, frame: FrameType | None) -> None:
        if request:
            os._exit(128 + number)
        request.signal = number
        for descriptor in terminals:
            if not os.isatty(descriptor):  # it was closed, and writing to it would fail
                _silence(descriptor)

    old = {number: signal.signal(number, handle) for number in _numbers()}
    if is_ranked():  # those that came before, while this rank was starting
        signal.pthread_sigmask(signal.SIG_UNBLOCK, old)
    try:
        yield request
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """Ignore what `stop_on_signals` hears, in a process that only has to exit."""
    for number in _numbers():
        signal.signal(number, signal.SIG_IGN)


def _numbers() -> list[int]:
    hangup: int | None = getattr(signal, "SIGHUP", None)  # which Windows does not have
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:
        return [signal.SIGINT, signal.SIGTERM]
    return [signal.SIGINT, signal.SIGTERM, hangup]


def _silence(descriptor: int) -> None:
    """Let what is written to a file descriptor go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
