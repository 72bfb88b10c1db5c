"""Prepares data that a network was not trained on, in the same way as its training data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.config import Experiment
from cnnrun.data import DatasetInfo, DatasetSource, Samples, Statistics, has_labels
from cnnrun.data.pixel_range import DEEP
from cnnrun.data.sources import ImageFolder, ImagePairs, Npz
from cnnrun.errors import DataError

__all__ = ["foreign_samples"]

WORDS = {
    "classification": "classes",
    "multi_label": "labels",
    "regression": "numbers",
    "image": "images",
}
"""What is learnt, by task."""


def foreign_samples(
    path: Path, split: str, experiment: Experiment, info: DatasetInfo, statistics: Statistics
) -> tuple[Samples, str | None]:
    """Return a split of other data and its name, or all of them and None if they have no splits.

    Args:
        path: an `.npz` file, or a folder of images.
        split: `train`, `val` or `test`.
        experiment: that the network was trained in.
        info: of the data it was trained on: the shape and classes it expects.
        statistics: those of training; the network expects no others.

    Raises:
        DataError: they cannot be used, have no such split, or do not fit the network.
    """
    options = experiment.data
    open_other = _folder if path.is_dir() else _npz
    data = open_other(path, info, options.dataset).load(Path())
    if data.info.image_shape != info.image_shape:
        raise DataError(
            f"{path}: images of shape {data.info.image_shape}; the network takes {info.image_shape}"
        )
    learnt, own = options.task(info), options.task(data.info)
    if learnt != own and not (has_labels(learnt) and has_labels(own)):
        raise DataError(
            f"{path}: its images have {WORDS[own]}; the network has learnt {WORDS[learnt]}"
        )
    samples = Samples(
        data.split(split),
        statistics,
        corrupt=options.corrupt,
        task=own,
        inputs_are_targets=options.targets == "inputs",
        seed=experiment.seed,
    )
    return samples, None if data.divided else split


def _folder(path: Path, info: DatasetInfo, source: DatasetSource) -> DatasetSource:
    """Return a folder whose files are read as in training."""
    height, width, channels = info.image_shape
    deep = source.deep_range()
    options: dict[str, Any] = {
        "path": str(path.absolute()),
        "size": (height, width),
        "channels": channels,
        "maximum": DEEP if deep.clipped else int(deep.high),
        "fit": source.image_fit(),
        "range": (round(deep.low), round(deep.high)) if deep.clipped else None,
    }
    if info.target_shape is None:
        return ImageFolder(class_names=info.class_names, **options)
    if isinstance(source, ImagePairs):
        options |= {"inputs": source.inputs, "targets": source.targets}
    return ImagePairs(target_channels=info.target_shape[2], **options)  # type: ignore[arg-type]


def _npz(path: Path, info: DatasetInfo, source: DatasetSource) -> Npz:
    """Return a file whose pixels are clipped, and whose labels are read, as in training."""
    pixels = source.pixel_range(np.dtype(np.float32))
    return Npz(
        str(path.absolute()),
        () if info.task == "image" else info.class_names,
        range=(pixels.low, pixels.high) if pixels.clipped else None,
        task="classification" if info.task == "multi_label" else info.task,
    )
