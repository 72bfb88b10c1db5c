"""Turns a training's state into a checkpoint, and a checkpoint back into it, bit for bit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cnnrun.config.stored import TrainingState, check_stored
from cnnrun.errors import CheckpointError
from cnnrun.runs.checkpoints import Checkpoint, read_checkpoint
from cnnrun.runs.progress import Progress
from cnnrun.runs.trainer import Trainer

__all__ = ["read_training", "restore_state", "take_state"]


def take_state(trainer: Trainer, log_bytes: int) -> Checkpoint:
    """Return a training's state; `log_bytes` is the length of the log at this moment."""
    target = trainer.data.info.target_shape
    state = {
        "progress": asdict(trainer.progress),
        "log_bytes": log_bytes,
        "dataset_sha256": trainer.data.sha256,
        "statistics": trainer.data.statistics.to_json(),
        "image_shape": list(trainer.data.info.image_shape),
        "class_names": list(trainer.data.info.class_names),
        "task": trainer.data.info.task,
        "target_shape": list(target) if target else None,
    }
    return Checkpoint(trainer.network.state(), trainer.optimizer_state, state)


def read_training(folder: Path) -> Checkpoint:
    """Return the checkpoint of a training, whose state has every key that `take_state` writes.

    Raises:
        CheckpointError: there is none, it is damaged, or a value of its state is of another kind.
    """
    checkpoint = read_checkpoint(folder)
    check_stored(TrainingState, checkpoint.state, f"{folder / 'state.json'}", CheckpointError)
    return checkpoint


def restore_state(trainer: Trainer, checkpoint: Checkpoint, where: str) -> int:
    """Put a training back to where a checkpoint stands; return the length of the log then.

    Raises:
        CheckpointError: it does not belong to this training; the message opens with `where`.
    """
    state = checkpoint.state
    if state.get("dataset_sha256") != trainer.data.sha256:
        raise CheckpointError(
            f"{where}: the data set is not the one this run was trained on (its SHA-256 differs)"
        )
    trainer.network.load_state(checkpoint.weights)
    own = trainer.optimizer_state
    if {k: (v.shape, v.dtype) for k, v in checkpoint.optimizer.items()} != {
        k: (v.shape, v.dtype) for k, v in own.items()
    }:
        raise CheckpointError(f"{where}: the optimizer's state is of another kind")
    for name, array in own.items():
        array[...] = checkpoint.optimizer[name]
    trainer.progress = Progress(**state["progress"])
    return int(state["log_bytes"])
