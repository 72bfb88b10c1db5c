"""Run directories: found by name, and read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import BaseFileLock

from cnnrun.errors import RunError
from cnnrun.notebook import cell, html_table
from cnnrun.runs.locking import hold, is_held

if TYPE_CHECKING:
    from cnnrun.runs.model import Model

__all__ = ["GROUP_FILE", "Run", "date_last", "find_run", "folders_by_date", "list_runs"]

GROUP_FILE = "group.json"
"""Tells the folder of a group of runs from that of a run."""
TICK = 1_000_000
"""Nanoseconds between two runs at least: a time that file systems tell apart."""


@dataclass(frozen=True)
class Run:
    """The directory of one training.

    Attributes:
        folder: where it is.
        data_roots: folders below which its data were, and where each is now.
    """

    folder: Path
    data_roots: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The directory's name, such as `lenet-mnist5k-0001`."""
        return self.folder.name

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.folder / "config.yaml"

    def kept_config(self, digest: str) -> Path:
        """Return where a configuration of that SHA-256 is kept after another took its place."""
        return self.folder / "configs" / f"{digest[:12]}.yaml"

    def kept_plugin(self, name: str, digest: str) -> Path:
        """Return where the copy of a plug-in of that file name and SHA-256 is kept."""
        return self.folder / "plugins" / f"{name.removesuffix('.py')[:50]}-{digest[:12]}.py"

    @property
    def log(self) -> Path:
        """The file with a line of metrics for every epoch."""
        return self.folder / "metrics.jsonl"

    @property
    def results(self) -> Path:
        """The same as a table, with a row for every epoch."""
        return self.folder / "results.csv"

    @property
    def reproduces(self) -> str | None:
        """The run that it was trained to repeat; None for any other, and if it cannot be told."""
        try:
            noted = self.record.get("reproduces")
        except RunError:
            return None
        return noted["run"] if noted else None

    @property
    def layers(self) -> Path:
        """The file with a line for every step that was measured layer by layer."""
        return self.folder / "layers.jsonl"

    @property
    def digests(self) -> Path:
        """The file with digests of the weights, a line for every epoch at least."""
        return self.folder / "digests.jsonl"

    @property
    def plots(self) -> Path:
        """The folder of pictures."""
        return self.folder / "plots"

    def checkpoint(self, which: str) -> Path:
        """Return the folder of the checkpoint `last` or `best`."""
        return self.folder / "checkpoints" / which

    @property
    def record_file(self) -> Path:
        """The file with circumstances and results."""
        return self.folder / "run.json"

    @property
    def record(self) -> dict[str, Any]:
        """What `run.json` says now; the status is `stopped` where it says `running` and nobody is.

        Raises:
            RunError: it is missing or damaged.
        """
        from cnnrun.config.stored import RunRecord, read_stored  # pydantic is not light

        path = self.record_file
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise RunError(f"{path}: missing; {self.folder} is not a complete run") from None
        except OSError as error:
            raise RunError(f"{path}: cannot be read ({error.strerror})") from None
        document = read_stored(RunRecord, content, str(path), RunError)
        if document.get("status") == "running" and not is_held(self.folder):
            document["status"] = "stopped"
        return document

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The figures of every epoch so far; `epochs` says which.

        Raises:
            RunError: a line is damaged.
        """
        return list(self.epochs())

    def epochs(self) -> Iterator[dict[str, Any]]:
        """Yield the figures of every epoch so far, one by one: the lines of the log that are whole.

        Raises:
            RunError: a line is damaged.
        """
        from cnnrun.config.stored import EpochLine, read_stored  # pydantic is not light

        try:
            with self.log.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if not line.endswith(b"\n"):  # a cut line, the last
                        return
                    figures = read_stored(EpochLine, line, f"{self.log}:{number}", RunError)
                    # Every line's keys are the same strings, kept once.
                    yield {sys.intern(key): value for key, value in figures.items()}
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunError(f"{self.log}: cannot be read ({error.strerror})") from None

    def model(self, checkpoint: str = "best") -> Model:
        """Return the trained network with the weights of the checkpoint `best` or `last`.

        Raises:
            CheckpointError: there is no such checkpoint, or it is damaged.
        """
        from cnnrun.runs.model import load_model

        return load_model(self, checkpoint)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the status, and the figures of the best epoch and test."""
        try:
            record = self.record
        except RunError as error:
            return html_table(self.name, str(error), (), ())
        best, test = record.get("best") or {}, record.get("test") or {}
        columns = ("", "epoch", "loss", "accuracy")
        rows = [
            ("validation", best.get("epoch"), best.get("val_loss"), best.get("val_accuracy")),
            ("test", best.get("epoch"), test.get("loss"), test.get("accuracy")),
        ]
        summary = (
            f"{record.get('status')}, {cell(record.get('parameters'))} parameters, "
            f"{cell(record.get('seconds'))} s, {self.folder}"
        )
        return html_table(self.name, summary, columns, [tuple(map(cell, row)) for row in rows])

    def with_data_root(self, old: Path | str, new: Path | str) -> Run:
        """Return the run with its data, which were below the folder `old`, below `new`."""
        return replace(self, data_roots=(*self.data_roots, (str(old), str(new))))

    def lock(self) -> BaseFileLock:
        """Lock the run and return the lock, which is held until it is released or the process ends.

        Raises:
            RunError: another process holds it, or the folder is not writable.
        """
        return hold(self.folder)


def list_runs(runs_dir: Path | str = "runs") -> list[Run]:
    """Return the runs in a directory, the oldest first: by the times of their configurations.

    `date_last` sees to it that a new run's time is the latest, whatever the clock says.
    """
    return [Run(folder) for folder in folders_by_date(Path(runs_dir), "config.yaml")]


def date_last(config: Path, runs_dir: Path) -> None:
    """Give a configuration a time later than that of every other run, or group, in `runs_dir`.

    The clock does so by itself, unless it was set back, or a run was copied from a machine whose
    clock is ahead. Where no time can be set, the clock's stands.
    """
    with suppress(OSError):
        dates = _dates(runs_dir, config.name)
        dates.pop(config.parent, None)
        latest = max(dates.values(), default=0)
        if config.stat().st_mtime_ns <= latest:
            os.utime(config, ns=(latest + TICK, latest + TICK))


def folders_by_date(runs_dir: Path, file: str) -> list[Path]:
    """Return the folders in a directory that have a file of that name, by its time."""
    dates = _dates(runs_dir, file)
    return sorted(dates, key=lambda folder: (dates[folder], folder.name))


def _dates(runs_dir: Path, file: str) -> dict[Path, int]:
    """Return the folders that have such a file, each with its time in nanoseconds."""
    dates = {}
    if runs_dir.is_dir():
        for path in runs_dir.glob(f"[!.]*/{file}"):
            with suppress(OSError):  # the run is being removed
                dates[path.parent] = path.stat().st_mtime_ns
    return dates


def find_run(name: str, runs_dir: Path) -> Run:
    """Return the run called `name`: a directory, a name in `runs_dir`, or `last`.

    `last` passes over the repetitions that `reproduce` has made. A name without its number means
    the newest of that name.

    Raises:
        RunError: there is none; the message says what there is.
    """
    runs = list_runs(runs_dir)
    if name == "last":
        if not runs:
            raise RunError(f"{runs_dir}: there are no runs yet; `cnnrun train` makes one")
        return next((run for run in reversed(runs) if run.reproduces is None), runs[-1])
    for folder in (runs_dir / name, Path(name)):
        if (folder / "config.yaml").is_file():
            return Run(folder)
        if (folder / GROUP_FILE).is_file():
            raise RunError(f"{folder}: a group of runs; name one of them")
    numbered = re.compile(re.escape(name) + r"-\d{4,}")
    same = [run for run in runs if numbered.fullmatch(run.name)]
    if same:
        return same[-1]
    for file in runs_dir.glob(f"*/{GROUP_FILE}"):
        if numbered.fullmatch(file.parent.name):
            raise RunError(f"{name}: a group of runs; name one of them")
    for folder in (runs_dir / name, Path(name)):
        if folder.is_dir():
            raise RunError(f"{folder}: not a run; it has no config.yaml")
    known = ", ".join(run.name for run in runs[-5:]) or "none"
    raise RunError(f"no run is called {name!r} in {runs_dir}; the latest: {known}")
