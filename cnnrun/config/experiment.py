"""An experiment: everything a configuration file says, as validated objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cnnrun.data import DataOptions
from cnnrun.engine import LayerConfig, Loss, Optimizer, Schedule
from cnnrun.engine.types import PositiveInt

__all__ = ["Experiment", "TrainOptions"]


@dataclass(frozen=True)
class TrainOptions:
    """The `train:` section.

    Attributes:
        epochs: passes over the training split.
        batch_size: samples in an optimizer step.
        shard_size: samples that one thread takes at a time; part of the experiment, because it
            fixes the order in which gradients are added.
        best: what the best checkpoint is chosen by; `auto` is validation accuracy where there are
            labels, else validation loss (training figures without a validation split).
    """

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 64
    shard_size: PositiveInt = 32
    best: Literal["auto", "accuracy", "loss"] = "auto"


@dataclass(frozen=True)
class Experiment:
    """A configuration file.

    Attributes:
        name: what its runs are called.
        seed: of initial weights, data order, augmentation, dropout and the validation split.
        base: the folder that relative paths in the file are relative to; not an option.
    """

    name: str
    data: DataOptions
    network: tuple[LayerConfig, ...]
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    seed: int = 0
    train: TrainOptions = field(default_factory=TrainOptions)
    base: Path = Path()
