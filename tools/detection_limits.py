"""Measures which errors a gradient check finds: the table in docs/gradcheck.md.

An error of relative size s is planted in a right gradient; a cell says at how many seeds the check
found it. `python tools/detection_limits.py --seeds 20` prints the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from types import MethodType

import numpy as np

import cnnrun
from cnnrun.engine import Context, Layer
from cnnrun.engine.layers import BatchNorm, Conv2D, Dense, Tanh
from cnnrun.engine.types import Array
from cnnrun.gradcheck.report.detection import limit_of

SIZES = (1e-3, 1e-4, 1e-5, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8)


@dataclass(frozen=True)
class Case:
    """An error to plant.

    Attributes:
        name: of what is wrong, in words.
        layer: in which.
        tensor: whose gradient goes wrong.
        is_whole: whether all of it does, or one element, another at each seed.
        budget: of the check; None where all elements are compared.
    """

    name: str
    layer: Layer
    tensor: str
    is_whole: bool
    budget: int | None = None

    def finds(self, size: float, seed: int) -> bool:
        """Return whether a check finds an error of this relative size."""
        layer = self.layer.astype(np.float64)
        layer.backward = MethodType(self._damage(size, seed), layer)  # type: ignore[method-assign]
        return cnnrun.gradcheck(layer, seed=seed, budget=self.budget).verdict == "fail"

    def _damage(self, size, seed):
        def backward(layer: Layer, dy: Array, ctx: Context) -> Array:
            dx = np.array(type(layer).backward(layer, dy, ctx))
            gradient = dx if self.tensor == "x" else ctx.gradients[self.tensor]
            rng = np.random.default_rng(seed)
            index = tuple(int(rng.integers(length)) for length in gradient.shape)
            gradient[... if self.is_whole else index] *= 1 + size
            return dx

        return backward

    def limit(self) -> float:
        """Return what the report of a right layer says would be found."""
        report = cnnrun.gradcheck(self.layer, budget=self.budget)
        (limit,) = [limit_of(row) for row in report.rows if row.tensor == self.tensor]
        return limit.whole if self.is_whole else limit.element


CONV = Conv2D(Conv2D.Config(4, 3), (6, 5, 3))
CASES = (
    Case("all of a convolution's dw", CONV, "w", is_whole=True),
    Case("all of a convolution's dx", CONV, "x", is_whole=True),
    Case("all of tanh's dx", Tanh(Tanh.Config(), (6, 5, 3)), "x", is_whole=True),
    Case("all of batch norm's dx", BatchNorm(BatchNorm.Config(), (6, 5, 3)), "x", is_whole=True),
    Case("one of 108 filter values", CONV, "w", is_whole=False),
    Case(
        "one of 240,000 weights, `--budget 1000`",
        Dense(Dense.Config(400), (600,)),
        "w",
        is_whole=False,
        budget=1000,
    ),
)


def table(seeds: int, sizes: tuple[float, ...] = SIZES) -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    yield f"| error in | {' | '.join(f'{size:.0e}' for size in sizes)} | the report says |"
    yield "|---|" + "---|" * (len(sizes) + 1)
    for case in CASES:
        counts = [sum(case.finds(size, seed) for seed in range(seeds)) for size in sizes]
        yield f"| {case.name} | {' | '.join(map(str, counts))} | {case.limit():.0e} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    for line in table(parser.parse_args().seeds):
        print(line, flush=True)
