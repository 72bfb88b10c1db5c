"""NumPy .npz files, also those of MedMNIST; what they say of themselves is checked first."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    stratified_split,
)
from cnnrun.engine.types import Array, Fraction, NonNegativeInt
from cnnrun.errors import DataError

__all__ = ["Npz"]

MAXIMUM_BYTES = 8 << 30
NAMES = {  # what is read as what; {} stands for train, val or test
    "images": ("{}_images", "x_{}", "{}_x", "X_{}"),
    "labels": ("{}_labels", "y_{}", "{}_y", "Y_{}"),
}
WHOLE = {"images": ("images", "x", "X", "data"), "labels": ("labels", "y", "Y", "target")}


@DATASETS.register("npz")
@dataclass(frozen=True)
class Npz(DatasetSource):
    """Arrays `train_images`, `train_labels`, `test_images`, `test_labels` of a file.

    MedMNIST's files (with `val_` too) and the names x_train, y_train and so on are read as well;
    with `images` and `labels` alone, `test_fraction` of each class becomes the test split.
    Images are `(N, H, W)` or `(N, H, W, C)`, uint8, or float in [0, 1].
    """

    summary = "arrays in a NumPy .npz file (MedMNIST's too)"

    path: str
    class_names: tuple[str, ...] = ()
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0

    def info(self, base: Path) -> DatasetInfo:
        file = _File(base / self.path)
        shapes = {split: file.shape(keys["images"]) for split, keys in file.splits.items()}
        first = next(iter(shapes.values()))
        names = self._names([file.read(keys["labels"]) for keys in file.splits.values()], file)
        whole = "all" in shapes
        return DatasetInfo(
            file.path.stem,
            (first[1], first[2], first[3] if len(first) == 4 else 1),
            names,
            None if whole else shapes["train"][0],
            None if whole else shapes["test"][0],
        )

    def load(self, base: Path) -> Dataset:
        file = _File(base / self.path)
        read = {
            name: (file.read(keys["images"]), file.read(keys["labels"]), keys)
            for name, keys in file.splits.items()
        }
        names = self._names([labels for _, labels, _ in read.values()], file)
        splits = {
            name: _checked(file.path, keys, images, labels, len(names))
            for name, (images, labels, keys) in read.items()
        }
        if "all" in splits:
            whole = splits.pop("all")
            kept, held = stratified_split(whole.labels, self.test_fraction, self.split_seed)
            splits = {"train": whole.take(kept), "test": whole.take(held)}
        shapes = {split.images.shape[1:] for split in splits.values()}
        if len(shapes) > 1:
            raise DataError(f"{file.path}: the splits' images differ in shape: {sorted(shapes)}")
        height, width, channels = shapes.pop()
        info = DatasetInfo(
            file.path.stem,
            (height, width, channels),
            names,
            len(splits["train"]),
            len(splits["test"]),
        )
        return Dataset(info, splits["train"], splits["test"], splits.get("val"))

    def _names(self, labels: list[Array], file: _File) -> tuple[str, ...]:
        """Return the class names; numbers where none are given."""
        if labels[0].ndim == 2 and labels[0].shape[1] > 1:
            count = labels[0].shape[1]
        else:
            count = max((int(array.max()) + 1 for array in labels if array.size), default=0)
        if count > 100_000:
            raise DataError(f"{file.path}: label {count - 1} is out of range")
        if self.class_names and len(self.class_names) < count:
            raise DataError(
                f"{file.path}: labels go up to {count - 1}, but class_names has "
                f"{len(self.class_names)} names"
            )
        return self.class_names or tuple(str(label) for label in range(count))


def _checked(path: Path, keys: dict[str, str], images: Array, labels: Array, classes: int) -> Split:
    """Return a split, or say what in the file is wrong."""
    where = f"{path}: {keys['images']}"
    if images.ndim == 3:
        images = images[..., None]
    if len(images) != len(labels):
        raise DataError(
            f"{path}: {len(images)} images in {keys['images']}, {len(labels)} in {keys['labels']}"
        )
    if not len(images):
        raise DataError(f"{where} holds no image")
    if images.dtype.kind == "f":
        images = images.astype(np.float32, copy=False)
        bad = np.argwhere(~((images >= 0) & (images <= 1)))  # NaN fails both
        if len(bad):
            index = tuple(int(i) for i in bad[0])
            raise DataError(f"{where}{list(index)} is {images[index]}; pixels lie in [0, 1]")
    elif images.dtype != np.uint8:
        raise DataError(f"{where} is {images.dtype}; images are uint8, or float in [0, 1]")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        if not np.isin(labels, (0, 1)).all():
            raise DataError(f"{path}: {keys['labels']} has values other than 0 and 1")
        labels = labels.astype(np.float32)
    else:
        bad = np.flatnonzero((labels < 0) | (labels >= classes))
        if len(bad):
            raise DataError(
                f"{path}: {keys['labels']}[{bad[0]}] is {labels[bad[0]]}; labels are "
                f"0 to {classes - 1}"
            )
        labels = labels.astype(np.int64)
    return Split(images, labels, 1.0 if images.dtype == np.float32 else 255.0)


class _File:
    """An .npz file whose headers have been read, and whose keys have been recognised."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    self._read_header(archive, member)
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise DataError(f"{path}: not a readable .npz file ({error})") from None
        self.splits = self._recognise()

    def _read_header(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        key = member.filename.removesuffix(".npy")
        with archive.open(member) as stream:
            try:
                version = npy.read_magic(stream)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, dtype = read(stream)
            except ValueError as error:
                raise DataError(f"{self.path}: {key} is not a NumPy array ({error})") from None
        if dtype.hasobject:
            raise DataError(f"{self.path}: {key} holds pickled objects, which are never loaded")
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if size > MAXIMUM_BYTES or not 0 <= member.file_size - size < 4096:
            raise DataError(
                f"{self.path}: {key} declares {size:,} bytes as shape {shape} of {dtype}, "
                f"but holds {member.file_size:,}"
            )
        self.headers[key] = (shape, dtype)

    def _recognise(self) -> dict[str, dict[str, str]]:
        """Return the keys of images and labels, by split."""
        found: dict[str, dict[str, str]] = {}
        for split in ("train", "val", "test"):
            keys = {
                what: next((p.format(split) for p in patterns if p.format(split) in self.headers), "")
                for what, patterns in NAMES.items()
            }
            if all(keys.values()):
                found[split] = keys
        if not {"train", "test"} <= found.keys():
            keys = {
                what: next((name for name in names if name in self.headers), "")
                for what, names in WHOLE.items()
            }
            found = {"all": keys} if all(keys.values()) else {}
        if not found:
            raise DataError(
                f"{self.path}: found {', '.join(sorted(self.headers)) or 'no arrays'}; needs "
                "train_images, train_labels, test_images and test_labels, or images and labels"
            )
        for keys in found.values():
            shape, _ = self.headers[keys["images"]]
            if len(shape) not in (3, 4) or 0 in shape[1:]:
                raise DataError(
                    f"{self.path}: {keys['images']} has shape {shape}; images are (N, H, W) or "
                    "(N, H, W, C)"
                )
            shape, dtype = self.headers[keys["labels"]]
            if len(shape) not in (1, 2) or dtype.kind not in "iufb" or dtype.kind == "f" and len(
                shape
            ) == 1:
                raise DataError(
                    f"{self.path}: {keys['labels']} is {dtype} of shape {shape}; labels are "
                    "integers (N,), or 0 and 1 (N, K)"
                )
        return found

    def shape(self, key: str) -> tuple[int, ...]:
        """Return an array's shape without reading it."""
        return self.headers[key][0]

    def read(self, key: str) -> Array:
        """Return an array."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                array: Array = file[key]
                return array
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise DataError(f"{self.path}: {key} cannot be read ({error})") from None
