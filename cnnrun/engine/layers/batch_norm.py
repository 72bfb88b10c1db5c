"""Batch normalisation: each channel gets mean 0 and variance 1 over the batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.kernels.reductions import channel_sums, spread
from cnnrun.engine.layer import LAYERS, Build, Layer, LayerConfig
from cnnrun.engine.types import Array, Positive, Shape, UnitInterval
from cnnrun.errors import DataError

__all__ = ["BatchNorm"]


@LAYERS.register("batch_norm")
class BatchNorm(Layer):
    """y = gamma h + beta with h = (x - mean) / sqrt(var + epsilon), channel by channel.

    In training mean and variance are those of the whole batch, however it is sharded; otherwise
    the running ones. Through the batch's mean and variance every input acts on every output:

        dx = gamma / sqrt(var + epsilon) (dy - mean(dy) - h mean(dy h))

    Running statistics move by `momentum` towards the batch's, with the unbiased variance, as in
    PyTorch. Source: Ioffe & Szegedy 2015.

    Parameters: `gamma`, `beta` `(C,)`. Buffers: `running_mean`, `running_var` `(C,)`.
    """

    whole_batch = True

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """`momentum` is the share of the new batch in the running statistics."""

        momentum: UnitInterval = 0.1
        epsilon: Positive = 1e-5

    config: Config

    def build(self, build: Build) -> Shape:
        """Create the parameters and the running statistics."""
        channels = self.input_shape[-1]
        self.params["gamma"] = np.ones(channels, self.dtype)
        self.params["beta"] = np.zeros(channels, self.dtype)
        self.buffers["running_mean"] = np.zeros(channels, self.dtype)
        self.buffers["running_var"] = np.ones(channels, self.dtype)
        return self.input_shape

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the normalised x; h and 1 / deviation are kept."""
        channels = self.input_shape[-1]
        h = ctx.buffer("h", x.shape, self.dtype)
        if ctx.training:
            local = np.append(channel_sums(x, ctx.buffer), x.size)
            total = ctx.all_reduce(local)
            count = total[-1] / channels
            if count < 2:
                raise DataError("batch_norm needs more than one value a channel in a batch")
            mean = total[:-1] / count
            np.subtract(x, spread(mean, x, "row", ctx.buffer), out=h)
            y = np.multiply(h, h, out=ctx.buffer("y", x.shape, self.dtype))
            squares = ctx.all_reduce(channel_sums(y, ctx.buffer))
            variance = squares / count
            self._note_statistics(ctx, mean, variance * count / (count - 1))
        else:
            count = 0.0
            variance = self.buffers["running_var"].astype(np.float64)
            np.subtract(x, spread(self.buffers["running_mean"], x, "row", ctx.buffer), out=h)
            y = ctx.buffer("y", x.shape, self.dtype)
        inverse = (1 / np.sqrt(variance + self.config.epsilon)).astype(self.dtype)
        h *= spread(inverse, x, "row", ctx.buffer)
        ctx.saved.update(h=h, inverse=inverse, count=count)
        np.multiply(h, spread(self.params["gamma"], x, "row", ctx.buffer), out=y)
        y += spread(self.params["beta"], x, "row", ctx.buffer)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx; dgamma = sum of dy h and dbeta = sum of dy, over this shard."""
        h, count = ctx.saved["h"], ctx.saved["count"]
        dx: Array = np.multiply(dy, h, out=ctx.buffer("dx", dy.shape, self.dtype))
        sums = np.stack([channel_sums(dy, ctx.buffer), channel_sums(dx, ctx.buffer)])
        ctx.gradient("beta", self.params["beta"])[...] = sums[0]
        ctx.gradient("gamma", self.params["gamma"])[...] = sums[1]
        if count:  # the batch's statistics depend on x, the running ones do not
            mean_dy, mean_dyh = (ctx.all_reduce(sums) / count).astype(self.dtype)
            np.multiply(h, spread(mean_dyh, dy, "row", ctx.buffer), out=dx)
            np.subtract(dy, dx, out=dx)
            dx -= spread(mean_dy, dy, "row", ctx.buffer)
        else:
            np.copyto(dx, dy)
        dx *= spread(self.params["gamma"] * ctx.saved["inverse"], dy, "row", ctx.buffer)
        return dx

    def _note_statistics(self, ctx: Context, mean: Array, unbiased: Array) -> None:
        momentum = self.config.momentum
        for name, new in (("running_mean", mean), ("running_var", unbiased)):
            old = self.buffers[name]
            ctx.updates[name] = ((1 - momentum) * old + momentum * new).astype(self.dtype)
