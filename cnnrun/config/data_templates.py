"""Writes a configuration for one's own data: the source that reads them, a network and a loss."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cnnrun.config.first_network import first_network
from cnnrun.config.hints import is_required
from cnnrun.config.templates import require_new, write_file
from cnnrun.data import DATASETS, DataOptions, DatasetInfo, DatasetSource, PreparedData, prepare
from cnnrun.data.recognition import Recognised, as_yaml, recognise
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
  dataset:{scaled}
    {source}: {options}
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
        data: a folder, or a file: whatever a source of data sets reads.
        file: where to write the configuration; its paths are relative to it.
        force: replace a file that exists.

    Raises:
        DataError: nothing reads the data, or they cannot be used.
        ConfigError: the file exists, or cannot be written.
    """
    data, file = Path(data).expanduser(), Path(file)
    require_new(file, force)
    known = recognise(data)
    if known is None or not known.source:
        raise DataError(f"{data}: {known.sentence if known else _unknown(data)}")
    source, comment = _source(known)
    options, prepared = _prepared(source)
    image_size = format_size(prepared.info.image_shape)
    shown = {**known.options, "path": _relative(Path(known.options["path"]), data, file)}
    if comment:
        shown["size"] = list(getattr(source, "size", ()))
    description = _printable(_description(prepared))
    samples = len(prepared.train)
    loss, loss_comment = LOSSES[prepared.task]
    text = TEMPLATE.format(
        what=_printable(f"{data}: {known.what}"),
        file=_printable(str(file)),
        description=description,
        source=known.source,
        options=as_yaml(shown),
        scaled=f"                    # {comment}" if comment else "",
        validation=_validation(options, prepared),
        image_size=f"{image_size} (height x width x channels)",
        network="\n".join(f"  - {line}" for line in first_network(prepared.info, prepared.task)),
        loss=loss,
        loss_comment=loss_comment,
        batch_size=32 if samples >= 128 else 8,
    )
    write_file(file, text, force)
    return DataStart(file, f"{data}: {known.what}, {description}", prepared.info)


def _unknown(path: Path) -> str:
    if not os.path.exists(path):  # unlike a Path's, it takes any name
        return "no such file or folder"
    readers = [
        name
        for name in DATASETS
        if any(field.name == "path" and is_required(field) for field in fields(DATASETS.get(name)))
    ]
    return (
        f"not known by its names or first bytes; what is read: {', '.join(readers)} "
        "(docs/data.md has an example of each)"
    )


def _printable(text: str) -> str:
    """Return text for a comment, which must not end with a name that has a line break."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _source(known: Recognised) -> tuple[DatasetSource, str]:
    """Return the source, and why it scales images, if it must: sizes differ, or are large."""
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in known.options.items()
    }
    cls: Any = DATASETS.get(known.source)
    source = cls(**values)
    can_scale = getattr(source, "size", 0) is None
    try:
        height, width, _ = source.info(Path()).image_shape
    except DataError:
        if not can_scale:
            raise
        scaled = replace(source, size=(SEVERAL_SIZES, SEVERAL_SIZES))
        scaled.info(Path())  # or what is wrong is something else
        return scaled, "sizes differ: all are scaled (see fit)"
    if not can_scale or getattr(source, "shape", None) or max(height, width) <= LARGEST:
        return source, ""
    factor = LARGEST / max(height, width)
    size = max(1, round(height * factor)), max(1, round(width * factor))
    try:
        scaled = replace(source, size=size)
        scaled.info(Path())
    except DataError:  # a source of pixels
        return source, ""
    return scaled, f"{height}x{width} scaled, so that the first training is short"


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


def _relative(path: Path, data: Path, file: Path) -> str:
    """Return a path as the configuration names it: relative to its folder, if the data's was."""
    if data.is_absolute():
        return path.as_posix()
    return Path(os.path.relpath(path, file.parent)).as_posix()


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
