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
    stratified_split,
)
from cnnrun.data.images import SUFFIXES, image_size, read_image
from cnnrun.engine.types import Fraction, NonNegativeInt, Pair, as_pair
from cnnrun.errors import DataError

__all__ = ["ImageFolder"]


@DATASETS.register("image_folder")
@dataclass(frozen=True)
class ImageFolder(DatasetSource):
    """`path` holds `train/` and `test/` with a folder a class in each, or the classes themselves.

    Without `train/` and `test/`, `test_fraction` of each class becomes the test split. The classes
    are the folders' names in alphabetical order. Images of several sizes need `size`.
    """

    summary = "image files in a folder for each class"

    path: str
    size: Pair | None = None
    channels: Literal[1, 3] | None = None
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0

    def info(self, base: Path) -> DatasetInfo:
        files = self._files(base / self.path)
        names, shape = self._names(files, base / self.path), self._shape(files)
        counts = [len(files[key]) if key in files else None for key in ("train", "test")]
        return DatasetInfo((base / self.path).name, shape, names, counts[0], counts[1])

    def load(self, base: Path) -> Dataset:
        root = base / self.path
        files = self._files(root)
        names, shape = self._names(files, root), self._shape(files)
        splits = {key: self._read(found, names, shape) for key, found in files.items()}
        if "all" in splits:
            whole = splits.pop("all")
            kept, held = stratified_split(whole.labels, self.test_fraction, self.split_seed)
            splits = {"train": whole.take(kept), "test": whole.take(held)}
        train, test, val = splits["train"], splits["test"], splits.get("val")
        return Dataset(
            DatasetInfo(root.name, shape, names, len(train), len(test)), train, test, val
        )

    def _files(self, root: Path) -> dict[str, list[Path]]:
        """Return the image files by split, sorted; `all` where there are no split folders."""
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        splits = {"train": root / "train", "test": root / "test"}
        if not all(folder.is_dir() for folder in splits.values()):
            splits = {"all": root}
        elif (root / "val").is_dir():
            splits["val"] = root / "val"
        found = {
            split: sorted(
                file
                for file in folder.glob("*/*")
                if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
            )
            for split, folder in splits.items()
        }
        for split, files in found.items():
            if not files:
                raise DataError(
                    f"{splits[split]}: no images; expected a folder for each class with "
                    f"{', '.join(sorted(SUFFIXES))} files in it"
                )
        return found

    def _names(self, files: dict[str, list[Path]], root: Path) -> tuple[str, ...]:
        base = files.get("train") or files["all"]
        names = tuple(sorted({file.parent.name for file in base}))
        for split, found in files.items():
            for file in found:
                if file.parent.name not in names:
                    raise DataError(
                        f"{file.parent}: {split} has a class that train lacks; "
                        f"known: {', '.join(names)}"
                    )
        if len(names) < 2:
            raise DataError(f"{root}: one class only ({names[0]}); there must be two or more")
        return names

    def _shape(self, files: dict[str, list[Path]]) -> tuple[int, int, int]:
        first = (files.get("train") or files["all"])[0]
        height, width, channels = image_size(first)
        if self.size is not None:
            height, width = as_pair(self.size)
        return height, width, self.channels or channels

    def _read(
        self, files: list[Path], names: tuple[str, ...], shape: tuple[int, int, int]
    ) -> Split:
        if len(files) * np.prod(shape) > 8 << 30:
            raise DataError(f"{len(files)} images of {shape} need more than 8 GiB; set a size")
        images = np.empty((len(files), *shape), np.uint8)
        for image, file in zip(images, files, strict=True):
            if self.size is None and image_size(file)[:2] != shape[:2]:
                found = image_size(file)
                raise DataError(
                    f"{file}: {found[0]}x{found[1]} pixels, others have {shape[0]}x{shape[1]}; "
                    "set size: [height, width] to scale all"
                )
            image[...] = read_image(file, shape[2], shape[:2])
        numbers = {name: number for number, name in enumerate(names)}
        labels = np.array([numbers[file.parent.name] for file in files], np.int64)
        return Split(images, labels)
