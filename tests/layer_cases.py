"""The table that drives every layer through one contract; a new layer costs one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnrun.engine import LAYERS, LayerConfig
from cnnrun.engine.layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Concat,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Residual,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Upsample2D,
)

__all__ = ["CASES", "Case"]

IMAGE = (5, 4, 2)


def silu(x):
    """Return x times its sigmoid."""
    return x / (1 + np.exp(-x))


@dataclass(frozen=True)
class Case:
    """A layer's options, the shape of one input sample, and y = formula(x) in plain NumPy.

    A layer without a formula here has its outputs held against loops or golden values elsewhere.
    """

    config: LayerConfig
    input_shape: tuple[int, ...] = IMAGE
    formula: Callable[[np.ndarray], np.ndarray] | None = None

    def __str__(self) -> str:
        options = ",".join(
            f"{key}={value}"
            for key, value in vars(self.config).items()
            if isinstance(value, int | str | tuple) and key != "branch"
        )
        return f"{self.config.layer.type_name}({options[:60]})"


CASES = [
    Case(Conv2D.Config(3, 3)),
    Case(Conv2D.Config(4, (2, 3), stride=(2, 1), padding=1, groups=2)),
    Case(Conv2D.Config(2, 2, padding="same", dilation=2, use_bias=False)),
    Case(DepthwiseConv2D.Config((3, 2), depth_multiplier=2, padding="same")),
    Case(Conv2DTranspose.Config(3, 3, stride=2, padding=1, output_padding=1)),
    Case(MaxPool2D.Config(2)),
    Case(MaxPool2D.Config(3, stride=1, padding=1)),
    Case(AvgPool2D.Config((2, 3), stride=2, padding=1, count_padding=False)),
    Case(GlobalAvgPool2D.Config()),
    Case(Upsample2D.Config((2, 3)), formula=lambda x: x.repeat(2, axis=1).repeat(3, axis=2)),
    Case(Upsample2D.Config((3, 2), "bilinear")),
    Case(Dense.Config(3), (6,)),
    Case(Dense.Config("classes", use_bias=False), (4,)),
    Case(Flatten.Config()),
    Case(ReLU.Config()),
    Case(LeakyReLU.Config(0.1)),
    Case(ELU.Config(1.5)),
    Case(GELU.Config()),
    Case(GELU.Config("tanh")),
    Case(LAYERS.get("silu").Config(), formula=silu),
    Case(Sigmoid.Config()),
    Case(Tanh.Config()),
    Case(Softplus.Config(2.0)),
    Case(Softmax.Config()),
    Case(Softmax.Config(), (5,)),
    Case(Dropout.Config(0.4)),
    Case(BatchNorm.Config()),
    Case(BatchNorm.Config(0.3, 1e-3), (6,)),
    Case(LayerNorm.Config()),
    Case(LayerNorm.Config("all"), (3, 2, 2)),
    Case(Residual.Config((Conv2D.Config(2, 3, padding="same"), BatchNorm.Config(), Tanh.Config()))),
    Case(
        Residual.Config(
            (Conv2D.Config(3, 3, stride=2, padding=1), SiLU.Config()),
            (Conv2D.Config(3, 1, stride=2),),
        )
    ),
    Case(Concat.Config((SiLU.Config(),)), formula=lambda x: np.concatenate((silu(x), x), axis=-1)),
    Case(
        Concat.Config(
            (MaxPool2D.Config(2), BatchNorm.Config(), Conv2DTranspose.Config(3, 2, stride=2)),
            (Conv2D.Config(1, 1), Tanh.Config()),
        ),
        (4, 6, 2),
    ),
]
