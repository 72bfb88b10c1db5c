"""`cnnrun summary`: a network's layers, with their sizes and costs."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from cnnrun.cli.options import ConfigFile, Json, Overrides, Plugins, load
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import count, print_table, size, table

if TYPE_CHECKING:
    from cnnrun.engine import Layer

NAME = "summary"


def command(
    config: ConfigFile,
    overrides: Overrides = None,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Show a network's layers: output shape, parameters, multiply-adds, activation memory.

    Example: cnnrun summary configs/lenet_mnist5k.yaml
    """
    from cnnrun.config import build_network
    from cnnrun.engine.names import format_size

    experiment = load(config, overrides, plugin)
    network = build_network(experiment)
    rows = [row for name, layer in network.layers.items() for row in _rows(name, layer)]
    totals = {
        key: sum(row[key] for row in rows if row["depth"] == 0)
        for key in ("parameters", "multiply_adds", "activation_bytes")
    }
    if json:
        layers = [{k: v for k, v in row.items() if k != "depth"} for row in rows]
        shape = list(network.input_shape)
        print_json({"name": experiment.name, "input_shape": shape, "layers": layers, **totals})
        return
    columns = ["layer", "output", "parameters", "multiply-adds", "activations"]
    made = table(f"{experiment.name}, for one sample", columns, left=["layer"])
    made.add_row("input", format_size(network.input_shape), "", "", "")
    for row in rows:
        made.add_row(
            "  " * row["depth"] + row["name"],
            format_size(row["output_shape"]),
            count(row["parameters"]),
            count(row["multiply_adds"]),
            size(row["activation_bytes"]),
        )
    made.add_section()
    made.add_row(
        "total",
        "",
        count(totals["parameters"]),
        count(totals["multiply_adds"]),
        size(totals["activation_bytes"]),
    )
    print_table(made)


def _rows(name: str, layer: Layer, depth: int = 0) -> list[dict[str, Any]]:
    """Return a layer's row, and below it those of the layers inside."""
    own = {
        "name": name,
        "type": layer.type_name,
        "output_shape": list(layer.output_shape),
        "parameters": sum(array.size for array in layer.named_parameters().values()),
        "multiply_adds": layer.multiply_adds(),
        "activation_bytes": prod(layer.output_shape) * layer.dtype.itemsize,
        "depth": depth,
    }
    inner = [row for key, child in layer.children().items() for row in _rows(key, child, depth + 1)]
    own["activation_bytes"] += sum(
        row["activation_bytes"] for row in inner if row["depth"] == depth + 1
    )
    return [own, *inner]
