"""How far a result in a network's own dtype may lie from the same in float64.

A sum of n products is off by about sqrt(n) roundings of its terms, if they go either way. What a
rounding of the terms does is measured: inputs, upstream gradient and parameters are changed by
random parts in a hundred million, and the change of the result, scaled to one rounding, is the size
of its terms. So a result that is small because its terms cancel is allowed what they are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Any

import numpy as np

from cnnrun.engine import Layer, Loss
from cnnrun.engine.types import Array

__all__ = ["METHOD_BOUND", "count_terms", "loss_terms", "term_sizes", "tolerance"]

SINGLE = 2.0**-24
"""The relative rounding of float32."""

SHAKE = 1e-8
"""The relative size of the random changes by which terms are measured."""

MARGIN = 8.0
"""An element may be off by so many times what is expected: the worst of millions is looked at.

Measured over all shipped configurations and 20 seeds, the largest was 4.2 times what is expected:
the filter gradient of a first convolution of one channel, a sum of 50,000 products that cancel.
"""

UNLUCKY = 4.0
"""More than so many times the tolerance is not allowed, even where direct sums are off as well."""

METHOD_BOUND = {"columns": 0.0, "winograd": 1e-5}
"""How much of a tensor's largest value a method may be off by on its own account. For Winograd's it
is the bound that is stated, and tested, in `cnnrun.engine.kernels.winograd`."""


def tolerance(
    terms: float, largest: float, term_size: float, dtype: np.dtype[Any], method: str
) -> float:
    """Return by how much any element of a tensor may be off.

    Args:
        terms: in the sum behind an element.
        largest: absolute value of the tensor.
        term_size: as `term_sizes` measures it.
        dtype: in which it was computed.
        method: of `METHOD_BOUND`, which holds for float32.
    """
    rounding = float(np.finfo(dtype).eps) / 2
    own = METHOD_BOUND[method] * rounding / SINGLE
    return MARGIN * rounding * sqrt(terms) * (largest + term_size) + own * largest


def count_terms(layer: Layer, tensor: str, samples: int, shape: tuple[int, ...]) -> float:
    """Return how many terms the sum behind an element of `y`, `dx` or a parameter's gradient has.

    Args:
        layer: in question.
        tensor: `y`, `dx` or a parameter's name.
        samples: of the batch.
        shape: of the parameter.
    """
    outputs, inputs = prod(layer.output_shape), prod(layer.input_shape)
    products = layer.multiply_adds()
    if tensor in ("y", "dx"):
        per_element = products / (outputs if tensor == "y" else inputs)
        # Without products: pooling, sums over channels or the sample, at most all of its values.
        return max(1.0, per_element) if products else max(1.0, float(inputs))
    work = outputs if len(shape) == 1 else max(products, outputs)  # biases meet no product
    return max(1.0, samples * work / prod(shape))


def term_sizes(
    run: Callable[[Array, Array], Mapping[str, Array]],
    x: Array,
    dy: Array,
    parameters: Mapping[str, Array],
    results: Mapping[str, Array],
    rng: np.random.Generator,
    *,
    move_x: bool,
) -> dict[str, float]:
    """Return for each result how large its terms are, by changing all that it is made of a little.

    Args:
        run: gives the results for an input and an upstream gradient.
        x: the input.
        dy: the upstream gradient.
        parameters: float64 arrays that `run` uses; they are put back.
        results: what `run` gives for x and dy as they are.
        rng: draws the changes.
        move_x: whether x may change; not where a layer has kinks that it could fall beyond.
    """

    def shaken(array: Array) -> Array:
        return array * (1 + SHAKE * rng.standard_normal(array.shape))

    kept = {name: array.copy() for name, array in parameters.items()}
    for array in parameters.values():
        array[...] = shaken(array)
    changed = run(shaken(x) if move_x else x, shaken(dy))
    for name, array in parameters.items():
        array[...] = kept[name]
    return {
        name: float(np.max(np.abs(changed[name] - result), initial=0.0)) / SHAKE
        for name, result in results.items()
    }


def loss_terms(
    loss: Loss, outputs: Array, targets: Array, dy: Array, rng: np.random.Generator
) -> float:
    """Return how large the terms behind a loss's gradient dy are.

    An output that the change takes beyond a kink stays where it is.
    """
    changed = outputs * (1 + SHAKE * rng.standard_normal(outputs.shape))
    sides = zip(loss.branches(outputs, targets), loss.branches(changed, targets), strict=True)
    for before, after in sides:
        changed = np.where(before == after, changed, outputs)
    return float(np.max(np.abs(loss(changed, targets, len(outputs))[1] - dy), initial=0.0)) / SHAKE
