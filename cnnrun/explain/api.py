"""The function behind `cnnrun explain`: the lecture's equations for a layer or a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnnrun.engine import Loss, Network
from cnnrun.engine.types import Array, Padding, Pair
from cnnrun.errors import ConfigError, OptionError
from cnnrun.explain.activations import explain_activation
from cnnrun.explain.backprop import explain_backprop
from cnnrun.explain.batch_norm import explain_batch_norm
from cnnrun.explain.convolution import explain_conv2d
from cnnrun.explain.dense import explain_dense
from cnnrun.explain.document import Explanation
from cnnrun.explain.numbers import add_numbers
from cnnrun.explain.pooling import explain_pooling
from cnnrun.explain.softmax import explain_softmax, explain_softmax_cross_entropy
from cnnrun.registry import suggestion

__all__ = ["Kind", "explain"]

Kind = Literal[
    "conv2d", "max_pool2d", "avg_pool2d", "dense", "relu", "sigmoid", "softmax",
    "softmax_cross_entropy", "batch_norm", "backprop",
]  # fmt: skip

BUILDERS: dict[str, Callable[..., Explanation]] = {
    "conv2d": explain_conv2d,
    "max_pool2d": partial(explain_pooling, "max_pool2d"),
    "avg_pool2d": partial(explain_pooling, "avg_pool2d"),
    "dense": explain_dense,
    "relu": partial(explain_activation, "relu"),
    "sigmoid": partial(explain_activation, "sigmoid"),
    "softmax": explain_softmax,
    "softmax_cross_entropy": explain_softmax_cross_entropy,
    "batch_norm": explain_batch_norm,
    "backprop": explain_backprop,
}

OPTIONS: dict[str, tuple[str, ...]] = {
    "conv2d": (
        "input", "filter", "filters", "stride", "padding", "dilation", "groups", "element",
        "values",
    ),
    "max_pool2d": ("input", "pool_size", "stride", "padding", "element", "values"),
    "avg_pool2d": (
        "input", "pool_size", "stride", "padding", "count_padding", "element", "values",
    ),
    "dense": ("input", "units", "element", "values"),
    "relu": ("input", "values"),
    "sigmoid": ("input", "values"),
    "softmax": ("input", "values"),
    "softmax_cross_entropy": ("classes", "values"),
    "batch_norm": ("samples", "values"),
    "backprop": ("network", "loss", "title", "x"),
}  # fmt: skip
"""What each kind can be given, beside `numbers` and `seed`."""

RANDOM_INPUTS = 4
"""Random inputs on which a network's gradients are verified where none are given."""


def explain(
    kind: Kind,
    *,
    input: int | Sequence[int] | None = None,
    filter: Pair | None = None,
    filters: int | None = None,
    pool_size: Pair | None = None,
    units: int | None = None,
    classes: int | None = None,
    samples: int | None = None,
    stride: Pair | None = None,
    padding: Padding | None = None,
    dilation: Pair | None = None,
    groups: int | None = None,
    count_padding: bool | None = None,
    element: int | Sequence[int] | None = None,
    network: Network | None = None,
    loss: Loss | None = None,
    title: str | None = None,
    x: Array | None = None,
    numbers: bool = False,
    seed: int = 0,
    values: Mapping[str, npt.ArrayLike] | None = None,
) -> Explanation:
    """Return the lecture's equations for any geometry, generated from the layer.

    Print the result, or let a notebook show it; `.render("latex")` gives other formats. An option
    that is left out has the default of `cnnrun explain KIND`.

    Args:
        kind: `conv2d`, `max_pool2d`, `avg_pool2d`, `dense`, `relu`, `sigmoid`, `softmax`,
            `softmax_cross_entropy`, `batch_norm`, or `backprop` for a whole network.
        input: height and width, and perhaps channels; for `dense` and activations how many
            numbers come in.
        filter: height and width of a convolution's filter.
        filters: how many of them.
        pool_size: height and width of a pooling window.
        units: numbers that a dense layer gives.
        classes: scores that the loss takes.
        samples: of the batch that is normalised.
        stride: pixels from one window to the next.
        padding: `valid`, `same`, a number, or a pair.
        dilation: pixels from one tap of a filter to the next.
        groups: into how many the channels are cut.
        count_padding: whether padding counts in an average.
        element: row, column, ... of the one entry of each array to spell out, counted from 1.
        network: what `backprop` explains.
        loss: of the network's output.
        title: what to call the network.
        x: a batch for the network `(N, *input_shape)`; its gradients are then verified on it.
        numbers: put random numbers beside the symbols, and verify every line.
        seed: of these numbers.
        values: numbers of your own, by the names of the arrays, such as X, F and dO.

    Raises:
        ConfigError: an option is wrong, or there is too much to spell out.
        ShapeError: a window does not fit the input.
        GradientError: a line differs from the engine or from a finite difference.
    """
    if kind not in BUILDERS:
        raise ConfigError(f"no explanation is called {kind!r}; {suggestion(str(kind), BUILDERS)}")
    options: dict[str, Any] = {
        "input": input, "filter": filter, "filters": filters, "pool_size": pool_size,
        "units": units, "classes": classes, "samples": samples,
        "stride": stride, "padding": padding, "dilation": dilation,
        "groups": groups, "count_padding": count_padding, "element": element,
        "network": network, "loss": loss, "title": title, "x": x, "values": values,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in OPTIONS[kind]:
            raise OptionError(name, f"is no option of {kind}; {suggestion(name, OPTIONS[kind])}")
    if kind == "backprop":
        if network is None or loss is None:
            raise ConfigError(
                "backprop explains a network with its loss: give network and loss, or call "
                "cnnrun.explain_network with a configuration or a run"
            )
        if numbers and x is None:
            shape = (RANDOM_INPUTS, *network.input_shape)
            given["x"] = np.random.default_rng(seed).standard_normal(shape)
        return BUILDERS[kind](**given, seed=seed)
    given.pop("values", None)
    explanation = BUILDERS[kind](**given)
    has_numbers = numbers or values is not None
    return add_numbers(explanation, values, seed) if has_numbers else explanation
