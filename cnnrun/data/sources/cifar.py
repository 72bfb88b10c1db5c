"""CIFAR-10 and CIFAR-100 in their binary version: records of labels and 3x32x32 bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    require_memory,
    resolve_path,
)
from cnnrun.engine.types import Array
from cnnrun.errors import DataError, excerpt

__all__ = ["CIFAR10", "CIFAR100", "Cifar"]

SIDE, CHANNELS = 32, 3
PIXELS = CHANNELS * SIDE * SIDE
PICKLED = ("data_batch_1", "batches.meta", "meta")
"""Files of the version that is not read."""
LONGEST_META = 1 << 16
Labels = Literal["fine", "coarse"]


class Layout(NamedTuple):
    """How one of both sets lies in its folder.

    Attributes:
        name: of the data set.
        train, test: the files of each split.
        labels: by name, which byte of a record, how many classes, and the file of their names.
    """

    name: str
    train: tuple[str, ...]
    test: str
    labels: dict[Labels, tuple[int, int, str]]

    @property
    def files(self) -> tuple[str, ...]:
        """The files of both splits."""
        return (*self.train, self.test)

    @property
    def record(self) -> int:
        """The bytes of a record: its labels, then its pixels."""
        return len(self.labels) + PIXELS


CIFAR10 = Layout(
    "cifar10",
    tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test_batch.bin",
    {"fine": (0, 10, "batches.meta.txt")},
)
CIFAR100 = Layout(
    "cifar100",
    ("train.bin",),
    "test.bin",
    {"coarse": (0, 20, "coarse_label_names.txt"), "fine": (1, 100, "fine_label_names.txt")},
)


@DATASETS.register("cifar")
@dataclass(frozen=True)
class Cifar(DatasetSource):
    """`path` is the folder that the archive of the binary version unpacks to.

    It holds `data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin` and `batches.meta.txt`
    (CIFAR-10), or `train.bin`, `test.bin`, `fine_label_names.txt` and `coarse_label_names.txt`
    (CIFAR-100, of which `labels` says whether the 100 fine or the 20 coarse classes are meant). The
    classes are named by these files, and are numbers where they are missing.
    """

    summary = "CIFAR-10 and CIFAR-100, the binary version"

    path: str
    labels: Labels = "fine"

    def info(self, base: Path) -> DatasetInfo:
        return self._described(base)[0]

    def load(self, base: Path) -> Dataset:
        info, folder, layout = self._described(base)
        train = [self._read(folder / name, layout) for name in layout.train]
        images, labels = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
        return Dataset(
            info, Split(images, labels), Split(*self._read(folder / layout.test, layout))
        )

    def _described(self, base: Path) -> tuple[DatasetInfo, Path, Layout]:
        folder = resolve_path(self.path, base)
        if not folder.is_dir():
            raise DataError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
        layout = _layout(folder)
        if self.labels not in layout.labels:
            raise DataError(f"{folder}: CIFAR-10 has no {self.labels} labels; leave `labels` out")
        _, classes, meta = layout.labels[self.labels]
        train = sum(_records(folder / name, layout) for name in layout.train)
        test = _records(folder / layout.test, layout)
        require_memory(str(folder), (train, SIDE, SIDE, CHANNELS))
        names = _names(folder / meta, classes)
        shape = SIDE, SIDE, CHANNELS
        return DatasetInfo(layout.name, shape, names, train, test), folder, layout

    def _read(self, path: Path, layout: Layout) -> tuple[Array, Array]:
        """Return the images `(N, H, W, C)` and labels of a file whose size has been checked."""
        try:
            records = np.fromfile(path, np.uint8).reshape(-1, layout.record)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error})") from None
        column, classes, _ = layout.labels[self.labels]
        labels = records[:, column].astype(np.int64)
        if len(bad := np.flatnonzero(labels >= classes)):
            at = bad[0] * layout.record + column
            raise DataError(
                f"{path}: the label at byte {at:,} is {labels[bad[0]]}; those of {layout.name} are "
                f"0 to {classes - 1}"
            )
        pixels = records[:, len(layout.labels) :].reshape(-1, CHANNELS, SIDE, SIDE)
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), labels


def _layout(folder: Path) -> Layout:
    """Return which of both sets a folder holds, all its files being there.

    Raises:
        DataError: it holds none, a part of one, or both.
    """
    present = {path.name for path in folder.iterdir() if path.is_file()}
    begun = [layout for layout in (CIFAR10, CIFAR100) if present.intersection(layout.files)]
    if len(begun) != 1:
        if present.intersection(PICKLED):
            raise DataError(
                f"{folder}: holds the 'python version' of CIFAR, pickled files that can run code "
                "when they are read, and are never loaded; take the 'binary version' "
                "(cifar-10-binary.tar.gz or cifar-100-binary.tar.gz)"
            )
        both = "both CIFAR-10 and CIFAR-100" if begun else "no data_batch_1.bin and no train.bin"
        raise DataError(f"{folder}: has {both}; needs the files of one of them")
    (layout,) = begun
    if missing := [name for name in layout.files if name not in present]:
        one = next(name for name in layout.files if name in present)
        raise DataError(f"{folder}: has {one}, but no {', '.join(missing)}")
    return layout


def _records(path: Path, layout: Layout) -> int:
    """Return how many records a file has, as its size tells."""
    size = path.stat().st_size
    count, rest = divmod(size, layout.record)
    if rest or not count:
        raise DataError(
            f"{path}: ends at byte {size:,}, within record {count}; records of {layout.name} have "
            f"{layout.record:,} bytes"
        )
    return count


def _names(path: Path, classes: int) -> tuple[str, ...]:
    """Return the names of a meta file, one a line; numbers where there is no such file."""
    if not path.exists():
        return tuple(map(str, range(classes)))
    try:
        with path.open("rb") as stream:
            text = stream.read(LONGEST_META).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(names) != classes or len(set(names)) != classes:
        raise DataError(
            f"{path}: has {len(set(names))} different names of classes, not {classes} "
            f"(it begins with {excerpt(text)})"
        )
    return names
