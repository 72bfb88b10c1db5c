"""Signs of life: a process shows that it lives, and watches whether the others do.

A process changes the attribute `beat` of its trial every few seconds. The others look whether it
*changes*, each on its own monotonic clock, so that no two clocks have to agree. A trial whose beat
stands still for the sweep's grace has lost its process, and is tried again. Time in which the
watcher itself did not look, because it was frozen or the storage away, does not count.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from cnnrun.errors import RunError
from cnnrun.sweeps.reconcile import reconcile
from cnnrun.sweeps.study import Sweep
from cnnrun.sweeps.trials import BEAT, TrialView

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["Heart", "Watch"]

BEATS = 6
"""So many beats fall into the grace."""


class Watch:
    """Tells which running trials have shown no sign of life for too long."""

    def __init__(self, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Watch with a clock of this process; `grace` is in seconds."""
        self._grace, self._clock = grace, clock
        self._longest_look = 2 * grace / BEATS
        self._seen: dict[int, str | None] = {}
        self._silent: dict[int, float] = {}
        self._looked: float | None = None

    def stale(self, trials: Sequence[TrialView]) -> list[int]:
        """Look at the trials; return the numbers of those whose process is lost."""
        now = self._clock()
        passed = 0.0 if self._looked is None else min(now - self._looked, self._longest_look)
        self._looked = now
        running = {trial.number: trial.beat for trial in trials if trial.status == "running"}
        for number, beat in running.items():
            if number in self._seen and self._seen[number] == beat:
                self._silent[number] += passed
            else:
                self._silent[number] = 0.0
        self._seen = running
        return [number for number in running if self._silent[number] > self._grace]


class Heart:
    """A thread that beats for the trial at hand, ends lost ones, and looks for a request to stop.

    `is_lost` says that the trial at hand was ended by another process, which took this one for
    lost; `stop_reason` why all were asked to stop.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.is_lost = False
        self.stop_reason: str | None = None
        self._sweep = sweep
        self._watch = Watch(sweep.plan.options.grace)
        self._interval = sweep.plan.options.grace / BEATS
        self._trial: Trial | None = None
        self._word = uuid.uuid4().hex[:8]
        self._count = 0
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._live, daemon=True, name="sweep-heart")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join(timeout=5.0)

    def begin(self, trial: Trial) -> None:
        """Beat for a trial from now on."""
        with self._lock:
            self.is_lost, self._trial = False, trial
        self._beat()

    def rest(self) -> None:
        """Beat for no trial."""
        with self._lock:
            self._trial = None

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._end.wait(seconds)

    def _live(self) -> None:
        while not self._end.wait(self._interval):
            with suppress(RunError):  # the storage is away for long; the work will say so
                self._beat()
                self._look()

    def _beat(self) -> None:
        with self._lock:
            trial = self._trial
            self._count += 1
            if trial is not None and not self._sweep.note(
                trial, **{BEAT: f"{self._word} {self._count}"}
            ):
                self.is_lost = True

    def _look(self) -> None:
        self.stop_reason = self._sweep.stop_reason
        trials = self._sweep.trials()
        stale = self._watch.stale(trials)
        for number in stale:
            self._sweep.tell(number, "FAIL")
        if stale and not self.stop_reason:
            reconcile(self._sweep, self._sweep.trials())
