"""Trains an experiment from Python: to its end, or event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cnnrun.config import Experiment, load_experiment
from cnnrun.runs.events import Event
from cnnrun.runs.folder import Run, find_run
from cnnrun.runs.opening import resume_run, start_run
from cnnrun.runs.session import Session
from cnnrun.runs.signals import StopRequest

__all__ = ["resume", "train", "train_events"]


def train(
    experiment: Experiment | Path | str,
    runs_dir: Path | str = "runs",
    *,
    workers: int | None = None,
    gradcheck: bool = False,
    check_every: int | None = None,
    before: Callable[[Session], object] | None = None,
    on_event: Callable[[Event], None] | None = None,
    stop: StopRequest | None = None,
) -> Run:
    """Train an experiment and measure its best weights on the test split; return the run.

    Args:
        experiment: what to train, or its configuration file.
        runs_dir: where the run's directory is created.
        workers: parts of a batch computed at once, by default as many as there are processors; the
            result does not depend on them.
        gradcheck: check the network's gradients first.
        check_every: keep digests of the weights every so many steps, so that `reproduce` can say
            at which step a repetition first differs.
        before: called with the run's session before the first step, such as `cnnrun.check_run`;
            what it raises ends the training.
        on_event: called with everything that happens.
        stop: set its `signal` to stop after the step at hand; the run can be resumed.

    Raises:
        CnnrunError: the configuration is wrong, the data cannot be used, or the run cannot be
            written to.
        GradientError: a gradient is wrong; nothing was trained.
        DivergedError: a loss or gradient is not finite; the last good checkpoint stays.
    """
    loaded = _loaded(experiment)
    with start_run(loaded, Path(runs_dir), workers=workers, check_every=check_every) as session:
        if before is not None:
            before(session)
        if gradcheck:
            from cnnrun.runs.preflight import check_gradients  # the checker is not light

            check_gradients(session)
        return _to_the_end(session, on_event, stop)


def resume(
    run: Run | str,
    runs_dir: Path | str = "runs",
    *,
    epochs: int | None = None,
    workers: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    stop: StopRequest | None = None,
) -> Run:
    """Go on with a run where its last checkpoint stands, to its end; return it.

    Args:
        run: it, its name or folder, or `last`.
        runs_dir: where a run of that name is looked for.
        epochs: in all, instead of what its configuration says.
        workers: as `train` takes them.
        on_event: called with everything that happens.
        stop: set its `signal` to stop after the step at hand.

    Raises:
        RunError: there is no such run, another process trains it, or all its epochs are done.
        CheckpointError: the checkpoint is damaged or of another experiment or data set.
        DivergedError: a loss or gradient is not finite; the last good checkpoint stays.
    """
    run = find_run(run, Path(runs_dir)) if isinstance(run, str) else run
    with resume_run(run, workers=workers, epochs=epochs) as session:
        return _to_the_end(session, on_event, stop)


def train_events(
    experiment: Experiment | Path | str,
    runs_dir: Path | str = "runs",
    *,
    workers: int | None = None,
) -> Iterator[Event]:
    """Train an experiment as `train` does, and yield what happens; `start_run` also gives the run.

    Nothing is created before the first event is asked for.
    """
    with start_run(_loaded(experiment), Path(runs_dir), workers=workers) as session:
        yield from session.events()


def _loaded(experiment: Experiment | Path | str) -> Experiment:
    return experiment if isinstance(experiment, Experiment) else load_experiment(experiment)


def _to_the_end(
    session: Session, on_event: Callable[[Event], None] | None, stop: StopRequest | None
) -> Run:
    for event in session.events(stop):
        if on_event is not None:
            on_event(event)
    return session.run
