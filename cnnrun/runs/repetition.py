"""Holds a repetition against the run that it repeats: weights, metrics and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrun.engine import Executor
from cnnrun.errors import CheckpointError, RunError
from cnnrun.runs.causes import find_causes
from cnnrun.runs.checkpoints import Checkpoint, read_checkpoint
from cnnrun.runs.digests import read_digests
from cnnrun.runs.evaluation import predict
from cnnrun.runs.files import write_json
from cnnrun.runs.folder import Run
from cnnrun.runs.model import load_model
from cnnrun.runs.reproduction import (
    Cause,
    Reproduction,
    Verdict,
    first_parting,
    metric_differences,
    tensor_differences,
    within_tolerance,
)
from cnnrun.runs.segments import Segment, run_segments
from cnnrun.runs.session import Session

__all__ = ["Original", "compare_repetition", "read_original"]


@dataclass(frozen=True)
class Original:
    """What a run says of itself, read before anything is trained.

    Attributes:
        run: it.
        record: its record.
        segments: what was trained, and from where on.
        last, best: its checkpoints, also such as were changed; no best that cannot be read.
        lines: the metrics of its epochs, up to `end`.
        digests: of its weights by step, up to `end`.
        end: the step up to which it is repeated.
    """

    run: Run
    record: dict[str, Any]
    segments: Sequence[Segment]
    last: Checkpoint
    best: Checkpoint | None
    lines: Sequence[dict[str, Any]]
    digests: dict[int, dict[str, str]]
    end: int


def read_original(run: Run, epochs: int | None) -> Original:
    """Read a run that is to be repeated up to its last checkpoint, or only its first epochs.

    Raises:
        RunError: a file is damaged or missing, or nothing was trained.
        CheckpointError: the last checkpoint cannot be read.
        PluginError: a plug-in's copy is missing.
    """
    segments, lines = run_segments(run, changed=True), run.metrics
    last = read_checkpoint(run.checkpoint("last"), verify=False)
    progress = last.state.get("progress")
    end = progress.get("step") if isinstance(progress, dict) else None
    if not isinstance(end, int):
        file = run.checkpoint("last") / "state.json"
        raise RunError(f"{file}: damaged; it does not say at which step the run stands")
    if end < 1:
        raise RunError(f"{run.folder}: no step of it has been done")
    if epochs is not None and epochs < len(lines):
        end = min(end, lines[epochs - 1]["step"])
    digests = {step: of for step, of in read_digests(run).items() if step <= end}
    return Original(
        run, run.record, segments, last, _best(run), _until(lines, end), digests, end
    )  # fmt: skip


def compare_repetition(original: Original, session: Session, ended: str | None) -> Reproduction:
    """Return the verdict, and note it in the record of the repetition.

    Args:
        original: the run.
        session: its repetition, which has been trained.
        ended: why that did not come as far.
    """
    again, end, compared = session.run, original.end, []
    causes = find_causes(original.run, original.segments, again.record)
    digests = read_digests(again)
    same_until, step, tensors = first_parting(original.digests, digests)
    if original.digests:
        common = len(original.digests.keys() & digests.keys())
        compared.append(f"digests of the weights at {common} steps")
    new = read_checkpoint(again.checkpoint("last"))
    weights: dict[str, float] = {}
    whole = original.last.state["progress"]["step"] == end == new.state["progress"]["step"]
    if whole:
        weights = tensor_differences(original.last.weights, new.weights)
        compared.append(f"the {len(new.weights)} arrays of the last checkpoint")
    lines = _until(again.metrics, end)
    epochs = min(len(original.lines), len(lines))
    metrics, epoch = metric_differences(original.lines, lines)
    if epochs:
        compared.append(f"the metrics of {epochs} epoch{'' if epochs == 1 else 's'}")
    best_weights, predictions, tests = {}, None, []
    if whole and original.record.get("test") and again.record.get("test"):
        tests = [{"epoch": 0, **record["test"]} for record in (original.record, again.record)]
        of_test, _ = metric_differences(tests[:1], tests[1:])
        metrics.update({f"test_{key}": value for key, value in of_test.items()})
        repeated = read_checkpoint(again.checkpoint("best"))
        kept = original.best.weights if original.best else {}
        best_weights = tensor_differences(kept, repeated.weights)
        predictions = _predictions(session, original.best)
        compared.append("the best weights and their predictions of the test split")
    if step is not None:
        epoch = next((line["epoch"] for line in lines if line["step"] >= step), len(lines) + 1)
    elif weights and epoch is None and same_until != end:  # nothing says where it began
        epoch, step, tensors = max(epochs, 1), end, [*weights]
    elif ended and epoch is None:
        epoch = epochs + 1
    first = None
    if epoch is not None:
        first = {"epoch": epoch, "step": step, "same_until": same_until, "tensors": tensors}
    different = bool(first or weights or metrics or best_weights)
    if different and not ended and original.digests and same_until == max(original.digests):
        causes = _changed_later(causes, bool(weights), bool(best_weights))
    rounding = bool(causes) and all(cause.rounds for cause in causes) and not ended
    verdict: Verdict = "different"
    if not different:
        verdict = "same"
    elif rounding and within_tolerance([*original.lines, *tests[:1]], [*lines, *tests[1:]]):
        verdict = "within tolerance"
    document = again.record
    document["reproduces"] = {"run": original.run.name, "verdict": verdict}
    write_json(again.record_file, document)
    return Reproduction(
        original.run.name, str(again.folder), verdict, causes, epochs, end, ended, first, weights,
        best_weights, metrics, predictions, tuple(compared),
    )  # fmt: skip


def _best(run: Run) -> Checkpoint | None:
    try:
        return read_checkpoint(run.checkpoint("best"), verify=False)
    except CheckpointError:
        return None


def _until(lines: Sequence[dict[str, Any]], end: int) -> list[dict[str, Any]]:
    return [line for line in lines if line["step"] <= end]


def _changed_later(causes: Sequence[Cause], last: bool, best: bool) -> tuple[Cause, ...]:
    """Return the causes of a difference though every digest of the weights is the same.

    Args:
        causes: what is known not to be as it was.
        last: the last checkpoint differs.
        best: the best one does.
    """
    if any(not cause.rounds for cause in causes):
        return tuple(causes)
    if last or best:
        which = "last" if last else "best"
        text = f"the checkpoint {which}: its weights are not those that digests.jsonl says"
        return (Cause("checkpoint", text), *causes)
    text = "the figures: the weights repeat to the bit, but metrics.jsonl or run.json was changed"
    return (Cause("log", text), *causes)


def _predictions(session: Session, best: Checkpoint | None) -> dict[str, Any] | None:
    """Return how predictions of the test split differ between the best weights of both.

    None where those of the run cannot be read, or are of another network.
    """
    new, old, test = (*(load_model(session.run, "best") for _ in range(2)), session.data.test)
    try:
        old.network.load_state(best.weights if best else {})
    except CheckpointError:
        return None
    largest, samples, classes = 0.0, 0, 0
    with (
        Executor(new.network, new.experiment.loss, workers=1) as one,
        Executor(old.network, old.experiment.loss, workers=1) as other,
    ):
        for start in range(0, len(test), 256):
            x, _ = test.batch(np.arange(start, min(start + 256, len(test))))
            a = np.array(predict(one, x))
            b = predict(other, x)
            largest = max(largest, float(np.abs(a - b).max()))
            samples += int((a != b).reshape(len(a), -1).any(axis=1).sum())
            if new.task == "classification":
                classes += int((a.argmax(axis=1) != b.argmax(axis=1)).sum())
    return {
        "largest": largest,
        "samples": samples,
        "of": len(test),
        "classes": classes if new.task == "classification" else None,
    }
