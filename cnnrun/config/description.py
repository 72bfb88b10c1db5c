"""Describes a data set, bundled or of a configuration: shapes, samples a class, statistics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.config.experiment import Experiment
from cnnrun.config.loading import load_experiment
from cnnrun.config.plugins import load_plugins
from cnnrun.data import DATASETS, DataOptions, PreparedData, Samples, Task, has_labels, prepare
from cnnrun.data.contact_sheet import contact_sheet
from cnnrun.data.rows import Images, in_pieces
from cnnrun.errors import DataError
from cnnrun.registry import suggestion

__all__ = [
    "DataDescription",
    "TargetFigures",
    "data_options",
    "describe_data",
    "draw_data",
    "prepared_data",
]


@dataclass(frozen=True)
class TargetFigures:
    """The figures of a number that is to be learnt, over a split."""

    name: str
    minimum: float
    mean: float
    maximum: float


@dataclass(frozen=True)
class DataDescription:
    """What a data set holds.

    Attributes:
        name: what it is called in a configuration.
        image_shape: height, width, channels.
        class_names: in the order of the labels; of the numbers of a regression, what they are.
        counts: by split, the samples of each class; several classes of one image count each.
            Empty where there are no classes.
        samples: by split, how many there are.
        mean, std: of each channel, as images are normalised; pixels are in [0, 1].
        sha256: of all images and labels.
        notes: what a reader of figures should know, such as that files are not the published ones.
        test_fraction: the share of the training samples that is held out as the test split; None
            where the set has a test split of its own.
        task: what is to be learnt of an image.
        target_shape: of the images that are to be learnt, if they are.
        targets: by split, the figures of each number that is to be learnt, if numbers are.
        pixels: the smallest and the largest pixel of all splits.
        pixel_range: which pixels mean 0 and 1.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    samples: dict[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str
    notes: tuple[str, ...] = ()
    test_fraction: float | None = None
    task: Task = "classification"
    target_shape: tuple[int, int, int] | None = None
    targets: dict[str, tuple[TargetFigures, ...]] = field(default_factory=dict)
    pixels: tuple[float, float] = (0.0, 255.0)
    pixel_range: tuple[float, float] = (0.0, 255.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the description as a JSON document."""
        return {
            "name": self.name,
            "image_shape": list(self.image_shape),
            "classes": list(self.class_names),
            "task": self.task,
            "target_shape": list(self.target_shape) if self.target_shape else None,
            "splits": {
                split: {
                    "samples": count,
                    "per_class": list(self.counts.get(split, ())),
                    "targets": [asdict(figures) for figures in self.targets.get(split, ())],
                }
                for split, count in self.samples.items()
            },
            "pixels": {
                "minimum": self.pixels[0],
                "maximum": self.pixels[1],
                "means_0": self.pixel_range[0],
                "means_1": self.pixel_range[1],
            },
            "test_fraction": self.test_fraction,
            "sha256": self.sha256,
            "notes": list(self.notes),
            "statistics": {"mean": list(self.mean), "std": list(self.std)},
        }


def describe_data(
    data: str | Path | Experiment | PreparedData, plugins: tuple[Path | str, ...] = ()
) -> DataDescription:
    """Describe a data set as a training would see it.

    Args:
        data: the name of a bundled set, a configuration file, an experiment, or a prepared set.
        plugins: Python files that register what it names.

    Raises:
        DataError: there is no such set, it needs options, or it cannot be used.
        ConfigError: the configuration is wrong.
    """
    prepared = prepared_data(data, plugins)
    info, statistics = prepared.info, prepared.statistics
    splits = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    there = {split: samples for split, samples in splits.items() if samples is not None}
    labelled = has_labels(info.task)
    numbers = there if info.task == "regression" else {}
    ends = [end for samples in there.values() for end in _ends(samples.split.images)]
    split = prepared.train.split
    return DataDescription(
        info.name,
        info.image_shape,
        info.class_names,
        {split: _per_class(samples, info.classes) for split, samples in there.items() if labelled},
        {split: len(samples) for split, samples in there.items()},
        statistics.mean,
        statistics.std,
        prepared.sha256,
        info.notes,
        info.test_fraction,
        info.task,
        info.target_shape,
        {split: _targets(samples, info.class_names) for split, samples in numbers.items()},
        (min(ends), max(ends)),
        (split.minimum, split.maximum),
    )


def draw_data(
    data: str | Path | Experiment | PreparedData,
    output: Path | str,
    *,
    augmented: bool = False,
    plugins: tuple[Path | str, ...] = (),
) -> Path:
    """Write a picture of training samples, a row for each class, and return its file.

    Args:
        data: the name of a bundled set, a configuration file, an experiment, or a prepared set.
        output: the file, `NAME.png`.
        augmented: draw the samples as they are in the first epochs of a training, too.
        plugins: Python files that register what the configuration names.

    Raises:
        DataError: there is no such set, or it cannot be used; the file is called otherwise; or
            nothing changes the samples in training.
        ConfigError: the configuration is wrong.
    """
    output = Path(output)
    if output.suffix.lower() != ".png":
        raise DataError(f"{output}: pictures are written as PNG; call the file {output.stem}.png")
    sheet = contact_sheet(prepared_data(data, plugins), augmented=augmented)
    output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(output, "PNG")
    return output


def prepared_data(
    data: str | Path | Experiment | PreparedData, plugins: tuple[Path | str, ...] = ()
) -> PreparedData:
    """Return a data set as a training would see it; the arguments are those of `describe_data`.

    Raises:
        DataError: there is no such set, it needs options, or it cannot be used.
        ConfigError: the configuration is wrong.
    """
    if isinstance(data, PreparedData):
        return data
    return prepare(*data_options(data, plugins))


def data_options(
    data: str | Path | Experiment,
    plugins: tuple[Path | str, ...] = (),
    *,
    check_network: bool = True,
) -> tuple[DataOptions, int, Path]:
    """Return what `prepare` needs: options, a seed, and the folder of relative paths.

    Without `check_network` nothing is read of the data yet, nor is the network built for them.

    Raises:
        DataError: there is no such set, or it needs options.
        ConfigError: the configuration is wrong.
    """
    if isinstance(data, str | Path) and Path(data).suffix in (".yaml", ".yml"):
        data = load_experiment(data, plugins=plugins, check_network=check_network)
    if isinstance(data, Experiment):
        return data.data, data.seed, data.base
    load_plugins(plugins)
    name = str(data)
    if name not in DATASETS:
        raise DataError(f"no data set is called {name!r}; {suggestion(name, DATASETS)}")
    try:
        source = DATASETS.get(name)()
    except TypeError:
        raise DataError(f"{name} needs options; give a configuration file that uses it") from None
    return DataOptions(source), 0, Path()


def _per_class(samples: Samples, classes: int) -> tuple[int, ...]:
    labels = samples.labels
    one_each = labels.ndim == 1
    counts = np.bincount(labels, minlength=classes) if one_each else labels.sum(axis=0).astype(int)
    return tuple(counts.tolist())


def _targets(samples: Samples, names: tuple[str, ...]) -> tuple[TargetFigures, ...]:
    columns = samples.labels.astype(np.float64).T  # (K, N)
    return tuple(
        TargetFigures(name, float(column.min()), float(column.mean()), float(column.max()))
        for name, column in zip(names, columns, strict=True)
    )


def _ends(images: Images) -> list[float]:
    """Return the smallest and largest pixel of each part of images that may lie in a file."""
    parts = (images[part] for part in in_pieces(images))
    return [float(end) for part in parts for end in (part.min(), part.max())]
