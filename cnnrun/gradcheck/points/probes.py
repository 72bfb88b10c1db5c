"""What can be checked: arrays to move, a trusted forward pass, and a backward pass under test.

A probe is a function in float64 that can be run again and again: dropout masks are frozen, batch
normalisation sees the same batch, and nothing is kept from one run to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrun.engine import Context, Layer, Loss, Pass
from cnnrun.engine.types import Array
from cnnrun.gradcheck.precision import DOUBLE, Precision

__all__ = ["LayerProbe", "LossProbe", "Outcome", "Probe", "TailProbe"]

STEP = 1
"""The training step that dropout masks derive from."""


@dataclass(frozen=True)
class Outcome:
    """What a forward pass gave.

    Attributes:
        y: the outputs, a copy.
        branches: the choices on the way, as bytes that can be compared.
    """

    y: Array
    branches: bytes


class Probe:
    """Arrays that may be moved in place, a forward and a backward pass.

    Attributes:
        name: of what is checked.
        values: the arguments in float64, by tensor name: `x` and the parameters.
        main: the name of the input among them, the others being parameters.
        is_linear: whether backward has to be linear in the upstream gradient, which may have any
            value; a loss has none.
        precision: how exactly forward and backward compute.
        most_diagnosed: how many elements of a wrong tensor are all compared, and their Jacobian
            measured, to see the pattern of the mistake.
        seconds_per_pass: of a forward pass, where many run together for less; None to measure one.
    """

    name: str
    values: dict[str, Array]
    main: str = "x"
    is_linear: bool = False
    precision: Precision = DOUBLE
    most_diagnosed: int = 3000
    seconds_per_pass: float | None = None

    def forward(self) -> Outcome:
        """Return the outputs for the present values."""
        raise NotImplementedError

    def backward(self, upstream: Array) -> dict[str, Array]:
        """Return the gradient of <upstream, y> by tensor name, as claimed by what is checked."""
        raise NotImplementedError

    def backwards(self, upstreams: Sequence[Array]) -> list[dict[str, Array]]:
        """Return the gradients for each of several upstream gradients."""
        return [self.backward(upstream) for upstream in upstreams]

    def prepare(self, run: Callable[[], object]) -> None:
        """Get ready for the passes that `run` will ask for; most probes need not."""

    def familiar(self, tensor: Any) -> Any:
        """Return a comparison of this probe's (a `Tensor`) as one whose mistakes have names."""
        return tensor

    def with_samples(self, samples: int) -> Probe | None:
        """Return the same function on a batch of another size; None where that is not possible."""
        return None


class LayerProbe(Probe):
    """A layer alone, at some input."""

    is_linear = True

    def __init__(
        self,
        layer: Layer,
        x: Array,
        *,
        name: str = "",
        training: bool = True,
        seed: int = 0,
        shard: int = 0,
    ) -> None:
        """Take a float64 layer and the input `(N, *input_shape)` that it is checked at."""
        self.layer = layer
        self.name = name or layer.type_name
        self.training = training
        self.seed, self.shard = seed, shard
        self.values = {"x": x, **layer.named_parameters()}
        self._context = self.context()

    def context(self) -> Context:
        """Return a fresh context for this layer."""
        return Context(Pass(training=self.training, seed=self.seed, step=STEP, shard=self.shard))

    def forward(self) -> Outcome:
        """Run the layer on a context used again, as training does."""
        y = self.layer.forward(self.values["x"], self._context)
        return Outcome(np.array(y), _branches(self.layer, self._context))

    def backward(self, upstream: Array) -> dict[str, Array]:
        """Run forward and backward on a fresh context."""
        context = self.context()
        self.layer.forward(self.values["x"], context)
        dx = self.layer.backward(upstream, context)
        return {"x": np.array(dx), **{k: np.array(v) for k, v in _gradients(context).items()}}

    def with_samples(self, samples: int) -> LayerProbe:
        """Return the layer on a batch of so many samples, these again and again."""
        more = np.resize(self.values["x"], (samples, *self.values["x"].shape[1:]))
        return LayerProbe(self.layer, more, training=self.training, seed=self.seed)


class LossProbe(Probe):
    """A loss as a function of a network's outputs."""

    def __init__(self, loss: Loss, outputs: Array, targets: Array) -> None:
        """Take `outputs` `(N, ...)` in float64, and targets for them."""
        self.loss, self.targets = loss, targets
        self.name = loss.type_name
        self.values = {"outputs": outputs}

    def forward(self) -> Outcome:
        """Return the share of each sample `(N,)`, since a batch's loss is their sum."""
        outputs = self.values["outputs"]
        choices = _choices(self.loss, outputs, self.targets)
        return Outcome(_shares(self.loss, outputs, self.targets), choices)

    def backward(self, upstream: Array) -> dict[str, Array]:
        """Return the loss's own gradient, times each sample's upstream number."""
        outputs = self.values["outputs"]
        _, dy = self.loss(outputs, self.targets, len(outputs))
        return {"outputs": _weighted(dy, upstream)}


class TailProbe(Probe):
    """A network from one of its layers on to the loss, so that what lies before is not run again.

    Its tensors are the layer's input `x` and its parameters; its outputs are the samples' losses.
    """

    def __init__(
        self,
        layers: dict[str, Layer],
        start: int,
        x: Array,
        loss: Loss,
        targets: Array,
        seed: int = 0,
    ) -> None:
        """Take all layers of a network by name, and the input of the one at index `start`."""
        self.layers, self.start = layers, start
        self.loss, self.targets, self.seed = loss, targets, seed
        self.name = list(layers)[start]
        self.values = {"x": x, **layers[self.name].named_parameters()}
        self._context = self.context()

    def context(self) -> Context:
        """Return a fresh context for the whole network."""
        return Context(Pass(training=True, seed=self.seed, step=STEP))

    def forward(self) -> Outcome:
        """Return the share of each sample in the loss, `(N,)`."""
        y, branches = self._run(self._context)
        choices = branches + _choices(self.loss, y, self.targets)
        return Outcome(_shares(self.loss, y, self.targets), choices)

    def backward(self, upstream: Array) -> dict[str, Array]:
        """Return the gradient for the start layer's input and parameters, each sample weighted."""
        context = self.context()
        y, _ = self._run(context)
        _, dy = self.loss(y, self.targets, len(y))
        dy = _weighted(dy, upstream)
        for index, name in reversed(self._tail()):
            inner = context.child(index, name)
            dy = self.layers[name].backward(dy, inner)
        prefix = f"{self.name}/"
        own = context.child(self.start, self.name).collect("gradients")
        return {
            "x": np.array(dy),
            **{key.removeprefix(prefix): np.array(value) for key, value in own.items()},
        }

    def _run(self, context: Context) -> tuple[Array, bytes]:
        y, branches = self.values["x"], []
        for index, name in self._tail():
            inner = context.child(index, name)
            y = self.layers[name].forward(y, inner)
            branches.append(_branches(self.layers[name], inner))
        return y, b"".join(branches)

    def _tail(self) -> Sequence[tuple[int, str]]:
        return list(enumerate(self.layers))[self.start :]


def _shares(loss: Loss, outputs: Array, targets: Array) -> Array:
    """Return what each sample adds to the loss `(N,)`: a change in one does not blur the others."""
    count = len(outputs)
    return np.array([loss(outputs[n : n + 1], targets[n : n + 1], count)[0] for n in range(count)])


def _choices(loss: Loss, outputs: Array, targets: Array) -> bytes:
    """Return the choices behind the terms of a loss, packed."""
    return b"".join(_pack(choice) for choice in loss.branches(outputs, targets))


def _weighted(dy: Array, weights: Array) -> Array:
    """Return a loss's gradient `(N, ...)` with each sample's weight."""
    return dy * weights.reshape(-1, *[1] * (dy.ndim - 1))


def _branches(layer: Layer, context: Context) -> bytes:
    """Return the choices of a layer and those inside, packed."""
    parts = [_pack(choice) for choice in layer.branches(context)]
    for name, child in layer.children().items():
        inner = context.find(name)
        if inner is not None:
            parts.append(_branches(child, inner))
    return b"".join(parts)


def _pack(choice: Array) -> bytes:
    return (np.packbits(choice) if choice.dtype == np.bool_ else choice).tobytes()


def _gradients(context: Context) -> dict[str, Any]:
    """Return the parameters' gradients by name below the layer."""
    prefix = f"{context.name}/" if context.name else ""
    return {k.removeprefix(prefix): v for k, v in context.collect("gradients").items()}
