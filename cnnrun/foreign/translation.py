"""A wrong gradient of a foreign function in the layout of our layer, where mistakes have names."""

from __future__ import annotations

import dataclasses

import numpy as np

from cnnrun.engine import Loss
from cnnrun.engine.types import Array
from cnnrun.foreign.likeness import Likeness
from cnnrun.foreign.probe import ForeignProbe
from cnnrun.gradcheck.points.probes import LayerProbe, LossProbe
from cnnrun.gradcheck.stages.elements import Tensor

__all__ = ["LikeProbe", "as_loss", "translated"]


class LikeProbe(LayerProbe):
    """Our layer at the user's point, with the user's backward."""

    def __init__(self, likeness: Likeness, foreign: ForeignProbe) -> None:
        own = likeness.probe(foreign.values)
        super().__init__(own.layer, own.values["x"], name=foreign.name)
        self.likeness, self.foreign = likeness, foreign

    def backward(self, upstream: Array) -> dict[str, Array]:
        names, axes = self.likeness.names, self.likeness.axes
        values = {name: axes[name].to_theirs(self.values[own]) for name, own in names.items()}
        moved = ForeignProbe(self.foreign.function, {**self.foreign.inputs, **values})
        gradients = moved.backward(self.likeness.output.to_theirs(upstream))
        return {own: axes[name].to_ours(gradients[name]) for name, own in names.items()}

    def with_samples(self, samples: int) -> LayerProbe:
        more = self.foreign.with_samples(samples)
        if more is None:
            raise ValueError("the function takes no other batch")
        x = self.likeness.axes[self.foreign.main]
        output = self.likeness.output
        changed = dataclasses.replace(
            self.likeness,
            axes={
                **self.likeness.axes,
                self.foreign.main: dataclasses.replace(
                    x, theirs=(samples, *x.theirs[1:]), ours=(samples, *x.ours[1:])
                ),
            },
            output=dataclasses.replace(
                output, theirs=(samples, *output.theirs[1:]), ours=(samples, *output.ours[1:])
            ),
        )
        return LikeProbe(changed, more)


def translated(tensor: Tensor, likeness: Likeness) -> Tensor:
    """Return a comparison of a foreign function's gradient in our layer's layout."""
    probe = tensor.probe
    assert isinstance(probe, ForeignProbe)
    axes = likeness.axes[tensor.name]
    return dataclasses.replace(
        tensor,
        probe=LikeProbe(likeness, probe),
        name=likeness.names[tensor.name],
        gradient=axes.to_ours(tensor.gradient),
        upstream=likeness.output.to_ours(tensor.upstream),
        elements=[dataclasses.replace(e, index=axes.index(e.index)) for e in tensor.elements],
    )


def as_loss(tensor: Tensor, loss: Loss, targets: Array) -> Tensor:
    """Return the gradient of a function that is like a loss as that of our loss.

    One number's upstream is that of every sample's share.
    """
    values = tensor.probe.values[tensor.name]
    probe = LossProbe(loss, values.copy(), targets)
    upstream = np.full(len(values), float(tensor.upstream.reshape(())))
    return dataclasses.replace(tensor, probe=probe, name="outputs", upstream=upstream)
