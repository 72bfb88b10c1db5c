"""A right convolution with an error of a chosen size in it, alone and inside a network.

What `limits_against_torch.py` hands to both checkers. The convolution alone is the naive one of
tests/homework; the network is ours, of eight layers, the third of which is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from homework.convolution import conv_backward_naive
from homework.entries import Pair
from homework.pairs import CONV

from cnnrun.engine import Context, Layer, Network
from cnnrun.engine import layers as of
from cnnrun.engine.types import Array

PARTS = ("one element", "one channel", "one tensor")
ALONE = replace(
    CONV,
    inputs={"x": (2, 2, 4, 4), "w": (3, 2, 3, 3), "b": (3,)},
    constants={"conv_param": {"stride": 1, "pad": 0}},
)
EIGHT = (
    of.Conv2D.Config(2, 2),
    of.Tanh.Config(),
    of.Conv2D.Config(3, 2),
    of.Tanh.Config(),
    of.Flatten.Config(),
    of.Dense.Config(4),
    of.Tanh.Config(),
    of.Dense.Config(3),
)
WRONG, SHAPE, SAMPLES = "02_conv2d", (4, 4, 1), 2


@dataclass(frozen=True)
class Error:
    """What is planted.

    Attributes:
        part: of the filters' gradient that is wrong, one of `PARTS`.
        size: relative; zero for a right function.
        dtype: that the function computes in.
        seed: of the element or channel, and of all numbers.
    """

    part: str
    size: float
    dtype: str
    seed: int

    def settled(self) -> Error:
        """Return the same error; one that is lost in rounding is none, wherever it lies."""
        is_none = np.dtype(self.dtype).type(1 + self.size) == 1
        return replace(self, part=PARTS[-1], size=0.0) if is_none else self

    def plant(self, gradient: Array, axis: int) -> None:
        """Make a gradient wrong, in place; channels lie along `axis`."""
        rng = np.random.default_rng([self.seed, 1])
        place: list[Any] = [int(rng.integers(length)) for length in gradient.shape]
        for i in range(gradient.ndim):
            if self.part == "one tensor" or (self.part == "one channel" and i != axis):
                place[i] = slice(None)
        gradient[tuple(place)] *= gradient.dtype.type(1 + self.size)


class SinglePair(Pair):
    """A pair that computes in float32."""

    def run(self, inputs: dict[str, Array]) -> tuple[tuple[Array, ...], Any]:
        outputs, cache = super().run({n: a.astype(np.float32) for n, a in inputs.items()})
        return tuple(output.astype(np.float32) for output in outputs), cache

    def gradients(self, upstream: Sequence[Array], cache: Any) -> dict[str, Array]:
        return super().gradients([dy.astype(np.float32) for dy in upstream], cache)


def wrong_pair(error: Error) -> Pair:
    """Return the corpus's convolution with the error in it."""

    def backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
        dx, dw, db = conv_backward_naive(dout, cache)
        error.plant(dw, axis=0)
        return dx, dw, db

    kind = Pair if error.dtype == "float64" else SinglePair
    own = {name: getattr(ALONE, name) for name in ALONE.__dataclass_fields__}
    return kind(**own | {"backward": backward})


def wrong_network(error: Error) -> Network:
    """Return the network with the error in its third layer, in float32 alone if that is asked."""
    network = Network(EIGHT, SHAPE)
    rng = np.random.default_rng(error.seed)
    for array in network.parameters.values():
        array[...] = 0.5 * rng.standard_normal(array.shape)

    def backward(layer: Layer, dy: Array, ctx: Context) -> Array:
        dx = type(layer).backward(layer, dy, ctx)
        if dy.dtype == error.dtype or error.dtype == "float64":
            error.plant(ctx.gradients["w"], axis=-1)
        return dx

    layer = network.layers[WRONG]
    layer.backward = MethodType(backward, layer)  # type: ignore[method-assign]
    return network
