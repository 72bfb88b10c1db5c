"""`cnnrun explain`: the lecture's equations for any geometry, generated and verified."""

from __future__ import annotations

import typer

from cnnrun.cli.verbs.explain.functions import (
    batch_norm,
    relu,
    sigmoid,
    softmax,
    softmax_cross_entropy,
)
from cnnrun.cli.verbs.explain.layers import avg_pool2d, conv2d, dense, max_pool2d
from cnnrun.cli.verbs.explain.network import backprop

__all__ = ["app"]

app = typer.Typer(help="The lecture's equations for any geometry.", no_args_is_help=True)
for command in (
    conv2d, max_pool2d, avg_pool2d, dense, relu, sigmoid, softmax, softmax_cross_entropy,
    batch_norm, backprop,
):  # fmt: skip
    app.command(command.__name__)(command)
