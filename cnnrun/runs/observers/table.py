"""Keeps `results.csv`: the epochs of `metrics.jsonl` as a table, for spreadsheets."""

from __future__ import annotations

from typing import Any

from cnnrun.runs.events import EpochFinished, Event
from cnnrun.runs.files import replace_file
from cnnrun.runs.folder import Run

__all__ = ["ResultsTable"]


class ResultsTable:
    """Appends a row for every epoch, which the log has before.

    The table follows from the log: it is written anew where a training goes on, and where an epoch
    has other figures than those before it.
    """

    def __init__(self, run: Run) -> None:
        """Write the table of the epochs that count: those of the run's log, which has been cut."""
        self._run = run
        self._columns: tuple[str, ...] = ()
        self._write()

    def __call__(self, event: Event) -> None:
        """Write a finished epoch down."""
        if not isinstance(event, EpochFinished):
            return
        figures = event.metrics.to_json()
        if tuple(figures) != self._columns:
            self._write()
            return
        with self._run.results.open("a", encoding="utf-8", newline="") as file:
            file.write(self._row(figures))

    def _write(self) -> None:
        """Write the whole table; none where there is no epoch yet."""
        epochs = list(self._run.epochs())
        keys = dict.fromkeys(key for epoch in epochs for key in epoch if key != "kind")
        self._columns = tuple(keys)
        if not epochs:
            self._run.results.unlink(missing_ok=True)
            return
        rows = [",".join(self._columns) + "\n", *map(self._row, epochs)]
        replace_file(self._run.results, "".join(rows).encode())

    def _row(self, figures: dict[str, Any]) -> str:
        values = (figures.get(column) for column in self._columns)
        return ",".join("" if value is None else repr(value) for value in values) + "\n"
