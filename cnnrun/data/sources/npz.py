"""NumPy .npz files with images and labels, also those of MedMNIST."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    Task,
    resolve_path,
    stratified_split,
)
from cnnrun.data.npz_file import NpzFile
from cnnrun.engine.types import Array, DType, Fraction, NonNegativeInt, Positive
from cnnrun.errors import DataError, shortened

__all__ = ["Npz"]

SPLIT_KEYS = (  # {} stands for train, val or test
    ("{}_images", "{}_labels"),
    ("x_{}", "y_{}"),
    ("X_{}", "Y_{}"),
    ("X_{}", "y_{}"),
    ("{}_x", "{}_y"),
)
WHOLE_KEYS = (("images", "labels"), ("x", "y"), ("X", "y"), ("X", "Y"), ("data", "target"))
CHANNELS = (1, 3, 4)
"""Of a grey image, a colour image, and one with transparency."""
Keys = tuple[str, str]  # of the images, of the labels


@DATASETS.register("npz")
@dataclass(frozen=True)
class Npz(DatasetSource):
    """Arrays `train_images`, `train_labels`, `test_images`, `test_labels` of a file.

    MedMNIST's files (with `val_` too, which is then the validation split) and the names x_train,
    y_train and so on are read as well; with `images` and `labels` alone, or `x` and `y`,
    `test_fraction` of each class becomes the test split.

    Images are `(N, H, W)` or `(N, H, W, C)`; `axes: NCHW` says that channels come second, and where
    a shape looks so, `axes` must say which it is. They are integers from 0 to 255, or floats from
    0 to 1; `maximum` says which pixel value means 1 where it is another. Labels are integers
    `(N,)` or `(N, 1)`, or for several labels an image zeros and ones `(N, K)`. The training labels
    say how many classes there are, unless `class_names` does.
    """

    summary = "arrays in a NumPy .npz file (MedMNIST's too)"

    path: str
    class_names: tuple[str, ...] = ()
    maximum: Positive | None = None
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0
    axes: Literal["NHWC", "NCHW"] | None = None

    def info(self, base: Path) -> DatasetInfo:
        return self._labelled(base)[0]

    def load(self, base: Path) -> Dataset:
        info, file, keys, labels = self._labelled(base)
        splits = {}
        for split, (images_key, _) in keys.items():
            images, maximum = self._images(file, images_key)
            splits[split] = Split(images, labels[split], maximum)
        if "whole" in splits:
            whole = splits["whole"]
            kept, held = self._divided(file, whole.labels)
            return Dataset(info, whole.take(kept), whole.take(held), divided=True)
        return Dataset(info, splits["train"], splits["test"], splits.get("val"))

    def pixel_maximum(self, dtype: DType) -> float:
        return self.maximum or super().pixel_maximum(dtype)

    def deep_maximum(self) -> float:
        own = self.maximum or 0.0
        return own if own > 255 else super().deep_maximum()

    def _labelled(
        self, base: Path
    ) -> tuple[DatasetInfo, NpzFile, dict[str, Keys], dict[str, Array]]:
        """Return what is known without reading the images: info, the file, its keys, the labels."""
        file = NpzFile(resolve_path(self.path, base))
        keys = _recognised(file)
        labels = {split: _labels(file, key) for split, (_, key) in keys.items()}
        names = self._names(file, keys, labels)
        if "whole" in labels:
            kept, held = self._divided(file, labels["whole"])
            counts = len(kept), len(held)
        else:
            counts = len(labels["train"]), len(labels["test"])
        images = file.headers[next(iter(keys.values()))[0]].shape
        shape = self._image_shape(images, file)
        several = any(
            split.ndim == 2 and bool((split.sum(axis=1) != 1).any()) for split in labels.values()
        )
        task: Task = "multi_label" if several else "classification"
        info = DatasetInfo(file.path.stem, shape, names, *counts, several, task)
        return info, file, keys, labels

    def _image_shape(self, images: tuple[int, ...], file: NpzFile) -> tuple[int, int, int]:
        """Return height, width, channels of images of that shape.

        Raises:
            DataError: they may be channels first, and nothing says whether they are.
        """
        _, *sizes = images
        if len(sizes) == 2:
            return sizes[0], sizes[1], 1
        first, second, third = sizes
        if self.axes is None and first in CHANNELS and third not in CHANNELS:
            raise DataError(
                f"{file.path}: images of shape {images} look like channels first, and would be "
                f"read as {first} pixels high with {third} channels; say axes: NCHW if they are "
                f"{second}x{third} with {first} channels, or axes: NHWC if not"
            )
        return (second, third, first) if self.axes == "NCHW" else (first, second, third)

    def _names(
        self, file: NpzFile, keys: dict[str, Keys], labels: dict[str, Array]
    ) -> tuple[str, ...]:
        """Return the class names, numbers where none are given, having checked all labels."""
        first = next(iter(labels.values()))
        if first.ndim == 2:
            classes = first.shape[1]
            if self.class_names and len(self.class_names) != classes:
                raise DataError(
                    f"{file.path}: labels have {classes} columns, class_names has "
                    f"{len(self.class_names)} names"
                )
        else:
            used = np.unique(first[first >= 0])
            classes = len(self.class_names) or len(used)
            rule = (
                "one for each of class_names" if self.class_names else "without a gap in training"
            )
            for split, numbers in labels.items():
                if len(bad := np.flatnonzero((numbers < 0) | (numbers >= classes))):
                    raise DataError(
                        f"{file.path}: {keys[split][1]}[{bad[0]}] is {numbers[bad[0]]}; the labels "
                        f"of {classes} classes are 0 to {classes - 1}, {rule}"
                    )
        return self.class_names or tuple(str(label) for label in range(classes))

    def _divided(self, file: NpzFile, labels: Array) -> tuple[Array, Array]:
        what = f"{file.path}: the test split"
        return stratified_split(labels, self.test_fraction, self.split_seed, what)

    def _images(self, file: NpzFile, key: str) -> tuple[Array, float]:
        """Return images `(N, H, W, C)`, uint8 or float32, and the pixel value that means 1."""
        images = file.read(key)
        if images.ndim == 3:
            images = images[..., None]
        elif self.axes == "NCHW":
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))  # (N, C, H, W)
        maximum = self.pixel_maximum(images.dtype)
        bad = ~((images >= 0) & (images <= maximum))  # not a number is neither
        if bad.any():
            index = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
            raise DataError(
                f"{file.path}: {key}{list(index)} is {images[index]}; pixels of {images.dtype} lie "
                f"between 0 and {maximum:g} (set maximum if another value means 1)"
            )
        whole = images.dtype.kind != "f" and maximum <= 255
        return images.astype(np.uint8 if whole else np.float32, copy=False), maximum


def _recognised(file: NpzFile) -> dict[str, Keys]:
    """Return the keys of images and labels by split, `train` or `whole` first, headers checked."""

    def first(pairs: tuple[Keys, ...], split: str = "") -> Keys | None:
        named = ((images.format(split), labels.format(split)) for images, labels in pairs)
        return next((keys for keys in named if all(key in file.headers for key in keys)), None)

    splits = {split: first(SPLIT_KEYS, split) for split in ("train", "val", "test")}
    keys_by_split = {split: keys for split, keys in splits.items() if keys}
    if not {"train", "test"} <= keys_by_split.keys():
        whole = first(WHOLE_KEYS)
        if whole is None:
            there = shortened(", ".join(sorted(file.headers))) or "no arrays"
            raise DataError(
                f"{file.path}: found {there}; needs train_images, train_labels, test_images and "
                "test_labels, or images and labels"
            )
        keys_by_split = {"whole": whole}
    for images, labels in keys_by_split.values():
        _check_headers(file, images, labels)
    for role, rule in ((0, "images"), (1, "labels")):
        shapes = {keys[role]: file.headers[keys[role]].shape[1:] for keys in keys_by_split.values()}
        if len(set(shapes.values())) > 1:
            listed = ", ".join(f"{key} {shape}" for key, shape in shapes.items())
            raise DataError(f"{file.path}: the splits' {rule} differ in shape: {listed}")
    return keys_by_split


def _check_headers(file: NpzFile, images_key: str, labels_key: str) -> None:
    images, labels = file.headers[images_key], file.headers[labels_key]
    if len(images.shape) not in (3, 4) or 0 in images.shape or images.dtype.kind not in "uifb":
        raise DataError(
            f"{file.path}: {images_key} is {images.dtype} of shape {images.shape}; images are "
            "numbers (N, H, W) or (N, H, W, C), none of them 0"
        )
    several = len(labels.shape) == 2 and labels.shape[1] > 1
    single = labels.shape[1:] in ((), (1,)) and len(labels.shape) > 0
    kind = labels.dtype.kind
    if not ((single and kind in "uib") or (several and kind in "uibf")):
        raise DataError(
            f"{file.path}: {labels_key} is {labels.dtype} of shape {labels.shape}; labels are "
            "integers (N,) or (N, 1), or zeros and ones (N, K)"
        )
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"{file.path}: {images.shape[0]} images in {images_key}, {labels.shape[0]} labels in "
            f"{labels_key}"
        )


def _labels(file: NpzFile, key: str) -> Array:
    """Return labels `(N,)` int64, or `(N, K)` float32 that have been checked to be 0 and 1."""
    labels = file.read(key)
    if labels.ndim == 2 and labels.shape[1] > 1:
        bad = (labels != 0) & (labels != 1)
        if bad.any():
            index = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
            raise DataError(
                f"{file.path}: {key}{list(index)} is {labels[index]}; several labels an image are "
                "zeros and ones"
            )
        return labels.astype(np.float32)
    labels = labels.reshape(-1)
    if labels.dtype.kind == "u" and labels.max() > np.iinfo(np.int64).max:
        raise DataError(f"{file.path}: {key} has the label {labels.max()}, which is out of range")
    return labels.astype(np.int64)
