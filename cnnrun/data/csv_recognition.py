"""Says what a CSV file is, and with which options it is read, by its first rows."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from cnnrun.data.csv_columns import LABELS, called, image_columns
from cnnrun.data.csv_file import CsvFile, Row, number
from cnnrun.data.csv_labels import SEPARATOR
from cnnrun.data.csv_table import open_files
from cnnrun.errors import DataError

__all__ = ["recognised_csv"]

ROWS = 200
"""Rows that are looked at."""


def recognised_csv(path: Path) -> tuple[str, dict[str, Any]]:
    """Return what a file is, in words, and the options of `csv` that read it, as far as they tell.

    Of `train.csv` and `test.csv` with the same columns, the second is the test split of the first.
    """
    options: dict[str, Any] = {"path": str(path)}
    try:
        file = CsvFile(path, None)
        rows = list(islice(file.rows(), ROWS))
        listed = image_columns(file, [])
    except DataError:
        return "a CSV file", options
    options |= _others(path)
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
