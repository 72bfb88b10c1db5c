"""All images of a data set, split after split, under one row of numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrun.data.checks.findings import Sample
from cnnrun.data.dataset import Split, Task
from cnnrun.engine.types import Array

__all__ = ["Pool"]

CHUNK_BYTES = 4 << 20


class Pool:
    """The images of several splits; image 0 is the first of the first split.

    Args:
        splits: by name, in the order in which copies are told: `train` first.
        task: what is learnt of the images.
        class_names: in the order of the labels.
    """

    def __init__(self, splits: dict[str, Split], task: Task, class_names: tuple[str, ...]) -> None:
        self.splits = splits
        self.task = task
        self.class_names = class_names
        self._names = list(splits)
        self._parts = list(splits.values())
        self._ends = np.cumsum([len(part) for part in self._parts])
        _, height, width, channels = self._parts[0].images.shape
        self.shape = height, width, channels

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def at_once(self) -> int:
        """How many images are looked at together, so that memory stays bounded."""
        return max(1, CHUNK_BYTES // (4 * int(np.prod(self.shape))))

    def chunks(self) -> Iterator[tuple[Array, Array]]:
        """Yield all images in order, some at a time: as they are, and from 0 to 1."""
        for part in self._parts:
            for start in range(0, len(part), self.at_once):
                pixels = part.images[start : start + self.at_once]
                yield pixels, part.pixel_range.scaled(pixels)

    def read(self, numbers: Array) -> Array:
        """Return images `(N, H, W, C)`, float32 from 0 to 1."""
        images = np.empty((len(numbers), *self.shape), np.float32)
        places = self.places(numbers)
        for place in np.unique(places):
            part, mine = self._parts[place], places == place
            pixels = part.images[numbers[mine] - (self._ends[place] - len(part))]
            images[mine] = part.pixel_range.scaled(pixels)
        return images

    def places(self, numbers: Array) -> Array:
        """Return of which split images are: 0 for the first."""
        places: Array = np.searchsorted(self._ends, numbers, side="right")
        return places

    def number_of(self, sample: Sample) -> int:
        """Return the number of an image that `sample` told of."""
        place = self._names.index(sample.split)
        return int(self._ends[place]) - len(self._parts[place]) + sample.index

    def label(self, number: int) -> Array:
        """Return what is to be learnt of an image."""
        part, index = self._locate(number)
        label: Array = self._parts[part].labels[index]
        return label

    def sample(self, number: int) -> Sample:
        """Return what an image is called."""
        part, index = self._locate(number)
        files = self._parts[part].files
        file = files[index] if files else None
        return Sample(self._names[part], index, self._label_text(number), file)

    def _locate(self, number: int) -> tuple[int, int]:
        part = int(np.searchsorted(self._ends, number, side="right"))
        return part, int(number - (self._ends[part] - len(self._parts[part])))

    def _label_text(self, number: int) -> str:
        if self.task == "image":
            return ""
        label = self.label(number)
        if self.task == "regression":
            return ", ".join(f"{value:.6g}" for value in np.atleast_1d(label))
        if np.ndim(label) == 0:
            return self.class_names[int(label)]
        return ", ".join(name for name, has in zip(self.class_names, label, strict=True) if has)
