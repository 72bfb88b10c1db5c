"""Writes samples of a data set as image files, which other programs show and `predict` reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from cnnrun.config.description import prepared_data
from cnnrun.config.experiment import Experiment
from cnnrun.data import DatasetInfo, Indices, Split, has_labels, read_indices, write_image
from cnnrun.data.images import image_header
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["ExportedSample", "export_samples"]


@dataclass(frozen=True)
class ExportedSample:
    """A sample that was written as an image file.

    Attributes:
        index: its number in the split.
        path: the file.
        classes: the names of its classes; one, unless images have several labels.
        exact: whether the file holds the very same pixels; else they were rounded.
        bits: of a pixel in the file, 8 or 16.
        numbers: what is to be learnt of it, by name, where that is numbers.
        target: the file of the image to be learnt of it, where that is one.
    """

    index: int
    path: Path
    classes: tuple[str, ...]
    exact: bool
    bits: int = 8
    numbers: dict[str, float] = field(default_factory=dict)
    target: Path | None = None


def export_samples(
    data: str | Path | Experiment,
    index: Indices,
    output: Path | str,
    *,
    split: str = "test",
    by_class: bool = False,
    plugins: tuple[Path | str, ...] = (),
) -> list[ExportedSample]:
    """Write samples of a data set as PNG files, and return what they are.

    The image that is to be learnt of `NAME.png`, if one is, becomes `NAME-target.png`.

    Args:
        data: the name of a bundled set, a configuration file, or an experiment.
        index: samples of the split, from 0: a number, several, or words such as `3,7` or `0-9`.
        output: the file of a single sample, `NAME.png`; or a folder, which gets a file for each.
        split: `train`, `val` or `test`, as a training would see them.
        by_class: write into a folder for each class in `output`, as an `image_folder` has them.
        plugins: Python files that register what the configuration names.

    Raises:
        DataError: there is no such data set, split or sample, its images are not 1 or 3 channels,
            or a file cannot be called so.
        ConfigError: the configuration is wrong, or `index` cannot be read.
    """
    output = Path(output)
    prepared = prepared_data(data, plugins)
    samples = prepared.samples(split)
    indices = read_indices(index, len(samples))
    if by_class:
        folders = [_folder_of(samples.split.labels[number], prepared.info) for number in indices]
        paths = [
            output / folder / f"{split}-{number}.png"
            for folder, number in zip(folders, indices, strict=True)
        ]
    else:
        paths = _paths(output, indices, split)
    for folder in {path.parent for path in paths}:
        folder.mkdir(parents=True, exist_ok=True)
    return [
        _export(samples.split, number, path, prepared.info)
        for number, path in zip(indices.tolist(), paths, strict=True)
    ]


def _export(split: Split, number: int, path: Path, info: DatasetInfo) -> ExportedSample:
    """Write a sample, and say what it is."""
    label, target = split.labels[number], None
    numbers: dict[str, float] = {}
    classes: tuple[str, ...] = ()
    exact = write_image(path, split.images[number], split.maximum, split.minimum)
    if info.task == "image":
        target = path.with_name(f"{path.stem}-target.png")
        exact &= write_image(target, label, split.maximum, split.minimum)
    elif info.task == "regression":
        numbers = dict(zip(info.class_names, map(float, label), strict=True))
    else:
        classes = _classes(label, info.class_names)
    return ExportedSample(number, path, classes, exact, image_header(path).bits, numbers, target)


def _paths(output: Path, indices: Array, split: str) -> list[Path]:
    """Return the file of each sample."""
    if output.is_dir() or not output.suffix:
        return [output / f"{split}-{index}.png" for index in indices]
    if output.suffix.lower() != ".png":
        raise DataError(f"{output}: images are written as PNG; call the file {output.stem}.png")
    if len(indices) > 1:
        raise DataError(
            f"{output}: one file for {len(indices)} samples; give a folder, such as {output.stem}"
        )
    return [output]


def _folder_of(label: Array, info: DatasetInfo) -> str:
    """Return the name of the folder for a sample of that label.

    Raises:
        DataError: it has several classes, or none, or one whose name no folder can have.
    """
    classes = _classes(label, info.class_names) if has_labels(info.task) else ()
    if len(classes) != 1:
        raise DataError(
            f"a sample has {len(classes)} labels ({', '.join(classes)}); a folder for each class "
            "needs one an image"
        )
    (name,) = classes
    if name.strip(". ") != name or not name or re.search(r'[\\/:*?"<>|\x00-\x1f]', name):
        raise DataError(f"the class {name!r} cannot be the name of a folder")
    return name


def _classes(label: Array, names: tuple[str, ...]) -> tuple[str, ...]:
    if label.ndim == 0:
        return (names[int(label)],)
    return tuple(name for name, has in zip(names, label, strict=True) if has)
