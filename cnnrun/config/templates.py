"""Files to start from: a configuration that trains, and a layer whose backward is right."""

from __future__ import annotations

from pathlib import Path

from cnnrun.engine import LAYERS
from cnnrun.errors import ConfigError

__all__ = ["init_experiment", "init_layer"]

EXPERIMENT = """\
# A first experiment: train it with   cnnrun train {file}
# What may stand here, with every default:   cnnrun config show {file}

seed: 0                       # the same seed gives the same weights, bit for bit

data:
  dataset: digits             # bundled; others: cnnrun data list
  validation: 0.1             # a tenth of the training images judges each epoch
  normalize: standard         # mean 0 and variance 1 over the training images
  augment:                    # random changes of the training images
    - shift: {{pixels: 1}}

network:                      # layers, from the image to the classes
  - conv2d: {{filters: 16, kernel_size: 3, padding: same}}
  - relu                      # a bare name takes every default
  - max_pool2d: {{pool_size: 2}}
  - conv2d: {{filters: 32, kernel_size: 3, padding: same}}
  - relu
  - max_pool2d: {{pool_size: 2}}
  - flatten
  - dense: {{units: 64}}
  - relu
  - dense: {{units: classes}}   # one score for each class of the data set

loss: softmax_cross_entropy

optimizer:
  sgd: {{learning_rate: 0.05, momentum: 0.9, weight_decay: 5e-4}}

schedule:
  cosine: {{warmup_epochs: 1}}  # up in the first epoch, then down to zero

train:
  epochs: 15
  batch_size: 32
"""

LAYER = '''\
"""A layer of my own. Check its backward with

    cnnrun gradcheck --plugin {file} --layer {name}

and use it in a configuration as `- {name}` or `- {name}: {{slope: 0.1}}`; any verb then takes
`--plugin {file}`.
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


def init_experiment(file: Path | str = "experiment.yaml", *, force: bool = False) -> Path:
    """Write a commented configuration that trains as it is; return the file.

    Args:
        file: where.
        force: replace a file that exists.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    return _write(Path(file), EXPERIMENT.format(file=file), force)


def init_layer(file: Path | str, *, force: bool = False) -> Path:
    """Write a commented layer, named after the file, that passes the check as it is; return it.

    Args:
        file: where, such as `my_layer.py`.
        force: replace a file that exists.

    Raises:
        ConfigError: the file exists or cannot be written, or its name is no name for a layer.
    """
    file = Path(file)
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise ConfigError(
            f"{file}: a layer's file is named after it, in letters, digits and underscores: "
            "my_layer.py"
        )
    name = file.stem.lower()
    if name in LAYERS:
        raise ConfigError(f"a layer named {name!r} is registered already; choose another name")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    return _write(file, LAYER.format(file=file, name=name, class_name=class_name), force)


def _write(file: Path, text: str, force: bool) -> Path:
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} exists; --force, in Python force=True, replaces it") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror})") from None
    return file
