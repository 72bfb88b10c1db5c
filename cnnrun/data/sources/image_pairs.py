"""Folders of images with the images that a network is to make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction as Ratio
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, cast

import numpy as np

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    Split,
    resolve_path,
)
from cnnrun.data.hidden import hidden
from cnnrun.data.image_files import common_channels, common_size, read_headers, some_of
from cnnrun.data.images import SUFFIXES, Fit, ImageHeader
from cnnrun.data.pixel_range import DEEP, PixelRange
from cnnrun.data.recognition import hinting
from cnnrun.data.sorting import naturally_sorted
from cnnrun.data.sources.file_source import FileSource, SixteenBits
from cnnrun.data.split_folders import split_folders, unread_folders
from cnnrun.data.splitting import stratified_split
from cnnrun.data.values import require_visible
from cnnrun.engine.types import Array, Fraction, NonNegativeInt, Pair, Range, as_pair
from cnnrun.errors import DataError

__all__ = ["ImagePairs"]

Pairs = list[tuple[Path, Path]]
Shape = tuple[int, int, int]


@DATASETS.register("image_pairs")
@dataclass(frozen=True)
class ImagePairs(FileSource):
    """`path` holds `inputs/` and `targets/`, whose images belong together by their names.

    `inputs/a/7.png` belongs to `targets/a/7.tif`: suffixes may differ. Either both folders lie in
    `path` itself, and `test_fraction` of the pairs is held out as the test split, or in `train/`,
    `test/` and `val/` there (without `test/`, it is held out of `train/`). `inputs` and `targets`
    say what the folders are called, such as `noisy` and `clean`.

    Pixels are read as in an `image_folder`: `channels` (of targets `target_channels`) are 3 if any
    file has colours, 16 bits are kept of all files if any has 16, and `maximum` or `range` say what
    they mean. A mask is an image, black and white. All inputs must be of one size, and all targets;
    these may be larger or smaller than the inputs (super-resolution). `size` scales the inputs, and
    the targets in proportion, as `fit` says.
    """

    summary = "images, and the images to be made of them"

    path: str
    inputs: str = "inputs"
    targets: str = "targets"
    size: Pair | None = None
    fit: Fit = "stretch"
    channels: Literal[1, 3] | None = None
    target_channels: Literal[1, 3] | None = None
    maximum: Annotated[int, Range(ge=256, le=DEEP)] = DEEP
    range: tuple[SixteenBits, SixteenBits] | None = None
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0

    def info(self, base: Path) -> DatasetInfo:
        return self._listed(base)[0]

    def load(self, base: Path) -> Dataset:
        info, pairs, headers = self._listed(base)
        root = resolve_path(self.path, base)
        deep = self.depth(headers)
        splits = {
            split: self._split(own, headers, info, deep, root) for split, own in pairs.items()
        }
        val = splits.get("val")
        divided = info.test_fraction is not None and val is None
        return Dataset(info, splits["train"], splits["test"], val, divided)

    def _split(
        self,
        pairs: Pairs,
        headers: Mapping[Path, ImageHeader],
        info: DatasetInfo,
        deep: PixelRange | None,
        root: Path,
    ) -> Split:
        inputs, targets = ({pair[side]: headers[pair[side]] for pair in pairs} for side in (0, 1))
        pixels = deep or PixelRange()
        images = self.read(inputs, info.image_shape, deep, str(root))
        learnt = self.read(targets, info.target_shape or info.image_shape, deep, str(root))
        require_visible(learnt, pixels, f"{root}: {self.targets}/")
        names = tuple(file.relative_to(root).as_posix() for file in inputs)
        return Split(images, cast("Array", learnt), pixels.high, names, pixels.low)

    def _folders(self, root: Path) -> dict[str, Path]:
        """Return the folders with both kinds of images inside, by split."""
        if not root.is_dir():
            raise DataError(f"{root}: {'not a folder' if root.exists() else 'no such folder'}")
        whole = (root / self.inputs).is_dir() and (root / self.targets).is_dir()
        folders = {"train": root} if whole else split_folders(root)
        if not folders:
            raise DataError(
                f"{root}: expected {self.inputs}/ and {self.targets}/, or train/, val/ and test/ "
                "with these inside; inputs and targets say what they are called"
            )
        return folders

    def _listed(self, base: Path) -> tuple[DatasetInfo, dict[str, Pairs], dict[Path, ImageHeader]]:
        """Return what names and headers tell, the pairs of files by split, and the headers."""
        root = resolve_path(self.path, base)
        with hinting(root, self.type_name):
            folders = self._folders(root)
            pairs = {split: self._paired(folder) for split, folder in folders.items()}
        fraction = None if "test" in pairs else self.test_fraction
        if fraction is not None:
            own, none = pairs["train"], np.empty((len(pairs["train"]), 0))
            kept, held = stratified_split(
                none, fraction, self.split_seed, f"{root}: the test split"
            )
            pairs |= {"train": [own[i] for i in kept], "test": [own[i] for i in held]}
        every = [pair for split in pairs.values() for pair in split]
        headers = read_headers(list(chain.from_iterable(every)), str(root))
        shape, target = self._shapes(every, headers, root)
        counts = len(pairs["train"]), len(pairs["test"])
        info = DatasetInfo(
            root.resolve().name,
            shape,
            (),
            *counts,
            task="image",
            target_shape=target,
            test_fraction=fraction,
            notes=unread_folders(root, {} if root in folders.values() else folders),
        )
        return info, pairs, headers

    def _paired(self, folder: Path) -> Pairs:
        """Return the pairs of a folder, sorted by name.

        Raises:
            DataError: there are none, or files without a partner, of which all are named.
        """
        inputs, targets = _by_name(folder / self.inputs), _by_name(folder / self.targets)
        alone = [
            one[name].relative_to(folder).as_posix()
            for one, other in ((inputs, targets), (targets, inputs))
            for name in naturally_sorted(one.keys() - other.keys())
        ]
        if alone:
            raise DataError(
                f"{folder}: {len(alone):,} of {len(inputs) + len(targets):,} files have no partner "
                f"of the same name: {', '.join(some_of(alone))}"
            )
        return [(inputs[name], targets[name]) for name in naturally_sorted(inputs)]

    def _shapes(
        self, pairs: Pairs, headers: Mapping[Path, ImageHeader], root: Path
    ) -> tuple[Shape, Shape]:
        """Return the shapes of inputs and targets.

        Raises:
            DataError: they differ within the set, or a target cannot be scaled as its input is.
        """
        inputs, targets = ({pair[side]: headers[pair[side]] for pair in pairs} for side in (0, 1))
        if self.size is None:
            size = common_size(inputs, f"{root}: {self.inputs}/")
            target = common_size(targets, f"{root}: {self.targets}/")
        else:
            size = as_pair(self.size)
            across, down = _ratio(pairs, headers, root)
            scaled = size[0] * down, size[1] * across
            if any(side.denominator != 1 for side in scaled):
                raise DataError(
                    f"{root}: targets are {down} times as high and {across} times as wide as their "
                    f"inputs, which gives no whole size for {size[0]}x{size[1]}"
                )
            target = int(scaled[0]), int(scaled[1])
        return (
            (*size, self.channels or common_channels(inputs)),
            (*target, self.target_channels or common_channels(targets)),
        )


def _by_name(folder: Path) -> dict[str, Path]:
    """Return a folder's images, also those in folders inside, by name without suffix."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if file.suffix.lower() not in SUFFIXES or hidden(inside) or not file.is_file():
            continue
        name = inside.with_suffix("").as_posix()
        if name in files:
            raise DataError(
                f"{file}: {files[name].name} has the same name, by which pairs are found"
            )
        files[name] = file
    if not files:
        raise DataError(f"{folder}: no images; files are known by {', '.join(sorted(SUFFIXES))}")
    return files


def _ratio(pairs: Pairs, headers: Mapping[Path, ImageHeader], root: Path) -> tuple[Ratio, Ratio]:
    """Return how many times as wide and as high as their inputs all targets are."""
    ratios: dict[tuple[Ratio, Ratio], tuple[Path, Path]] = {}
    for pair in pairs:
        image, target = headers[pair[0]], headers[pair[1]]
        ratio = Ratio(target.width, image.width), Ratio(target.height, image.height)
        ratios.setdefault(ratio, pair)
    if len(ratios) > 1:
        listed = ", ".join(
            f"{image.relative_to(root)} is {headers[image].height}x{headers[image].width} and "
            f"{target.relative_to(root)} {headers[target].height}x{headers[target].width}"
            for image, target in list(ratios.values())[:3]
        )
        raise DataError(
            f"{root}: targets must all be as large as their inputs, or all so many times as large "
            f"(height x width): {listed}"
        )
    return next(iter(ratios))
