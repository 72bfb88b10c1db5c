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
    Split,
    resolve_path,
)
from cnnrun.data.hidden import hidden
from cnnrun.data.image_files import common_channels, common_size, read_headers
from cnnrun.data.images import SUFFIXES, Fit
from cnnrun.data.pixel_range import DEEP, PixelRange
from cnnrun.data.recognition import hinting
from cnnrun.data.rows import part
from cnnrun.data.sorting import naturally_sorted
from cnnrun.data.sources.file_source import FileSource, SixteenBits
from cnnrun.data.split_folders import split_folders, unread_folders
from cnnrun.data.splitting import stratified_split
from cnnrun.engine.types import Array, Fraction, NonNegativeInt, Pair, Range, as_pair
from cnnrun.errors import DataError

__all__ = ["ImageFolder"]


@DATASETS.register("image_folder")
@dataclass(frozen=True)
class ImageFolder(FileSource):
    """`path` holds `train/` with a folder a class inside, and `test/` and `val/` alike; or classes.

    Without `test/`, `test_fraction` of each class of `train/` is held out as the test split; `val/`
    is the validation split, and never measured as the test split. They may also be called
    `training/`, `valid/`, `validation/`, `dev/` and `testing/`, in any case of letters. With
    folders of classes alone, the test split is cut from these. The classes are the folders' names
    in natural order (`class2` before `class10`), unless `class_names` gives another order, or more
    classes than have a folder here.

    Without `size` all images must be of one size. With it they are scaled to it, as `fit` says:
    `stretch` changes their proportions, `crop` keeps these and cuts the middle out, `pad` keeps
    them and adds black around. Without `channels` they are read as colour if any of them has
    colours, and else as grey. If any has 16 bits, 16 bits are kept of all: grey levels of 16 bits
    lie between 0 and `maximum`, and those of 8 are spread from 0 to 65535, for which `maximum` must
    not be another. `range: [low, high]` says which of 16 bits mean 0 and 1 instead; pixels below
    are 0, and those above 1.
    """

    summary = "image files in a folder for each class"

    path: str
    size: Pair | None = None
    channels: Literal[1, 3] | None = None
    class_names: tuple[str, ...] = ()
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0
    maximum: Annotated[int, Range(ge=256, le=DEEP)] = DEEP
    fit: Fit = "stretch"
    range: tuple[SixteenBits, SixteenBits] | None = None

    def info(self, base: Path) -> DatasetInfo:
        return self._listed(base)[0]

    def load(self, base: Path) -> Dataset:
        info, files = self._listed(base)
        root = resolve_path(self.path, base)
        headers = read_headers([file for paths in files.values() for file in paths], str(root))
        deep = self.depth(headers)
        images = self.read(headers, info.image_shape, deep, str(root))
        low, high, _ = deep or PixelRange()
        read, start = {}, 0
        for split, paths in files.items():
            names = tuple(file.relative_to(root).as_posix() for file in paths)
            own = part(images, start, start + len(paths))
            labels = _labels(paths, info.class_names)
            read[split] = Split(own, labels, high, names, low)
            start += len(paths)
        divided = info.test_fraction is not None and "val" not in files
        return Dataset(info, read["train"], read["test"], read.get("val"), divided)

    def _listed(self, base: Path) -> tuple[DatasetInfo, dict[str, list[Path]]]:
        """Return what the folders' names and the images' headers tell, and the files by split."""
        root = resolve_path(self.path, base)
        with hinting(root, self.type_name):
            if not root.is_dir():
                raise DataError(f"{root}: {'not a folder' if root.exists() else 'no such folder'}")
            folders = split_folders(root)
            names = self.class_names or tuple(_classes(folders.get("train", root)))
            if len(names) < 2:
                raise DataError(f"{root}: one class only ({names[0]}); there must be two or more")
            files = {split: _files(folder, names) for split, folder in folders.items()}
        if own_test := "test" in files:
            files = {"train": files.pop("train"), "test": files.pop("test"), **files}
        else:
            paths = files["train"] if files else _files(root, names)
            labels = _labels(paths, names)
            what = f"{root}: the test split"
            kept, held = stratified_split(labels, self.test_fraction, self.split_seed, what)
            files |= {"train": [paths[i] for i in kept], "test": [paths[i] for i in held]}
        fraction = None if own_test else self.test_fraction
        counts = len(files["train"]), len(files["test"])
        shape = self._shape([file for paths in files.values() for file in paths], str(root))
        name = root.resolve().name
        notes = unread_folders(root, folders)
        return DatasetInfo(name, shape, names, *counts, test_fraction=fraction, notes=notes), files

    def _shape(self, files: list[Path], what: str) -> tuple[int, int, int]:
        """Return height, width and channels, of which only what is not set is looked for."""
        if self.size is not None and self.channels is not None:
            return (*as_pair(self.size), self.channels)
        headers = read_headers(files, what)
        size = common_size(headers, what) if self.size is None else as_pair(self.size)
        return (*size, self.channels or common_channels(headers))


def _classes(folder: Path) -> list[str]:
    names = naturally_sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not hidden(entry.name)
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
            if file.suffix.lower() in SUFFIXES and not hidden(file.name) and file.is_file()
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
