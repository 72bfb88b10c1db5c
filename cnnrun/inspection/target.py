"""What an inspection looks at: a network, samples, and what is differentiated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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

    def objective(self, first: int | None = None) -> Objective:
        """Return what is differentiated: of all samples, or of each of the `first` by itself."""
        if self.classes is not None:
            return ClassScore(self.classes[:first])
        assert self.targets is not None
        # Attribution maps are of each sample's own loss, whatever stands beside it.
        return BatchLoss(self.loss, self.targets[:first], None if first is None else 1)

    def predictions(self, outputs: Array) -> list[tuple[str, float] | None]:
        """Return for each sample the class it is taken for, with its probability."""
        if outputs.shape[1:] != (len(self.class_names),):
            return [None] * len(outputs)
        with np.errstate(all="ignore"):
            scores = np.asarray(self.loss.predictions(outputs))
        chosen = scores.argmax(axis=1)
        return [
            (self.class_names[number], float(row[number]))
            for number, row in zip(chosen, scores, strict=True)
        ]

    @property
    def truths(self) -> list[str | None]:
        """The class of each sample; None where it has none, or several."""
        targets = self.targets
        if targets is None or targets.ndim != 1 or not self.class_names:
            return [None] * len(self.x)
        return [self.class_names[int(number)] for number in targets]
