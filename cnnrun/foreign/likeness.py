"""A function held against the layer of ours that it should be."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from math import prod

import numpy as np

from cnnrun.engine import Build, Context, Layer, LayerConfig, Loss, Pass
from cnnrun.engine.layers import Dense
from cnnrun.engine.types import Array
from cnnrun.errors import CnnrunError, ConfigError
from cnnrun.foreign.axes import Axes, candidates, of_images
from cnnrun.foreign.function import ForeignFunction
from cnnrun.foreign.like import Model
from cnnrun.gradcheck.points.probes import LayerProbe

__all__ = ["Likeness", "loss_of", "match_layer", "model_name"]

NEAR = 1e-9
"""How exactly two forwards agree that compute the same, of the largest value."""

MOST_WAYS = 200
LAYOUTS = ("NCHW", "NHWC")

PARAMETERS = {"weight": "w", "kernel": "w", "bias": "b", "scale": "gamma", "shift": "beta"}


@dataclass(frozen=True)
class Likeness:
    """How a function's arrays stand in for those of one of our layers.

    Attributes:
        layer: ours, in float64.
        layout: of the user's images.
        names: from the user's names of inputs to ours.
        axes: by the user's name.
        output: of the output.
        difference: between the two forwards, of the largest value.
        place: the index in the user's output where they differ most; theirs and ours there.
    """

    layer: Layer
    layout: str
    names: dict[str, str]
    axes: dict[str, Axes]
    output: Axes
    difference: float
    place: tuple[tuple[int, ...], float, float]

    @property
    def agrees(self) -> bool:
        """Whether the two forwards compute the same."""
        return self.difference <= NEAR

    def probe(self, values: Mapping[str, Array]) -> LayerProbe:
        """Return our layer at the user's point."""
        layer = self.layer.astype(np.float64)
        parameters = layer.named_parameters()
        x = None
        for name, own in self.names.items():
            array = self.axes[name].to_ours(values[name])
            if own == "x":
                x = array
            else:
                parameters[own][...] = array
        assert x is not None
        return LayerProbe(layer, x)


def match_layer(
    function: ForeignFunction,
    inputs: Mapping[str, Array],
    config: LayerConfig,
    layout: str | None = None,
) -> Likeness:
    """Return how a function is like a layer: the way in which their forwards differ least.

    Raises:
        ConfigError: its shapes are not those of such a layer in any layout.
    """
    if layout is not None and layout.upper() not in LAYOUTS:
        raise ConfigError(f"--layout {layout}: it is NCHW or NHWC")
    y = function.call({name: array.copy() for name, array in inputs.items()}).outputs[0]
    ways: list[Likeness] = []
    reasons: list[str] = []
    for one in [layout.upper()] if layout else LAYOUTS:
        try:
            for likeness in islice(_ways(function, inputs, y, config, one), MOST_WAYS):
                ways.append(likeness)
                if likeness.agrees:
                    return likeness
        except CnnrunError as error:
            reasons.append(f"{one}: {error}")
    if not ways:
        name = config.layer.type_name
        raise ConfigError(
            f"--like {name}: the inputs and outputs of {function.title} have no shapes of a "
            f"{name} ({'; '.join(reasons) or 'parameters or outputs of other sizes'}); say its "
            f"options, as in --like '{name}: {{OPTION: VALUE}}'"
        )
    return min(ways, key=lambda likeness: likeness.difference)


def _ways(
    function: ForeignFunction,
    inputs: Mapping[str, Array],
    y: Array,
    config: LayerConfig,
    layout: str,
) -> Iterator[Likeness]:
    main, *others = function.checked
    x = of_images(inputs[main].shape, layout)
    if issubclass(config.layer, Dense) and len(x.theirs) != 2:
        x = Axes(x.theirs, tuple(range(len(x.theirs))), (x.theirs[0], prod(x.theirs[1:])))
    layer = config.layer(config, x.ours[1:], Build(np.dtype(np.float64), 0, classes=4))
    parameters = layer.named_parameters()
    names = _pair_up(others, list(parameters))
    output = of_images(y.shape, layout)
    expected = (x.ours[0], *layer.output_shape)
    if prod(expected) != y.size:
        return
    if output.ours != expected:
        output = Axes(y.shape, tuple(range(y.ndim)), expected)
    choices = [
        list(candidates(inputs[name].shape, parameters[own].shape, layout))
        for name, own in names.items()
    ]
    for chosen in product(*choices):
        axes = {main: x, **dict(zip(names, chosen, strict=True))}
        own_names = {main: "x", **names}
        likeness = Likeness(layer, layout, own_names, axes, output, 0.0, ((), 0.0, 0.0))
        yield _compared(likeness, inputs, y)


def _pair_up(theirs: list[str], ours: list[str]) -> dict[str, str]:
    """Return our parameter for each of the user's: of the same name, else in order."""
    if len(theirs) != len(ours):
        raise ConfigError(f"it has {len(ours)} parameters, {', '.join(ours) or 'none'}")
    by_name = {name: PARAMETERS.get(name.lower(), name.lower()) for name in theirs}
    if sorted(by_name.values()) == sorted(ours):
        return by_name
    return dict(zip(theirs, ours, strict=True))


def _compared(likeness: Likeness, inputs: Mapping[str, Array], y: Array) -> Likeness:
    """Return the likeness with how far the two forwards are apart."""
    probe = likeness.probe(inputs)
    own = likeness.output.to_theirs(
        probe.layer.forward(probe.values["x"], Context(Pass(training=True)))
    )
    apart = np.abs(own - y)
    size = max(float(np.max(np.abs(own), initial=0)), float(np.max(np.abs(y), initial=0)), 1e-30)
    index = tuple(map(int, np.unravel_index(int(apart.argmax()), apart.shape)))
    place = (index, float(y[index]), float(own[index]))
    return dataclasses.replace(likeness, difference=float(apart.max()) / size, place=place)


def loss_of(
    function: ForeignFunction, inputs: Mapping[str, Array], loss: Loss
) -> tuple[float, float, Array]:
    """Return a function's value, our loss's for the same numbers, and the targets.

    Raises:
        ConfigError: the function has no scores and targets such as the loss takes.
    """
    main = function.checked[0]
    targets = [array for name, array in inputs.items() if name != main]
    targets += [a for a in function.constants().values() if isinstance(a, np.ndarray)]
    if not targets:
        raise ConfigError(f"--like {loss.type_name}: an input with the targets is needed")
    call = function.call({name: array.copy() for name, array in inputs.items()})
    if call.outputs[0].size != 1:
        raise ConfigError(f"--like {loss.type_name}: the function returns no single number")
    try:
        value, _ = loss(inputs[main], targets[0], len(inputs[main]))
    except (CnnrunError, IndexError, ValueError) as error:
        raise ConfigError(f"--like {loss.type_name}: {error}") from None
    return float(call.outputs[0].reshape(())), float(value), targets[0]


def model_name(model: Model) -> str:
    """Return the registered name of a layer's options or a loss."""
    return model.type_name if isinstance(model, Loss) else model.layer.type_name
