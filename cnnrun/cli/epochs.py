"""The table of a run's epochs; of a run of very many it shows the first and the last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from cnnrun.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from cnnrun.runs import Run

__all__ = ["EpochTable", "Extent"]


@dataclass(frozen=True)
class Extent:
    """How many rows a table has at most; of more it shows so many of the first and of the last."""

    most: int
    first: int
    last: int


class EpochTable:
    """A row for every epoch of a run that is shown."""

    def __init__(
        self, run: Run, columns: Mapping[str, Callable[[dict[str, Any]], str]], extent: Extent
    ) -> None:
        """Read the log once, and keep the rows that are shown.

        Args:
            run: whose epochs.
            columns: by heading, what makes a cell of a line of the log.
            extent: how many rows are shown.

        Raises:
            RunError: a line is damaged.
        """
        rows = ([cell(line) for cell in columns.values()] for line in run.epochs())
        first = list(islice(rows, extent.first))
        last: deque[list[str]] = deque(maxlen=extent.most - extent.first)
        count = len(first)
        for row in rows:
            last.append(row)
            count += 1
        self.left_out = count - extent.first - extent.last if count > extent.most else 0
        self.rows = [*first, *last]
        if self.left_out:
            self.rows = [*first, ["..."] * len(columns), *list(last)[-extent.last :]]
        self._run, self._headings = run, list(columns)

    def print(self, title: str) -> None:
        """Print the table, and where the epochs are that it leaves out."""
        print_table(title, self._headings, self.rows)
        if self.left_out:
            print_text(f"{self.left_out:,} epochs are left out here; {self._run.log} has all")
