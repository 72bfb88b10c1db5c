"""What `init --data` is given: which source reads it, with which options."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cnnrun.config.hints import is_required
from cnnrun.config.loading import named_dataset
from cnnrun.data import DATASETS, DatasetSource
from cnnrun.data.image_files import SizesDifferError
from cnnrun.data.npz_recognition import fitting_options
from cnnrun.data.recognition import Recognised, recognise
from cnnrun.data.sources import Npz
from cnnrun.data.unrecognised import why_unrecognised
from cnnrun.errors import DataError

__all__ = ["StartingData", "starting_data"]

LARGEST = 96  # pixels of the longer side; what is larger is scaled, where the source can do that
SEVERAL_SIZES = 64
PIXEL_OPTIONS = ("maximum", "range")
"""Of `npz`: which pixels mean 0 and 1; one of them is given."""


@dataclass(frozen=True)
class StartingData:
    """Data that a configuration is to be written for.

    Attributes:
        what: they are, in a few words.
        source: that reads them from the working directory.
        options: of the source, as the configuration has them.
        comment: why there is an option that was not asked for.
    """

    what: str
    source: DatasetSource
    options: dict[str, Any]
    comment: str


def starting_data(data: Path | str, file: Path) -> StartingData:
    """Return what data are, and the options with which a configuration reads them.

    Args:
        data: a folder, a file, or a data set by name or as a configuration writes it.
        file: the configuration.

    Raises:
        ConfigError: the data set's options are wrong.
        DataError: nothing reads the data.
    """
    named = named_dataset(data, "--data") if isinstance(data, str) else None
    if named is not None:
        known = Recognised(named.summary or named.type_name, named.type_name, _given(named))
        path = Path(known.options.get("path", named.type_name))
    else:
        path = Path(data).expanduser()
        recognised = recognise(path)
        if recognised is None or not recognised.source:
            raise DataError(f"{path}: {recognised.sentence if recognised else _unknown(path)}")
        known = recognised
    source, more, comment = _completed(known)
    options = {**known.options, **more}
    if "path" in options:
        options["path"] = _relative(Path(options["path"]), path, file)
    return StartingData(f"{path}: {known.what}", source, options, comment)


def _given(source: DatasetSource) -> dict[str, Any]:
    """Return the options of a source that are not their defaults."""
    values = {field.name: (getattr(source, field.name), field.default) for field in fields(source)}
    return {name: value for name, (value, default) in values.items() if value != default}


def _unknown(path: Path) -> str:
    if not os.path.exists(path):  # unlike a Path's, it takes any name
        return "no such file or folder"
    if why := why_unrecognised(path):
        return why
    readers = [
        name
        for name in DATASETS
        if any(field.name == "path" and is_required(field) for field in fields(DATASETS.get(name)))
    ]
    return (
        f"not known by its names or first bytes; what is read: {', '.join(readers)} "
        "(docs/data.md has an example of each)"
    )


def _completed(known: Recognised) -> tuple[DatasetSource, dict[str, Any], str]:
    """Return the source, the options that were added to it, and why in a few words."""
    cls: Any = DATASETS.get(known.source)
    if cls is Npz:
        more, why = fitting_options(Path(known.options["path"]))
        said = {*known.options} & {*PIXEL_OPTIONS}
        given = {*known.options, *(PIXEL_OPTIONS if said else ())}
        more = {name: value for name, value in more.items() if name not in given}
        return _built(cls, known.options | more), more, why if more else ""
    source = _built(cls, known.options)
    size, why = _size(source)
    if size is None:
        return source, {}, ""
    return replace(source, size=size), {"size": list(size)}, why  # type: ignore[call-arg]


def _built(cls: Any, options: dict[str, Any]) -> DatasetSource:
    """Return a source with options as YAML has them."""
    values = {key: tuple(item) if isinstance(item, list) else item for key, item in options.items()}
    source: DatasetSource = cls(**values)
    return source


def _size(source: Any) -> tuple[tuple[int, int] | None, str]:
    """Return to what size images must be scaled: because theirs differ, or are large."""
    can_scale = getattr(source, "size", 0) is None
    try:
        height, width, _ = source.info(Path()).image_shape
    except SizesDifferError:
        size = SEVERAL_SIZES, SEVERAL_SIZES
        replace(source, size=size).info(Path())  # or what is wrong is something else
        return size, "sizes differ: all are scaled (see fit)"
    if not can_scale or getattr(source, "shape", None) or max(height, width) <= LARGEST:
        return None, ""
    factor = LARGEST / max(height, width)
    size = max(1, round(height * factor)), max(1, round(width * factor))
    try:
        replace(source, size=size).info(Path())
    except DataError:  # a source of pixels
        return None, ""
    return size, f"{height}x{width} scaled, so that the first training is short"


def _relative(path: Path, data: Path, file: Path) -> str:
    """Return a path as the configuration names it: relative to its folder, if the data's was."""
    if data.is_absolute():
        return path.as_posix()
    return Path(os.path.relpath(path, file.parent)).as_posix()
