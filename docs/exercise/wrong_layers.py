"""Five layers as students hand them in: each forward is right, each backward has one mistake."""

from dataclasses import dataclass

import numpy as np

from cnnrun.engine import LAYERS, Layer, LayerConfig


@LAYERS.register("student_conv")
class StudentConv(Layer):
    """Convolution by its definition, stride 1. What is wrong with dx?"""

    @dataclass(frozen=True)
    class Config(LayerConfig):
        filters: int = 2
        kernel_size: int = 3

    def build(self, build):
        height, width, channels = self.input_shape
        k, filters = self.config.kernel_size, self.config.filters
        self.params["w"] = build.generator().standard_normal((k, k, channels, filters))
        self.params["w"] = self.params["w"].astype(self.dtype)
        return (height - k + 1, width - k + 1, filters)

    def forward(self, x, ctx):
        ctx.saved["x"] = x
        return correlate(x, self.params["w"])

    def backward(self, dy, ctx):
        x, w = ctx.saved["x"], self.params["w"]
        k = self.config.kernel_size
        height, width, _ = self.output_shape
        dw = ctx.gradients["w"] = np.zeros_like(w)
        for i, j in np.ndindex(k, k):  # dL/dF = Convolution(X, dL/dO)
            dw[i, j] = np.einsum("nhwc,nhwf->cf", x[:, i : i + height, j : j + width], dy)
        padded = np.pad(dy, ((0, 0), (k - 1, k - 1), (k - 1, k - 1), (0, 0)))
        return correlate(padded, w.transpose(0, 1, 3, 2))  # dL/dX = Full Convolution(F, dL/dO)


def correlate(x, w):
    """Return the sum over taps of shifted inputs times the filter."""
    height, width = x.shape[1] - w.shape[0] + 1, x.shape[2] - w.shape[1] + 1
    return sum(x[:, i : i + height, j : j + width] @ w[i, j] for i, j in np.ndindex(*w.shape[:2]))


@LAYERS.register("student_max_pool")
class StudentMaxPool(Layer):
    """Max pooling 2x2. What happens where two values are equal?"""

    def build(self, build):
        height, width, channels = self.input_shape
        return (height // 2, width // 2, channels)

    def forward(self, x, ctx):
        height, width, _ = self.output_shape
        x = x[:, : 2 * height, : 2 * width]
        y = x.reshape(len(x), height, 2, width, 2, -1).max(axis=(2, 4))
        ctx.saved.update(x=x, y=y)
        return y

    def backward(self, dy, ctx):
        x, y = ctx.saved["x"], ctx.saved["y"]
        spread_y, spread_dy = (a.repeat(2, axis=1).repeat(2, axis=2) for a in (y, dy))
        dx = np.zeros((len(dy), *self.input_shape), dy.dtype)
        dx[:, : x.shape[1], : x.shape[2]] = np.where(x == spread_y, spread_dy, 0)
        return dx


@LAYERS.register("student_avg_pool")
class StudentAvgPool(Layer):
    """Average pooling 3x3 with stride 2, where windows overlap. What is lost?"""

    def build(self, build):
        height, width, channels = self.input_shape
        return ((height - 3) // 2 + 1, (width - 3) // 2 + 1, channels)

    def forward(self, x, ctx):
        y = np.zeros((len(x), *self.output_shape), x.dtype)
        for i, j in np.ndindex(*self.output_shape[:2]):
            y[:, i, j] = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].mean(axis=(1, 2))
        return y

    def backward(self, dy, ctx):
        dx = np.zeros((len(dy), *self.input_shape), dy.dtype)
        for i, j in np.ndindex(*self.output_shape[:2]):
            dx[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = dy[:, i : i + 1, j : j + 1] / 9
        return dx


@LAYERS.register("student_dense")
class StudentDense(Layer):
    """A dense layer. Which gradient does not fit a loss that is summed over the batch?"""

    @dataclass(frozen=True)
    class Config(LayerConfig):
        units: int = 3

    def build(self, build):
        shape = (self.input_shape[-1], self.config.units)
        self.params["w"] = build.generator().standard_normal(shape).astype(self.dtype)
        self.params["b"] = np.zeros(self.config.units, self.dtype)
        return (*self.input_shape[:-1], self.config.units)

    def forward(self, x, ctx):
        ctx.saved["x"] = x
        return x @ self.params["w"] + self.params["b"]

    def backward(self, dy, ctx):
        x = ctx.saved["x"].reshape(-1, self.input_shape[-1])
        flat = dy.reshape(-1, self.config.units)
        ctx.gradients["w"] = x.T @ flat
        ctx.gradients["b"] = flat.mean(axis=0)
        return dy @ self.params["w"].T


@LAYERS.register("student_relu")
class StudentReLU(Layer):
    """ReLU. The pictures it makes are famous, but are they gradients?"""

    def forward(self, x, ctx):
        ctx.saved["on"] = x > 0
        return np.maximum(x, 0)

    def backward(self, dy, ctx):
        return np.where(ctx.saved["on"] & (dy > 0), dy, 0)
