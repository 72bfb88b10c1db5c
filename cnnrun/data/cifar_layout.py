"""How CIFAR-10 and CIFAR-100 lie in their folders: files, and the bytes of a record."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["CHANNELS", "CIFAR10", "CIFAR100", "PICKLED", "SIDE", "Labels", "Layout"]

SIDE, CHANNELS = 32, 3
PIXELS = CHANNELS * SIDE * SIDE
PICKLED = ("data_batch_1", "batches.meta", "meta")
"""Files of the version that is not read."""
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
