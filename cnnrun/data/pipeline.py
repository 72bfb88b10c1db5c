"""From a data set to batches: the validation split, normalisation, augmentation and order.

Everything random derives from the seed and from what it is for: the validation split from the seed
alone, an epoch's order from (seed, epoch), an image's augmentation from (seed, epoch, index).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnnrun.data.dataset import Dataset, DatasetInfo, DatasetSource, Split, stratified_split
from cnnrun.data.transforms import Transform
from cnnrun.data.usable import require_usable
from cnnrun.engine.types import Array, Fraction
from cnnrun.errors import DataError, excerpt

__all__ = ["DataOptions", "PreparedData", "Samples", "Statistics", "epoch_order", "prepare"]


@dataclass(frozen=True)
class DataOptions:
    """The `data:` section.

    Attributes:
        dataset: where the images come from.
        validation: the share of the training split to hold out, stratified; a data set with a
            validation split of its own keeps that one instead.
        normalize: `none` leaves pixels in [0, 1]; `standard` gives each channel mean 0 and
            variance 1 over the training split; `centered` maps to [-1, 1].
        augment: random changes of the training images, in order.
        targets: what the network learns: the labels, or its own inputs (an autoencoder).
    """

    dataset: DatasetSource
    validation: Fraction = 0.1
    normalize: Literal["none", "standard", "centered"] = "standard"
    augment: tuple[Transform, ...] = ()
    targets: Literal["labels", "inputs"] = "labels"


@dataclass(frozen=True)
class Statistics:
    """How pixels are normalised: `(pixel - mean) / std`, channel by channel; pixels in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to_json(self) -> dict[str, list[float]]:
        """Return plain lists, for a checkpoint."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Statistics:
        """Return what `to_json` wrote."""
        return cls(tuple(document["mean"]), tuple(document["std"]))

    def normalize(self, images: Array) -> None:
        """Normalise float `(N, H, W, C)` images in place."""
        images -= np.array(self.mean, images.dtype)
        images /= np.array(self.std, images.dtype)


@dataclass(frozen=True)
class Samples:
    """One split, ready to be cut into batches."""

    split: Split
    statistics: Statistics
    augment: tuple[Transform, ...] = ()
    inputs_are_targets: bool = False

    def __len__(self) -> int:
        return len(self.split)

    @property
    def labels(self) -> Array:
        """The labels: `(N,)` class numbers, or `(N, K)` zeros and ones."""
        return self.split.labels

    def batch(
        self,
        indices: Array,
        *,
        seed: int = 0,
        epoch: int | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> tuple[Array, Array]:
        """Return normalised images `(N, H, W, C)` and their targets, in new arrays.

        Targets are labels `(N,)`, zeros and ones `(N, K)` of `dtype`, or the images themselves.
        With an epoch the images are augmented, each with random numbers that derive from (seed,
        epoch, index) alone, whatever batch it is in.
        """
        pixels = self.split.images[indices]
        images = np.empty(pixels.shape, dtype)
        np.divide(pixels, self.split.maximum, out=images, dtype=images.dtype, casting="unsafe")
        if epoch is not None and self.augment:
            generators = _Generators(seed, epoch)
            for image, index in zip(images, indices, strict=True):
                image[...] = self._augmented(image, generators.of(int(index)))
        self.statistics.normalize(images)
        if self.inputs_are_targets:
            return images, images
        targets = self.split.labels[indices]
        return images, targets.astype(dtype, copy=False) if targets.dtype.kind == "f" else targets

    def _augmented(self, image: Array, rng: np.random.Generator) -> Array:
        changed = image
        for transform in self.augment:
            changed = transform(changed, rng)
            if not isinstance(changed, np.ndarray):
                raise DataError(
                    f"transform {transform.type_name} returns {excerpt(changed)}, not an image"
                )
            if changed.shape != image.shape:  # assigning it could broadcast in silence
                raise DataError(
                    f"transform {transform.type_name} made an image of shape {changed.shape} out "
                    f"of {image.shape}; it must keep the shape"
                )
        return changed


class _Generators:
    """The random numbers of every sample of an epoch.

    One Philox generator serves all: the sample's number is set in its counter, which takes a tenth
    of the time that a generator with a seed of its own would take.
    """

    def __init__(self, seed: int, epoch: int) -> None:
        self._bits = np.random.Philox(np.random.SeedSequence(seed, spawn_key=(0xA09, epoch)))
        self._state: Any = self._bits.state
        self._generator = np.random.Generator(self._bits)

    def of(self, index: int) -> np.random.Generator:
        """Return the generator, always the same object, at the start of a sample's numbers."""
        self._state["state"]["counter"][:] = (0, index, 0, 0)
        self._state.update(buffer_pos=4, has_uint32=0)  # nothing is left of the last sample's
        self._bits.state = self._state
        return self._generator


@dataclass(frozen=True)
class PreparedData:
    """A data set as an experiment uses it; `val` is None without a validation split."""

    info: DatasetInfo
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
    options: DataOptions, seed: int, base: Path, *, statistics: Statistics | None = None
) -> PreparedData:
    """Load a data set, hold the validation split out, and fix the normalisation.

    Args:
        options: the `data:` section.
        seed: of the validation split.
        base: the folder that relative paths are relative to.
        statistics: those of a trained run; by default they come from the training split.

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
    own = options.targets == "inputs"
    return PreparedData(
        data.info,
        data.sha256(),
        statistics,
        Samples(train, statistics, options.augment, own),
        Samples(val, statistics, inputs_are_targets=own) if val is not None else None,
        Samples(data.test, statistics, inputs_are_targets=own),
    )


def epoch_order(samples: int, seed: int, epoch: int) -> Array:
    """Return the order of an epoch: a permutation that derives from (seed, epoch)."""
    sequence = np.random.SeedSequence(seed, spawn_key=(0x0DE2, epoch))
    return np.random.default_rng(sequence).permutation(samples)


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
    for start in range(0, len(train), 256):  # a float64 copy of all images would be large
        pixels = train.images[start : start + 256].reshape(-1, channels) / train.maximum
        total += pixels.sum(axis=0, dtype=np.float64)
        squares += np.square(pixels, dtype=np.float64).sum(axis=0)
        count += len(pixels)
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std[std < 1e-6] = 1.0  # a channel of one value stays as it is
    return Statistics(tuple(map(float, mean)), tuple(map(float, std)))
