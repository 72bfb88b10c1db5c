"""Predictions for image files and whole folders of them: a few at a time, none hides another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnrun.data.hidden import hidden
from cnnrun.data.images import SUFFIXES, write_image
from cnnrun.data.sorting import natural_key
from cnnrun.engine import Executor
from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.runs.evaluation import predict
from cnnrun.runs.files import replacing
from cnnrun.runs.model import Model

__all__ = [
    "FilePrediction",
    "ImageFile",
    "find_images",
    "output_files",
    "predict_files",
    "save_predictions",
]

BATCH, BATCH_BYTES = 64, 64 << 20
"""Images that are predicted at once: so many, and of so many bytes at most."""


class ImageFile(NamedTuple):
    """An image file, and what to call it within the folder that was asked for."""

    path: Path
    name: Path


class FilePrediction(NamedTuple):
    """What a network says of a file.

    Attributes:
        file: which one.
        output: as `Model.predict` returns it, of one image, or the file that this was written to;
            None where the file cannot be used.
        problem: why not; empty where it can.
    """

    file: ImageFile
    output: Array | Path | None
    problem: str = ""


def find_images(paths: Sequence[Path]) -> list[ImageFile]:
    """Return the files among `paths`, and the images in and below folders, in natural order.

    Raises:
        DataError: a folder has no images.
    """
    files: list[ImageFile] = []
    for path in paths:
        if not path.is_dir():
            files.append(ImageFile(path, Path(path.name)))
            continue
        every = (
            Path(folder, name).relative_to(path)
            for folder, _, names in os.walk(path)
            for name in names
            if Path(name).suffix.lower() in SUFFIXES
        )
        inside = [name for name in every if not hidden(name)]
        if not inside:
            raise DataError(f"{path}: no images in this folder ({', '.join(sorted(SUFFIXES))})")
        inside.sort(key=lambda name: natural_key(name.as_posix()))
        files += [ImageFile(path / name, name) for name in inside]
    return files


def output_files(files: Sequence[ImageFile], folder: Path) -> list[Path]:
    """Return where the image that is made of each file goes, a PNG below `folder`.

    Raises:
        DataError: two would go to the same place, or one would replace an image that is read.
    """
    outputs: dict[Path, Path] = {}
    read = {file.path.resolve() for file in files}
    for path, name in files:
        output = folder / name.with_suffix(".png")
        if output in outputs:
            raise DataError(f"{outputs[output]} and {path} would both be written to {output}")
        if output.resolve() in read:
            raise DataError(f"{output} would be replaced, but it is one of the images to read")
        outputs[output] = path
    return list(outputs)


def predict_files(
    model: Model, files: Sequence[ImageFile], *, resize: bool = False, workers: int = 1
) -> Iterator[FilePrediction]:
    """Yield what a network says of each file, in order; as much memory is taken as for a few.

    Args:
        model: the network.
        files: as `find_images` gives them.
        resize: scale images of another size instead of refusing them.
        workers: parts of a batch computed at once.
    """
    shape = model.info.image_shape
    size = max(1, min(BATCH, BATCH_BYTES // (4 * prod(shape))))
    with Executor(model.network, model.experiment.loss, workers=workers) as executor:
        for start in range(0, len(files), size):
            part = files[start : start + size]
            prepared, problems = _read(model, part, resize)
            if prepared:
                outputs = iter(model.in_pixels(predict(executor, np.concatenate(prepared))))
            for file, problem in zip(part, problems, strict=True):
                yield FilePrediction(file, None if problem else next(outputs), problem)


def save_predictions(
    predictions: Iterable[FilePrediction], outputs: Sequence[Path]
) -> Iterator[FilePrediction]:
    """Write the images that a network made as PNG files, and yield these; pixels are cut to [0, 1].

    Args:
        predictions: those of `predict_files`.
        outputs: where each goes, as `output_files` gives them.

    Raises:
        DataError: they have not 1 or 3 channels, or one cannot be written.
    """
    for prediction, path in zip(predictions, outputs, strict=True):
        if not isinstance(prediction.output, np.ndarray):
            yield prediction
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as fresh:
                write_image(fresh, np.clip(np.nan_to_num(prediction.output), 0, 1), 1.0)
        except OSError as error:
            raise DataError(f"{path}: cannot be written ({error.strerror})") from None
        yield prediction._replace(output=path)


def _read(model: Model, files: Sequence[ImageFile], resize: bool) -> tuple[list[Array], list[str]]:
    """Return those files that can be used, ready for the network, and what is wrong with each."""
    prepared, problems = [], []
    for file in files:
        try:
            prepared.append(model.prepare(file.path, resize=resize))
            problems.append("")
        except DataError as error:
            problems.append(str(error))
    return prepared, problems
