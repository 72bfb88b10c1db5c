"""Makes the folder of a new run, which appears whole or not at all."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cnnrun.errors import RunError
from cnnrun.runs.files import sync_folder, write_durably
from cnnrun.runs.folder import Run, date_last

__all__ = ["claim_run"]

ABANDONED_SECONDS = 3600.0
"""Age from which a folder that was being written is taken for one that a kill left behind."""


def claim_run(runs_dir: Path, name: str, contents: Mapping[str, bytes]) -> Run:
    """Create the next free folder `NAME-0001`, `NAME-0002`, ... with these files; return the run.

    The files are written into a folder beside it, which takes its name when they are on the disk.
    Of two that claim at once one finds the name taken, since a folder that is not empty is never
    replaced, and takes the next.

    Args:
        runs_dir: where the run's folder is created.
        name: of the experiment.
        contents: the files to begin with, by name, which may be in a folder: `plugins/p.py`.

    Raises:
        RunError: the folder cannot be created. Then there is no run.
    """
    unfinished = runs_dir / f".{name}-{uuid.uuid4().hex[:8]}.new"
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(runs_dir)
        unfinished.mkdir()
        for name_inside, content in contents.items():
            file = unfinished / name_inside
            if file.parent != unfinished:
                file.parent.mkdir(exist_ok=True)
            write_durably(file, content)
            sync_folder(file.parent)
        date_last(Run(unfinished).config, runs_dir)
        sync_folder(unfinished)
        run = Run(_rename(unfinished, name))
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise RunError(f"{runs_dir}: cannot create a run ({error.strerror})") from None
    with suppress(OSError):  # it is there, whether or not the machine would remember
        sync_folder(runs_dir)
    return run


def _rename(unfinished: Path, name: str) -> Path:
    """Give a folder the next free name; return where it is now."""
    runs_dir = unfinished.parent
    taken = [
        int(match[1])
        for entry in runs_dir.iterdir()
        if (match := re.fullmatch(re.escape(name) + r"-(\d{4,})", entry.name))
    ]
    number = max(taken, default=0) + 1
    while True:
        folder = runs_dir / f"{name}-{number:04d}"
        try:
            return unfinished.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            number += 1


def _remove_abandoned(runs_dir: Path) -> None:
    """Remove the folders of those that were killed before they had claimed a run."""
    for folder in runs_dir.glob(".*.new"):
        with suppress(OSError):  # somebody else may be removing it
            if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
