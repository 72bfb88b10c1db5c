"""Trains a run again, segment by segment, and holds weights, metrics and predictions against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.config import Experiment, dump_yaml
from cnnrun.data import Samples
from cnnrun.engine import Executor
from cnnrun.engine.types import Array
from cnnrun.errors import CheckpointError, ConfigError, DataError, PluginError, RunError
from cnnrun.runs.causes import find_causes
from cnnrun.runs.checkpoints import Checkpoint, read_checkpoint
from cnnrun.runs.digests import read_digests
from cnnrun.runs.evaluation import predict
from cnnrun.runs.events import Event, StepFinished
from cnnrun.runs.files import replace_file, write_json
from cnnrun.runs.folder import Run, find_run
from cnnrun.runs.model import load_model
from cnnrun.runs.moved import experiment_of, prepare_data
from cnnrun.runs.opening import resume_run, start_run
from cnnrun.runs.reproduction import (
    Cause,
    Reproduction,
    Verdict,
    first_parting,
    metric_differences,
    tensor_differences,
    within_tolerance,
)
from cnnrun.runs.segments import Segment, keep_configuration, run_segments
from cnnrun.runs.session import Session
from cnnrun.runs.signals import StopRequest

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
        RunError: there is no such run, or it is damaged.
        DivergedError: the repetition diverged.
    """
    run = find_run(run, Path(runs_dir)) if isinstance(run, str) else run
    stop = StopRequest() if stop is None else stop
    record = run.record
    try:
        segments = run_segments(run, changed=True)
        _refuse_several_plugins(segments)
        checkpoint = read_checkpoint(run.checkpoint("last"), verify=False)
        end = int(checkpoint.state["progress"]["step"])
        experiments = [experiment_of(run, segment.file) for segment in segments]
        prepare_data(experiments[0])
    except (RunError, PluginError, ConfigError, CheckpointError, KeyError, TypeError) as error:
        return Reproduction(run.name, None, "cannot tell", reason=str(error))
    except DataError as error:
        dataset = record.get("dataset", {})
        reason = f"{error}\nIts data, {dataset.get('name')}, had the SHA-256 {dataset['sha256']}"
        return Reproduction(run.name, None, "cannot tell", reason=reason)
    lines = run.metrics
    if epochs is not None and epochs < len(lines):
        end = lines[epochs - 1]["step"]
    name = experiments[0].name[:74].removesuffix("-again")
    session = start_run(
        replace(experiments[0], name=f"{name}-again"),
        Path(runs_dir),
        workers=workers,
        check_every=record.get("check_every"),
        command=["cnnrun", "reproduce", run.name],
        notes={"reproduces": {"run": run.name, "verdict": None}},
    )
    for segment, experiment, following in zip(
        segments, experiments, [*segments[1:], None], strict=True
    ):
        if segment.from_step >= end and segment is not segments[0]:
            break
        if segment is not segments[0]:
            session = _next_segment(session.run, segment, replace(experiment, name=f"{name}-again"))
        with session:
            _train(session, min(end, following.from_step if following else end), on_event, stop)
        if stop:
            text = f"interrupted; {session.run.name} stays as it is, and another begins anew"
            return Reproduction(run.name, str(session.run.folder), "cannot tell", reason=text)
    return _compare(run, session, segments, checkpoint, end)


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
    return resume_run(run, workers=run.record["workers"], command=segment.command)


def _train(
    session: Session, end: int, on_event: Callable[[Event], None] | None, stop: StopRequest
) -> None:
    """Train up to a step, or until somebody else asks to stop."""
    own = StopRequest()
    for event in session.events(own):
        if on_event is not None:
            on_event(event)
        if stop:
            own.signal = stop.signal
        elif isinstance(event, StepFinished) and event.step >= end:
            own.signal = 0


def _compare(
    run: Run, session: Session, segments: Sequence[Segment], old: Checkpoint, end: int
) -> Reproduction:
    """Hold a repetition up to a step against the run, and note the verdict in its record."""
    again, compared = session.run, []
    causes = find_causes(run, segments, again.record)
    one = {step: digests for step, digests in read_digests(run).items() if step <= end}
    other = read_digests(again)
    same_until, step, tensors = first_parting(one, other)
    if one:
        compared.append(f"digests of the weights at {len(one.keys() & other.keys())} steps")
    new = read_checkpoint(again.checkpoint("last"))
    weights: dict[str, float] = {}
    whole = old.state["progress"]["step"] == end == new.state["progress"]["step"]
    if whole:
        weights = tensor_differences(old.weights, new.weights)
        compared.append(f"the {len(new.weights)} arrays of the last checkpoint")
    lines, new_lines = ([e for e in each.metrics if e["step"] <= end] for each in (run, again))
    epochs = min(len(lines), len(new_lines))
    metrics, epoch = metric_differences(lines, new_lines)
    compared.append(f"the metrics of {epochs} epochs")
    predictions, tests = None, [each.record.get("test") or {} for each in (run, again)]
    tested = whole and all(tests)
    if tested:
        compared.append("the predictions of the test split")
        predictions = _predictions(run, session)
        of_test, _ = metric_differences([{"epoch": 0, **tests[0]}], [{"epoch": 0, **tests[1]}])
        metrics.update({f"test_{key}": value for key, value in of_test.items()})
    if step is not None:
        epoch = next((e["epoch"] for e in new_lines if e["step"] >= step), epochs + 1)
    elif weights and epoch is None:
        epoch, step, tensors = max(epochs, 1), end, [*weights]
    first = None
    if epoch is not None:
        first = {"epoch": epoch, "step": step, "same_until": same_until, "tensors": tensors}
    different = bool(first or metrics or (predictions or {}).get("samples"))
    if different and one and same_until == max(one):  # the training itself repeats
        causes = _changed_later(causes, weights)
    ends = [[tests[0]], [tests[1]]] if tested else [[], []]
    close = within_tolerance([*lines, *ends[0]], [*new_lines, *ends[1]])
    rounding = bool(causes) and all(cause.rounds for cause in causes)
    verdict: Verdict = "different"
    if not different:
        verdict = "same"
    elif rounding and close:
        verdict = "within tolerance"
    document = again.record
    document["reproduces"] = {"run": run.name, "verdict": verdict}
    write_json(again.record_file, document)
    return Reproduction(
        run.name, str(again.folder), verdict, causes, epochs, end, first, weights, metrics,
        predictions, tuple(compared),
    )  # fmt: skip


def _changed_later(causes: Sequence[Cause], weights: Mapping[str, float]) -> tuple[Cause, ...]:
    """Return the causes of a difference though every digest of the weights is the same."""
    if any(not cause.rounds for cause in causes):
        return tuple(causes)
    if weights:
        text = "the checkpoint last: its weights are not those that digests.jsonl says"
        return (Cause("checkpoint", text), *causes)
    text = "the figures: the weights repeat to the bit, but metrics.jsonl or run.json was changed"
    return (Cause("log", text), *causes)


def _predictions(run: Run, session: Session) -> dict[str, Any] | None:
    """Return how predictions of the test split differ between the best weights of both runs."""
    model, test = load_model(session.run, "best"), session.data.test
    with Executor(model.network, model.experiment.loss, workers=1) as executor:
        new = _outputs(executor, test)
    try:
        model.network.load_state(read_checkpoint(run.checkpoint("best"), verify=False).weights)
    except CheckpointError:
        return None
    with Executor(model.network, model.experiment.loss, workers=1) as executor:
        old = _outputs(executor, test)
    differ = (old != new).reshape(len(old), -1).any(axis=1)
    classes = None
    if model.task == "classification":
        classes = int((old.argmax(axis=1) != new.argmax(axis=1)).sum())
    return {
        "largest": float(np.abs(old - new).max()),
        "samples": int(differ.sum()),
        "of": len(old),
        "classes": classes,
    }


def _outputs(executor: Executor, samples: Samples) -> Array:
    pieces = [
        predict(executor, samples.batch(np.arange(start, min(start + 256, len(samples))))[0])
        for start in range(0, len(samples), 256)
    ]
    return np.concatenate(pieces)
