"""A layer by itself, directly and as it is written, at what it was given in a recorded step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cnnrun.engine import Context, Layer, Pass
from cnnrun.engine.types import Array
from cnnrun.gradcheck.stages.rounding import term_sizes

__all__ = ["Reference"]


class Reference:
    """One layer for one shard, or for several at once where it exchanges values between them.

    Attributes:
        parameters: those whose gradients it gives, by name below the layer.
        results: `y`, `dx` if the step had it, and the parameters' gradients.
    """

    def __init__(
        self,
        layer: Layer,
        path: tuple[int, ...],
        name: str,
        run: Pass,
        flow: Mapping[str, Array],
        dtype: np.dtype[Any],
    ) -> None:
        """Run a layer that stands at `path` under `name` on what flowed: `x`, `dy`, maybe `dx`."""
        self.layer = layer
        self._path, self._name, self._run, self._has_dx = path, name, run, "dx" in flow
        self._x, self._dy = (flow[key].astype(dtype) for key in ("x", "dy"))
        inside = bool(layer.children()) and not layer.sequences()  # nothing else compares those
        self.parameters = layer.named_parameters() if inside else layer.params
        self._has_kinks = inside
        self.results = self._at(self._x, self._dy)

    def term_sizes(self, rng: np.random.Generator) -> dict[str, float]:
        """Return how large the terms behind each result are."""
        return term_sizes(
            self._at, self._x, self._dy, self.parameters, self.results, rng,
            move_x=not self._has_kinks,
        )  # fmt: skip

    def is_random(self) -> bool:
        """Return whether the layer draws random numbers: then another shard gets others."""
        if self.layer.children():
            return False
        elsewhere = replace(self._run, shard=self._run.shard + 1)
        y = self._at(self._x, self._dy, elsewhere)["y"]
        return not np.array_equal(y, self.results["y"], equal_nan=True)

    def _at(self, x: Array, dy: Array, run: Pass | None = None) -> dict[str, Array]:
        """Return the results for an input and an upstream gradient."""
        ctx = Context(run or self._run, self._path, self._name)
        ctx.needs_input_gradient = self._has_dx
        y = np.array(self.layer.forward(x, ctx))
        dx = self.layer.backward(dy, ctx)
        self._has_kinks |= bool(self.layer.branches(ctx))
        gradients = ctx.collect("gradients")
        return {
            "y": y,
            **({"dx": np.array(dx)} if self._has_dx else {}),
            **{key: np.array(gradients[f"{self._name}/{key}"]) for key in self.parameters},
        }
