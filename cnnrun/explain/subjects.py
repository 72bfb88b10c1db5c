"""What the lines of an explanation are held against: the engine's own forward and backward."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnrun.engine import Context, Layer, Loss, Pass
from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.explain.document import Explanation
from cnnrun.explain.values import draw

__all__ = ["LayerSubject", "LossSubject", "subject_of"]

ACTIVATIONS = ("relu", "sigmoid", "softmax")
SMOOTH = ("sigmoid", "softmax", "batch_norm")
LARGEST_EXPONENT = 20.0
"""Beyond it, an exponential leaves nothing of the other numbers of a line that can be seen."""


class LayerSubject:
    """A layer at one sample, or for batch normalisation at one batch of one channel.

    Attributes:
        shapes: of the arrays that a reader may give: X, F or W, b, gamma, beta, dL/dO.
        constants: symbols whose values follow from the layer's options.
        is_smooth: whether there is a derivative everywhere.
    """

    def __init__(self, layer: Layer, samples: int = 1) -> None:
        self.layer = layer.astype(np.float64)  # a copy, whose parameters are written to
        self.is_batch = layer.type_name == "batch_norm"
        self.is_smooth = layer.type_name in SMOOTH
        letters = {"w": "F" if layer.type_name == "conv2d" else "W"}
        self.parameters = {letters.get(name, name): name for name in layer.params}
        self.shapes: dict[str, tuple[int, ...]]
        if self.is_batch:
            self.shapes = {"X": (samples,), "gamma": (), "beta": (), "dL/dO": (samples,)}
        else:
            self.shapes = {"X": layer.input_shape}
            self.shapes |= {k: layer.params[v].shape for k, v in self.parameters.items()}
            self.shapes["dL/dO"] = layer.output_shape
        epsilon = getattr(layer.config, "epsilon", None)
        self.constants = {} if epsilon is None else {"epsilon": float(epsilon)}

    def draw(self, seed: int) -> dict[str, Array]:
        """Return random numbers for every array."""
        if self.is_batch:
            return draw(self.shapes, seed, "uneven and positive")
        return draw(self.shapes, seed, "uneven" if self.layer.type_name in ACTIVATIONS else "even")

    def require(self, arrays: Mapping[str, Array]) -> None:
        """Refuse numbers whose lines could not be read.

        Raises:
            ConfigError: the argument of an exponential is large.
        """
        if self.layer.type_name in ("sigmoid", "softmax"):
            _require_exponents("X", arrays["X"])

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the engine's O, its gradients by the names of the arrays, and its Jacobian."""
        context, y = self._forward(arrays)
        backward = self._backward(arrays["dL/dO"], context)
        results = {"O": y.copy(), "X": backward.copy()}
        for name, parameter in self.parameters.items():
            results[name] = context.gradients[parameter].reshape(self.shapes[name]).copy()
        if self.layer.type_name in ACTIVATIONS:
            unit = np.eye(len(y))
            results["dO/dX"] = np.stack([self._backward(row, context).copy() for row in unit])
        return results

    def loss(self, arrays: Mapping[str, Array]) -> float:
        """Return the sum of dL/dO O: a loss that has dL/dO as its gradient."""
        return float(np.sum(self._forward(arrays)[1] * arrays["dL/dO"]))

    def _forward(self, arrays: Mapping[str, Array]) -> tuple[Context, Array]:
        for name, parameter in self.parameters.items():
            self.layer.params[parameter][...] = arrays[name]
        context = Context(Pass(training=True))
        x = arrays["X"]
        y = self.layer.forward(x[:, None] if self.is_batch else x[None], context)
        return context, y[:, 0] if self.is_batch else y[0]

    def _backward(self, error: Array, context: Context) -> Array:
        dx = self.layer.backward(error[:, None] if self.is_batch else error[None], context)
        return dx[:, 0] if self.is_batch else dx[0]


class LossSubject:
    """The loss softmax_cross_entropy of the scores z of one sample with the target t."""

    is_smooth = True

    def __init__(self, loss: Loss, classes: int) -> None:
        self.objective = loss
        self.shapes: dict[str, tuple[int, ...]] = {"z": (classes,), "t": (classes,)}
        self.constants: dict[str, float] = {}

    def draw(self, seed: int) -> dict[str, Array]:
        """Return random scores, and a target of which one class is right."""
        return draw(self.shapes, seed, "uneven")

    def require(self, arrays: Mapping[str, Array]) -> None:
        """Refuse large scores, and targets that are no probabilities.

        Raises:
            ConfigError: an array is so.
        """
        _require_exponents("z", arrays["z"])
        t = arrays["t"]
        if (t < 0).any() or abs(t.sum() - 1) > 1e-9:
            raise ConfigError(
                f"values: t adds up to {t.sum():g}; it has a probability for each class, such as "
                "[0, 1, 0], and these add up to 1"
            )

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the engine's loss, probabilities and gradient."""
        z = arrays["z"][None]
        value, dz = self.objective(z, arrays["t"][None], 1)
        return {"L": np.array(value), "p": self.objective.predictions(z)[0], "z": dz[0]}

    def loss(self, arrays: Mapping[str, Array]) -> float:
        """Return the engine's loss."""
        return self.objective(arrays["z"][None], arrays["t"][None], 1)[0]


def subject_of(explanation: Explanation) -> LayerSubject | LossSubject:
    """Return what the lines of an explanation are held against.

    Raises:
        ConfigError: it explains a whole network.
    """
    outputs = len(explanation.section("output").equations) if explanation.sections else 0
    if explanation.loss is not None:
        return LossSubject(explanation.loss, outputs)
    if explanation.layer is None:
        raise ConfigError("values: the explanation of a network takes none; give it x")
    return LayerSubject(explanation.layer, outputs)


def _require_exponents(name: str, array: Array) -> None:
    if (largest := float(np.abs(array).max())) > LARGEST_EXPONENT:
        raise ConfigError(
            f"values: {name} has a number of size {largest:g}; its exponential swamps the others: "
            f"take numbers from {-LARGEST_EXPONENT:g} to {LARGEST_EXPONENT:g}"
        )
