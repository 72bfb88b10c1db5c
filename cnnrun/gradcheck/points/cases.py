"""The sweep: geometries at which every built-in layer is checked, and guesses for a user's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrun.engine import Build, Layer, LayerConfig
from cnnrun.engine import layers as of
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Shape
from cnnrun.errors import ConfigError, ShapeError
from cnnrun.gradcheck.points.options import takes

__all__ = ["CASES", "Case", "cases_of", "describe_options"]

IMAGE = (5, 4, 2)
GUESSED_SHAPES: tuple[Shape, ...] = ((6, 5, 2), (5, 6, 2), (7,), (4, 4, 3), (5, 3, 1), (12, 12, 4))
MOST_GUESSES = 3

VARIED: dict[str, tuple[Any, ...]] = {
    "stride": (2, (1, 2)),
    "dilation": (2,),
    "padding": (1, "same"),
    "rate": (0.3,),
    "groups": (2,),
    "use_bias": (False, True),
    "negative_slope": (0.3,),
    "alpha": (0.3,),
}
"""What a user's layer is built with besides its defaults, where it has options of these names."""


@dataclass(frozen=True)
class Case:
    """A layer's options, and the shape of one input sample."""

    config: LayerConfig
    input_shape: Shape = IMAGE
    samples: int = 3

    @property
    def layer_name(self) -> str:
        """The type under which the layer is registered, or else the name of its class."""
        return self.config.layer.type_name or self.config.layer.__name__

    def build(self, seed: int = 0) -> Layer:
        """Return the layer in float64.

        Raises:
            ShapeError: it does not fit the input.
        """
        build = Build(np.dtype(np.float64), seed, classes=4)
        return self.config.layer(self.config, self.input_shape, build)

    def __str__(self) -> str:
        shape = format_size(self.input_shape)
        return f"{self.layer_name}({describe_options(self.config)}) on {shape}"


def describe_options(config: Any) -> str:
    """Return the options that are not at their defaults, `filters=3, kernel_size=2`."""
    shown = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, tuple) and value and isinstance(value[0], LayerConfig):
            value = "+".join(item.layer.type_name for item in value)
        if value != field.default:
            shown.append(f"{field.name}={value}")
    return ", ".join(shown)


CONV, DEPTHWISE, TRANSPOSE = of.Conv2D.Config, of.DepthwiseConv2D.Config, of.Conv2DTranspose.Config
MAX, AVERAGE = of.MaxPool2D.Config, of.AvgPool2D.Config

CASES = [
    Case(CONV(3, 3)),
    Case(CONV(1, 2), (3, 3, 1)),  # the lecture's
    Case(CONV(2, 1), (3, 4, 3)),
    Case(CONV(3, (2, 3), stride=(2, 1), padding=1)),
    Case(CONV(2, 3, stride=2), (7, 6, 1)),  # the last row is seen by no window
    Case(CONV(2, 3, stride=3, padding=(0, 2)), (8, 7, 2)),
    Case(CONV(4, 2, padding="same", groups=2, use_bias=False)),
    Case(CONV(2, (3, 2), padding="same", dilation=2), (7, 6, 2)),
    Case(CONV(2, 2, stride=2, dilation=(2, 1), padding=1), (6, 7, 1)),
    Case(CONV(2, 1, stride=3), (7, 4, 2)),
    Case(CONV(3, (5, 4))),  # one window
    Case(DEPTHWISE(3)),
    Case(DEPTHWISE((3, 2), depth_multiplier=2, padding="same")),
    Case(DEPTHWISE(2, stride=2, padding=1, dilation=2), (6, 6, 3)),
    Case(TRANSPOSE(2, 2), (3, 3, 1)),
    Case(TRANSPOSE(3, 3, stride=2, padding=1, output_padding=1)),
    Case(TRANSPOSE(2, (2, 3), stride=(1, 2)), (3, 4, 2)),
    Case(MAX(2), (6, 4, 2)),
    Case(MAX(2)),  # a row is left over
    Case(MAX(3, stride=1, padding=1)),
    Case(MAX((2, 3), stride=(1, 2)), (6, 7, 1)),
    Case(MAX(2, stride=3), (7, 8, 1)),  # gaps between the windows
    Case(MAX(3, stride=2, padding="same"), (6, 5, 2)),
    Case(AVERAGE(2), (6, 4, 2)),
    Case(AVERAGE((2, 3), stride=2, padding=1, count_padding=False)),
    Case(AVERAGE(3, stride=1, padding=1)),
    Case(AVERAGE(3, stride=2, padding="same", count_padding=False), (6, 5, 1)),
    Case(of.GlobalAvgPool2D.Config()),
    Case(of.Upsample2D.Config()),
    Case(of.Upsample2D.Config((1, 3)), (2, 3, 1)),
    Case(of.Upsample2D.Config(2, "bilinear"), (3, 4, 2)),
    Case(of.Upsample2D.Config((3, 2), "bilinear"), (1, 3, 1)),
    Case(of.Dense.Config(3), (6,)),
    Case(of.Dense.Config("classes", use_bias=False), (5,)),
    Case(of.Dense.Config(1), (1,)),
    Case(of.Flatten.Config()),
    *(
        Case(config, shape)
        for config in (
            of.ReLU.Config(),
            of.LeakyReLU.Config(0.1),
            of.ELU.Config(1.5),
            of.ELU.Config(),
            of.GELU.Config(),
            of.GELU.Config("tanh"),
            of.SiLU.Config(),
            of.Sigmoid.Config(),
            of.Tanh.Config(),
            of.Softplus.Config(2.0),
            of.Softmax.Config(),
        )
        for shape in (IMAGE, (7,))
    ),
    Case(of.Dropout.Config(0.4)),
    Case(of.Dropout.Config(), (9,)),
    Case(of.BatchNorm.Config()),
    Case(of.BatchNorm.Config(0.3, 1e-3), (6,), samples=5),
    Case(of.LayerNorm.Config(), (4, 3, 5)),  # of two values little more than signs are left
    Case(of.LayerNorm.Config("all"), (3, 2, 2)),
    Case(of.LayerNorm.Config(), (6,)),
    Case(of.Residual.Config((CONV(2, 3, padding="same"), of.BatchNorm.Config(), of.Tanh.Config()))),
    Case(
        of.Residual.Config(
            (CONV(3, 3, stride=2, padding=1), of.SiLU.Config()), (CONV(3, 1, stride=2),)
        )
    ),
    Case(of.Residual.Config((of.Dense.Config(5), of.ReLU.Config())), (5,)),
    Case(of.Concat.Config((CONV(3, 3, padding="same"), of.Tanh.Config()))),
    Case(
        of.Concat.Config(
            (MAX(2), CONV(2, 1), of.Concat.Config((of.SiLU.Config(),)), TRANSPOSE(1, 2, stride=2)),
            (CONV(2, 1),),
        ),
        (4, 6, 2),
    ),
    Case(of.Concat.Config((of.Dense.Config(3), of.ReLU.Config())), (5,)),
]


def cases_of(layer: type[Layer] | LayerConfig, shapes: Sequence[Shape] = ()) -> list[Case]:
    """Return the cases to check a type of layer, or one with its options, at.

    Those of the table; for another layer, or where options or shapes are given, the shapes that
    fit, of those given or else of some common ones. An option without a default is given 3. Without
    options, some that have a common name, such as `stride`, are varied one by one.

    Raises:
        ConfigError: no options or no shape can be guessed.
    """
    known = [case for case in CASES if case.config.layer is layer]
    if known and not shapes:
        return known
    config = layer if isinstance(layer, LayerConfig) else _configure(layer)
    fitting: list[Case] = []
    crashing: list[Case] = []
    reasons = []
    for shape in shapes or GUESSED_SHAPES:
        case = Case(config, tuple(shape), samples=4)
        try:
            case.build()
        except ShapeError as error:
            reasons.append(f"{'x'.join(map(str, shape))}: {error}")
        except Exception:  # a guess may not suit it; else that is for the check to say
            crashing.append(case)
        else:
            fitting.append(case)
    if not shapes:
        fitting = fitting[:MOST_GUESSES]
    if fitting and not isinstance(layer, LayerConfig):
        fitting += _varied(fitting)
    if not fitting and not crashing:
        raise ConfigError(
            f"{Case(config).layer_name} fits none of the inputs tried ({'; '.join(reasons)}); "
            "name one that it takes, as in --input 8x8x3"
        )
    return fitting or crashing[:1]


def _varied(fitting: Sequence[Case]) -> list[Case]:
    """Return cases with one option changed each, where it takes that; last, where that crashes."""
    varied, crashing = [], []
    for name, values in VARIED.items():
        for value in values:
            for case in fitting:
                if not takes(type(case.config), name, value):
                    break
                try:
                    changed = dataclasses.replace(case.config, **{name: value})
                except Exception:  # a rule of its options refuses the value
                    break
                if changed == case.config:
                    break
                other = Case(changed, case.input_shape, case.samples)
                try:
                    other.build()
                except (ShapeError, ConfigError):
                    continue
                except Exception:  # which the check reports
                    crashing.append(other)
                else:
                    varied.append(other)
                    break
    return varied + crashing


def _configure(layer: type[Layer]) -> LayerConfig:
    """Return options with a guess for each that has no default."""
    fields: Iterable[dataclasses.Field[Any]] = dataclasses.fields(layer.Config)
    missing = dataclasses.MISSING
    guesses = {
        field.name: 3
        for field in fields
        if field.default is missing and field.default_factory is missing
    }
    try:
        return layer.Config(**guesses)
    except Exception as error:
        raise ConfigError(
            f"{layer.type_name}: its options cannot be guessed ({error}); give them, as in "
            f"'{layer.type_name}: {{option: value}}'"
        ) from None
