"""A network's layers with their sizes and costs, in the order in which they were written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from cnnrun.engine.names import format_size
from cnnrun.engine.types import Shape
from cnnrun.notebook import html_table

if TYPE_CHECKING:
    from cnnrun.engine.layer import Layer
    from cnnrun.engine.network import Network

__all__ = ["LayerSummary", "NetworkSummary", "summarize"]


@dataclass(frozen=True)
class LayerSummary:
    """A layer and what one sample costs in it.

    Attributes:
        name: inside its block, such as `00_conv2d`.
        type: such as `conv2d`.
        output_shape: of one sample.
        parameters: the number of trainable values, those of the layers inside included.
        multiply_adds: of the forward pass.
        activation_bytes: of its output, and of the outputs inside it.
        depth: in how many blocks it stands.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    multiply_adds: int
    activation_bytes: int
    depth: int


@dataclass(frozen=True, repr=False)
class NetworkSummary:
    """A network's layers, those inside a block after it, and what all of them come to.

    Attributes:
        input_shape, output_shape: of one sample.
        layers: a line for each.
    """

    input_shape: Shape
    output_shape: Shape
    layers: tuple[LayerSummary, ...]

    @property
    def parameters(self) -> int:
        """The number of trainable values."""
        return sum(layer.parameters for layer in self.layers if not layer.depth)

    @property
    def multiply_adds(self) -> int:
        """Of one sample's forward pass."""
        return sum(layer.multiply_adds for layer in self.layers if not layer.depth)

    @property
    def activation_bytes(self) -> int:
        """Of all layers' outputs for one sample."""
        return sum(layer.activation_bytes for layer in self.layers if not layer.depth)

    def __repr__(self) -> str:
        outer = sum(not layer.depth for layer in self.layers)
        return (
            f"<network of {outer} layer{'s' * (outer != 1)}, {format_size(self.input_shape)} to "
            f"{format_size(self.output_shape)}, {self.parameters:,} parameters>"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table with a line for every layer."""
        rows = [
            (
                "\N{NO-BREAK SPACE}" * 4 * layer.depth + layer.name,
                layer.type,
                format_size(layer.output_shape),
                f"{layer.parameters:,}",
            )
            for layer in self.layers
        ]
        columns = ("layer", "type", "output shape", "parameters")
        total = f"{self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds a sample"
        return html_table(f"network for {format_size(self.input_shape)}", total, columns, rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as a JSON document."""
        layers = [asdict(layer) for layer in self.layers]
        for entry in layers:
            entry["output_shape"] = list(entry["output_shape"])
            del entry["depth"]
        return {
            "input_shape": list(self.input_shape),
            "layers": layers,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "activation_bytes": self.activation_bytes,
        }


def summarize(network: Network) -> NetworkSummary:
    """Return a network's layers with their sizes and costs."""
    rows = [row for name, layer in network.layers.items() for row in _rows(name, layer, 0)]
    return NetworkSummary(network.input_shape, network.output_shape, tuple(rows))


def _rows(name: str, layer: Layer, depth: int) -> list[LayerSummary]:
    """Return a layer's row, and below it those of the layers inside."""
    inner = [row for key, child in layer.children().items() for row in _rows(key, child, depth + 1)]
    outputs = prod(layer.output_shape) * layer.dtype.itemsize
    own = LayerSummary(
        name,
        layer.type_name,
        layer.output_shape,
        sum(array.size for array in layer.named_parameters().values()),
        layer.multiply_adds(),
        outputs + sum(row.activation_bytes for row in inner if row.depth == depth + 1),
        depth,
    )
    return [own, *inner]
