"""What an inspection looks at: a network, samples, and what is differentiated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.data import Statistics, Task
from cnnrun.engine import Loss, Network
from cnnrun.engine.types import Array
from cnnrun.inspection.objectives import BatchLoss, ClassScore, Objective

__all__ = ["InspectionTarget"]


@dataclass(frozen=True)
class InspectionTarget:
    """A network with the samples it is inspected on.

    Attributes:
        title: of the network, for a reader.
        network: with its weights.
        loss: it was trained with.
        x: `(N, *input_shape)`, normalised.
        targets: of the samples; None where only a class score can be asked for.
        labels: what to call each sample.
        classes: the class of each sample whose score is differentiated; None for the loss.
        images: `(N, H, W, C)` in [0, 1], as people see them.
        baseline: `(C,)`, black after normalisation.
        reference: samples and targets on which the flow of gradients is measured.
        class_names: what the outputs stand for; none where they are no classes.
        chance: the loss on those of the best guess that does not look at the image; None for a
            network that is not trained, and for losses without classes.
        task: what the network learns.
        statistics: how the targets are normalised, where these are inputs.
    """

    title: str
    network: Network
    loss: Loss
    x: Array
    targets: Array | None
    labels: tuple[str, ...]
    classes: Array | None
    images: Array
    baseline: Array
    reference: tuple[Array, Array]
    class_names: tuple[str, ...] = ()
    chance: float | None = None
    task: Task = "classification"
    statistics: Statistics | None = None

    def objective(self, first: int | None = None) -> Objective:
        """Return what is differentiated: of all samples, or of each of the `first` by itself."""
        if self.classes is not None:
            return ClassScore(self.classes[:first])
        assert self.targets is not None
        # Attribution maps are of each sample's own loss, whatever stands beside it.
        return BatchLoss(self.loss, self.targets[:first], None if first is None else 1)

    def predictions(self, outputs: Array) -> list[tuple[str, float | None] | None]:
        """Return for each sample what the network says in words.

        That is the class it is taken for, with its probability; or several labels, or numbers.
        There is none where images are made.
        """
        if outputs.shape[1:] != (len(self.class_names),):
            return [None] * len(outputs)
        with np.errstate(all="ignore"):
            scores = np.asarray(self.loss.predictions(outputs))
        if self.task == "classification":
            chosen = scores.argmax(axis=1)
            return [
                (self.class_names[number], float(row[number]))
                for number, row in zip(chosen, scores, strict=True)
            ]
        return [(self._words(row), None) for row in scores]

    @property
    def truths(self) -> list[str | None]:
        """The same of the targets, in words; None where a sample has none."""
        targets = self.targets
        if targets is None or targets.ndim > 2 or not self.class_names:
            return [None] * len(self.x)
        if targets.ndim == 1:
            return [self.class_names[int(number)] for number in targets]
        return [self._words(row) for row in targets]

    def pictures(self, outputs: Array, most: int) -> list[tuple[Array | None, Array]]:
        """Return for the first samples the image to be learnt, if there is one, and the output.

        Both are `(H, W, C)` in [0, 1]. There are none where no images are made.
        """
        if self.task != "image":
            return []
        made = np.array(self.loss.predictions(outputs[:most]))
        wanted = None if self.targets is None else np.array(self.targets[:most])
        for images in (made, wanted):
            if self.statistics is not None and images is not None:
                self.statistics.restore(images)
        return [
            (None if wanted is None else wanted[number], image) for number, image in enumerate(made)
        ]

    def _words(self, values: Array) -> str:
        """Return numbers with their names, or the labels among zeros and ones."""
        pairs = list(zip(self.class_names, values, strict=True))
        if self.task == "regression":
            return ", ".join(f"{name} {value:.4g}" for name, value in pairs)
        return ", ".join(name for name, value in pairs if value > 0.5) or "no label"
