"""What a process of a sweep does: takes one trial after another, until every point is settled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cnnrun.errors import (
    CnnrunError,
    ConfigError,
    DataError,
    PluginError,
    RunError,
    ShapeError,
)
from cnnrun.runs import StopRequest
from cnnrun.sweeps.attempt import Attempt
from cnnrun.sweeps.liveness import Heart
from cnnrun.sweeps.reconcile import is_done, is_superseded, reconcile
from cnnrun.sweeps.study import Sweep
from cnnrun.sweeps.trials import ERROR, MISTAKE, STOPPED, SUPERSEDED, TrialView

__all__ = ["work"]

MISTAKES = (ConfigError, DataError, PluginError, ShapeError)
"""What the configuration is to blame for, so that trying again is of no use."""
IDLE_SECONDS = 1.0
"""Between two looks at what others do."""


def work(
    sweep: Sweep,
    runs_dir: Path,
    *,
    workers: int | None = None,
    stop: StopRequest | None = None,
    on_change: Callable[[], None] = lambda: None,
) -> None:
    """Carry out trials until every point is settled, or somebody asks to stop.

    Args:
        sweep: it.
        runs_dir: where the folders of runs are created.
        workers: parts of a batch computed at once.
        stop: set its `signal` to stop after the step at hand; the trial can be gone on with.
        on_change: called after every epoch and every trial.

    Raises:
        CnnrunError: a trial cannot be trained by a mistake of the configuration, which stops the
            sweep; or this process cannot go on, and leaves its trial to the others.
    """
    stop = StopRequest() if stop is None else stop
    request = stop
    with Heart(sweep) as heart:
        sweep.hurried = lambda: bool(request)
        while not stop:
            if heart.stop_reason or sweep.stop_reason:
                return
            trials = sweep.trials()
            if reconcile(sweep, trials):
                continue
            if any(trial.status == "waiting" for trial in trials):
                _take(sweep, runs_dir, workers, heart, stop, on_change)
                on_change()
            elif is_done(sweep, trials):
                return
            else:
                heart.wait(IDLE_SECONDS)
                on_change()


def _take(
    sweep: Sweep,
    runs_dir: Path,
    workers: int | None,
    heart: Heart,
    stop: StopRequest,
    on_change: Callable[[], None],
) -> None:
    """Take a trial from the queue and carry it out."""
    trial = sweep.ask()
    heart.begin(trial)
    try:
        trials = sweep.trials()
        view = trials[trial.number]
        if is_superseded(view, trials):
            sweep.note(trial, **{SUPERSEDED: True})
            sweep.tell(trial.number, "FAIL")
            return
        if not sweep.choose(trial):
            return  # another process took this one for lost
        view = sweep.trials()[trial.number]
        before = [other for other in trials if other.point == view.point and other != view]
        attempt = Attempt(sweep, trial, view, before, runs_dir, workers)
        _carry_out(attempt, heart, stop, on_change)
    finally:
        heart.rest()


def _carry_out(
    attempt: Attempt, heart: Heart, stop: StopRequest, on_change: Callable[[], None]
) -> None:
    sweep, trial = attempt.sweep, attempt.trial
    try:
        outcome = attempt.carry_out(heart, stop, on_change)
    except MISTAKES as error:
        message = f"{_described(attempt.view)}: {error}"
        sweep.note(trial, **{ERROR: str(error), MISTAKE: True})
        sweep.tell(trial.number, "FAIL")
        sweep.stop(message)
        raise type(error)(message) from error
    except Exception as error:
        with suppress(RunError):  # it may be the storage that is away
            sweep.note(trial, **{ERROR: f"{type(error).__name__}: {error}"})
            sweep.tell(trial.number, "FAIL")
        if isinstance(error, CnnrunError):
            raise RunError(f"{_described(attempt.view)}: {error}") from error
        raise
    if outcome == "finished":
        sweep.tell(trial.number, "COMPLETE", attempt.value)
    elif outcome == "pruned":
        sweep.tell(trial.number, "PRUNED")
    elif outcome == "interrupted":
        sweep.note(trial, **{STOPPED: True})
        sweep.tell(trial.number, "FAIL")


def _described(view: TrialView) -> str:
    settings = " ".join(f"{key}={value}" for key, value in view.settings.items())
    return f"trial {view.number} ({settings})"
