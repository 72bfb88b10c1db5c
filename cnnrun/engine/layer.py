"""What a layer is: options, a shape, parameters, and a forward and a backward pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.initializers import Initializer
from cnnrun.engine.kernels.convolution import MethodName
from cnnrun.engine.types import Array, DType, Shape
from cnnrun.errors import ShapeError
from cnnrun.registry import Registry

__all__ = ["LAYERS", "NO_GRADIENT", "Build", "Layer", "LayerConfig"]

LAYERS: Registry[type[Layer]] = Registry("layer")

MAXIMUM_PARAMETERS = 1 << 28
"""Values in one parameter: 1 GiB of float32. More is a slip of the pen, or does not fit."""

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
        convolution: the method of the convolutions, where it can do their geometry.
        shared: whether a network keeps its arrays in memory that forked processes share.
    """

    dtype: DType = np.dtype(np.float32)
    seed: int = 0
    classes: int | None = None
    path: tuple[int, ...] = ()
    convolution: MethodName = "auto"
    shared: bool = False

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
    takes_maximum: ClassVar[bool] = False
    """Whether each output is one of the inputs, the largest of some; so of max pooling alone."""
    may_follow_max_pooling: ClassVar[bool] = False
    """Whether it gives the same after max pooling as before it, gradients included, as ReLU."""

    config: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for trait in ("takes_maximum", "may_follow_max_pooling"):  # a subclass may do otherwise
            if trait not in cls.__dict__:
                setattr(cls, trait, False)
        if "Config" not in cls.__dict__:  # every layer has options of its own, perhaps none
            cls.Config = dataclass(frozen=True)(type("Config", (cls.Config,), {}))
        cls.Config.layer = cls

    def __init__(self, config: Any, input_shape: Shape, build: Build | None = None) -> None:
        """Build the layer for inputs of `input_shape`.

        Raises:
            ShapeError: the layer does not fit such an input.
        """
        build = build or Build()
        self.config = config
        self.input_shape = tuple(input_shape)
        self.dtype = np.dtype(build.dtype)
        self.params: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.output_shape: Shape = self.build(build)

    def build(self, build: Build) -> Shape:
        """Create parameters and buffers; return the shape of one output sample."""
        return self.input_shape

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return y, `(N, *output_shape)`, for x, `(N, *input_shape)`; x is not written to."""
        raise NotImplementedError

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx for dy and put the parameters' gradients into `ctx.gradients`.

        dy is not written to. `ctx` is the one that the forward pass was given.
        """
        raise NotImplementedError

    def children(self) -> dict[str, Layer]:
        """Return the layers inside this one, by name; most layers have none."""
        return {}

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

    def named_parameters(self) -> dict[str, Array]:
        """Return the trainable arrays of this layer and those inside, by full name."""
        return self._walk("params")

    def named_buffers(self) -> dict[str, Array]:
        """Return the other arrays of this layer and those inside, by full name."""
        return self._walk("buffers")

    def uses_whole_batch(self) -> bool:
        """Return whether this layer or one inside exchanges values between shards."""
        return self.whole_batch or any(c.uses_whole_batch() for c in self.children().values())

    def _walk(self, attribute: str) -> dict[str, Array]:
        found: dict[str, Array] = dict(getattr(self, attribute))
        for name, layer in self.children().items():
            found.update({f"{name}/{k}": array for k, array in layer._walk(attribute).items()})
        return found
