"""Measures how gradients flow through a network, layer by layer, and says what is wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.inspection.capture import Capture, Node

__all__ = ["Flow", "LayerFlow", "measure_flow"]

VANISHING = 1e-3
"""A layer learns next to nothing when its error is below this part of the error at the output."""

STEEP = 0.5
"""An error that falls to less than this from one layer with weights to the next falls steeply."""

STEEPLY_VANISHING = 1.5e-2
"""What counts instead of `VANISHING` where the error falls steeply over several layers.

tools/flow_and_learning.py: networks that learn keep 2.6e-2 or fall by less than a half a layer;
those that do not learn keep 8e-3 at most, and fall to a third or less.
"""

FEWEST_STEPS = 3
"""From so many layers on a steep fall is one of the whole network, not of a single layer."""

EXPLODING = 1e3
CHANCE = 0.97
"""A trained network whose loss is more than this part of a guess's has learnt nothing."""

DEAD_SHARE = 0.75
"""A ReLU layer is called dead when more than this share of its units never is active."""


@dataclass(frozen=True)
class LayerFlow:
    """One layer.

    Attributes:
        layer, type: its name and type.
        error_norm: of the loss gradient that reaches its output, over the whole batch.
        relative_error: `error_norm` divided by the norm of the error at the network's output.
        output_rms: the root mean square of its output.
        weight_norm, gradient_norm: of its parameters and their gradients together; None without.
        gradient_to_weight: `gradient_norm` divided by `weight_norm`.
        zeros: the share of zeros in its output.
        dead: for a ReLU, the share of units that no sample makes active: channels of an image,
            numbers of a vector; None for others.
        words: what is wrong with the layer; empty if nothing is.
    """

    layer: str
    type: str
    error_norm: float
    relative_error: float
    output_rms: float
    weight_norm: float | None
    gradient_norm: float | None
    gradient_to_weight: float | None
    zeros: float
    dead: float | None
    words: str = ""


@dataclass(frozen=True)
class Flow:
    """The whole network: every layer, and the verdict in a few sentences.

    Attributes:
        layers: in natural order.
        samples: how many it was measured on.
        verdict: what is wrong, in sentences; or one that says that nothing is.
        is_healthy: whether nothing is wrong.
    """

    layers: tuple[LayerFlow, ...]
    samples: int
    verdict: tuple[str, ...]
    is_healthy: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the flow as `report.json` has it."""
        return {
            "samples": self.samples,
            "healthy": self.is_healthy,
            "verdict": list(self.verdict),
            "layers": [asdict(layer) for layer in self.layers],
        }


def measure_flow(captured: Capture, chance: float | None = None) -> Flow:
    """Return the flow of gradients in a captured pass of the loss.

    Args:
        captured: the pass.
        chance: the loss of the best guess that does not look at the image, for a trained network;
            one that is no better has learnt nothing.
    """
    nodes = [node for node in captured.nodes if "dy" in captured.maps[node.name]]
    last = captured.maps[nodes[-1].name]["dy"] if nodes else np.zeros(1)
    reference = _norm(last)
    inputs = captured.maps[nodes[0].name]["x"] if nodes else np.ones(1)
    bound = _vanishing_bound(nodes, captured)
    layers = tuple(_layer(node, captured, reference, _rms(inputs), bound) for node in nodes)
    verdict = _verdict(layers)
    if chance is not None and (loss := float(captured.values.mean())) >= CHANCE * chance:
        verdict.append(
            f"The network has learnt nothing: its loss, {loss:.3f}, is no better than that of a "
            f"guess, {chance:.3f}."
        )
    healthy = not verdict
    if healthy:
        verdict = ["Gradients reach every layer; none vanishes, none explodes, no ReLU is dead."]
    return Flow(layers, len(captured.outputs), tuple(verdict), healthy)


def _vanishing_bound(nodes: list[Node], captured: Capture) -> float:
    """Return below which relative error a layer's gradient counts as vanishing."""
    errors = [_norm(captured.maps[node.name]["dy"]) for node in nodes if node.layer.params]
    steps = len(errors) - 1
    if steps < FEWEST_STEPS or not np.isfinite(errors).all() or not errors[-1]:
        return VANISHING
    rate = (errors[0] / errors[-1]) ** (1 / steps)
    return STEEPLY_VANISHING if rate < STEEP else VANISHING


def _layer(
    node: Node, captured: Capture, reference: float, input_rms: float, bound: float
) -> LayerFlow:
    own = captured.maps[node.name]
    error, y = _norm(own["dy"]), own["y"]
    relative = error / reference if reference else 0.0
    parameters = [own[key] for key in node.layer.params if key in own]
    gradients = [own[f"d{key}"] for key in node.layer.params if f"d{key}" in own]
    weight = _norm(*parameters) if parameters else None
    gradient = _norm(*gradients) if gradients else None
    dead = _dead(y) if node.layer.type_name == "relu" else None
    output = _rms(y)
    words = []
    finite = all(np.isfinite(array).all() for array in (y, own["dy"]))
    if not finite:
        words.append("not finite")
    elif relative > EXPLODING:
        words.append("exploding gradient")
    elif reference and relative < bound:
        words.append("vanishing gradient")
    if finite and output > EXPLODING * max(input_rms, 1.0):
        words.append("exploding activations")
    if dead is not None and dead > DEAD_SHARE:
        words.append(f"{100 * dead:.0f}% dead")
    return LayerFlow(
        node.name,
        node.layer.type_name,
        error,
        relative,
        output,
        weight,
        gradient,
        gradient / weight if weight and gradient is not None else None,
        float((y == 0).mean()),
        dead,
        ", ".join(words),
    )


def _dead(y: Array) -> float:
    """Return the share of units that are 0 for every sample, at every position."""
    active = (y > 0).any(axis=tuple(range(y.ndim - 1)))
    return float(1 - active.mean())


def _verdict(layers: tuple[LayerFlow, ...]) -> list[str]:
    """Return what is wrong, in sentences."""
    sentences = []
    for word, effect in (
        ("not finite", "values are not finite there, so nothing can be learnt"),
        ("vanishing gradient", "they learn next to nothing; ReLU, normalisation, residual blocks "
         "or a larger initialisation let it through"),
        ("exploding gradient", "steps become wild; a smaller initialisation, normalisation or "
         "clipping holds it down"),
        ("exploding activations", "the outputs grow from layer to layer; a smaller initialisation "
         "or normalisation holds them down"),
    ):  # fmt: skip
        named = [layer for layer in layers if word in layer.words]
        if named:
            worst = min(named, key=lambda layer: layer.relative_error)
            if word.startswith("expl"):
                worst = max(named, key=lambda layer: layer.relative_error)
            size = f" ({worst.relative_error:.1e} of the error at the output, in {worst.layer})"
            detail = size if "gradient" in word else ""
            names = _names([layer.layer for layer in named])
            sentences.append(f"{word.capitalize()} in {names}{detail}: {effect}.")
    dead = [layer for layer in layers if layer.dead is not None and layer.dead > DEAD_SHARE]
    if dead:
        names = _names([f"{layer.layer} ({100 * (layer.dead or 0):.0f}%)" for layer in dead])
        sentences.append(
            f"Dead ReLU units in {names}: no sample makes them active, so no error passes them; a "
            "smaller learning rate or leaky_relu helps."
        )
    return sentences


def _names(names: list[str]) -> str:
    return (
        ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"
    )


def _norm(*arrays: Array) -> float:
    with np.errstate(all="ignore"):
        total = sum(float(np.sum(np.square(array, dtype=np.float64))) for array in arrays)
    return float(np.sqrt(total))


def _rms(array: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
