"""Reads CSV files, plain or compressed, row by row; mistakes are named by line and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from io import BufferedIOBase
from math import inf, isfinite
from pathlib import Path
from typing import NamedTuple

from cnnrun.data.compressed import expands_too_far, opened
from cnnrun.data.images import SUFFIXES
from cnnrun.errors import DataError, excerpt, shortened

__all__ = ["Column", "CsvFile", "Row", "number"]

Column = str | int
"""A column by its name, or by its number: from 1, or from -1 at the end."""
DELIMITERS = (",", ";", "\t")
LONGEST_LINE = 16 << 20  # bytes
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Row(NamedTuple):
    """The cells of a row, and the line on which it ends."""

    line: int
    cells: list[str]


def number(text: str) -> float | None:
    """Return the number that a cell holds; none for text, nothing, or what is not finite."""
    value = float(text) if NUMBER.fullmatch(text := text.strip()) else inf
    return value if isfinite(value) else None


class CsvFile:
    """A table in a file, separated by commas, semicolons or tabs.

    Attributes:
        path, split: as given.
        names: what its first line calls the columns, if that is a header.
        width: how many columns it has.

    Args:
        path: the file.
        header: whether its first line names the columns; by default the first two lines tell.
        split: what its rows belong to, where no column says it.

    Raises:
        DataError: it cannot be read, is empty, has one column, or does not tell whether it has a
            header.
    """

    def __init__(self, path: Path, header: bool | None, split: str = "train") -> None:
        self.path, self.split = path, split
        with opened(path) as (stream, compressed):
            first = next(filter(str.strip, self._lines(stream, compressed)), "")
        self._delimiter = max(DELIMITERS, key=first.count)
        self._header = False
        rows = self._rows()
        top, second = next(rows, None), next(rows, None)
        rows.close()
        if top is None:
            raise DataError(f"{path}: an empty file")
        if len(top.cells) < 2:
            raise DataError(
                f"{path}:1: one column only, {excerpt(top.cells[0])}; columns are separated by "
                "commas, semicolons or tabs"
            )
        self.width = len(top.cells)
        self._header = self._has_header(top, second) if header is None else header
        self.names = tuple(cell.strip() for cell in top.cells) if self._header else ()

    def rows(self) -> Iterator[Row]:
        """Yield the rows behind the header.

        Raises:
            DataError: a row has more or fewer columns than the first, or cannot be read.
        """
        rows = self._rows()
        if self._header:
            next(rows)
        for row in rows:
            if len(row.cells) != self.width:
                raise DataError(
                    f"{self.path}:{row.line}: {len(row.cells)} columns, the first line has "
                    f"{self.width}"
                )
            yield row

    def index(self, column: Column, option: str) -> int:
        """Return a column's number, from 0; `option` is what gave it.

        Raises:
            DataError: there is no such column, or there are several.
        """
        if isinstance(column, str):
            count = self.names.count(column)
            if count != 1:
                names = shortened(", ".join(filter(None, self.names)), 200)
                have = f"has {names}" if self.names else "has no header: give columns by number"
                what = "no column is" if not count else f"{count} columns are"
                raise DataError(
                    f"{self.path}: {option}: {what} called {excerpt(column)}; it {have}"
                )
            return self.names.index(column)
        if column == 0 or abs(column) > self.width:
            raise DataError(
                f"{self.path}: {option}: no column {column}; they are 1 to {self.width}, or -1 for "
                "the last"
            )
        return column - 1 if column > 0 else self.width + column

    def name(self, index: int) -> str:
        """Return what a column is called, by its name or its number."""
        return self.names[index] if self.names and self.names[index] else f"column {index + 1}"

    def described(self) -> str:
        """Return the columns in words."""
        return shortened(", ".join(self.names), 200) if self.names else f"{self.width} columns"

    def error(self, line: int, index: int, cell: str, problem: str) -> DataError:
        """Return what is to be raised of a cell."""
        shown = excerpt(cell.strip())
        return DataError(f"{self.path}:{line}: column {index + 1}: {shown} {problem}")

    def _has_header(self, top: Row, second: Row | None) -> bool:
        """Return whether the first row names what the others hold.

        Raises:
            DataError: it counts 0, 1, 2, ..., as names that pandas gives, or as pixels could.
        """
        if top.cells == [str(index) for index in range(self.width)] and self.width > 2:
            raise DataError(
                f"{self.path}:1: the first line counts 0, 1, 2, ...; say header: true if these are "
                "the columns' names, or header: false if it is data"
            )
        below = second.cells if second and len(second.cells) == self.width else [""] * self.width
        for cell, under in zip(top.cells, below, strict=True):
            if number(cell) is None and number(under) is not None:
                return True
            if not _is_image(cell) and _is_image(under):
                return True
        return False

    def _rows(self) -> Generator[Row, None, None]:
        with opened(self.path) as (stream, compressed):
            lines = self._lines(stream, compressed)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            try:
                for cells in reader:
                    if cells:
                        yield Row(reader.line_num, cells)
            except csv.Error as error:
                raise DataError(f"{self.path}:{reader.line_num}: {error}") from None

    def _lines(self, stream: BufferedIOBase, compressed: bool) -> Iterator[str]:
        """Yield lines as text; no line, and no bomb, takes more memory than a line may."""
        size = number = 0
        while line := stream.readline(LONGEST_LINE):
            size, number = size + len(line), number + 1
            where = f"{self.path}:{number}"
            if len(line) == LONGEST_LINE:
                raise DataError(f"{where}: longer than {LONGEST_LINE:,} bytes; not a CSV file")
            if compressed and expands_too_far(self.path, size):
                raise DataError(f"{where}: expands too far: it may be a decompression bomb")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{where}: not UTF-8 text, at byte {error.start + 1} of the line; save it as "
                    "CSV in UTF-8"
                ) from None


def _is_image(cell: str) -> bool:
    return Path(cell.strip()).suffix.lower() in SUFFIXES
