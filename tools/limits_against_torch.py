"""Measures which errors cnnrun finds, and torch.autograd.gradcheck on the same mistakes.

An error of relative size s is planted in the gradient of a convolution's filters: in one element,
one output channel, or all of it; in float64 or float32; in the function alone or in the middle of a
network of eight layers. `python tools/limits_against_torch.py --seeds 5` prints the table of
docs/gradcheck.md: a cell says at how many seeds cnnrun objects, then PyTorch's slow mode, then its
fast mode. Needs PyTorch.

In float64 tolerances are the defaults. In float32 PyTorch's defaults object to every right
function, as its documentation warns: `TORCH` has the tightest powers of ten with which right ones
pass. cnnrun checks a network in float64 whatever it trains in, so that what is wrong in both dtypes
is found as in float64, and then one training step as it runs: in the rows of a network in float32
the gradient is wrong in float32 alone.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from homework.as_torch import as_torch
from planted_errors import (
    PARTS,
    SAMPLES,
    SHAPE,
    Error,
    SinglePair,
    wrong_network,
    wrong_pair,
)

import cnnrun
from cnnrun.engine import Context, Layer, Network, Pass
from cnnrun.engine.types import Array
from cnnrun.foreign import ForeignFunction
from cnnrun.foreign.function import Call
from cnnrun.gradcheck.precision import SINGLE

SIZES = (0.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
DTYPES = ("float64", "float32")
PLACES = ("alone", "in a network")
TORCH: dict[str, dict[str, float]] = {
    "float64": {},
    "float32": {"eps": 1e-2, "atol": 1e-3, "rtol": 1e-3},
}


class SingleFunction(ForeignFunction):
    """A pair in float32, as cnnrun checks it."""

    def __init__(self, pair: SinglePair) -> None:
        super().__init__(pair.name, pair.name, tuple(pair.inputs), SINGLE)
        self.pair = pair

    def call(self, inputs: dict[str, Array]) -> Call:
        outputs, cache = self.pair.run(inputs)

        def backward(upstream: list[Array]) -> dict[str, Array]:
            gradients = self.pair.gradients(upstream, cache)
            return {name: np.asarray(g, np.float64) for name, g in gradients.items()}

        return Call([np.asarray(output, np.float64) for output in outputs], backward)


@dataclass(frozen=True)
class LayerPair:
    """A layer of a network in the form of the corpus, for `as_torch`."""

    name: str
    layer: Layer

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("x", *self.layer.params)

    def run(self, inputs: dict[str, Array]) -> tuple[tuple[Array, ...], Any]:
        self._set(inputs)
        context = Context(Pass(training=True))
        return (np.array(self.layer.forward(inputs["x"], context)),), (inputs, context)

    def gradients(self, upstream: Sequence[Array], kept: Any) -> dict[str, Array]:
        inputs, context = kept
        self._set(inputs)  # another forward may have been in between
        dx = np.array(self.layer.backward(upstream[0], context))
        return {"x": dx, **context.gradients}

    def _set(self, inputs: dict[str, Array]) -> None:
        for name, array in self.layer.params.items():
            array[...] = inputs[name]


def objects(error: Error, place: str) -> bool:
    """Return whether cnnrun calls it wrong."""
    if place != "alone":
        x = np.random.default_rng([error.seed, 2]).standard_normal((SAMPLES, *SHAPE))
        return cnnrun.gradcheck(wrong_network(error), x, seed=error.seed).verdict == "fail"
    pair = wrong_pair(error)
    subject: tuple[Any, ...] = (pair.forward, pair.backward)
    constants: dict[str, Any] | None = pair.constants
    if isinstance(pair, SinglePair):
        subject, constants = (SingleFunction(pair),), None
    report = cnnrun.gradcheck(
        *subject, inputs=pair.draw(error.seed), constants=constants, seed=error.seed
    )
    return report.verdict == "fail"


def torch_objects(error: Error, place: str, *, fast: bool) -> bool:
    """Return whether torch.autograd.gradcheck calls it wrong, the eight layers as one function."""
    import torch

    if place == "alone":
        pair = wrong_pair(error)
        function, arrays = as_torch(pair).apply, list(pair.draw(error.seed).values())
    else:
        function, arrays = chain(wrong_network(error).astype(error.dtype), error.seed)
    tensors = [torch.tensor(a.astype(error.dtype), requires_grad=True) for a in arrays]
    torch.manual_seed(error.seed)  # of the directions that the fast mode draws
    with warnings.catch_warnings(action="ignore"):
        return not torch.autograd.gradcheck(
            function, tensors, raise_exception=False, fast_mode=fast, **TORCH[error.dtype]
        )


def chain(network: Network, seed: int) -> tuple[Callable[..., Any], list[Array]]:
    """Return a network as one function of tensors, and the arrays to call it with."""
    pairs = [LayerPair(name, layer) for name, layer in network.layers.items()]
    functions = [as_torch(pair) for pair in pairs]
    x = np.random.default_rng([seed, 2]).standard_normal((SAMPLES, *SHAPE))

    def run(y: Any, *parameters: Any) -> Any:
        rest = iter(parameters)
        for pair, function in zip(pairs, functions, strict=True):
            y = function.apply(y, *(next(rest) for _ in pair.layer.params))
        return y

    own = [array.copy() for pair in pairs for array in pair.layer.params.values()]
    return run, [x, *own]


@cache
def verdicts(error: Error, place: str) -> tuple[bool, bool, bool]:
    """Return whether cnnrun objects, PyTorch's slow mode, and its fast mode."""
    slow, fast = (torch_objects(error, place, fast=fast) for fast in (False, True))
    return objects(error, place), slow, fast


def cell(errors: Sequence[Error], place: str) -> str:
    """Return how many of these errors each check objects to."""
    answers = [verdicts(error.settled(), place) for error in errors]
    return " ".join(str(sum(column)) for column in zip(*answers, strict=True))


def table(
    seeds: int, sizes: Sequence[float] = SIZES, parts: Sequence[str] = PARTS
) -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    heads = [f"{size:.0e}" if size else "none" for size in sizes]
    yield f"| error in | {' | '.join(heads)} |"
    yield "|---|" + "---|" * len(sizes)
    for dtype in DTYPES:
        for place in PLACES:
            for part in parts:
                cells = [
                    cell([Error(part, size, dtype, seed) for seed in range(seeds)], place)
                    for size in sizes
                ]
                yield f"| {part}, {place}, {dtype} | {' | '.join(cells)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES, metavar="SIZE")
    parser.add_argument(
        "--tolerances", type=float, nargs=2, metavar=("ATOL", "RTOL"), help="PyTorch's in float64"
    )
    options = parser.parse_args()
    if options.tolerances:
        TORCH["float64"] = dict(zip(("atol", "rtol"), options.tolerances, strict=True))
    for line in table(options.seeds, options.sizes):
        print(line, flush=True)
