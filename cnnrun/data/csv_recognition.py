"""Says what a CSV file is, and with which options it is read, by its first rows."""

from __future__ import annotations

from itertools import islice
from os.path import isfile  # unlike a Path's, it takes any name
from pathlib import Path
from typing import Any

from cnnrun.data.csv_columns import LABELS, called, image_columns
from cnnrun.data.csv_file import CsvFile, Row, number
from cnnrun.data.csv_labels import SEPARATOR
from cnnrun.data.csv_table import open_files
from cnnrun.data.images import SUFFIXES
from cnnrun.errors import DataError

__all__ = ["recognised_csv"]

ROWS = 200
"""Rows that are looked at."""
FIRST_COLUMNS = 8
"""Among which names of files without suffix are looked for."""
MOST_FOLDERS = 50


def recognised_csv(path: Path) -> tuple[str, dict[str, Any]]:
    """Return what a file is, in words, and the options of `csv` that read it, as far as they tell.

    Of `train.csv` and `test.csv` with the same columns, the second is the test split of the first.
    """
    options: dict[str, Any] = {"path": str(path)}
    try:
        file = CsvFile(path, None)
        rows = list(islice(file.rows(), ROWS))
        listed = image_columns(file, [])
        names = {} if listed else _without_suffix(file, rows)
    except DataError:
        return "a CSV file", options
    options |= _others(path) | names
    if names:
        listed = [file.index(names["images"], "images")]
    splits = called(file, ("split",))
    rest = [index for index in range(file.width) if index not in (*listed, *splits)]
    labels = [index for index in called(file, LABELS) if index in rest]
    if not labels:
        labels = rest if listed else rest[:1]
        if len(labels) > 1 and not _numeric(rows, labels):
            return "a CSV file that lists image files", options
    cells = [row.cells[index].strip() for row in rows for index in labels]
    if len(labels) > 1:
        options["label"] = [file.names[index] if file.names else index + 1 for index in labels]
        if any(number(cell) not in (0, 1) for cell in cells):
            options["task"] = "regression"
    elif any(SEPARATOR in cell for cell in cells):
        options["task"] = "multi_label"
    elif _numeric(rows, labels) and any((number(cell) or 0) % 1 for cell in cells):
        options["task"] = "regression"
    return f"a CSV file {'that lists image files' if listed else 'of pixels'}", options


def _without_suffix(file: CsvFile, rows: list[Row]) -> dict[str, Any]:
    """Return the options for a column of names of image files without suffix; none if none is.

    All names differ, and are those of files beside the table or in one folder there, as no pixels
    are.
    """
    folder = file.path.parent
    folders = [folder, *(entry for entry in sorted(folder.iterdir()) if entry.is_dir())]
    for index in range(min(file.width, FIRST_COLUMNS)):
        cells = [row.cells[index].strip() for row in rows]
        if len(cells) < 2 or len({*cells}) < len(cells) or not all(cells):
            continue
        for place in folders[:MOST_FOLDERS]:
            for suffix in sorted(SUFFIXES):
                if all(isfile(place / f"{cell}{suffix}") for cell in cells):
                    column = file.names[index] if file.names else index + 1
                    inside = {"folder": place.name} if place != folder else {}
                    return {"images": column, **inside, "suffix": suffix}
    return {}


def _numeric(rows: list[Row], columns: list[int]) -> bool:
    return all(number(row.cells[index]) is not None for row in rows for index in columns)


def _others(path: Path) -> dict[str, str]:
    """Return the files of other splits beside a file of the training split."""
    if not path.name.startswith("train."):
        return {}
    others: dict[str, str] = {}
    for split in ("val", "test"):
        name = split + path.name.removeprefix("train")
        try:
            if path.with_name(name).is_file() and open_files(path, {split: name}, None):
                others[split] = name
        except DataError:  # as Kaggle's test.csv, which has no labels
            continue
    return others
