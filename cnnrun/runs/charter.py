"""What the rank that leads sends the others before a training: all they need but the data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cnnrun.config import (
    Experiment,
    dump_yaml,
    load_experiment,
    load_plugin,
    loaded_plugins,
)
from cnnrun.config.plugins import Plugin
from cnnrun.data import PreparedData, Statistics, prepare
from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.runs.progress import Progress

__all__ = ["Charter", "sampled_rows"]

SAMPLED = 16
"""Rows of every split that are compared."""


@dataclass(frozen=True)
class Charter:
    """A training as it begins, or goes on.

    Attributes:
        configuration: as the run keeps it.
        plugins: those that the leader has imported.
        sha256: of its data.
        rows: what can be compared without reading all data.
        statistics: how pixels are normalised.
        progress, weights, optimizer: where the training stands.
    """

    configuration: str
    plugins: tuple[Plugin, ...]
    sha256: str
    rows: Mapping[str, str]
    statistics: Statistics
    progress: Progress
    weights: Mapping[str, Array]
    optimizer: Mapping[str, Array]

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        data: PreparedData,
        progress: Progress,
        weights: Mapping[str, Array],
        optimizer: Mapping[str, Array],
    ) -> Charter:
        """Return the charter of a training that stands there."""
        return cls(
            dump_yaml(replace(experiment, plugins=())),
            loaded_plugins(),
            data.sha256,
            sampled_rows(data),
            data.statistics,
            progress,
            weights,
            optimizer,
        )

    def experiment(self) -> Experiment:
        """Return the experiment, with its plug-ins imported."""
        imported = {plugin.sha256 for plugin in loaded_plugins()}
        with TemporaryDirectory() as folder:
            for plugin in self.plugins:
                if plugin.sha256 not in imported:
                    file = Path(folder) / Path(plugin.name).name
                    file.write_bytes(plugin.source)
                    load_plugin(file, plugin.name)
            file = Path(folder) / "config.yaml"
            file.write_text(self.configuration, "utf-8")
            return load_experiment(file, check_network=False, may_name_plugins=False)

    def data(self, experiment: Experiment) -> PreparedData:
        """Return the data of this rank, of which some rows are compared with the leader's.

        Raises:
            DataError: they are others, or cannot be used.
        """
        data = prepare(
            experiment.data,
            experiment.seed,
            experiment.base,
            statistics=self.statistics,
            sha256=self.sha256,
        )
        own = sampled_rows(data)
        for split, theirs in self.rows.items():
            if own.get(split) != theirs:
                raise DataError(
                    f"{data.info.name}: the {split} split of this rank is {own.get(split)}, but "
                    f"that of rank 0 {theirs}; all ranks need the same data"
                )
        return data


def sampled_rows(data: PreparedData) -> dict[str, str]:
    """Return of each split what tells it from others: shapes, dtypes, a digest of some rows."""
    rows = {}
    for name, samples in (("train", data.train), ("val", data.val), ("test", data.test)):
        if samples is None:
            continue
        images, labels = samples.split.images, samples.split.labels
        some = np.unique(np.linspace(0, len(samples) - 1, SAMPLED).astype(int))
        digest = hashlib.sha256(f"{data.info.class_names}".encode())
        for array in (images, labels):
            digest.update(np.ascontiguousarray(array[some]).data)
        kind = f"{images.dtype} {images.shape}, {labels.dtype} {labels.shape}"
        rows[name] = f"{kind}, SHA-256 of {len(some)} rows {digest.hexdigest()[:16]}"
    return rows
