"""Writes samples of a data set as image files, which other programs show and `predict` reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cnnrun.config.description import prepared_data
from cnnrun.config.experiment import Experiment
from cnnrun.data import DatasetInfo, Indices, Samples, has_labels, read_indices, write_image
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
        exact: whether the file holds the very same pixels; else they were rounded to 8 bits.
    """

    index: int
    path: Path
    classes: tuple[str, ...]
    exact: bool


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
    classes = [_classes(samples, number, prepared.info) for number in indices]
    if by_class:
        paths = [
            output / _folder_of(each) / f"{split}-{number}.png"
            for each, number in zip(classes, indices, strict=True)
        ]
    else:
        paths = _paths(output, indices, split)
    for folder in {path.parent for path in paths}:
        folder.mkdir(parents=True, exist_ok=True)
    return [
        ExportedSample(
            number,
            path,
            each,
            write_image(path, samples.split.images[number], samples.split.maximum),
        )
        for number, path, each in zip(indices.tolist(), paths, classes, strict=True)
    ]


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


def _folder_of(classes: tuple[str, ...]) -> str:
    """Return the name of the folder for a sample of these classes.

    Raises:
        DataError: it has several, or none, or one whose name no folder can have.
    """
    if len(classes) != 1:
        raise DataError(
            f"a sample has {len(classes)} labels ({', '.join(classes)}); a folder for each class "
            "needs one an image"
        )
    (name,) = classes
    if name.strip(". ") != name or not name or re.search(r'[\\/:*?"<>|\x00-\x1f]', name):
        raise DataError(f"the class {name!r} cannot be the name of a folder")
    return name


def _classes(samples: Samples, number: int, info: DatasetInfo) -> tuple[str, ...]:
    if not has_labels(info.task):
        return ()
    label, names = samples.labels[number], info.class_names
    if label.ndim == 0:
        return (names[int(label)],)
    return tuple(name for name, has in zip(names, label, strict=True) if has)
