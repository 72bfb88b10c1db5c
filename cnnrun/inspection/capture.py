"""Runs samples through a network once, forward and backward, and keeps every array that flows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.engine import Context, Layer, Network, Pass
from cnnrun.engine.names import select_layers
from cnnrun.engine.types import Array
from cnnrun.errors import ShapeError
from cnnrun.inspection.objectives import Objective

__all__ = ["Capture", "Node", "capture", "choose", "estimate_bytes", "walk"]

FLOWING = ("x", "y", "dx", "dy")


@dataclass(frozen=True)
class Node:
    """A layer with its full name, and the number of blocks that it stands inside."""

    name: str
    layer: Layer
    depth: int = 0


@dataclass(frozen=True)
class Capture:
    """The arrays of one pass, by layer and by the names of the glossary.

    Attributes:
        nodes: the layers that were kept, in natural order; those inside a block follow it.
        maps: by layer: `x`, `y`, `dx`, `dy` `(N, ...)`; each parameter under its own name (`w`,
            `b`, `gamma`, ...) and its gradient with a `d` before it; for max pooling `winner`
            `(N, OH, OW, C)`, the tap `i * KW + j` that won.
        outputs: of the network, `(N, *output_shape)`.
        values: of the objective, `(N,)`.
    """

    nodes: tuple[Node, ...]
    maps: dict[str, dict[str, Array]]
    outputs: Array
    values: Array

    def arrays(self) -> dict[str, Array]:
        """Return all arrays under the names that files use, such as `03_conv2d/dw`."""
        return {
            f"{node.name}/{key}": array
            for node in self.nodes
            for key, array in self.maps[node.name].items()
        }


def walk(network: Network) -> list[Node]:
    """Return every layer in natural order, a block before the layers inside it."""

    def visit(name: str, layer: Layer, depth: int) -> Iterator[Node]:
        yield Node(name, layer, depth)
        for key, child in layer.children().items():
            yield from visit(f"{name}/{key}", child, depth + 1)

    return [node for key, layer in network.layers.items() for node in visit(key, layer, 0)]


def choose(nodes: list[Node], words: Sequence[str]) -> list[Node]:
    """Return the nodes that `words` name, as `select_layers` reads them; all without words.

    Raises:
        ConfigError: a word names no layer.
    """
    chosen = set(select_layers([node.name for node in nodes], words))
    return [node for node in nodes if node.name in chosen]


def estimate_bytes(nodes: Collection[Node], samples: int) -> int:
    """Return how many bytes the arrays of these layers take, for a number of samples."""
    total = 0
    for node in nodes:
        layer, item = node.layer, node.layer.dtype.itemsize
        flowing = 2 * (np.prod(layer.input_shape) + np.prod(layer.output_shape))
        total += int(flowing) * item * samples
        total += 2 * sum(array.nbytes for array in layer.params.values())
    return total


def capture(
    network: Network, x: Array, objective: Objective, nodes: Collection[Node] | None = None
) -> Capture:
    """Run x forward and the objective's gradient backward, outside training.

    Dropout is off and batch normalisation uses its running statistics, as in `evaluate`, so that
    samples do not act on one another.

    Args:
        network: nothing in it changes.
        x: `(N, *input_shape)` in the network's dtype.
        objective: what is differentiated.
        nodes: the layers to keep; by default all.

    Raises:
        ShapeError: x does not fit the network.
    """
    if x.shape[1:] != network.input_shape or not len(x):
        expected = ", ".join(map(str, network.input_shape))
        raise ShapeError(f"the network takes a batch of shape (N, {expected}), got {x.shape}")
    kept = tuple(walk(network) if nodes is None else nodes)
    keeper = _Keeper({node.name for node in kept})
    ctx = Context(Pass(training=False, observer=keeper))
    with np.errstate(all="ignore"):  # what is not finite is counted and named, not warned of
        outputs = network.forward(x, ctx).copy()
        network.backward(objective.gradient(outputs), ctx)
        values = objective.values(outputs)
    gradients = ctx.collect("gradients")
    maps: dict[str, dict[str, Array]] = {}
    for node in kept:
        flowed = keeper.maps.get(node.name, {})
        own = {key: flowed[key] for key in FLOWING if key in flowed}
        for key, parameter in node.layer.params.items():
            own[key] = parameter.copy()
            if (full := f"{node.name}/{key}") in gradients:
                own[f"d{key}"] = np.array(gradients[full])
        saved = _context_of(ctx, node.name).saved
        if isinstance(winner := saved.get("winner"), np.ndarray):
            own["winner"] = winner.copy()
        maps[node.name] = own
    return Capture(kept, maps, outputs, values)


class _Keeper:
    """Copies the arrays that flow through chosen layers; an array of two layers is copied once."""

    def __init__(self, names: set[str]) -> None:
        self.maps: dict[str, dict[str, Array]] = {}
        self._names = names
        self._copies: dict[int, tuple[Array, Array]] = {}  # by id; the original is kept alive

    def __call__(self, name: str, key: str, array: Array) -> None:
        if name not in self._names:
            return
        if id(array) not in self._copies:
            self._copies[id(array)] = array, np.array(array, order="C")
        self.maps.setdefault(name, {})[key] = self._copies[id(array)][1]


def _context_of(root: Context, name: str) -> Context:
    """Return the context that the layer called `name` ran in."""
    for part in name.split("/"):
        root = root.child(0, part)  # it exists: the index only counts for a new one
    return root
