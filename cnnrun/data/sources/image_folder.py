"""A folder of image files, with a folder for each class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    require_memory,
    resolve_path,
    stratified_split,
)
from cnnrun.data.images import DEEP, SUFFIXES, ImageHeader, image_header, read_image
from cnnrun.engine.types import Array, DType, Fraction, NonNegativeInt, Pair, Range, as_pair
from cnnrun.errors import DataError

__all__ = ["ImageFolder"]


@DATASETS.register("image_folder")
@dataclass(frozen=True)
class ImageFolder(DatasetSource):
    """`path` holds `train/` and `test/` with a folder a class in each, or the classes themselves.

    Without `train/` and `test/`, `test_fraction` of each class becomes the test split; a `val/`
    beside them is the validation split. The classes are the folders' names in alphabetical order,
    unless `class_names` gives another order, or more classes than have a folder here.

    Without `size` all images must be of one size, and without `channels` they are read as colour if
    any of them has colours, and else as grey. If any has 16 bits, 16 bits are kept of all: grey
    levels of 16 bits lie between 0 and `maximum`, and those of 8 are spread from 0 to 65535, for
    which `maximum` must not be another.
    """

    summary = "image files in a folder for each class"

    path: str
    size: Pair | None = None
    channels: Literal[1, 3] | None = None
    class_names: tuple[str, ...] = ()
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0
    maximum: Annotated[int, Range(ge=256, le=DEEP)] = DEEP

    def info(self, base: Path) -> DatasetInfo:
        return self._listed(base)[0]

    def load(self, base: Path) -> Dataset:
        info, files = self._listed(base)
        root = resolve_path(self.path, base)
        headers = {file: image_header(file) for paths in files.values() for file in paths}
        deep = self._deep(headers)
        read = {
            split: self._read({file: headers[file] for file in paths}, info, root, deep)
            for split, paths in files.items()
        }
        divided = not _split_folders(root)
        return Dataset(info, read["train"], read["test"], read.get("val"), divided)

    def pixel_maximum(self, dtype: DType) -> float:
        return self.deep_maximum() if dtype == np.uint16 else super().pixel_maximum(dtype)

    def deep_maximum(self) -> float:
        return float(self.maximum)

    def _listed(self, base: Path) -> tuple[DatasetInfo, dict[str, list[Path]]]:
        """Return what the folders' names and the images' headers tell, and the files by split."""
        root = resolve_path(self.path, base)
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        folders = _split_folders(root)
        names = self.class_names or tuple(_classes(folders.get("train", root)))
        if len(names) < 2:
            raise DataError(f"{root}: one class only ({names[0]}); there must be two or more")
        if folders:
            files = {split: _files(folder, names) for split, folder in folders.items()}
        else:
            paths = _files(root, names)
            labels = _labels(paths, names)
            what = f"{root}: the test split"
            kept, held = stratified_split(labels, self.test_fraction, self.split_seed, what)
            files = {"train": [paths[i] for i in kept], "test": [paths[i] for i in held]}
        height, width, *_ = image_header(files["train"][0])
        channels = self.channels or _channels([file for paths in files.values() for file in paths])
        if self.size is not None:
            height, width = as_pair(self.size)
        shape = height, width, channels
        counts = len(files["train"]), len(files["test"])
        return DatasetInfo(root.resolve().name, shape, names, *counts), files

    def _deep(self, headers: dict[Path, ImageHeader]) -> bool:
        """Return whether any image has 16 bits.

        Raises:
            DataError: some have 8, whose grey levels would not be whole numbers in such a data set.
        """
        depths = {header.bits: file for file, header in headers.items()}
        if len(depths) > 1 and self.maximum != DEEP:
            raise DataError(
                f"{depths[8]} has 8 bits a channel and {depths[16]} has 16, of which maximum says "
                f"that {self.maximum} means 1; save all with 16 bits, or leave maximum out if both "
                "255 and 65535 mean 1"
            )
        return 16 in depths

    def _read(
        self, files: dict[Path, ImageHeader], info: DatasetInfo, root: Path, deep: bool
    ) -> Split:
        shape, kind = info.image_shape, np.dtype(np.uint16 if deep else np.uint8)
        require_memory(info.name, (len(files), *shape), kind.itemsize)
        images = np.empty((len(files), *shape), kind)
        for image, (file, header) in zip(images, files.items(), strict=True):
            if self.size is None and header[:2] != shape[:2]:
                raise DataError(
                    f"{file}: {header.height}x{header.width} pixels (height x width), others have "
                    f"{shape[0]}x{shape[1]}; set size: [height, width] to scale all"
                )
            resize = self.size is not None
            image[...] = read_image(file, shape, maximum=self.maximum, resize=resize)
            if deep and header.bits == 8:
                image *= DEEP // 255
        names = tuple(file.relative_to(root).as_posix() for file in files)
        labels = _labels(list(files), info.class_names)
        return Split(images, labels, float(self.maximum) if deep else 255.0, names)


def _channels(files: list[Path]) -> int:
    """Return 3 if any image has colours, else 1."""
    return 3 if any(image_header(file).channels == 3 for file in files) else 1


def _split_folders(root: Path) -> dict[str, Path]:
    """Return the folders of the splits; none where the classes lie in `root` itself."""
    present = {
        split: root / split
        for split in ("train", "val", "test")
        if any(entry.is_dir() for entry in root.glob(f"{split}/*"))
    }
    if present and not {"train", "test"} <= present.keys():
        raise DataError(
            f"{root}: has {' and '.join(f'{split}/' for split in present)} with folders inside, "
            "but not both train/ and test/"
        )
    return present


def _classes(folder: Path) -> list[str]:
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."
    )
    if not names:
        raise DataError(f"{folder}: expected a folder for each class, found none")
    return names


def _files(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the image files of a split, sorted, none of its classes being empty or unknown."""
    files = []
    for name in _classes(folder):
        if name not in names:
            raise DataError(f"{folder / name}: no such class; known: {', '.join(names)}")
        images = sorted(
            file
            for file in (folder / name).iterdir()
            if file.suffix.lower() in SUFFIXES and file.name[0] != "." and file.is_file()
        )
        if not images:
            raise DataError(
                f"{folder / name}: no images; files are known by {', '.join(sorted(SUFFIXES))}"
            )
        files += images
    return files


def _labels(files: list[Path], names: tuple[str, ...]) -> Array:
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers[file.parent.name] for file in files], np.int64)
