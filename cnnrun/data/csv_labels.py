"""What the label columns of a CSV file say: classes, several labels an image, or numbers."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from cnnrun.data.csv_file import CsvFile, number
from cnnrun.data.sorting import naturally_sorted
from cnnrun.engine.types import Array
from cnnrun.errors import DataError, shortened

__all__ = ["LabelTask", "Labelled", "Targets", "targets_of"]

LabelTask = Literal["classification", "multi_label", "regression"]
LARGEST = float(np.finfo(np.float32).max)
SEPARATOR = "|"
"""Between the labels of an image, where one column has them all."""


class Labelled(NamedTuple):
    """What is known of an image beside its pixels.

    Attributes:
        split: `train`, `val` or `test`.
        file, line: where it stands.
        cells: its labels, and whatever else is kept, by column.
    """

    split: str
    file: CsvFile
    line: int
    cells: dict[int, str]

    def error(self, column: int, problem: str, cell: str | None = None) -> DataError:
        """Return what is to be raised of a cell, which need not be one that is kept."""
        cell = self.cells[column] if cell is None else cell
        return self.file.error(self.line, column, cell, problem)


class Targets(NamedTuple):
    """What is to be learnt: `(N,)` class numbers, or `(N, K)` float32, of all images in order."""

    names: tuple[str, ...]
    values: Array


def targets_of(
    images: list[Labelled],
    columns: tuple[int, ...],
    task: LabelTask,
    class_names: tuple[str, ...],
) -> Targets:
    """Return what the images' labels say.

    Args:
        images: the images; their cells are those of the columns below.
        columns: of the labels, from 0.
        task: what they are.
        class_names: of the classes, in this order; by default the training images tell.

    Raises:
        DataError: a label is missing or wrong; the message names its line and column.
    """
    if task == "regression":
        names, values = _numbers(images, columns)
    elif len(columns) > 1:
        names, values = _flags(images, columns)
    elif task == "multi_label":
        return _lists(images, columns[0], class_names)
    else:
        return _classes(images, columns[0], class_names)
    if class_names and len(class_names) != len(names):
        raise DataError(
            f"{images[0].file.path}: class_names has {len(class_names)} names, the label columns "
            f"are {len(names)}: {shortened(', '.join(names), 200)}"
        )
    return Targets(class_names or names, values)


def _classes(images: list[Labelled], column: int, class_names: tuple[str, ...]) -> Targets:
    labels = [image.cells[column].strip() for image in images]
    for image, label in zip(images, labels, strict=True):
        if not label:
            raise image.error(column, "is no label")
        if SEPARATOR in label and label not in class_names:
            raise image.error(
                column,
                "looks like several labels; say task: multi_label, or name it in class_names",
            )
    if not set(labels) <= set(class_names):
        labels = _whole(images, labels, column)
    if class_names and not set(labels) & set(class_names):
        labels = [_named(label, class_names) for label in labels]
    training = {
        label for image, label in zip(images, labels, strict=True) if image.split == "train"
    }
    names = class_names or tuple(naturally_sorted(training))
    if len(names) < 2:
        raise DataError(
            f"{images[0].file.path}: one class only ({''.join(names)}); there must be two or more"
        )
    numbers = {name: index for index, name in enumerate(names)}
    for image, label in zip(images, labels, strict=True):
        if label not in numbers:
            raise image.error(column, _unknown(names, class_names))
    return Targets(names, np.array([numbers[label] for label in labels], np.int64))


def _whole(images: list[Labelled], labels: list[str], column: int) -> list[str]:
    """Return labels, whole numbers in one spelling where all are numbers: 3, 3.0 and 03 are one."""
    numbers = [number(label) for label in labels]
    if None in numbers:
        return labels
    for image, value in zip(images, numbers, strict=True):
        if value != round(value or 0):
            raise image.error(
                column, "is no class; say task: regression if it is a number to be learnt"
            )
    return [str(round(value or 0)) for value in numbers]


def _named(label: str, class_names: tuple[str, ...]) -> str:
    """Return the name of a class whose number is given."""
    named = label.isdecimal() and len(label) < 7 and int(label) < len(class_names)
    return class_names[int(label)] if named else label


def _unknown(names: tuple[str, ...], class_names: tuple[str, ...]) -> str:
    of = "one of class_names" if class_names else "a label of a training image"
    return f"is not {of}; known: {shortened(', '.join(names), 200)}"


def _lists(images: list[Labelled], column: int, class_names: tuple[str, ...]) -> Targets:
    """Return the labels of one column that holds several of them: a|b."""
    lists = [
        {part.strip() for part in image.cells[column].split(SEPARATOR)} - {""} for image in images
    ]
    training = {
        label
        for image, labels in zip(images, lists, strict=True)
        if image.split == "train"
        for label in labels
    }
    names = class_names or tuple(naturally_sorted(training))
    numbers = {name: index for index, name in enumerate(names)}
    values = np.zeros((len(images), len(names)), np.float32)
    for image, labels, row in zip(images, lists, values, strict=True):
        if not labels <= numbers.keys():
            raise image.error(column, _unknown(names, class_names))
        row[[numbers[label] for label in labels]] = 1
    if not names:
        raise DataError(f"{images[0].file.path}: no training image has a label")
    return Targets(names, values)


def _numbers(images: list[Labelled], columns: tuple[int, ...]) -> tuple[tuple[str, ...], Array]:
    """Return the columns' names, and their numbers."""
    values = np.empty((len(images), len(columns)), np.float32)
    for image, row in zip(images, values, strict=True):
        for place, column in enumerate(columns):
            value = number(image.cells[column])
            if value is None or not abs(value) <= LARGEST:
                raise image.error(column, "is no number")
            row[place] = value
    file = images[0].file
    return tuple(file.name(column) for column in columns), values


def _flags(images: list[Labelled], columns: tuple[int, ...]) -> tuple[tuple[str, ...], Array]:
    """Return the columns' names, and zeros and ones."""
    names, values = _numbers(images, columns)
    bad = np.argwhere((values != 0) & (values != 1))
    if len(bad):
        index, place = bad[0]
        raise images[index].error(
            columns[place],
            "is neither 0 nor 1, which several labels an image are; say task: regression for "
            "numbers to be learnt",
        )
    return names, values
