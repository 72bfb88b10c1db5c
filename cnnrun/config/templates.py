"""Files to start from: a configuration that trains, and plug-ins that work."""

from __future__ import annotations

import shlex
from keyword import iskeyword
from os.path import exists  # unlike a Path's, it takes any name
from pathlib import Path

from cnnrun.config.plugin_templates import PLUGIN_TEMPLATES
from cnnrun.errors import ConfigError, excerpt
from cnnrun.registry import suggestion

__all__ = ["init_experiment", "init_layer", "init_plugin", "require_new", "write_file"]

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


def init_experiment(file: Path | str = "experiment.yaml", *, force: bool = False) -> Path:
    """Write a commented configuration that trains as it is; return the file.

    Args:
        file: where.
        force: replace a file that exists.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    return write_file(Path(file), EXPERIMENT.format(file=shlex.quote(str(file))), force)


def init_layer(file: Path | str, *, force: bool = False) -> Path:
    """Write a commented layer, named after the file, that passes the check as it is; return it.

    Args:
        file: where, such as `my_layer.py`.
        force: replace a file that exists.

    Raises:
        ConfigError: the file exists or cannot be written, or its name is no name for a layer.
    """
    return init_plugin("layer", file, force=force)


def init_plugin(kind: str, file: Path | str, *, force: bool = False) -> Path:
    """Write a commented plug-in, named after the file, that works as it is; return the file.

    Args:
        kind: layer, loss, optimizer, transform or dataset.
        file: where, such as `my_loss.py`.
        force: replace a file that exists.

    Raises:
        ConfigError: there is no such kind, the file exists or cannot be written, or its name is no
            name for a plug-in.
    """
    if kind not in PLUGIN_TEMPLATES:
        raise ConfigError(
            f"no kind of plug-in is called {excerpt(kind)}; {suggestion(kind, PLUGIN_TEMPLATES)}"
        )
    registry, template = PLUGIN_TEMPLATES[kind]
    file = Path(file)
    name = file.stem.lower()
    class_name = "".join(part.capitalize() for part in name.split("_"))
    if file.suffix != ".py" or not all(map(_is_free, (name, class_name))):
        raise ConfigError(
            f"{file}: the file of a {kind} is named after it, in letters, digits and underscores: "
            f"my_{kind}.py"
        )
    if name in registry:
        raise ConfigError(f"the {kind} {name!r} is registered already; choose another name")
    text = template.format(file=file.as_posix(), name=name, class_name=class_name)
    return write_file(file, text, force)


def _is_free(name: str) -> bool:
    """Return whether Python takes a name for something of one's own."""
    return name.isidentifier() and not iskeyword(name)


def require_new(file: Path, force: bool) -> None:
    """Refuse a file that exists, unless it is to be replaced.

    Raises:
        ConfigError: it exists.
    """
    if exists(file) and not force:
        raise ConfigError(f"{file} exists; --force, in Python force=True, replaces it")


def write_file(file: Path, text: str, force: bool) -> Path:
    """Write a new file, or over one that exists; return it.

    Raises:
        ConfigError: it exists, or cannot be written.
    """
    require_new(file, force)
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{file}: cannot be written ({why})") from None
    return file
