"""Plug-ins to start from, one of each kind: commented, and right as they stand.

They are filled in with `str.format`, so a brace of theirs is written twice.
"""

from __future__ import annotations

from typing import Any

from cnnrun.data import DATASETS, TRANSFORMS
from cnnrun.engine import LAYERS, LOSSES, OPTIMIZERS
from cnnrun.registry import Registry

__all__ = ["PLUGIN_TEMPLATES"]

LAYER = '''\
"""A layer of my own. Check its backward with

    cnnrun gradcheck --plugin {file} --layer {name}

and use it in a configuration as `- {name}` or `- {name}: {{slope: 0.1}}`, with
`plugins: [{file}]` at its top; or give each verb `--plugin {file}`.
"""

from dataclasses import dataclass

import numpy as np

from cnnrun.engine import LAYERS, Layer, LayerConfig


@LAYERS.register("{name}")
class {class_name}(Layer):
    """y = x where x > 0, else a x, with a learned slope a for each channel (a "PReLU")."""

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """The options; each needs a type, and a default makes it optional."""

        slope: float = 0.25  # of every channel, to begin with

    def build(self, build):
        """Create the parameters; return the shape of one output sample."""
        channels = self.input_shape[-1]
        self.params["a"] = np.full(channels, self.config.slope, self.dtype)
        return self.input_shape

    def forward(self, x, ctx):
        """Return y, (N, *output_shape). Never write into x; keep in ctx what backward needs."""
        ctx.saved["x"] = x
        return np.where(x > 0, x, self.params["a"] * x)

    def backward(self, dy, ctx):
        """Return dx, shaped like x; put each parameter's gradient into ctx.gradients.

        dy is the loss gradient of y, as it comes from the layer behind. Never write into it.
        """
        x = ctx.saved["x"]
        inner = np.where(x > 0, 0, x)  # dy/da
        # One slope serves all samples and positions, so what they say of it is added up.
        ctx.gradients["a"] = (dy * inner).reshape(-1, x.shape[-1]).sum(axis=0)
        return dy * np.where(x > 0, 1, self.params["a"])
'''

LOSS = '''\
"""A loss of my own. Check its gradient with

    cnnrun gradcheck --plugin {file} --layers {name}

and use it in a configuration as `loss: {name}` or `loss: {{{name}: {{delta: 0.5}}}}`, with
`plugins: [{file}]` at its top; or give each verb `--plugin {file}`.
"""

from dataclasses import dataclass

import numpy as np

from cnnrun.engine import LOSSES, Loss
from cnnrun.engine.losses.base import one_hot, require_class_scores
from cnnrun.engine.types import Positive


@LOSSES.register("{name}")
@dataclass(frozen=True)
class {class_name}(Loss):
    """L = sum of d^2 (sqrt(1 + (r/d)^2) - 1), r = a - t (the "pseudo-Huber" loss).

    Like r^2/2 where an output a is near its target t, like d |r| where it is far.
    """

    delta: Positive = 1.0  # an option: each needs a type, and a default makes it optional

    def check(self, output_shape, classes):
        """Raise a ShapeError if the output does not fit; here it is one score a class."""
        require_class_scores(self.type_name, output_shape, classes)

    def __call__(self, outputs, targets, batch_size, dy=None):
        """Return the summed loss over batch_size, and its gradient, (N, classes) like outputs.

        Divide by batch_size and not by N: these samples may be a part of their batch. If dy is
        given, the gradient is written to it and returned.
        """
        r = outputs - one_hot(targets, outputs)  # labels (N,) become rows with a single 1
        root = np.sqrt(1 + (r / self.delta) ** 2)
        loss = self.delta**2 * float((root - 1).sum()) / batch_size
        return loss, np.divide(r, root * batch_size, out=dy)
'''

OPTIMIZER = '''\
"""An optimizer of my own. Use it in a configuration as

    optimizer: {{{name}: {{learning_rate: 0.002}}}}

with `plugins: [{file}]` at its top; or train with `cnnrun train CONFIG --plugin {file}`.
"""

from dataclasses import dataclass

import numpy as np

from cnnrun.engine import OPTIMIZERS, Optimizer
from cnnrun.engine.types import Fraction, Positive


@OPTIMIZERS.register("{name}")
@dataclass(frozen=True)
class {class_name}(Optimizer):
    """p = p - lr (sign(b1 m + (1 - b1) g) + decay p), then m = b2 m + (1 - b2) g ("Lion").

    weight_decay, decay_weights_only and clip_norm are options of every optimizer.
    """

    slots = ("momentum",)  # arrays kept for each parameter, zeros at first; in checkpoints, too

    learning_rate: Positive = 1e-3  # options: each needs a type, and a default makes it optional
    beta1: Fraction = 0.9
    beta2: Fraction = 0.99

    def update_chunk(self, p, g, slots, learning_rate, decay, step):
        """Change a piece of one parameter in place.

        p and its gradient g are 1-D pieces, as are the slots: only what is done to each value by
        itself is right here. learning_rate is that of this step, the schedule applied; decay the
        weight decay of this parameter; the first step is 1. g may be overwritten.
        """
        (m,) = slots
        change = np.sign(self.beta1 * m + (1 - self.beta1) * g)
        m *= self.beta2
        m += (1 - self.beta2) * g
        p -= learning_rate * (change + decay * p)
'''

TRANSFORM = '''\
"""An augmentation of my own: a random change of a training image. Use it in a configuration as

    data:
      augment: [{{{name}: {{strength: 0.3, probability: 0.5}}}}]

with `plugins: [{file}]` at its top; or train with `cnnrun train CONFIG --plugin {file}`.
"""

from dataclasses import dataclass

import numpy as np

from cnnrun.data import TRANSFORMS, Transform
from cnnrun.engine.types import NonNegative


@TRANSFORMS.register("{name}")
@dataclass(frozen=True)
class {class_name}(Transform):
    """Raises pixels to a random power between exp(-strength) and exp(strength) ("gamma").

    probability, how often it is done, is an option of every transform.
    """

    strength: NonNegative = 0.3  # an option: each needs a type, and a default makes it optional

    def apply(self, image, rng):
        """Return a changed image of the same shape and dtype; never write into this one.

        image is (H, W, C) float32 from 0 to 1, before it is normalised. Take every random number
        from rng, so that the same seed gives the same images.
        """
        power = np.exp(rng.uniform(-self.strength, self.strength))
        return image ** np.float32(power)
'''

DATASET = '''\
"""A data set of my own. Look at it with

    cnnrun data info {name} --plugin {file}

and use it in a configuration as `dataset: {name}` or `dataset: {{{name}: {{size: 16}}}}` under
`data`, with `plugins: [{file}]` at its top; or give each verb `--plugin {file}`.
"""

from dataclasses import dataclass

import numpy as np

from cnnrun import data
from cnnrun.engine.types import PositiveInt


@data.DATASETS.register("{name}")
@dataclass(frozen=True)
class {class_name}(data.DatasetSource):
    """Stripes, lying or standing, under noise. Put the reading of your files in its place."""

    summary = "lying and standing stripes"  # for `cnnrun data list`

    size: PositiveInt = 8  # options: each needs a type, and a default makes it optional
    samples: PositiveInt = 400

    def info(self, base):
        """Return what is known without reading the images; base is the configuration's folder.

        Raise cnnrun.errors.DataError if files are missing or damaged, saying which and how.
        """
        shape = (self.size, self.size, 1)  # height, width, channels
        return data.DatasetInfo("{name}", shape, ("lying", "standing"), self.samples, self.samples)

    def load(self, base):
        """Return the training and the test split; the same images whenever it is called.

        Images are (N, H, W, C), uint8 from 0 to 255, or float32 with data.Split(..., maximum=1.0).
        Labels are (N,) int64, from 0 on, in the order of the class names.
        """
        rng = np.random.default_rng(0)
        return data.Dataset(self.info(base), self._split(rng), self._split(rng))

    def _split(self, rng):
        labels = np.arange(self.samples, dtype=np.int64) % 2
        stripes = np.arange(self.size) // 2 % 2 * 128
        lying = np.tile(stripes[:, np.newaxis], self.size)
        images = np.stack([lying, lying.T])[labels]
        images = images + rng.integers(0, 128, images.shape)
        return data.Split(images[..., np.newaxis].astype(np.uint8), labels)
'''

PLUGIN_TEMPLATES: dict[str, tuple[Registry[Any], str]] = {
    "layer": (LAYERS, LAYER),
    "loss": (LOSSES, LOSS),
    "optimizer": (OPTIMIZERS, OPTIMIZER),
    "transform": (TRANSFORMS, TRANSFORM),
    "dataset": (DATASETS, DATASET),
}
"""By kind, where a class of it is registered, and the text of a file that does."""
