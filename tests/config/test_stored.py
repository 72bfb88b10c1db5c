"""What a run's folder says is checked key by key."""

from __future__ import annotations

import json

import pytest

from cnnrun.config.stored import EpochLine, RunRecord, TrainingState, check_stored, read_stored
from cnnrun.errors import CheckpointError, RunError

FIGURES = {
    "epoch": 1, "step": 5, "train_loss": 1.5, "train_accuracy": 0.5, "val_loss": None,
    "val_accuracy": None, "learning_rate": 0.1, "grad_norm": 2.0, "seconds": 0.1,
    "samples_per_second": 100.0,
}  # fmt: skip
STATE = {
    "progress": {
        "step": 5, "epoch": 1, "batch": 0, "loss": 0.0, "right": 0.0, "samples": 0,
        "grad_norm": 0.0, "seconds": 0.0, "learning_rate": 0.1, "schedule": {}, "best": FIGURES,
    },
    "log_bytes": 100, "dataset_sha256": "ab", "statistics": {"mean": [0.5], "std": [0.25]},
    "image_shape": [8, 8, 1], "class_names": ["a", "b"],
}  # fmt: skip


def test_what_was_written_is_read():
    line = {"kind": "epoch", **FIGURES, "of a later version": [1]}
    assert read_stored(EpochLine, json.dumps(line).encode(), "f:1", RunError) == line
    check_stored(TrainingState, STATE, "f", CheckpointError)
    check_stored(RunRecord, {"name": "a", "status": "running", "best": FIGURES}, "f", RunError)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "f:1: damaged"),
        (b'{"kind": ', "f:1: damaged"),
        (b"[" * 100_000, "f:1: damaged"),
        (b"9" * 10_000, "f:1: damaged"),
        (b"[1]", "f:1: must be a mapping, got"),
        (json.dumps({"kind": "epoch"}).encode(), "f:1: epoch: field required"),
        (json.dumps({"kind": "epoch", **FIGURES, "step": "5"}).encode(), "f:1: step: .* got '5'"),
        (json.dumps({"kind": "epoch", **FIGURES, "epoch": True}).encode(), "f:1: epoch: "),
        (json.dumps({"kind": "epoch", **FIGURES, "val_loss": float("nan")}).encode(), "val_loss"),
        (json.dumps({"kind": "epoch", **FIGURES, "step": 10**4000}).encode(), "f:1: step"),
    ],
)
def test_a_wrong_line_is_named_with_its_key(content, says):
    with pytest.raises(RunError, match=says):
        read_stored(EpochLine, content, "f:1", RunError)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"progress": 3}, "f: progress: .* got 3"),
        ({"progress": {**STATE["progress"], "best": {"epoch": 1}}}, "f: progress.best.step"),
        ({"progress": {**STATE["progress"], "more": 1}}, "f: progress.more"),
        ({"statistics": {"mean": [0.5, 0.5], "std": [0.25]}}, "statistics.mean has 2 values"),
        ({"statistics": {"mean": [0.5], "std": [0.0]}}, "f: statistics.std.0"),
        ({"statistics": {"mean": [0.5], "std": [1e-45]}}, "f: statistics.std.0"),
        ({"statistics": {"mean": [1e30], "std": [0.25]}}, "f: statistics.mean.0"),
        ({"image_shape": [8, 8]}, "f: image_shape"),
        ({"class_names": "ab"}, "f: class_names"),
        ({"log_bytes": -1}, "f: log_bytes"),
    ],
)
def test_a_wrong_state_is_named_with_its_key(changes, says):
    with pytest.raises(CheckpointError, match=says):
        check_stored(TrainingState, {**STATE, **changes}, "f", CheckpointError)
