"""Prepares data that a network was not trained on, in the same way as its training data."""

from __future__ import annotations

from pathlib import Path

from cnnrun.config import Experiment
from cnnrun.data import DatasetInfo, Samples, Statistics, has_labels
from cnnrun.data.sources import ImageFolder, Npz
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
    height, width, channels = info.image_shape
    options = experiment.data
    source = options.dataset
    other = (
        ImageFolder(
            str(path.absolute()),
            (height, width),
            channels,  # type: ignore[arg-type]
            info.class_names,
            maximum=int(source.deep_maximum()),
            fit=source.image_fit(),
        )
        if path.is_dir()
        else Npz(str(path.absolute()), info.class_names)
    )
    data = other.load(Path())
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
