"""`cnnrun init`: writes a commented configuration to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.output import message
from cnnrun.errors import ConfigError

NAME = "init"

STARTER = """\
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


def command(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("experiment.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented configuration that trains as it is.

    Example: cnnrun init my_experiment.yaml
    """
    text = STARTER.format(file=file)
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} exists; --force replaces it") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror})") from None
    message(f"wrote {file}; train it with: cnnrun train {file}")
