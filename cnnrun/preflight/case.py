"""What is checked: an experiment with its data, and short trainings that leave no trace."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnrun.config import Experiment, build_network
from cnnrun.data import PreparedData
from cnnrun.engine import Clock, Executor, Loss, Network
from cnnrun.engine.losses.base import one_hot
from cnnrun.engine.optimizers.base import global_norm
from cnnrun.engine.types import Array
from cnnrun.runs.weighing import weighed

__all__ = ["Case"]

Batch = tuple[Array, Array]

HELD_OUT = 400
FEWEST_HELD_OUT = 20
"""With fewer images of a validation split a part of the training split is held out instead."""


@dataclass(frozen=True)
class Case:
    """An experiment, with its data.

    Attributes:
        experiment: what is to be trained.
        data: what it would be trained on.
    """

    experiment: Experiment
    data: PreparedData

    @cached_property
    def loss(self) -> Loss:
        """The loss, with weights by class where it has such."""
        return weighed(self.experiment.loss, self.data)

    def network(self) -> Network:
        """Return a network of its own with its first weights."""
        return build_network(self.experiment, self.data.info)

    def training(self, first: int, count: int) -> Batch:
        """Return training samples in the order of the first epoch, not augmented."""
        order = self.data.train.order(self.experiment.seed, 0)
        return self.data.train.batch(order[first : first + count])

    def parts(self, most: int) -> tuple[Batch, Batch]:
        """Return some training samples, `most` of them, and others that are held out."""
        val = self.data.val
        if val is not None and len(val) >= FEWEST_HELD_OUT:
            chosen = np.random.default_rng(self.experiment.seed).permutation(len(val))
            return self.training(0, most), val.batch(np.sort(chosen[:HELD_OUT]))
        held = min(HELD_OUT, len(self.data.train) // 3)
        most = min(most, len(self.data.train) - held)
        return self.training(0, most), self.training(most, held)

    def rates(self, steps: int) -> list[float]:
        """Return the learning rates of a training of so many steps: the schedule in proportion."""
        epochs, schedule = self.experiment.train.epochs, self.experiment.schedule
        clocks = [Clock(step, max(1, steps // epochs), steps) for step in range(steps)]
        base = self.experiment.optimizer.learning_rate
        return [base * schedule.factor(clock, {}) for clock in clocks]

    def descend(
        self, network: Network, batches: Iterable[Batch], rates: Iterable[float]
    ) -> Iterator[float]:
        """Train a network with the experiment's optimizer; yield the loss ahead of each update.

        A loss or gradient that is not finite is yielded as nan, and is the last.
        """
        optimizer, train = self.experiment.optimizer, self.experiment.train
        with Executor(
            network,
            self.loss,
            shard_size=train.samples_per_shard,
            optimizer=optimizer,
            optimizer_state=optimizer.initial_state(network.parameters),
        ) as executor:
            for step, ((x, targets), rate) in enumerate(zip(batches, rates, strict=False)):
                result = executor.step(x, targets, seed=self.experiment.seed, step=step)
                norm = global_norm(result.gradients)
                if not (math.isfinite(result.loss) and math.isfinite(norm)):
                    yield math.nan
                    return
                yield result.loss
                with np.errstate(all="ignore"):
                    executor.update(learning_rate=rate, step=step + 1, norm=norm)

    def measure(self, network: Network, batch: Batch) -> tuple[float, Array]:
        """Return the loss of samples outside training, and the outputs."""
        with Executor(network, self.loss) as executor:
            loss, outputs = executor.evaluate(*batch)
            return loss, outputs.copy()

    def guess(self, targets: Array, outputs: Array) -> float:
        """Return the loss of a guess that sees no image.

        Where the loss makes probabilities itself they are all the same, log K for K classes;
        elsewhere it is the mean of the targets.
        """
        blind = np.zeros_like(outputs)
        if not self.loss.activation:
            blind += one_hot(targets, outputs).mean(axis=0)
        return self.loss(blind, targets, len(outputs))[0]

    @property
    def has_classes(self) -> bool:
        """Whether each image has one class."""
        return self.data.task == "classification"
