"""Trains a run again from its folder, segment by segment, and asks for the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cnnrun.config import Experiment, dump_yaml
from cnnrun.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    DivergedError,
    PluginError,
    RunError,
)
from cnnrun.runs.events import Event, StepFinished
from cnnrun.runs.files import replace_file
from cnnrun.runs.folder import Run, find_run
from cnnrun.runs.moved import experiment_of, prepare_data
from cnnrun.runs.opening import resume_run, start_run
from cnnrun.runs.repetition import compare_repetition, read_original
from cnnrun.runs.reproduction import Reproduction
from cnnrun.runs.segments import Segment, keep_configuration
from cnnrun.runs.session import Session
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.stopping import has_stopped

__all__ = ["reproduce"]


def reproduce(
    run: Run | str,
    runs_dir: Path | str = "runs",
    *,
    workers: int | None = None,
    epochs: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    stop: StopRequest | None = None,
) -> Reproduction:
    """Train a run again, up to where its last checkpoint stands, and compare; return the verdict.

    The new run, called `NAME-again-0001`, lies in `runs_dir`.

    Args:
        run: it, its name or folder, or `last`.
        runs_dir: where a run of that name is looked for.
        workers: parts of a batch computed at once; the result does not depend on them.
        epochs: only the first so many.
        on_event: called with everything that happens.
        stop: set its `signal` to stop after the step at hand; then it cannot tell.

    Raises:
        RunError: there is no such run, or its record is damaged.
    """
    run = find_run(run, Path(runs_dir)) if isinstance(run, str) else run
    stop = StopRequest() if stop is None else stop
    dataset = run.record.get("dataset", {})
    try:
        original = read_original(run, epochs)
        segments = original.segments
        _refuse_several_plugins(segments)
        experiments = [experiment_of(run, segment.file) for segment in segments]
        prepare_data(experiments[0])
    except (RunError, PluginError, ConfigError, CheckpointError) as error:
        return Reproduction(run.name, None, "cannot tell", reason=str(error))
    except DataError as error:
        known = f"had the SHA-256 {digest}" if (digest := dataset.get("sha256")) else "are unknown"
        reason = f"{error}\nIts data, {dataset.get('name')}, {known}"
        return Reproduction(run.name, None, "cannot tell", reason=reason)
    name = f"{experiments[0].name[:74].removesuffix('-again')}-again"
    experiments = [replace(experiment, name=name) for experiment in experiments]
    session = start_run(
        experiments[0],
        Path(runs_dir),
        workers=workers,
        check_every=original.record.get("check_every"),
        command=["cnnrun", "reproduce", run.name],
        notes={"reproduces": {"run": run.name, "verdict": None}},
    )
    ended = None
    for number, (segment, experiment) in enumerate(zip(segments, experiments, strict=True)):
        if number and segment.from_step >= original.end:
            break
        if number:
            session = _next_segment(session.run, segment, experiment)
        until = segments[number + 1].from_step if segment is not segments[-1] else original.end
        with session:
            ended = _train(session, min(original.end, until), on_event, stop)
        if stop:
            text = f"interrupted; {session.run.name} stays as it is, and another begins anew"
            return Reproduction(run.name, str(session.run.folder), "cannot tell", reason=text)
        if ended:
            break
    return compare_repetition(original, session, ended)


def _refuse_several_plugins(segments: Sequence[Segment]) -> None:
    if len({segment.plugins for segment in segments}) > 1:
        raise PluginError(
            "its segments were trained with different plug-ins, and a name is registered once in a "
            "process; train the segments one by one"
        )


def _next_segment(run: Run, segment: Segment, experiment: Experiment) -> Session:
    """Return a training that goes on with another configuration, as a resume did then."""
    old, new = run.config.read_bytes(), dump_yaml(replace(experiment, plugins=())).encode()
    if new != old:
        keep_configuration(run, run.record["segments"], old)
        replace_file(run.config, new)
    # The epochs are said, so that a run that had stopped early goes on, as it did then.
    epochs, workers = experiment.train.epochs, run.record["workers"]
    return resume_run(run, workers=workers, epochs=epochs, command=segment.command)


def _train(
    session: Session, end: int, on_event: Callable[[Event], None] | None, stop: StopRequest
) -> str | None:
    """Train up to a step, or until somebody else asks to stop; return why it ended before."""
    own = StopRequest()
    try:
        for event in session.events(own):
            if on_event is not None:
                on_event(event)
            if stop:
                own.signal = stop.signal
            elif isinstance(event, StepFinished) and event.step >= end:
                own.signal = 0
    except DivergedError as error:
        return str(error)
    step = session.trainer.progress.step
    if step < end and not stop:
        if has_stopped(session.trainer.progress.stopping):
            return f"it stopped early, after step {step}, and the run had {end} steps"
        return f"its configuration and data give {step} steps, and the run had {end}"
    return None
