"""Brings a sweep's trials in order: every point queued, every lost one queued again, none twice.

It may be done by any process at any moment, again and again: what is to be done follows from what
the storage holds alone. A process that is killed in the middle leaves what the next one finishes.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnrun.sweeps.study import Sweep
from cnnrun.sweeps.trials import TrialView, by_point, is_given_up

__all__ = ["is_done", "is_superseded", "reconcile"]


def reconcile(sweep: Sweep, trials: Sequence[TrialView]) -> bool:
    """Queue what is missing; return whether anything was.

    Args:
        sweep: it.
        trials: as the storage has them now.
    """
    points, queued = by_point(trials), False
    for point in range(sweep.plan.options.points):
        own = points.get(point, [])
        if not own:
            sweep.queue(point, 0)
            queued = True
        elif _is_lost(own, sweep.plan.options.retries):
            latest = max(own, key=lambda trial: (trial.attempt, -trial.number))
            chosen = [trial for trial in own if trial.settings]
            params = sweep.params_of(chosen[-1].number) if chosen else None
            sweep.queue(point, latest.attempt + 1, params)
            queued = True
    return queued


def is_superseded(trial: TrialView, trials: Sequence[TrialView]) -> bool:
    """Return whether another trial has the place of one that was just taken from the queue."""
    if trial.point is None:  # nobody queued it: somebody else was faster at the queue
        return True
    return any(
        other.is_settled
        or other.attempt > trial.attempt
        or (other.attempt == trial.attempt and other.number < trial.number)
        for other in trials
        if other.point == trial.point and other.number != trial.number
    )


def is_done(sweep: Sweep, trials: Sequence[TrialView]) -> bool:
    """Return whether every point has its result, or is given up."""
    points = by_point(trials)
    return all(
        point in points and _is_over(points[point], sweep.plan.options.retries)
        for point in range(sweep.plan.options.points)
    )


def _is_over(trials: Sequence[TrialView], retries: int) -> bool:
    if any(trial.is_settled for trial in trials):
        return True
    return not any(trial.is_open for trial in trials) and is_given_up(trials, retries)


def _is_lost(trials: Sequence[TrialView], retries: int) -> bool:
    return not any(trial.is_settled or trial.is_open for trial in trials) and not is_given_up(
        trials, retries
    )
