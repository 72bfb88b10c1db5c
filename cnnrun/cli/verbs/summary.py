"""`cnnrun summary`: a network's layers, with their sizes and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnrun.cli.options import ConfigFile, Json, Overrides, Plugins, load
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import count, print_table, size

if TYPE_CHECKING:
    from cnnrun.engine.summary import LayerSummary, NetworkSummary

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
    from cnnrun.engine import summarize
    from cnnrun.engine.names import format_size

    experiment = load(config, overrides, plugin)
    network = summarize(build_network(experiment))
    if json:
        print_json({"name": experiment.name, **network.to_dict()})
        return
    columns = ["layer", "output", "parameters", "multiply-adds", "activations"]
    rows = [
        ["input", format_size(network.input_shape), "", "", ""],
        *(
            ["  " * layer.depth + layer.name, format_size(layer.output_shape), *_costs(layer)]
            for layer in network.layers
        ),
        None,
        ["total", "", *_costs(network)],
    ]
    print_table(f"{experiment.name}, for one sample", columns, rows, left=["layer"])


def _costs(part: LayerSummary | NetworkSummary) -> tuple[str, str, str]:
    return count(part.parameters), count(part.multiply_adds), size(part.activation_bytes)
