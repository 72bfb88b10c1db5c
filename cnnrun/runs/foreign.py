"""Prepares data that a network was not trained on, in the same way as its training data."""

from __future__ import annotations

from pathlib import Path

from cnnrun.data import DatasetInfo, DatasetSource, Samples, Statistics
from cnnrun.data.sources import ImageFolder, Npz
from cnnrun.errors import DataError

__all__ = ["foreign_samples"]


def foreign_samples(
    path: Path,
    split: str,
    info: DatasetInfo,
    statistics: Statistics,
    inputs_are_targets: bool,
    source: DatasetSource,
) -> tuple[Samples, str | None]:
    """Return a split of other data and its name, or all of them and None if they have no splits.

    Args:
        path: an `.npz` file, or a folder of images.
        split: `train`, `val` or `test`.
        info: of the data the network was trained on: the shape and classes it expects.
        statistics: those of training; the network expects no others.
        inputs_are_targets: for an autoencoder.
        source: of the network's own data, which says how image files are read.

    Raises:
        DataError: they cannot be used, have no such split, or do not fit the network.
    """
    height, width, channels = info.image_shape
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
    samples = Samples(data.split(split), statistics, inputs_are_targets=inputs_are_targets)
    return samples, None if data.divided else split
