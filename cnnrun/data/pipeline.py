"""From a data set to samples: the validation split, normalisation, and the order of an epoch.

Everything random derives from the seed and from what it is for: the validation split from the seed
alone; an epoch's order, in `ordering.py`, from (seed, epoch).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np

from cnnrun.data.dataset import Dataset, DatasetInfo, DatasetSource, Split, Task
from cnnrun.data.samples import Samples, Statistics
from cnnrun.data.splitting import stratified_split
from cnnrun.data.transforms import Transform
from cnnrun.data.usable import require_usable
from cnnrun.engine.types import Fraction
from cnnrun.errors import DataError

__all__ = ["DataOptions", "PreparedData", "prepare"]


STATISTICS_BYTES = 32 << 20
"""Of pixels in float64 that are looked at together."""


@dataclass(frozen=True)
class DataOptions:
    """The `data:` section.

    Attributes:
        dataset: where the images come from.
        validation: the share of the training split to hold out, stratified; a data set with a
            validation split of its own keeps that one instead.
        normalize: `none` leaves pixels in [0, 1]; `standard` gives each channel mean 0 and
            variance 1 over the training split; `centered` maps to [-1, 1].
        augment: random changes of the training images, in order; images that are to be learnt move
            with them.
        corrupt: random changes of the inputs alone, after those of `augment`, and also when the
            network is measured: what a network that restores images has to undo.
        sampling: which training samples an epoch takes: each `once`; or as many as there are, in
            which all classes have the same share, `balanced`.
        targets: what the network learns: the labels, or its own inputs (an autoencoder).
    """

    dataset: DatasetSource
    validation: Fraction = 0.1
    normalize: Literal["none", "standard", "centered"] = "standard"
    augment: tuple[Transform, ...] = ()
    corrupt: tuple[Transform, ...] = ()
    sampling: Literal["once", "balanced"] = "once"
    targets: Literal["labels", "inputs"] = "labels"

    def task(self, info: DatasetInfo) -> Task:
        """Return what is learnt of such a data set."""
        return "image" if self.targets == "inputs" else info.task

    def target_shape(self, info: DatasetInfo) -> tuple[int, int, int] | None:
        """Return the shape of the images that are learnt, if images are."""
        return info.image_shape if self.targets == "inputs" else info.target_shape


@dataclass(frozen=True)
class PreparedData:
    """A data set as an experiment uses it; `val` is None without a validation split.

    `task` is what is learnt of it: images where these are the inputs, whatever the labels say.
    """

    info: DatasetInfo
    task: Task
    sha256: str
    statistics: Statistics
    train: Samples
    val: Samples | None
    test: Samples

    def samples(self, split: str) -> Samples:
        """Return the split of that name.

        Raises:
            DataError: there is no such split.
        """
        splits = {"train": self.train, "val": self.val, "test": self.test}
        samples = splits.get(split)
        if samples is None:
            raise DataError(f"this experiment has no {split} split")
        return samples


def prepare(
    options: DataOptions,
    seed: int,
    base: Path,
    *,
    statistics: Statistics | None = None,
    sha256: str | None = None,
) -> PreparedData:
    """Load a data set, hold the validation split out, and fix the normalisation.

    Args:
        options: the `data:` section.
        seed: of the validation split.
        base: the folder that relative paths are relative to.
        statistics: those of a trained run; by default they come from the training split.
        sha256: the data's digest, where it need not be computed.

    Raises:
        DataError: the data cannot be used.
    """
    data = options.dataset.load(base)
    require_usable(data, options.dataset.type_name)
    train, val = _hold_out(data, options.validation, seed)
    channels = data.info.image_shape[2]
    if statistics is None:
        statistics = _statistics(options.normalize, train)
    elif len(statistics.mean) != channels:
        raise DataError(
            f"{data.info.name}: images have {channels} channels, the trained network's had "
            f"{len(statistics.mean)}"
        )
    task, own = options.task(data.info), options.targets == "inputs"
    _require_one_size(options, data)
    balanced = options.sampling == "balanced"
    if balanced and data.info.task != "classification":
        raise DataError(
            f"data.sampling: balanced needs one class an image, which {data.info.name} has not"
        )

    def samples(split: Split, augment: tuple[Transform, ...] = ()) -> Samples:
        return Samples(split, statistics, augment, options.corrupt, task, own, seed)

    return PreparedData(
        data.info,
        task,
        sha256 or data.sha256(),
        statistics,
        replace(samples(train, options.augment), balanced=balanced),
        samples(val) if val is not None else None,
        samples(data.test),
    )


def _require_one_size(options: DataOptions, data: Dataset) -> None:
    """Refuse to move the pixels of images whose targets have another height or width."""
    target, image = data.info.target_shape, data.info.image_shape
    moving = [transform.type_name for transform in options.augment if transform.moves_pixels]
    if moving and target and options.targets == "labels" and target[:2] != image[:2]:
        raise DataError(
            f"augment: {', '.join(moving)} would move inputs of {image[0]}x{image[1]} pixels and "
            f"targets of {target[0]}x{target[1]} by different amounts; leave it out"
        )


def _hold_out(data: Dataset, fraction: float, seed: int) -> tuple[Split, Split | None]:
    if data.val is not None:
        return data.train, data.val
    if not fraction:
        return data.train, None
    kept, held = stratified_split(data.train.labels, fraction, seed, "the validation split")
    return data.train.take(kept), data.train.take(held)


def _statistics(normalize: str, train: Split) -> Statistics:
    channels = train.images.shape[3]
    if normalize == "none":
        return Statistics((0.0,) * channels, (1.0,) * channels)
    if normalize == "centered":
        return Statistics((0.5,) * channels, (0.5,) * channels)
    total, squares, count = np.zeros(channels), np.zeros(channels), 0
    one = prod(train.images.shape[1:]) * 8
    step = max(1, min(256, STATISTICS_BYTES // one))  # a float64 copy of all images would be large
    for start in range(0, len(train), step):
        pixels = train.images[start : start + step].reshape(-1, channels)
        if train.minimum:
            pixels = pixels - train.minimum
        pixels = pixels / (train.maximum - train.minimum)
        total += pixels.sum(axis=0, dtype=np.float64)
        squares += np.square(pixels, dtype=np.float64).sum(axis=0)
        count += len(pixels)
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std[std < 1e-6] = 1.0  # a channel of one value stays as it is
    return Statistics(tuple(map(float, mean)), tuple(map(float, std)))
