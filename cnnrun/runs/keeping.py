"""Keeps runs in order: tags them, packs one into a file, and removes those no longer wanted."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path

from cnnrun.errors import ConfigError, RunError
from cnnrun.runs.files import sync_folder, write_json
from cnnrun.runs.folder import GROUP_FILE, Run, find_run
from cnnrun.runs.groups import find_group, is_group
from cnnrun.runs.locking import is_held

__all__ = ["export_run", "removable", "remove_runs", "tag_run", "tags_of"]

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def tags_of(run: Run) -> list[str]:
    """Return a run's tags, in alphabetical order.

    Raises:
        RunError: the file that holds them is damaged.
    """
    path = _tags_file(run)
    try:
        tags = json.loads(path.read_bytes())["tags"]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        tags = None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RunError(f'{path}: damaged; it should read {{"tags": ["TAG", ...]}}')
    return sorted(tags)


def tag_run(run: Run, add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[str]:
    """Give a run tags, or take tags from it; return those that it has then.

    Raises:
        ConfigError: a tag is not a word, or the run has no such tag to take.
        RunError: the tags cannot be read or written.
    """
    for tag in add:
        if not TAG.fullmatch(tag):
            raise ConfigError(
                f"tag {tag!r}: a tag is 1 to 40 letters, digits, dots, - and _, and begins with a "
                "letter or digit"
            )
    tags = set(tags_of(run))
    if unknown := sorted(set(remove) - tags):
        has = ", ".join(sorted(tags)) or "none"
        raise ConfigError(f"{run.name} has no tag {unknown[0]!r}; its tags: {has}")
    wanted = sorted((tags | set(add)) - set(remove))
    try:
        write_json(_tags_file(run), {"tags": wanted})
    except OSError as error:
        raise RunError(f"{run.folder}: cannot be written to ({error.strerror})") from None
    return wanted


def removable(names: Sequence[str], runs_dir: Path) -> list[Run]:
    """Return the runs of these names, each once, that may be removed; of a group all, and itself.

    Raises:
        RunError: one is missing, lies elsewhere, is being trained, or is not a run of cnnrun's.
    """
    named = [run for name in names for run in _named(name, runs_dir)]
    runs = {run.folder.resolve(): run for run in named}
    for folder, run in runs.items():
        if folder.parent != runs_dir.resolve() or run.folder.is_symlink():
            raise RunError(f"{run.folder}: not in {runs_dir}; name its folder with --runs-dir")
        if not any((folder / file).is_file() for file in (run.record_file.name, GROUP_FILE)):
            raise RunError(f"{run.folder}: has no run.json, and may be something else than a run")
        if is_held(folder):
            raise RunError(f"{run.folder}: a process is training this run; wait for it, or stop it")
    return list(runs.values())


def _named(name: str, runs_dir: Path) -> list[Run]:
    if not is_group(name, runs_dir):
        return [find_run(name, runs_dir)]
    group = find_group(name, runs_dir)
    return [*group.runs.values(), Run(group.folder)]  # its folder is locked and removed alike


def remove_runs(names: Sequence[str], runs_dir: Path | str = "runs") -> list[str]:
    """Remove runs, or groups, with all that is in their folders; return their names.

    None is removed unless all may be. Each disappears at once, whenever this is interrupted.

    Raises:
        RunError: one may not be removed, as `removable` says, or cannot be.
    """
    runs = removable(names, Path(runs_dir))
    for run in runs:
        lock = run.lock()  # somebody may have begun to train it since
        doomed = run.folder.with_name(f".{run.name}-{uuid.uuid4().hex[:8]}.new")
        try:
            if os.name == "nt":  # Windows renames no folder in which a file is open
                lock.release()
            run.folder.rename(doomed)
        except OSError as error:
            raise RunError(f"{run.folder}: cannot be removed ({error.strerror})") from None
        finally:
            lock.release()
        shutil.rmtree(doomed, ignore_errors=True)  # the next training removes what is left
    return [run.name for run in runs]


def export_run(run: Run, path: Path | str) -> Path:
    """Pack a run's folder into a zip file, which appears whole or not at all; return its path.

    Links are left out, and so is whatever lies outside the folder, such as the data set.

    Raises:
        RunError: the run is being trained, or cannot be read, or the file cannot be written.
    """
    path = Path(path)
    if is_held(run.folder):
        raise RunError(f"{run.folder}: a process is training this run; wait for it, or stop it")
    if run.folder.resolve() in path.resolve().parents:
        raise RunError(f"{path}: lies in the run itself; write it elsewhere")
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            with zipfile.ZipFile(
                file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False
            ) as archive:
                for member in _files_of(run.folder):
                    name = Path(run.folder.resolve().name, member.relative_to(run.folder))
                    archive.write(member, name)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
        sync_folder(path.parent)
    except OSError as error:
        place = error.filename or path
        raise RunError(f"{place}: cannot be packed ({error.strerror})") from None
    finally:
        fresh.unlink(missing_ok=True)
    return path


def _files_of(folder: Path) -> list[Path]:
    """Return the files in a folder and in those below, without links, locks and half files."""
    files: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name == ".lock" or re.fullmatch(r"\..*\.new", entry.name):
            continue
        if entry.is_dir():
            files += _files_of(entry)
        elif entry.is_file():
            files.append(entry)
    return files


def _tags_file(run: Run) -> Path:
    return run.folder / "tags.json"
