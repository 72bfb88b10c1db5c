"""Checks a data set, bundled or of a configuration, before anybody trusts a number from it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from cnnrun.config.description import data_options
from cnnrun.config.experiment import Experiment
from cnnrun.data import DataOptions, PreparedData, prepare
from cnnrun.data.checks import (
    PNG,
    DataCheck,
    Finding,
    Pair,
    Pool,
    check_classes,
    check_copies,
    check_folder,
    chosen_pairs,
    draw_pairs,
    most_serious_first,
    sound_part,
    survey_folder,
)
from cnnrun.data.dataset import resolve_path
from cnnrun.data.sources import ImageFolder
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["check_data"]


def check_data(
    data: str | Path | Experiment,
    *,
    picture: Path | str | None = None,
    plugins: tuple[Path | str, ...] = (),
) -> DataCheck:
    """Look for what makes results wrong: test images in train, labels that contradict each other.

    Copies are found to the pixel and nearly, within a split and across them, as a training would
    see the splits; `docs/data_check.md` says of what kinds, and how surely.

    Args:
        data: the name of a bundled set, a configuration file, or an experiment.
        picture: a PNG file to draw pairs into, 24 at most; none is written when there are no pairs.
        plugins: Python files that register what it names.

    Raises:
        DataError: there is no such set, it needs options, it cannot be used, or the picture
            is to be no PNG file.
        ConfigError: the configuration is wrong.
    """
    if picture is not None and Path(picture).suffix.lower() != PNG:
        path = Path(picture)
        raise DataError(f"{path}: the picture is a PNG file; call it {path.stem}{PNG}")
    options, seed, base = data_options(data, plugins, check_network=False)
    with ExitStack() as stack:
        prepared, findings = _prepared(options, seed, base, stack)
        if prepared is None:
            return DataCheck(options.dataset.type_name, {}, most_serious_first(findings))
        samples = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
        splits = {name: split.split for name, split in samples.items() if split is not None}
        pool = Pool(splits, prepared.task, prepared.info.class_names)
        told = most_serious_first([*findings, *check_copies(pool), *check_classes(pool)])
        counts = {name: len(split) for name, split in splits.items()}
        pairs = chosen_pairs(told) if picture is not None else []
        if picture is not None and pairs:
            draw_pairs([(pair, *_images(pool, pair)) for pair in pairs], Path(picture))
    return DataCheck(prepared.info.name, counts, told, len(pairs))


def _prepared(
    options: DataOptions, seed: int, base: Path, stack: ExitStack
) -> tuple[PreparedData | None, list[Finding]]:
    """Return the data, and what is wrong with a folder's files.

    Of a folder that cannot be loaded, the files that can be read are; None if these cannot.

    Raises:
        DataError: the data are no folder of images, and cannot be used.
    """
    source = options.dataset
    if not isinstance(source, ImageFolder):
        return prepare(options, seed, base), []
    root = resolve_path(source.path, base)
    try:
        prepared = prepare(options, seed, base)
    except DataError as error:
        if not root.is_dir():
            raise
        survey = survey_folder(root, decode=True)
        findings = check_folder(survey)
        if not survey.broken:
            findings.append(_refused(error))
        try:
            sound = stack.enter_context(sound_part(source, survey))
        except OSError:
            return None, findings
        try:
            return prepare(replace(options, dataset=sound), seed, base), findings
        except DataError as again:
            if survey.broken:
                findings.append(_refused(str(again).replace(sound.path, str(root))))
            return None, findings
    return prepared, check_folder(survey_folder(root, decode=False))


def _refused(why: DataError | str) -> Finding:
    return Finding("error", "refused", f"cannot be trained on: {why}", 1)


def _images(pool: Pool, pair: Pair) -> tuple[Array, Array]:
    """Return the images of a pair, from 0 to 1."""
    numbers = np.array([pool.number_of(pair.first), pool.number_of(pair.second)])
    first, second = pool.read(numbers)
    return first, second
