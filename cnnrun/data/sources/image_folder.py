"""A folder of image files, with a folder for each class."""

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
    require_memory,
    resolve_path,
    stratified_split,
)
from cnnrun.data.images import SUFFIXES, image_size, read_image
from cnnrun.engine.types import Array, Fraction, NonNegativeInt, Pair, as_pair
from cnnrun.errors import DataError

__all__ = ["ImageFolder"]


@DATASETS.register("image_folder")
@dataclass(frozen=True)
class ImageFolder(DatasetSource):
    """`path` holds `train/` and `test/` with a folder a class in each, or the classes themselves.

    Without `train/` and `test/`, `test_fraction` of each class becomes the test split; a `val/`
    beside them is the validation split. The classes are the folders' names in alphabetical order,
    unless `class_names` gives another order, or more classes than have a folder here.

    Without `size` all images must be of one size, and without `channels` the first image tells
    whether they are read as grey or as colour.
    """

    summary = "image files in a folder for each class"

    path: str
    size: Pair | None = None
    channels: Literal[1, 3] | None = None
    class_names: tuple[str, ...] = ()
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0

    def info(self, base: Path) -> DatasetInfo:
        return self._listed(base)[0]

    def load(self, base: Path) -> Dataset:
        info, files = self._listed(base)
        root = resolve_path(self.path, base)
        read = {split: self._read(paths, info, root) for split, paths in files.items()}
        divided = not _split_folders(root)
        return Dataset(info, read["train"], read["test"], read.get("val"), divided)

    def _listed(self, base: Path) -> tuple[DatasetInfo, dict[str, list[Path]]]:
        """Return what the folders' names and the first image tell, and the files by split."""
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
        height, width, channels = image_size(files["train"][0])
        if self.size is not None:
            height, width = as_pair(self.size)
        shape = height, width, self.channels or channels
        counts = len(files["train"]), len(files["test"])
        return DatasetInfo(root.resolve().name, shape, names, *counts), files

    def _read(self, files: list[Path], info: DatasetInfo, root: Path) -> Split:
        shape = info.image_shape
        require_memory(info.name, (len(files), *shape))
        images = np.empty((len(files), *shape), np.uint8)
        for image, file in zip(images, files, strict=True):
            if self.size is None and (size := image_size(file)[:2]) != shape[:2]:
                raise DataError(
                    f"{file}: {size[0]}x{size[1]} pixels (height x width), others have "
                    f"{shape[0]}x{shape[1]}; set size: [height, width] to scale all"
                )
            image[...] = read_image(file, shape, resize=True)
        names = tuple(file.relative_to(root).as_posix() for file in files)
        return Split(images, _labels(files, info.class_names), files=names)


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
