"""Checks by short trainings: one batch by heart, the same without images, and images held out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnnrun.engine import Network
from cnnrun.engine.losses.base import one_hot
from cnnrun.engine.types import Array
from cnnrun.preflight.case import Batch, Case
from cnnrun.preflight.result import Row

__all__ = ["Trainings"]

BATCH = 16
FEWEST_STEPS, MOST_STEPS = 80, 200
WORK = 2e10
"""Multiply-adds that a training is planned for: about two seconds."""

LEARNT = 0.6
"""A batch is being learnt when the loss is at most this part of a guess's: what is broken stays at
0.85 and more, and the lecture's sigmoids, the slowest that learn, come to 0.58.
"""
RIGHT = 0.9
"""Or this share of its images is told apart."""
WITH_IMAGES = 0.9
"""With its images a loss is at most this part of that without."""

SUBSET, STUDY_BATCH = 256, 32
SIGMAS = 3.0
"""So many standard deviations above a guess are no luck: once in 700 times."""


@dataclass
class Trial:
    """A short training: the network, and the loss ahead of every step; nan where it diverged."""

    network: Network
    losses: list[float]

    @property
    def is_finite(self) -> bool:
        """Whether it did not diverge."""
        weights = self.network.parameters.values()
        return bool(np.isfinite(self.losses).all()) and all(np.isfinite(w).all() for w in weights)

    @property
    def last(self) -> float:
        """The mean loss of the last tenth of the steps."""
        return float(np.mean(self.losses[-max(1, len(self.losses) // 10) :]))


class Trainings:
    """The short trainings of a case, which look at one another's results."""

    def __init__(self, case: Case) -> None:
        """Take the experiment; nothing is trained yet."""
        self._case = case
        self._work = 3 * max(1, case.network().multiply_adds())  # forward, and backward twice
        self._by_heart: Trial | None = None
        self._overfits = False

    @property
    def work(self) -> float:
        """The multiply-adds of all trainings."""
        return self._work * (2 * BATCH * self._steps(BATCH) + STUDY_BATCH * self._steps(32))

    def check_batch(self) -> Row:
        """Learn one batch by heart."""
        name, case = "one batch by heart", self._case
        batch = case.training(0, BATCH)
        trial = self._by_heart = self._train(itertools.repeat(batch), BATCH)
        steps = len(trial.losses)
        if not trial.is_finite:
            return Row(name, "fail", f"diverged in step {steps}", self._smaller())
        loss, outputs = case.measure(trial.network, batch)
        guess = case.guess(batch[1], outputs)
        seen = (
            f"loss {trial.losses[0]:.3g} to {loss:.3g} in {steps} steps on {len(batch[0])} images"
        )
        self._overfits = loss <= LEARNT * guess
        if case.has_classes:
            right = _right(outputs, batch[1])
            seen += f", {right:.0%} right"
            self._overfits = self._overfits or right >= RIGHT
        if self._overfits:
            return Row(name, "pass", seen)
        if loss > 2 * max(guess, trial.losses[0]):
            return Row(name, "fail", seen, self._smaller())
        advice = (
            "what cannot learn this learns nothing: see the rows above, then the learning rate "
            "(cnnrun tune-rate CONFIG) and the targets"
        )
        return Row(name, "fail", seen, advice)

    def check_blank(self) -> Row:
        """Learn the same batch without its images: that must be worse."""
        name, case = "images matter", self._case
        x, targets = case.training(0, BATCH)
        trial = self._by_heart or self._train(itertools.repeat((x, targets)), BATCH)
        blank = self._train(itertools.repeat((np.zeros_like(x), targets)), BATCH)
        if not (trial.is_finite and blank.is_finite):
            return Row(name, "note", "cannot be told, since training diverged")
        seen = f"loss {trial.last:.3g} with the images, {blank.last:.3g} with blank ones"
        if trial.last <= WITH_IMAGES * blank.last:
            return Row(name, "pass", seen)
        advice = "the network does not see its input: look at the images, and at dead layers"
        return Row(name, "fail", seen, advice)

    def check_held_out(self) -> Row:
        """Learn some images, and look at others: whether labels follow from images at all."""
        name, case = "held-out images", self._case
        (x, targets), held = case.parts(SUBSET)
        if len(held[0]) < 10:
            return Row(name, "note", "too few images to hold some out")
        if case.has_classes and len(np.unique(held[1])) == 1:
            return Row(name, "note", "all that is held out is of one class: nothing can be told")
        size = min(STUDY_BATCH, case.experiment.train.batch_size)
        trial = self._train(_epochs(x, targets, size, case.experiment.seed), size)
        if not trial.is_finite:
            return Row(name, "fail", f"diverged in step {len(trial.losses)}", self._smaller())
        _, outputs = case.measure(trial.network, held)
        _, known = case.measure(trial.network, (x, targets))
        steps = f"after {len(trial.losses)} steps on {len(x)} images"
        score, sigmas = self._score(outputs, held[1])
        if sigmas >= SIGMAS:
            return Row(name, "pass", f"{score} {steps}")
        seen = f"{score}, no better than a guess, {steps}"
        remembered, by_heart = self._score(known, targets)
        if case.has_classes:
            nearest = _nearest(x, targets, held[0])
            share, apart = _above_chance(nearest == held[1], held[1])
            seen += f"; the most similar image's label is right in {share:.0%}"
            if apart >= SIGMAS:
                advice = "the images do tell the labels; the network learns slowly, or not at all"
                return Row(name, "note" if self._overfits else "fail", seen, advice)
        if by_heart >= SIGMAS or self._overfits:
            advice = (
                "labels do not follow from the images: are they shuffled, or in another order "
                "than the images? cnnrun data info CONFIG --picture samples.png shows them"
            )
            return Row(name, "fail", f"{seen}; of those learnt {remembered}", advice)
        return Row(name, "note", seen, "cannot be told, since nothing was learnt")

    def _steps(self, size: int) -> int:
        return int(np.clip(WORK / (self._work * size), FEWEST_STEPS, MOST_STEPS))

    def _train(self, batches: Iterator[Batch], size: int) -> Trial:
        network = self._case.network()
        rates = self._case.rates(self._steps(size))
        return Trial(network, list(self._case.descend(network, batches, rates)))

    def _smaller(self) -> str:
        optimizer = self._case.experiment.optimizer
        key = f"optimizer.{optimizer.type_name}.learning_rate"
        return (
            f"a smaller {key} than {optimizer.learning_rate:g}: cnnrun tune-rate CONFIG finds one; "
            "or clip_norm"
        )

    def _score(self, outputs: Array, targets: Array) -> tuple[str, float]:
        """Return how well samples are told, in words, and by how many sigmas above a guess."""
        if self._case.has_classes:
            share, sigmas = _above_chance(outputs.argmax(axis=1) == targets, targets)
            return f"{share:.0%} right", sigmas
        r = _correlation(outputs, one_hot(targets, outputs))
        return f"correlation {r:.2f} with the targets", r * np.sqrt(len(targets))


def _epochs(x: Array, targets: Array, size: int, seed: int) -> Iterator[Batch]:
    """Yield batches of whole epochs, in an order of their own each, without end."""
    rng = np.random.default_rng(seed)
    size = min(size, len(x))
    while True:
        order = rng.permutation(len(x))
        for start in range(0, len(x) - size + 1, size):
            part = order[start : start + size]
            yield x[part], targets[part]


def _right(outputs: Array, targets: Array) -> float:
    return float((outputs.argmax(axis=1) == targets).mean())


def _above_chance(right: Array, labels: Array) -> tuple[float, float]:
    """Return the share that is right, and by how many standard deviations above the best guess."""
    chance = np.bincount(labels).max() / len(labels)
    deviation = np.sqrt(max(chance * (1 - chance), 1e-12) / len(labels))
    return float(right.mean()), float((right.mean() - chance) / deviation)


def _correlation(outputs: Array, targets: Array) -> float:
    """Return the mean over the outputs of their correlation with the targets over the samples."""
    y, t = (array.reshape(len(array), -1).astype(np.float64) for array in (outputs, targets))
    y, t = y - y.mean(axis=0), t - t.mean(axis=0)
    size = np.sqrt(np.square(y).sum(axis=0) * np.square(t).sum(axis=0))
    moving = np.square(t).sum(axis=0) > 0
    return float((y * t).sum(axis=0)[moving].sum() / max(size[moving].sum(), 1e-30))


def _nearest(x: Array, labels: Array, others: Array) -> Array:
    """Return for each of the others the label of the image that is most similar to it."""
    a, b = x.reshape(len(x), -1).astype(np.float64), others.reshape(len(others), -1)
    distances = np.square(a).sum(axis=1) - 2 * b @ a.T
    nearest: Array = labels[distances.argmin(axis=1)]
    return nearest
