"""Prepares data that a network was not trained on, in the same way as its training data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.config import Experiment, named_dataset, read_dataset
from cnnrun.data import DatasetInfo, DatasetSource, Samples, Statistics, has_labels
from cnnrun.data.dataset import resolve_path
from cnnrun.data.npz_file import NpzFile
from cnnrun.data.npz_keys import Learnt
from cnnrun.data.pixel_range import DEEP
from cnnrun.data.recognition import as_yaml, recognise
from cnnrun.data.sources import ImageFolder, ImagePairs, Npz
from cnnrun.engine.types import DType
from cnnrun.errors import DataError

__all__ = ["Foreign", "ForeignData", "foreign_samples"]

ForeignData = Path | str | DatasetSource
"""A file or folder, the name of a data set, or one with options: itself, or as a configuration
writes it, `{npz: {path: x.npz, axes: NCHW}}`."""


@dataclass(frozen=True)
class Foreign:
    """Other data than those a network was trained on.

    Attributes:
        samples: normalised as the training data were.
        split: which one they are; None for all, of data without splits.
        path: the file or folder; the name of a data set that has none.
        identity: the data set with all its options, which tells it from others.
    """

    samples: Samples
    split: str | None
    path: Path
    identity: str


WORDS = {
    "classification": "classes",
    "multi_label": "labels",
    "regression": "numbers",
    "image": "images",
}
"""What is learnt, by task."""
AS_THEY_ARE = ("cifar", "csv", "idx")
"""Sources whose files themselves say how they are read; the others are read as in training."""


def foreign_samples(
    data: ForeignData,
    split: str,
    experiment: Experiment,
    info: DatasetInfo,
    statistics: Statistics,
) -> Foreign:
    """Return a split of other data, or all of them if they have no splits.

    Args:
        data: what they are; a path in it is relative to the working directory.
        split: `train`, `val` or `test`.
        experiment: that the network was trained in.
        info: of the data it was trained on: the shape and classes it expects.
        statistics: those of training; the network expects no others.

    Raises:
        ConfigError: an option of the data set is wrong.
        DataError: they cannot be used, have no such split, or do not fit the network.
    """
    options = experiment.data
    inputs_are_targets = options.targets == "inputs"
    if inputs_are_targets:  # whatever labels there are
        info = dataclasses.replace(info, task="classification", class_names=(), target_shape=None)
    path, source = _source(data, info, options.dataset, experiment.base)
    loaded = source.load(Path())
    if loaded.info.image_shape != info.image_shape:
        raise DataError(
            f"{path}: images of shape {loaded.info.image_shape}; the network takes "
            f"{info.image_shape}"
        )
    learnt, own = options.task(info), options.task(loaded.info)
    if learnt != own and not (has_labels(learnt) and has_labels(own)):
        raise DataError(
            f"{path}: its images have {WORDS[own]}; the network has learnt {WORDS[learnt]}"
        )
    if info.class_names and loaded.info.class_names != info.class_names:
        raise DataError(
            f"{path}: the {WORDS[own]} are {', '.join(loaded.info.class_names)}; those of the "
            f"network are {', '.join(info.class_names)}, in this order"
        )
    samples = Samples(
        loaded.split(split),
        statistics,
        corrupt=options.corrupt,
        task=own,
        inputs_are_targets=inputs_are_targets,
        seed=experiment.seed,
    )
    return Foreign(samples, None if loaded.divided else split, path, repr(source))


def _source(
    data: ForeignData, info: DatasetInfo, own_source: DatasetSource, base: Path
) -> tuple[Path, DatasetSource]:
    """Return what is called the data's path, and how to read them."""
    if isinstance(data, str):
        data = named_dataset(data, "--data") or data
    if isinstance(data, DatasetSource):
        own = getattr(data, "path", None)
        if own is None:
            return Path(data.type_name), data
        path = Path(own).expanduser()
        given = dataclasses.replace(data, path=str(path.resolve()))  # type: ignore[call-arg]
        return path, _completed(given, info)
    path = Path(data)
    known = recognise(path.resolve())
    if known is not None and known.source in AS_THEY_ARE:
        return path, read_dataset(f"{known.source}: {as_yaml(known.options)}", "--data")
    if path.is_dir():
        return path, _folder(path, info, own_source)
    return path, _npz(path, info, own_source, base)


def _completed(source: DatasetSource, info: DatasetInfo) -> DatasetSource:
    """Return a data set with what it leaves open taken from the network's own."""
    height, width, channels = info.image_shape
    ours = {"size": (height, width), "channels": channels, "class_names": info.class_names}
    if not isinstance(source, ImageFolder | Npz):
        return source
    open_options = {
        name: value for name, value in ours.items() if getattr(source, name, value) in (None, ())
    }
    return dataclasses.replace(source, **open_options)  # type: ignore[arg-type]


def _folder(path: Path, info: DatasetInfo, source: DatasetSource) -> DatasetSource:
    """Return a folder whose files are read as in training."""
    height, width, channels = info.image_shape
    deep = source.deep_range()
    options: dict[str, Any] = {
        "path": str(path.resolve()),
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


def _npz(path: Path, info: DatasetInfo, source: DatasetSource, base: Path) -> Npz:
    """Return a file whose pixels are clipped, and whose labels are read, as in training."""
    names = () if info.task == "image" else info.class_names
    task: Learnt = "classification" if info.task == "multi_label" else info.task
    other = Npz(str(path.resolve()), names, task=task)
    if isinstance(source, Npz):
        same = _numbers(path) == _numbers(resolve_path(source.path, base))
        return dataclasses.replace(
            other,
            range=source.range,
            maximum=source.maximum if same else None,
            axes=source.axes,
            first_label=source.first_label,
        )
    pixels = source.pixel_range(np.dtype(np.float32))
    return dataclasses.replace(other, range=(pixels.low, pixels.high) if pixels.clipped else None)


def _numbers(path: Path) -> set[DType]:
    """Return of which types the images of a file are, of which `maximum` is said; none if unknown.

    It holds for numbers of these types alone: 4095 means 1 among those of 16 bits, never of 8.
    """
    try:
        headers = NpzFile(path).headers.values()
    except DataError:  # the training data may have moved, and the source says what is wrong
        return set()
    return {header.dtype for header in headers if len(header.shape) > 2}
