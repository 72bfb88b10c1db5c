"""CSV files with an image in each row: its pixels, or the name of its file, and its labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cnnrun.data.csv_columns import Columns, assigned
from cnnrun.data.csv_file import Column, CsvFile
from cnnrun.data.csv_images import listed_files, listed_shape, read_listed
from cnnrun.data.csv_labels import Labelled, LabelTask, targets_of
from cnnrun.data.csv_pixels import images_of, pixel_shape
from cnnrun.data.csv_table import open_files, read_table
from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    resolve_path,
)
from cnnrun.data.images import Fit
from cnnrun.data.pixel_range import DEEP, PixelRange
from cnnrun.data.recognition import hinting
from cnnrun.data.splitting import stratified_split
from cnnrun.data.values import Axes
from cnnrun.engine.types import (
    Array,
    DType,
    Fraction,
    NonNegativeInt,
    Pair,
    Positive,
    PositiveInt,
)
from cnnrun.errors import DataError, OptionError

__all__ = ["Csv"]

OF_LISTINGS = ("folder", "suffix", "size", "fit", "channels")
OF_PIXELS = ("shape", "axes")


@DATASETS.register("csv")
@dataclass(frozen=True)
class Csv(DatasetSource):
    """`path` is a CSV file, plain or .gz, with an image a row: its pixels or its file, and labels.

    Columns are given by name or by number, from 1, or from -1 at the end. `label` is the column
    called label, labels, class or target unless it is given, and without such a name the first, or
    the only one. Its values are the classes, naturally sorted, unless `class_names` says their
    order, or their names where the values are their numbers. Several label columns of zeros and
    ones are several labels an image, as is one column of `a|b` with `task: multi_label`. With
    `task: regression`, label columns are numbers to be learnt.

    Image files are named by the column `images`, by default the one whose first cell looks so,
    relative to `folder`, which is relative to the CSV file; `suffix` is added to the names. `size`,
    `fit` and `channels` are those of an `image_folder`.

    Else all columns but `label`, `split` and those of `ignore` are pixels, row by row: of square
    images, unless `shape` says [height, width] or [height, width, channels]; `axes: NCHW` that they
    are one channel after the other. Whole numbers lie between 0 and 255, others between 0 and 1;
    `maximum` says which value means 1 where it is another.

    `val` and `test` are files of these splits beside the first; or the column `split` says train,
    val or test. Without a test split, `test_fraction` of the training images becomes one.
    """

    summary = "a CSV file of pixels, or that lists image files"

    path: str
    val: str | None = None
    test: str | None = None
    header: bool | None = None
    label: Column | tuple[Column, ...] | None = None
    task: LabelTask | None = None
    class_names: tuple[str, ...] = ()
    split: Column | None = None
    ignore: tuple[Column, ...] = ()
    images: Column | None = None
    folder: str = "."
    suffix: str = ""
    size: Pair | None = None
    fit: Fit = "stretch"
    channels: Literal[1, 3] | None = None
    shape: tuple[PositiveInt, PositiveInt] | tuple[PositiveInt, PositiveInt, PositiveInt] | None = (
        None
    )
    axes: Axes | None = None
    maximum: Positive | None = None
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        if self.split is not None and (self.val or self.test):
            raise OptionError("split", "is a column, but there are files of splits as well")
        if self.task == "classification" and isinstance(self.label, tuple) and self.label[1:]:
            raise OptionError("task", "classification has one label column; say multi_label")
        if self.header is False and self._names_columns():
            raise OptionError("header", "is false, but columns are given by name")

    def info(self, base: Path) -> DatasetInfo:
        files, columns = self._opened(base)
        table = read_table(files, columns, pixels=False)
        return self._described(table.images, columns, self._files(table.images, columns))[0]

    def load(self, base: Path) -> Dataset:
        files, columns = self._opened(base)
        table = read_table(files, columns, pixels=True)
        listed = self._files(table.images, columns)
        info, values, splits = self._described(table.images, columns, listed)
        if table.pixels is None:
            fit = None if self.size is None else self.fit
            images, maximum = read_listed(
                listed, info.image_shape, self.deep_range(), fit, str(files[0].path)
            )
        else:
            images, maximum = images_of(
                table.pixels,
                info.image_shape,
                channels_first=self.axes == "NCHW",
                maximum=self.maximum,
                images=table.images,
                columns=columns.pixels,
            )
        names = () if columns.images is None else self._names(table.images, columns.images)
        whole = Split(images, values, maximum, names)
        read = {split: whole.take(indices) for split, indices in splits.items()}
        divided = info.test_fraction is not None and "val" not in read
        return Dataset(info, read["train"], read["test"], read.get("val"), divided)

    def pixel_range(self, dtype: DType) -> PixelRange:
        return PixelRange(0.0, self.maximum) if self.maximum else super().pixel_range(dtype)

    def image_fit(self) -> Fit:
        return self.fit

    def _opened(self, base: Path) -> tuple[list[CsvFile], Columns]:
        header = True if self._names_columns() else self.header
        path = resolve_path(self.path, base)
        with hinting(path, self.type_name):
            files = open_files(path, {"val": self.val, "test": self.test}, header)
        columns = assigned(
            files[0], label=self.label, split=self.split, images=self.images, ignore=self.ignore
        )
        if columns.split is not None and len(files) > 1:
            name = files[0].name(columns.split)
            raise DataError(
                f"{path}: the column {name} says the split, but there are files of splits as well; "
                f"leave these out, or say ignore: [{name}]"
            )
        listing = columns.images is not None
        for option in OF_PIXELS if listing else OF_LISTINGS:
            if getattr(self, option) != getattr(Csv, option):
                needs, has = ("has pixels", "lists image files")[:: 1 if listing else -1]
                raise DataError(f"{path}: {option} is for a file that {needs}; this one {has}")
        return files, columns

    def _names_columns(self) -> bool:
        label = self.label if isinstance(self.label, tuple) else (self.label,)
        columns = (*label, *self.ignore, self.split, self.images)
        return any(isinstance(column, str) for column in columns)

    def _described(
        self, images: list[Labelled], columns: Columns, listed: list[Path]
    ) -> tuple[DatasetInfo, Array, dict[str, Array]]:
        """Return what is known without the pixels, what is learnt, and the images of each split."""
        path = images[0].file.path
        task = self.task or ("multi_label" if len(columns.labels) > 1 else "classification")
        names, values = targets_of(images, columns.labels, task, self.class_names)
        parts = np.array([image.split for image in images])
        splits = {split: np.flatnonzero(parts == split) for split in ("train", "test", "val")}
        splits = {split: indices for split, indices in splits.items() if len(indices)}
        fraction = None if "test" in splits else self.test_fraction
        if fraction is not None:
            train, what = splits["train"], f"{path}: the test split"
            kept, held = stratified_split(values[train], fraction, self.split_seed, what)
            splits |= {"train": train[kept], "test": train[held]}
        info = DatasetInfo(
            path.name.split(".")[0] or path.name,
            listed_shape(listed, self.size, self.channels, str(path))
            if listed
            else pixel_shape(len(columns.pixels), self.shape, str(path)),
            names,
            len(splits["train"]),
            len(splits["test"]),
            several_labels=task == "multi_label" and bool((values.sum(axis=1) != 1).any()),
            task=task,
            test_fraction=fraction,
        )
        return info, values, splits

    def _files(self, images: list[Labelled], columns: Columns) -> list[Path]:
        """Return the image file of each row; none where the rows have pixels."""
        if columns.images is None:
            return []
        if self.maximum is not None and not 255 < self.maximum <= DEEP:
            raise DataError(
                f"{images[0].file.path}: maximum is of image files of 16 bits, above 255 and up to "
                f"{DEEP}, not {self.maximum:g}"
            )
        folder = images[0].file.path.parent / self.folder
        return listed_files(images, columns.images, folder, self.suffix)

    def _names(self, images: list[Labelled], column: int) -> tuple[str, ...]:
        return tuple(f"{image.cells[column].strip()}{self.suffix}" for image in images)
