"""Checks a data set, bundled or of a configuration, before anybody trusts a number from it."""

from __future__ import annotations

from pathlib import Path

from cnnrun.config.description import data_options
from cnnrun.config.experiment import Experiment
from cnnrun.data import prepare
from cnnrun.data.checks import DataCheck, Pool, check_classes, check_copies, most_serious_first

__all__ = ["check_data"]


def check_data(data: str | Path | Experiment, plugins: tuple[Path | str, ...] = ()) -> DataCheck:
    """Look for what makes results wrong: test images in train, labels that contradict each other.

    Copies are found to the pixel and nearly, within a split and across them, as a training would
    see the splits; `docs/data_check.md` says of what kinds, and how surely.

    Args:
        data: the name of a bundled set, a configuration file, or an experiment.
        plugins: Python files that register what it names.

    Raises:
        DataError: there is no such set, it needs options, or it cannot be used.
        ConfigError: the configuration is wrong.
    """
    options, seed, base = data_options(data, plugins)
    prepared = prepare(options, seed, base)
    samples = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    splits = {name: split.split for name, split in samples.items() if split is not None}
    pool = Pool(splits, prepared.task, prepared.info.class_names)
    findings = [*check_copies(pool), *check_classes(pool)]
    counts = {name: len(split) for name, split in splits.items()}
    return DataCheck(prepared.info.name, counts, most_serious_first(findings))
