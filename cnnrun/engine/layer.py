"""What a layer is: options, a shape, parameters, and a forward and a backward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from math import prod
from operator import index
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from cnnrun.engine.context import Context
from cnnrun.engine.initializers import Initializer
from cnnrun.engine.kernels.convolution import MethodName
from cnnrun.engine.types import Array, DType, Shape
from cnnrun.errors import LayerError, ShapeError, excerpt
from cnnrun.registry import Registry

if TYPE_CHECKING:
    from cnnrun.engine.network import Sequential

__all__ = ["LAYERS", "NO_GRADIENT", "Build", "Layer", "LayerConfig", "by_full_name"]

LAYERS: Registry[type[Layer]] = Registry("layer")

MAXIMUM_PARAMETERS = 1 << 28
"""Values in one parameter: 1 GiB of float32. More is a typing mistake, or does not fit."""

NO_GRADIENT: Array = np.empty(0, np.float32)
"""What backward returns when `ctx.needs_input_gradient` is False."""


@dataclass(frozen=True)
class Build:
    """What a layer needs besides its options to be built.

    Attributes:
        dtype: of parameters and activations, fixed from here on.
        seed: of the initial weights.
        classes: the number of classes of the data set, for `units: classes`; None if unknown.
        path: the indices that lead to the layer, part of the seed of its weights.
        convolution: the method that a network asks for its convolutions.
        blank: whether weights are left at 0, since others are going to take their place.
    """

    dtype: DType = np.dtype(np.float32)
    seed: int = 0
    classes: int | None = None
    path: tuple[int, ...] = ()
    convolution: MethodName = "auto"
    blank: bool = False

    def child(self, index: int) -> Build:
        """Return the same for the sublayer at `index`."""
        return replace(self, path=(*self.path, index))

    def generator(self) -> np.random.Generator:
        """Return the random generator of this layer's initial weights."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=self.path))

    def initialize(
        self, initializer: Initializer, shape: Shape, fan_in: int, fan_out: int
    ) -> Array:
        """Return initial values; they are drawn in float64, so that any dtype gets the same.

        Raises:
            ShapeError: there are absurdly many.
        """
        if prod(shape) > MAXIMUM_PARAMETERS:
            raise ShapeError(
                f"{' x '.join(map(str, shape))} weights are {prod(shape):,} values; "
                f"the limit is {MAXIMUM_PARAMETERS:,}"
            )
        if self.blank:
            return np.zeros(shape, self.dtype)
        values = initializer(shape, fan_in, fan_out, self.generator())
        return values.astype(self.dtype, order="C")


@dataclass(frozen=True)
class LayerConfig:
    """The options of a layer; a subclass's fields are what a configuration file may say."""

    layer: ClassVar[type[Layer]]


class Layer:
    """A function with parameters, and the gradients of a loss with respect to all it depends on.

    A subclass names its options in a nested frozen dataclass `Config`, sets its parameters up in
    `build`, and computes in `forward` and `backward`. During a step a layer is read-only: whatever
    forward keeps for backward goes into `ctx`, so that several shards can run at once.

    Attributes:
        config: the options.
        input_shape, output_shape: of one sample, without the batch axis.
        dtype: of parameters and activations.
        params: the trainable arrays, by short name (`w`, `b`).
        buffers: other arrays that are part of the model, such as running statistics.
    """

    type_name: ClassVar[str] = ""
    Config: ClassVar[type[LayerConfig]] = LayerConfig
    spared_from_decay: ClassVar[frozenset[str]] = frozenset({"b", "gamma", "beta"})
    """Parameters that weight decay spares when an optimizer is asked to."""
    whole_batch: ClassVar[bool] = False
    """Whether a pass exchanges values between the shards of a batch (`ctx.all_reduce`)."""

    config: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "Config" not in cls.__dict__:  # every layer has options of its own, perhaps none
            cls.Config = dataclass(frozen=True)(type("Config", (cls.Config,), {}))
        cls.Config.layer = cls

    def __init__(self, config: Any, input_shape: Shape, build: Build | None = None) -> None:
        """Build the layer for inputs of `input_shape`.

        Raises:
            ShapeError: the layer does not fit such an input.
            LayerError: `build` returns no shape.
        """
        self._build = build = build or Build()
        self.config = config
        self.input_shape = tuple(input_shape)
        self.dtype = np.dtype(build.dtype)
        self.params: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.output_shape = self._checked(self.build(build))

    def _checked(self, shape: Any) -> Shape:
        """Return an output shape as a tuple of whole numbers.

        Raises:
            LayerError: it is none.
        """
        try:
            return tuple(index(size) for size in shape)
        except TypeError:
            raise LayerError(
                "build must return the shape of one output sample, a tuple of whole "
                f"numbers; got {excerpt(shape)}"
            ) from None

    def build(self, build: Build) -> Shape:
        """Create parameters and buffers; return the shape of one output sample."""
        return self.input_shape

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return y, `(N, *output_shape)`, for x, `(N, *input_shape)`; x is not written to."""
        raise NotImplementedError

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx for dy, and write every parameter's gradient into `ctx.gradient(name, like)`.

        dy is not written to. `ctx` is the one that the forward pass was given.
        """
        raise NotImplementedError

    def sequences(self) -> dict[str, Sequential]:
        """Return the sequences of layers inside this one, by the name of their context."""
        return {}

    def children(self) -> dict[str, Layer]:
        """Return the layers inside this one, as `branch/00_conv2d`; most layers have none."""
        return {
            f"{side}/{name}": layer
            for side, sequence in self.sequences().items()
            for name, layer in sequence.layers.items()
        }

    def branches(self, ctx: Context) -> list[Array]:
        """Return the choices that the last forward pass made, such as which units were active.

        Between two points where they differ the layer has a kink, so no difference of its outputs
        is a derivative. By default, what was saved of booleans and whole numbers.
        """
        return [
            value
            for value in ctx.saved.values()
            if isinstance(value, np.ndarray) and value.dtype.kind in "biu"
        ]

    def multiply_adds(self) -> int:
        """Return the multiply-adds of one sample's forward pass; 0 for what is not a product."""
        return sum(layer.multiply_adds() for layer in self.children().values())

    def walk(self) -> Iterator[tuple[str, Layer]]:
        """Yield this layer under the name `""`, then all layers inside it under theirs."""
        yield "", self
        for name, child in self.children().items():
            for inner, layer in child.walk():
                yield f"{name}/{inner}" if inner else name, layer

    def named_parameters(self) -> dict[str, Array]:
        """Return the trainable arrays of this layer and those inside, by name below it."""
        return by_full_name(self.walk(), "params")

    def named_buffers(self) -> dict[str, Array]:
        """Return the other arrays of this layer and those inside, by name below it."""
        return by_full_name(self.walk(), "buffers")

    def uses_whole_batch(self) -> bool:
        """Return whether this layer or one inside exchanges values between shards."""
        return any(layer.whole_batch for _, layer in self.walk())

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """Return a copy in another dtype, with the same parameters and buffers.

        The copy is built anew, so that all that `build` computes is in the new dtype; other changes
        of this object, such as a replaced method, are copied.
        """
        copy = deepcopy(self)
        copy.dtype = np.dtype(dtype)
        copy._build = replace(self._build, dtype=copy.dtype, blank=True)
        copy.params, copy.buffers = {}, {}
        copy.build(copy._build)
        for side, sequence in copy.sequences().items():
            own = self.sequences()[side].layers
            sequence.layers.update({name: layer.astype(dtype) for name, layer in own.items()})
        for (_, layer), (_, new) in zip(self.walk(), copy.walk(), strict=True):
            for arrays, values in ((new.params, layer.params), (new.buffers, layer.buffers)):
                for name, array in arrays.items():
                    array[...] = values[name]
        return copy


def by_full_name(
    layers: Iterable[tuple[str, Layer]], arrays: Literal["params", "buffers"]
) -> dict[str, Array]:
    """Return the parameters or buffers of named layers, as `03_conv2d/w`."""
    return {
        f"{name}/{key}" if name else key: array
        for name, layer in layers
        for key, array in getattr(layer, arrays).items()
    }
