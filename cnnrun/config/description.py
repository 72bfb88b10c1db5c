"""Describes a data set, bundled or of a configuration: shapes, samples a class, statistics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.config.experiment import Experiment
from cnnrun.config.loading import load_experiment
from cnnrun.config.plugins import load_plugins
from cnnrun.data import DATASETS, DataOptions, PreparedData, Samples, prepare
from cnnrun.errors import DataError
from cnnrun.registry import suggestion

__all__ = ["DataDescription", "data_options", "describe_data", "prepared_data"]


@dataclass(frozen=True)
class DataDescription:
    """What a data set holds.

    Attributes:
        name: what it is called in a configuration.
        image_shape: height, width, channels.
        class_names: in the order of the labels.
        counts: by split, the samples of each class; several classes of one image count each.
        samples: by split, how many there are.
        mean, std: of each channel, as images are normalised; pixels are in [0, 1].
        sha256: of all images and labels.
        test_fraction: the share of the training samples that is held out as the test split; None
            where the set has a test split of its own.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    samples: dict[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str
    test_fraction: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the description as a JSON document."""
        return {
            "name": self.name,
            "image_shape": list(self.image_shape),
            "classes": list(self.class_names),
            "splits": {
                split: {"samples": count, "per_class": list(self.counts[split])}
                for split, count in self.samples.items()
            },
            "test_fraction": self.test_fraction,
            "sha256": self.sha256,
            "statistics": {"mean": list(self.mean), "std": list(self.std)},
        }


def describe_data(
    data: str | Path | Experiment, plugins: tuple[Path | str, ...] = ()
) -> DataDescription:
    """Describe a data set as a training would see it.

    Args:
        data: the name of a bundled set, a configuration file, or an experiment.
        plugins: Python files that register what it names.

    Raises:
        DataError: there is no such set, it needs options, or it cannot be used.
        ConfigError: the configuration is wrong.
    """
    prepared = prepared_data(data, plugins)
    info, statistics = prepared.info, prepared.statistics
    splits = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    there = {split: samples for split, samples in splits.items() if samples is not None}
    return DataDescription(
        info.name,
        info.image_shape,
        info.class_names,
        {split: _per_class(samples, info.classes) for split, samples in there.items()},
        {split: len(samples) for split, samples in there.items()},
        statistics.mean,
        statistics.std,
        prepared.sha256,
        info.test_fraction,
    )


def prepared_data(
    data: str | Path | Experiment, plugins: tuple[Path | str, ...] = ()
) -> PreparedData:
    """Return a data set as a training would see it; the arguments are those of `describe_data`.

    Raises:
        DataError: there is no such set, it needs options, or it cannot be used.
        ConfigError: the configuration is wrong.
    """
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
