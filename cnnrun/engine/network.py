"""A network: layers in sequence, each built for the output of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy as shallow_copy
from dataclasses import replace
from functools import partial
from math import prod
from typing import Self

import numpy as np
import numpy.typing as npt

from cnnrun.engine.context import Context, Order
from cnnrun.engine.fitting import describe_fitting_sizes
from cnnrun.engine.layer import Build, Layer, LayerConfig, by_full_name
from cnnrun.engine.names import format_size
from cnnrun.engine.summary import summarize
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import CheckpointError, ShapeError, note_place

__all__ = ["Network", "Sequential", "require_size"]


MAXIMUM_OUTPUT = 1 << 28
"""Values of one sample: as many as a layer may have parameters."""


class Sequential:
    """Layers run one after another; a network, or the branch of a residual block.

    Layers are named by position and type, `03_conv2d`, so that names sort in natural order.
    """

    def __init__(
        self, configs: Sequence[LayerConfig], input_shape: Shape, build: Build, path: str
    ) -> None:
        """Build every layer.

        `path` names the sequence as a configuration does (`network`), for error messages.

        Raises:
            ShapeError: a layer does not fit the output of the one before; `.path` names it.
        """
        self.input_shape = tuple(input_shape)
        self.layers: dict[str, Layer] = {}
        shape = self.input_shape
        width = max(2, len(str(len(configs) - 1)))
        for index, config in enumerate(configs):
            kind = config.layer.type_name
            where = f"{path}[{index}].{kind}"
            try:
                layer = config.layer(config, shape, build.child(index))
                require_size(layer.output_shape)
            except ShapeError as error:
                inner = f"{where}.{error.path}" if error.path else where
                raise ShapeError(
                    error.message, path=inner, option=error.option, is_uneven=error.is_uneven
                ) from None
            except Exception as error:  # a mistake in its code: say which layer that is
                note_place(error, where)
                raise
            self.layers[f"{index:0{width}d}_{kind}"] = layer
            shape = layer.output_shape
        self.output_shape = shape
        self._as_written: Order = list(enumerate(self.layers))

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the last layer's output for x, `(N, *input_shape)`."""
        observer = ctx.run.observer
        for index, name in self._order(ctx):
            inner = ctx.child(index, name)
            y = self.layers[name].forward(x, inner)
            if observer:
                observer(inner.name, "x", x)
                observer(inner.name, "y", y)
            x = y
        return x

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx, and leave every parameter's gradient in the layers' contexts."""
        observer = ctx.run.observer
        order = self._order(ctx)
        for index, name in reversed(order):
            inner = ctx.child(index, name)
            inner.needs_input_gradient = index != order[0][0] or ctx.needs_input_gradient
            inner.gradients.clear()  # so that one that is forgotten shows, and not the last step's
            dx = self.layers[name].backward(dy, inner)
            if observer:
                observer(inner.name, "dy", dy)
                if inner.needs_input_gradient:
                    observer(inner.name, "dx", dx)
            dy = dx
        return dy

    def walk(self) -> Iterator[tuple[str, Layer]]:
        """Yield every layer under its full name, those inside a layer after it."""
        for name, layer in self.layers.items():
            for inner, child in layer.walk():
                yield f"{name}/{inner}" if inner else name, child

    def _order(self, ctx: Context) -> Order:
        """Return the layers in the order in which this pass runs them."""
        return ctx.run.orders.get(ctx.name, self._as_written)


def require_size(shape: Shape) -> None:
    """Refuse a layer whose output would be absurdly large.

    Raises:
        ShapeError: one sample has more than `MAXIMUM_OUTPUT` values.
    """
    if prod(shape) > MAXIMUM_OUTPUT:
        raise ShapeError(
            f"an output of {format_size(shape)} has {prod(shape):,} values for each sample; the "
            f"limit is {MAXIMUM_OUTPUT:,}"
        )


def _builds(configs: Sequence[LayerConfig], build: Build, shape: Shape) -> bool:
    """Return whether layers can be built for inputs of a shape."""
    try:
        Sequential(configs, shape, replace(build, blank=True), "network")
    except ShapeError:
        return False
    return True


class Network(Sequential):
    """A sequence of layers with its parameters under full names such as `00_conv2d/w`."""

    def __init__(
        self, configs: Sequence[LayerConfig], input_shape: Shape, build: Build | None = None
    ) -> None:
        """Build the network for inputs of `input_shape`, one sample without the batch axis.

        Raises:
            ShapeError: a layer does not fit; its path is that of the configuration.
        """
        build = build or Build()
        try:
            super().__init__(configs, input_shape, build, "network")
        except ShapeError as error:
            if not error.is_uneven:
                raise
            sizes = describe_fitting_sizes(tuple(input_shape), partial(_builds, configs, build))
            raise ShapeError(error.message + sizes, path=error.path, option=error.option) from None
        self.configs = tuple(configs)
        self.dtype = build.dtype
        self.convolution = build.convolution
        self.parameters = by_full_name(self.walk(), "params")
        self.buffers = by_full_name(self.walk(), "buffers")
        self.spared_from_decay = {
            f"{name}/{key}"
            for name, layer in self.walk()
            for key in layer.params
            if key in layer.spared_from_decay
        }

    def __repr__(self) -> str:
        return repr(summarize(self))

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table with a line for every layer."""
        return summarize(self)._repr_html_()

    def bind(self, arrays: Mapping[str, Array]) -> None:
        """Let the layers use these parameters and buffers, by full name, in place of their own."""
        for name, layer in self.walk():
            for own in (layer.params, layer.buffers):
                own.update({key: arrays[f"{name}/{key}"] for key in own})
        for own in (self.parameters, self.buffers):
            own.update({name: arrays[name] for name in own})

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """Return a copy in another dtype, with the same values."""
        copy = shallow_copy(self)
        copy.dtype = np.dtype(dtype)
        copy.layers = {name: layer.astype(dtype) for name, layer in self.layers.items()}
        copy.parameters = by_full_name(copy.walk(), "params")
        copy.buffers = by_full_name(copy.walk(), "buffers")
        return copy

    @property
    def parameter_count(self) -> int:
        """The number of trainable values."""
        return sum(array.size for array in self.parameters.values())

    def multiply_adds(self) -> int:
        """Return those of one sample's forward pass."""
        return sum(layer.multiply_adds() for layer in self.layers.values())

    @property
    def uses_whole_batch(self) -> bool:
        """Whether some layer exchanges values between the shards of a batch."""
        return any(layer.whole_batch for _, layer in self.walk())

    def state(self) -> dict[str, Array]:
        """Return the arrays that make up the model, parameters and buffers, by full name."""
        return {**self.parameters, **self.buffers}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Copy `state` into the network's arrays.

        Raises:
            CheckpointError: a name is missing or unknown, or a shape or dtype differs. Nothing
                has been changed then.
        """
        own = self.state()
        if missing := sorted(own.keys() - state.keys()):
            raise CheckpointError(f"the weights lack {', '.join(missing)}")
        if unknown := sorted(state.keys() - own.keys()):
            raise CheckpointError(f"the network has no place for {', '.join(unknown)}")
        for name, array in own.items():
            given = state[name]
            if given.shape != array.shape or given.dtype != array.dtype:
                raise CheckpointError(
                    f"{name} is {given.dtype} {given.shape} in the weights, "
                    f"but {array.dtype} {array.shape} in the network"
                )
        for name, array in own.items():
            array[...] = state[name]
