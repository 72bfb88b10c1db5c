"""Samples of a split as the network takes them: scaled, augmented, normalised, with targets.

Everything random derives from the seed and from what it is for: an image's augmentation from (seed,
epoch, index), and what corrupts it from (seed, index) where it is measured.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnrun.data.dataset import Split, Task
from cnnrun.data.ordering import balanced_order, epoch_order
from cnnrun.data.transforms import Transform
from cnnrun.engine.types import Array
from cnnrun.errors import DataError, excerpt

__all__ = ["Samples", "Statistics"]

AUGMENT, CORRUPT, MEASURE = 0xA09, 0x5B01, 0x3EA5
"""What random numbers are for: augmentation, corrupted inputs in training, and those measured."""


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

    def restore(self, images: Array) -> None:
        """Undo `normalize`, in place."""
        images *= np.array(self.std, images.dtype)
        images += np.array(self.mean, images.dtype)


@dataclass(frozen=True)
class Samples:
    """One split, ready to be cut into batches.

    Attributes:
        split: images and labels.
        statistics: how images are normalised.
        augment: random changes in training, of images to be learnt too.
        corrupt: random changes of the inputs alone, in training and when measured.
        task: what is to be learnt.
        inputs_are_targets: whether the images themselves are, before they are corrupted.
        seed: of what corrupts the inputs when measured.
        balanced: whether an epoch takes all classes with the same share.
    """

    split: Split
    statistics: Statistics
    augment: tuple[Transform, ...] = ()
    corrupt: tuple[Transform, ...] = ()
    task: Task = "classification"
    inputs_are_targets: bool = False
    seed: int = 0
    balanced: bool = False

    def __len__(self) -> int:
        return len(self.split)

    @property
    def labels(self) -> Array:
        """The labels, as the split has them."""
        return self.split.labels

    def order(self, seed: int, epoch: int) -> Array:
        """Return which samples an epoch of training takes, in order: numbers that `batch` takes."""
        if self.balanced:
            return balanced_order(self.labels, seed, epoch)
        return epoch_order(len(self), seed, epoch)

    def batch(
        self,
        indices: Array,
        *,
        seed: int = 0,
        epoch: int | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> tuple[Array, Array]:
        """Return normalised images `(N, H, W, C)` and their targets, in new arrays.

        Targets are labels `(N,)`; numbers `(N, K)` of `dtype`; the normalised images themselves;
        or other images, from 0 to 1. With an epoch the images are augmented, each with random
        numbers that derive from (seed, epoch, index) alone, whatever batch it is in. An index may
        be a multiple of N higher: the same sample with other random numbers.
        """
        numbers, scaled = indices, self.split.pixel_range.scaled
        if self.balanced:
            indices = indices % len(self)
        images = scaled(self.split.images[indices], dtype)
        targets = self.split.labels[indices]
        if targets.ndim == 4:
            targets = scaled(targets, dtype)
        elif targets.dtype.kind == "f":
            targets = targets.astype(dtype, copy=False)
        if epoch is not None and self.augment:
            generators = _Generators(seed, AUGMENT, epoch)
            moving = targets if targets.ndim == 4 else itertools.repeat(None)
            for image, target, index in zip(images, moving, numbers, strict=False):
                _change(self.augment, generators.of(int(index)), image, target)
        if self.inputs_are_targets:
            targets = images
        if self.corrupt:
            self._corrupt(images := images.copy(), numbers, seed, epoch)
            if self.inputs_are_targets:
                self.statistics.normalize(targets)
        self.statistics.normalize(images)
        return images, targets

    def _corrupt(self, images: Array, indices: Array, seed: int, epoch: int | None) -> None:
        """Change the inputs in place; what is measured is corrupted in the same way every time."""
        generators = (
            _Generators(self.seed, MEASURE, 0)
            if epoch is None
            else _Generators(seed, CORRUPT, epoch)
        )
        for image, index in zip(images, indices, strict=True):
            _change(self.corrupt, generators.of(int(index)), image)


def _change(
    transforms: tuple[Transform, ...],
    rng: np.random.Generator,
    image: Array,
    target: Array | None = None,
) -> None:
    """Change an image in place, and move the pixels of the one to be learnt in the same way."""
    changed, moved = image, target
    for transform in transforms:
        if moved is not None and transform.moves_pixels:
            state = rng.bit_generator.state
            moved = _applied(transform, moved, rng)
            rng.bit_generator.state = state
        changed = _applied(transform, changed, rng)
    image[...] = changed
    if target is not None:
        target[...] = moved


def _applied(transform: Transform, image: Array, rng: np.random.Generator) -> Array:
    changed = transform(image, rng)
    if not isinstance(changed, np.ndarray):
        raise DataError(f"transform {transform.type_name} returns {excerpt(changed)}, not an image")
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

    def __init__(self, seed: int, purpose: int, epoch: int) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=(purpose, epoch))
        self._bits = np.random.Philox(sequence)
        self._state: Any = self._bits.state
        self._generator = np.random.Generator(self._bits)

    def of(self, index: int) -> np.random.Generator:
        """Return the generator, always the same object, at the start of a sample's numbers."""
        self._state["state"]["counter"][:] = (0, index, 0, 0)
        self._state.update(buffer_pos=4, has_uint32=0)  # nothing is left of the last sample's
        self._bits.state = self._state
        return self._generator
