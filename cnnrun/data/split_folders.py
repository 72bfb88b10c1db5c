"""Finds the splits inside a data set's folder, and knows them by the names in use."""

from __future__ import annotations

from pathlib import Path

from cnnrun.data.hidden import hidden
from cnnrun.errors import DataError

__all__ = ["NAMED", "split_folders", "split_named", "unread_folders"]

NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
NAMED = "train (training), val (valid, validation, dev), test (testing)"
"""The names, as messages list them."""


def split_named(name: str) -> str | None:
    """Return the split that a name means, in any case of letters; None if it means none."""
    plain = name.strip().lower()
    return next((split for split, names in NAMES.items() if plain in names), None)


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folders of the splits that have folders inside; none if there is no such folder.

    Raises:
        DataError: there are others but no `train/`, or two that mean the same split.
    """
    present: dict[str, list[Path]] = {split: [] for split in NAMES}
    for folder in sorted(root.glob("*")):
        split = split_named(folder.name)
        if split is not None and _folders_inside(folder):
            present[split].append(folder)
    for split, folders in present.items():
        if len(folders) > 1:
            which = "validation" if split == "val" else split
            raise DataError(
                f"{root}: has {' and '.join(f'{folder.name}/' for folder in folders)}, which all "
                f"mean the {which} split; keep one"
            )
    single = {split: folders[0] for split, folders in present.items() if folders}
    if single and "train" not in single:
        raise DataError(
            f"{root}: has {' and '.join(f'{folder.name}/' for folder in single.values())} with "
            "folders inside, but no train/"
        )
    return single


def unread_folders(root: Path, splits: dict[str, Path]) -> tuple[str, ...]:
    """Return a note on each folder beside the splits' that looks like one, and is not read."""
    if not splits:
        return ()
    inside = _folders_inside(splits["train"])
    return tuple(
        f"{folder.name}/ is not read: it has the same folders as {splits['train'].name}/, but its "
        f"name means no split; known are {NAMED}"
        for folder in sorted(root.glob("*"))
        if not hidden(folder.name)
        and folder not in splits.values()
        and inside & _folders_inside(folder)
    )


def _folders_inside(folder: Path) -> set[str]:
    return {entry.name for entry in folder.glob("*") if entry.is_dir()}
