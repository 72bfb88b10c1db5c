"""The training step that is measured: a configuration's network on random samples."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Self

import numpy as np

from cnnrun.config import Experiment, build_network
from cnnrun.data import DatasetInfo
from cnnrun.data.dataset import require_memory
from cnnrun.engine import Executor, Network, StepResult
from cnnrun.engine.types import Array

__all__ = ["Samples", "TrainingStep", "draw", "without_dropout"]


@dataclass(frozen=True)
class Samples:
    """A batch in the data's shapes: x `(N, H, W, C)`, and targets as the loss takes them."""

    x: Array
    targets: Array


def draw(experiment: Experiment, info: DatasetInfo, batch: int) -> Samples:
    """Return a batch of normally distributed pixels with random targets; the same at every call.

    Targets are labels, or numbers and pixels in [0, 1], which every loss takes.

    Raises:
        DataError: it would be absurdly large.
    """
    require_memory(f"a batch of {batch:,} samples", (batch, *info.image_shape), 4)
    rng = np.random.default_rng(experiment.seed)
    x = rng.standard_normal((batch, *info.image_shape), dtype=np.float32)
    if experiment.data.targets == "inputs":
        x = rng.random(x.shape, dtype=np.float32)
        return Samples(x, x)
    if info.task == "classification":
        return Samples(x, rng.integers(0, info.classes or 1, batch))
    shape = (batch, *(info.target_shape or (info.classes,)))
    require_memory(f"the targets of {batch:,} samples", shape, 4)
    targets = rng.random(shape, dtype=np.float32)
    return Samples(x, targets.round() if info.task == "multi_label" else targets)


class TrainingStep:
    """A configuration's training step, ready to run: network, executor and optimizer.

    Use it in a `with` statement, which ends the workers.
    """

    def __init__(self, experiment: Experiment, info: DatasetInfo, workers: int) -> None:
        """Build the network with the configuration's initial weights."""
        self.experiment = experiment
        self.network: Network = build_network(experiment, info)
        self.executor = Executor(
            self.network,
            experiment.loss,
            workers=workers,
            shard_size=experiment.train.samples_per_shard,
            optimizer=experiment.optimizer,
            optimizer_state=experiment.optimizer.initial_state(self.network.parameters),
        )
        self._steps = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.executor.close()

    def forward_backward(self, samples: Samples) -> StepResult:
        """Run forward and backward, and leave the parameters alone."""
        seed = self.experiment.seed
        return self.executor.step(samples.x, samples.targets, seed=seed, step=self._steps)

    def step(self, samples: Samples) -> None:
        """Do a whole step of training: forward, backward, optimizer."""
        self.forward_backward(samples)
        self._steps += 1
        optimizer = self.experiment.optimizer
        self.executor.update(
            learning_rate=optimizer.learning_rate,
            step=self._steps,
            norm=None if optimizer.clip_norm else 0.0,  # measured only where it is needed
        )


def without_dropout(experiment: Experiment) -> Experiment:
    """Return the experiment with every dropout rate 0, so that two engines can be compared."""
    network = tuple(_without_dropout(config) for config in experiment.network)
    return replace(experiment, network=network)


def _without_dropout(config: Any) -> Any:
    changes: dict[str, Any] = {}
    if config.layer.type_name == "dropout":
        changes["rate"] = 0.0
    for entry in fields(config):
        value = getattr(config, entry.name)
        if isinstance(value, tuple) and value and is_dataclass(value[0]):
            changes[entry.name] = tuple(_without_dropout(inner) for inner in value)
    return replace(config, **changes)
