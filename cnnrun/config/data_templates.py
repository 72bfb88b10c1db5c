"""Writes a configuration for one's own data: the source that reads them, a network and a loss."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from cnnrun.config.first_network import first_network
from cnnrun.config.starting_data import starting_data
from cnnrun.config.templates import require_new, write_file
from cnnrun.data import DataOptions, DatasetInfo, DatasetSource, PreparedData, prepare
from cnnrun.data.recognition import as_yaml
from cnnrun.engine.names import format_size
from cnnrun.errors import DataError, shortened

__all__ = ["DataStart", "init_data"]

LARGEST = 96  # pixels of the longer side; what is larger is scaled, where the source can do that
SEVERAL_SIZES = 64
LOSSES = {
    "classification": ("softmax_cross_entropy", "one class an image"),
    "multi_label": ("binary_cross_entropy", "several labels an image, or none"),
    "regression": ("mse", "numbers: the mean squared error"),
    "image": ("mse", "images: the mean squared error of a pixel"),
}

TEMPLATE = """\
# {what}
# Train it with   cnnrun train {file}
# What may stand here, with every default:   cnnrun config show {file}

seed: 0                       # the same seed gives the same weights, bit for bit

data:
  # {description}
  dataset:{comment}
    {source}
  {validation}
  normalize: standard         # mean 0 and variance 1 over the training images
  augment: []                 # random changes in training, such as [horizontal_flip, cutout]

network:                      # layers, from the image of {image_size}
{network}

loss: {loss:<22}  # {loss_comment}

optimizer:
  adam: {{learning_rate: 0.001}}

schedule:
  cosine: {{warmup_epochs: 1}}  # up in the first epoch, then down to zero

train:
  epochs: 15
  batch_size: {batch_size}
"""


@dataclass(frozen=True)
class DataStart:
    """A configuration that was written for data.

    Attributes:
        file: the configuration.
        description: what the data are, in one line.
        info: the same for programs.
    """

    file: Path
    description: str
    info: DatasetInfo


def init_data(
    data: Path | str, file: Path | str = "experiment.yaml", *, force: bool = False
) -> DataStart:
    """Write a commented configuration that trains on one's own data as it is.

    Args:
        data: a folder or a file, whatever a source of data sets reads; or a data set by name or as
            a configuration writes it, `{npz: {path: x.npz, axes: NCHW}}`.
        file: where to write the configuration; its paths are relative to it.
        force: replace a file that exists.

    Raises:
        DataError: nothing reads the data, or they cannot be used.
        ConfigError: the file exists, or cannot be written.
    """
    file = Path(file)
    require_new(file, force)
    start = starting_data(data, file)
    options, prepared = _prepared(start.source)
    image_size = format_size(prepared.info.image_shape)
    description = _printable(_description(prepared))
    samples = len(prepared.train)
    loss, loss_comment = LOSSES[prepared.task]
    text = TEMPLATE.format(
        what=_printable(start.what),
        file=_printable(shlex.quote(str(file))),
        description=description,
        source=as_yaml({start.source.type_name: start.options})[1:-1],
        comment=f"                    # {start.comment}" if start.comment else "",
        validation=_validation(options, prepared),
        image_size=f"{image_size} (height x width x channels)",
        network="\n".join(f"  - {line}" for line in first_network(prepared.info, prepared.task)),
        loss=loss,
        loss_comment=loss_comment,
        batch_size=32 if samples >= 128 else 8,
    )
    write_file(file, text, force)
    return DataStart(file, f"{start.what}, {description}", prepared.info)


def _printable(text: str) -> str:
    """Return text for a comment, which must not end with a name that has a line break."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _prepared(source: DatasetSource) -> tuple[DataOptions, PreparedData]:
    """Return the data as they are trained on, without a validation split if they are too few."""
    options = DataOptions(source)
    try:
        return options, prepare(options, 0, Path())
    except DataError as error:
        if "the validation split" not in str(error):
            raise
    options = replace(options, validation=0.0)
    return options, prepare(options, 0, Path())


def _description(prepared: PreparedData) -> str:
    info = prepared.info
    splits = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    counts = " / ".join(f"{len(samples):,} {name}" for name, samples in splits.items() if samples)
    names = shortened(", ".join(info.class_names), 60)
    learnt = {
        "classification": f"{info.classes} classes ({names})",
        "multi_label": f"{info.classes} labels, several an image ({names})",
        "regression": f"numbers to be learnt ({names})",
        "image": f"images of {format_size(info.target_shape or info.image_shape)} to be learnt",
    }[prepared.task]
    return f"images {format_size(info.image_shape)}, {learnt}, {counts}"


def _validation(options: DataOptions, prepared: PreparedData) -> str:
    if not options.validation:
        return "validation: 0               # too few images to hold any out"
    own = prepared.val is not None and prepared.info.train_samples == len(prepared.train)
    why = "unused: the data have one" if own else "a tenth of the training images judges each epoch"
    return f"validation: 0.1             # {why}"
