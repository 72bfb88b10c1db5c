"""The geometries that convolution and pooling are tested over, with numbers to test them on."""

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

import cnnrun.engine.layers  # noqa: F401  (registers them)
from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, Build

__all__ = ["CONVOLUTIONS", "POOLINGS", "Case"]


@dataclass(frozen=True)
class Case:
    """A layer, its options, and the batch it is given."""

    layer: str
    samples: int
    shape: tuple[int, int, int]
    options: dict = field(default_factory=dict)

    def __str__(self):
        options = [f"{key}={_short(value)}" for key, value in self.options.items()]
        return " ".join([self.layer, f"{self.samples}x{_short(self.shape)}", *options])

    def build(self, dtype=np.float64):
        kind = LAYERS.get(self.layer)
        return kind(kind.Config(**self.options), self.shape, Build(np.dtype(dtype)))

    def draw(self):
        """Return x, dy and the parameters; few decimals keep the stored file small."""
        layer = self.build()
        rng = np.random.default_rng(crc32(str(self).encode()))
        size = self.samples * int(np.prod(self.shape))
        x = rng.permutation(size).reshape(self.samples, *self.shape) * 4 / size - 2  # no ties
        shapes = {"dy": (self.samples, *layer.output_shape)}
        shapes |= {name: array.shape for name, array in layer.params.items()}
        return {"x": x, **{n: rng.standard_normal(s).round(2) for n, s in shapes.items()}}

    def run(self, arrays, dtype=np.float64):
        """Return what the engine's layer makes of `arrays`: y, dx and the parameters' gradients."""
        layer, ctx = self.build(dtype), Context()
        for name, array in layer.params.items():
            array[...] = arrays[name]
        y = layer.forward(arrays["x"].astype(dtype), ctx)
        dx = layer.backward(arrays["dy"].astype(dtype), ctx)
        return {"y": y, "dx": dx, **{f"d{n}": array for n, array in ctx.gradients.items()}}


def _short(value):
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _conv(samples, shape, filters, kernel_size, **options):
    options = {"filters": filters, "kernel_size": kernel_size, **options}
    return Case("conv2d", samples, shape, options)


def _depthwise(samples, shape, kernel_size, **options):
    return Case("depthwise_conv2d", samples, shape, {"kernel_size": kernel_size, **options})


def _transpose(samples, shape, filters, kernel_size, **options):
    options = {"filters": filters, "kernel_size": kernel_size, **options}
    return Case("conv2d_transpose", samples, shape, options)


CONVOLUTIONS = [
    _conv(1, (3, 3, 1), 1, 2),  # the lecture's
    _conv(1, (1, 1, 1), 1, 1),
    _conv(2, (5, 5, 1), 3, 3),
    _conv(2, (6, 5, 3), 4, 3),
    _conv(3, (5, 7, 2), 2, (2, 3)),
    _conv(2, (7, 5, 2), 3, (3, 1)),
    _conv(2, (5, 7, 1), 2, (1, 4)),
    # 1x1
    _conv(2, (4, 5, 3), 2, 1),
    _conv(2, (5, 4, 3), 2, 1, stride=2),
    _conv(2, (5, 4, 1), 3, 1, stride=(1, 2)),
    _conv(2, (3, 4, 2), 2, 1, padding=1),
    _conv(2, (4, 3, 4), 6, 1, groups=2),
    # as large as the input
    _conv(2, (4, 4, 2), 3, 4),
    _conv(1, (3, 5, 2), 2, (3, 5)),
    _conv(2, (5, 3, 1), 2, (5, 3)),
    _conv(2, (2, 3, 2), 2, (4, 5), padding=1),
    # strides with a leftover edge, and without
    _conv(2, (6, 6, 2), 2, 3, stride=2),
    _conv(2, (7, 7, 2), 2, 3, stride=2),
    _conv(2, (8, 7, 1), 2, 3, stride=(3, 2)),
    _conv(1, (7, 9, 2), 3, 2, stride=3),
    _conv(2, (6, 9, 1), 2, 2, stride=(1, 4)),
    _conv(2, (7, 6, 2), 2, (1, 2), stride=(3, 1)),
    # padding
    _conv(2, (4, 5, 2), 2, 3, padding=1),
    _conv(2, (4, 3, 1), 2, 3, padding=2),
    _conv(2, (4, 5, 2), 2, (3, 2), padding=(2, 0)),
    _conv(1, (5, 4, 2), 2, (2, 3), padding=(0, 3), stride=2),
    _conv(2, (5, 6, 2), 3, 3, padding="same"),
    _conv(2, (5, 6, 2), 2, (4, 2), padding="same"),
    _conv(2, (7, 6, 1), 2, 3, padding="same", stride=2),
    _conv(2, (6, 7, 2), 2, (5, 2), padding="same", stride=(2, 3)),
    _conv(1, (5, 7, 2), 2, 2, padding="same", stride=4),
    # dilation
    _conv(2, (7, 6, 2), 2, 3, dilation=2),
    _conv(2, (6, 8, 1), 2, 2, dilation=(3, 2)),
    _conv(2, (6, 7, 2), 2, (3, 2), dilation=(1, 3), padding=2),
    _conv(1, (8, 7, 2), 2, 3, dilation=2, stride=2, padding=1),
    _conv(2, (5, 6, 2), 2, 3, dilation=2, padding="same"),
    _conv(2, (7, 6, 1), 2, (2, 3), dilation=(2, 1), padding="same", stride=(2, 3)),
    # groups
    _conv(2, (5, 4, 4), 4, 3, groups=2),
    _conv(2, (4, 5, 6), 3, 2, groups=3),
    _conv(2, (5, 5, 3), 6, 3, groups=3, padding=1),
    _conv(1, (6, 5, 4), 8, (2, 3), groups=2, stride=2, padding=(1, 2)),
    _conv(2, (7, 6, 4), 2, 3, groups=2, dilation=2, padding="same"),
    _conv(3, (4, 4, 4), 4, 2, groups=4, stride=(2, 1)),
    _conv(2, (6, 6, 2), 4, 3, use_bias=False, padding=1),
    _conv(9, (3, 4, 2), 2, 2),
    # depthwise
    _depthwise(2, (5, 6, 3), 3),
    _depthwise(2, (5, 4, 2), (2, 3), depth_multiplier=2),
    _depthwise(1, (4, 4, 3), 4),
    _depthwise(2, (4, 5, 2), 1, depth_multiplier=3),
    _depthwise(2, (7, 6, 2), 3, stride=2),
    _depthwise(2, (5, 8, 1), (3, 2), stride=(2, 3), padding=1),
    _depthwise(2, (5, 6, 3), 3, padding="same"),
    _depthwise(2, (6, 7, 2), (2, 5), padding="same", stride=2, depth_multiplier=2),
    _depthwise(2, (7, 6, 2), (3, 2), dilation=(2, 3)),
    _depthwise(1, (6, 6, 2), 3, dilation=2, padding=(2, 1), stride=(1, 2)),
    # transposed
    _transpose(1, (2, 2, 1), 1, 2),
    _transpose(2, (3, 4, 2), 3, 3),
    _transpose(2, (3, 2, 3), 2, (2, 3), stride=2),
    _transpose(2, (3, 3, 2), 2, 3, stride=2, padding=1),
    _transpose(2, (3, 4, 2), 1, 3, stride=2, padding=1, output_padding=1),
    _transpose(2, (2, 3, 2), 2, (3, 2), stride=3, output_padding=2),
    _transpose(2, (3, 2, 2), 2, 3, stride=(2, 3), padding=(0, 2), output_padding=(1, 2)),
    _transpose(2, (4, 3, 2), 1, 4, stride=2, padding="same"),
    _transpose(2, (3, 4, 2), 2, 3, stride=2, padding="same"),
    _transpose(1, (3, 3, 2), 2, 2, stride=3, padding="same"),  # rows that no window reaches
    _transpose(2, (4, 3, 1), 2, (1, 2), stride=(3, 1)),
    _transpose(2, (3, 3, 2), 2, (2, 3), dilation=2),
    _transpose(2, (4, 4, 2), 2, 3, dilation=(1, 2), padding=1, stride=2),
    _transpose(2, (3, 4, 3), 2, 1),
]


def _pools(samples, shape, **options):
    """Return the case for both kinds of pooling, and for both ways to count padding."""
    yield Case("max_pool2d", samples, shape, options)
    yield Case("avg_pool2d", samples, shape, options)
    if "padding" in options:
        yield Case("avg_pool2d", samples, shape, {**options, "count_padding": False})


POOLINGS = [
    *_pools(2, (4, 6, 3)),
    *_pools(1, (1, 1, 1), pool_size=1),
    *_pools(2, (5, 7, 2)),
    *_pools(2, (5, 5, 2), pool_size=1),
    *_pools(2, (5, 4, 2), pool_size=1, stride=2),
    *_pools(2, (6, 6, 1), pool_size=3),
    *_pools(2, (6, 8, 2), pool_size=(3, 2)),
    *_pools(2, (4, 5, 2), pool_size=(1, 3)),
    *_pools(2, (5, 4, 2), pool_size=(4, 1)),
    *_pools(2, (5, 4, 3), pool_size=(5, 4)),
    *_pools(1, (6, 7, 2), pool_size=3, stride=1),
    *_pools(2, (7, 7, 2), pool_size=3, stride=2),
    *_pools(2, (8, 7, 1), pool_size=3, stride=2),
    *_pools(2, (7, 8, 2), pool_size=2, stride=3),
    *_pools(2, (6, 7, 2), pool_size=(2, 3), stride=(3, 1)),
    *_pools(2, (5, 6, 2), pool_size=2, padding=1),
    *_pools(2, (5, 6, 2), pool_size=3, stride=2, padding=1),
    *_pools(2, (6, 9, 2), pool_size=3, padding=1),  # windows as large as it, moved
    *_pools(2, (4, 5, 2), pool_size=3, stride=1, padding=2),
    *_pools(2, (6, 5, 2), pool_size=(3, 2), stride=(2, 1), padding=(1, 0)),
    *_pools(1, (5, 6, 1), pool_size=(2, 5), stride=(1, 3), padding=(1, 2)),
    *_pools(2, (5, 7, 2), pool_size=2, padding="same"),
    *_pools(2, (5, 7, 2), pool_size=3, stride=1, padding="same"),
    *_pools(2, (6, 7, 2), pool_size=(4, 3), stride=(3, 2), padding="same"),
    Case("global_avg_pool2d", 2, (4, 5, 3)),
    Case("global_avg_pool2d", 1, (1, 1, 2)),
    Case("global_avg_pool2d", 3, (1, 6, 1)),
]
