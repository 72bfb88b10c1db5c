"""Trains an experiment from Python: to its end, or event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cnnrun.config import Experiment
from cnnrun.runs.events import Event
from cnnrun.runs.folder import Run
from cnnrun.runs.opening import start_run
from cnnrun.runs.signals import StopRequest

__all__ = ["train", "train_events"]


def train(
    experiment: Experiment,
    runs_dir: Path | str = Path("runs"),
    *,
    workers: int | None = None,
    gradcheck: bool = False,
    on_event: Callable[[Event], None] | None = None,
    stop: StopRequest | None = None,
) -> Run:
    """Train an experiment and measure its best weights on the test split; return the run.

    Args:
        experiment: what to train.
        runs_dir: where the run's directory is created.
        workers: parts of a batch computed at once, by default as many as there are processors; the
            result does not depend on them.
        gradcheck: check the network's gradients first.
        on_event: called with everything that happens.
        stop: set its `signal` to stop after the step at hand; the run can be resumed.

    Raises:
        CnnrunError: the data cannot be used, or the run cannot be written to.
        GradientError: a gradient is wrong; nothing was trained.
        DivergedError: a loss or gradient is not finite; the last good checkpoint stays.
    """
    with start_run(experiment, Path(runs_dir), workers=workers) as session:
        if gradcheck:
            from cnnrun.runs.preflight import check_gradients  # the checker is not light

            check_gradients(session)
        for event in session.events(stop):
            if on_event is not None:
                on_event(event)
        return session.run


def train_events(
    experiment: Experiment, runs_dir: Path | str = Path("runs"), *, workers: int | None = None
) -> Iterator[Event]:
    """Train an experiment as `train` does, and yield what happens; `start_run` also gives the run.

    Nothing is created before the first event is asked for.
    """
    with start_run(experiment, Path(runs_dir), workers=workers) as session:
        yield from session.events()
