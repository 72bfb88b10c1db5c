"""A network: layers in sequence, each built for the output of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cnnrun.engine.context import Context, Observer
from cnnrun.engine.execution.shared_memory import shared_like
from cnnrun.engine.layer import Build, Layer, LayerConfig
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import CheckpointError, ShapeError

__all__ = ["Network", "Sequential"]


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
            try:
                layer = config.layer(config, shape, build.child(index))
            except ShapeError as error:
                where = f"{path}[{index}].{kind}"
                inner = f"{where}.{error.path}" if error.path else where
                raise ShapeError(error.message, path=inner, option=error.option) from None
            self.layers[f"{index:0{width}d}_{kind}"] = layer
            shape = layer.output_shape
        self.output_shape = shape
        self._written = list(enumerate(self.layers))
        self._cheaper = self._cheaper_order()

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the last layer's output for x, `(N, *input_shape)`."""
        observer = ctx.run.observer
        for index, name in self._order(x, observer):
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
        order = self._order(dy, observer)
        for index, name in reversed(order):
            inner = ctx.child(index, name)
            inner.needs_input_gradient = index != order[0][0] or ctx.needs_input_gradient
            dx = self.layers[name].backward(dy, inner)
            if observer:
                observer(inner.name, "dy", dy)
                if inner.needs_input_gradient:
                    observer(inner.name, "dx", dx)
            dy = dx
        return dy

    def _order(self, array: Array, observer: Observer | None) -> list[tuple[int, str]]:
        """Return index and name of the layers as they run on such arrays.

        Gradients are checked in float64: there, and where somebody watches, it is as written.
        """
        return self._written if observer or array.dtype != np.float32 else self._cheaper

    def _cheaper_order(self) -> list[tuple[int, str]]:
        """Return index and name of the layers in the order they run when nobody watches.

        A ReLU before max pooling runs after it, for the same result and gradients: the larger of
        two numbers is the larger one after ReLU too, and where all are negative no error passes
        either way. For 2x2 that is a quarter of its work.
        """
        order = list(self._written)
        for place in range(len(order) - 1):
            one, two = (self.layers[name] for _, name in order[place : place + 2])
            if one.may_follow_max_pooling and two.takes_maximum:
                order[place], order[place + 1] = order[place + 1], order[place]
        return order


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
        super().__init__(configs, input_shape, build, "network")
        self.configs = tuple(configs)
        self.dtype = build.dtype
        self.parameters: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.spared_from_decay: set[str] = set()
        for name, layer in self.layers.items():
            self.parameters.update(
                {f"{name}/{key}": array for key, array in layer.named_parameters().items()}
            )
            self.buffers.update(
                {f"{name}/{key}": array for key, array in layer.named_buffers().items()}
            )
            self.spared_from_decay.update(_spared(name, layer))
        if build.shared:
            own = self.state()
            self.bind(shared_like(own))
            self.load_state(own)

    def bind(self, arrays: Mapping[str, Array]) -> None:
        """Let the layers use these parameters and buffers, by full name, in place of their own."""
        for name, layer in self.layers.items():
            _bind(layer, f"{name}/", arrays)
        for own in (self.parameters, self.buffers):
            own.update({name: arrays[name] for name in own})

    @property
    def parameter_count(self) -> int:
        """The number of trainable values."""
        return sum(array.size for array in self.parameters.values())

    @property
    def uses_whole_batch(self) -> bool:
        """Whether some layer exchanges values between the shards of a batch."""
        return any(layer.uses_whole_batch() for layer in self.layers.values())

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


def _bind(layer: Layer, prefix: str, arrays: Mapping[str, Array]) -> None:
    """Let a layer and those inside use the arrays whose names start with `prefix`."""
    for own in (layer.params, layer.buffers):
        own.update({key: arrays[f"{prefix}{key}"] for key in own})
    for name, child in layer.children().items():
        _bind(child, f"{prefix}{name}/", arrays)


def _spared(prefix: str, layer: Layer) -> set[str]:
    """Return the full names of the parameters that weight decay may spare."""
    names = {f"{prefix}/{key}" for key in layer.params if key in layer.spared_from_decay}
    for name, child in layer.children().items():
        names |= _spared(f"{prefix}/{name}", child)
    return names
