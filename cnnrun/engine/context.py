"""What one layer keeps during one step on one shard, so that the layer itself stays read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnrun.engine.types import Array

__all__ = ["Context", "Observer", "Order", "Pass"]

Observer = Callable[[str, str, Array], None]

Order = Sequence[tuple[int, str]]
"""Index and name of a sequence's layers, in the order in which they run."""

DIRECT = "columns"
"""The method of a convolution for which a program has chosen no other: the direct sum."""


@dataclass
class Pass:
    """What all layers of a network share during one forward and backward pass over a shard.

    Attributes:
        training: whether dropout drops and batch normalisation uses the batch.
        seed, step, shard: what random numbers derive from.
        all_reduce: adds an array over all shards of the batch, in a fixed order.
        observer: called as `observer(layer name, "x" | "y" | "dy" | "dx", array)` around every
            layer; the array must not be kept without a copy.
        orders: by name of a sequence (`""` for the network, `03_residual/branch`), where its layers
            do not run in the order they are written in.
        methods: by layer name, how convolutions are computed that are not summed directly.
        gradients: by full parameter name, where its gradient is to be written.
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    shard: int = 0
    all_reduce: Callable[[Array], Array] = np.copy
    observer: Observer | None = None
    orders: Mapping[str, Order] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    gradients: Mapping[str, Array] = field(default_factory=dict)


@dataclass
class Context:
    """The state of one layer in one pass; a layer with sublayers hands each a `child`.

    Attributes:
        run: what is shared with the other layers.
        path: the indices that lead to this layer; part of the seed of its random numbers.
        name: the layer's full name, such as `03_residual/branch/00_conv2d`.
        saved: what forward keeps for backward.
        gradients: the loss gradients of the parameters, by short name, as backward left them.
        updates: new values of the layer's buffers, applied once the step is done.
        needs_input_gradient: False where nobody reads dx; backward may then return `NO_GRADIENT`.
    """

    run: Pass = field(default_factory=Pass)
    path: tuple[int, ...] = ()
    name: str = ""
    saved: dict[str, Any] = field(default_factory=dict)
    gradients: dict[str, Array] = field(default_factory=dict)
    updates: dict[str, Array] = field(default_factory=dict)
    needs_input_gradient: bool = True
    _scratch: dict[str, Array] = field(default_factory=dict, repr=False)
    _views: dict[str, Array] = field(default_factory=dict, repr=False)  # those handed out last
    _children: dict[str, Context] = field(default_factory=dict, repr=False)

    @property
    def training(self) -> bool:
        """Whether this is a training pass."""
        return self.run.training

    def buffer(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Return an uninitialised array that this layer may use until it asks for `name` again.

        Memory is allocated once, and again only when a larger array is asked for, so that a
        steady training step allocates nothing.
        """
        last = self._views.get(name)
        if last is not None and last.shape == shape and last.dtype == dtype:
            return last
        dtype, size = np.dtype(dtype), prod(shape)
        block = self._scratch.get(name)
        if block is None or block.size < size or block.dtype != dtype:
            block = self._scratch[name] = np.empty(size, dtype)
        view = self._views[name] = block[:size].reshape(shape)
        return view

    def gradient(self, name: str, like: Array) -> Array:
        """Return the array to write the gradient of parameter `name` into; it is uninitialised.

        In an executor it is the array from which the batch's gradient is taken, so that nothing
        need be copied; where a layer runs by itself, it is a buffer. A layer may also put an array
        of its own into `gradients`.

        Args:
            name: the parameter's short name, such as `w`.
            like: the parameter.
        """
        array = self.run.gradients.get(f"{self.name}/{name}")
        if array is None:
            array = self.buffer(f"d{name}", like.shape, like.dtype)
        self.gradients[name] = array
        return array

    @property
    def method(self) -> str:
        """How this layer's convolution is computed: `columns` or `winograd`."""
        return self.run.methods.get(self.name, DIRECT)

    def generator(self) -> np.random.Generator:
        """Return a random generator that depends on (seed, step, layer, shard) alone."""
        key = (self.run.step, self.run.shard, *self.path)
        return np.random.default_rng(np.random.SeedSequence(self.run.seed, spawn_key=key))

    def uniform(self, out: Array) -> None:
        """Fill `out` with random numbers in [0, 1) from a fresh generator.

        They are drawn in float32, so that a network in float64 gets the same.
        """
        if out.dtype == np.float32:
            self.generator().random(out=out, dtype=np.float32)
        else:
            out[...] = self.generator().random(out.shape, dtype=np.float32)

    def all_reduce(self, array: Array) -> Array:
        """Return the sum of `array` over all shards of the batch, added in a fixed order."""
        return self.run.all_reduce(array)

    def child(self, index: int, name: str) -> Context:
        """Return the context of a sublayer, the same one at every call."""
        if name not in self._children:
            full = f"{self.name}/{name}" if self.name else name
            self._children[name] = Context(self.run, (*self.path, index), full)
        return self._children[name]

    def find(self, name: str) -> Context | None:
        """Return the context of a sublayer by its name below this one, if it has run."""
        context: Context | None = self
        for part in name.split("/"):
            context = context._children.get(part) if context else None
        return context

    def collect(self, attribute: str) -> dict[str, Array]:
        """Return `gradients` or `updates` of this layer and all sublayers, by full name."""
        prefix = f"{self.name}/" if self.name else ""
        own: dict[str, Array] = getattr(self, attribute)
        arrays = {f"{prefix}{key}": array for key, array in own.items()}
        for context in self._children.values():
            arrays.update(context.collect(attribute))
        return arrays
