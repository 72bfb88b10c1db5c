"""Finds the folders of the splits inside a data set's folder, under the names in use."""

from __future__ import annotations

from pathlib import Path

from cnnrun.errors import DataError

__all__ = ["split_folders"]

NAMES = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folders of the splits that have folders inside; none if there is no such folder.

    Raises:
        DataError: there are others but no `train/`, or two that mean the same split.
    """
    present = {
        split: [root / name for name in names if _has_folders(root / name)]
        for split, names in NAMES.items()
    }
    for folders in present.values():
        if len(folders) > 1:
            raise DataError(
                f"{root}: has {' and '.join(f'{folder.name}/' for folder in folders)}, which both "
                "mean the validation split; keep one"
            )
    single = {split: folders[0] for split, folders in present.items() if folders}
    if single and "train" not in single:
        raise DataError(
            f"{root}: has {' and '.join(f'{folder.name}/' for folder in single.values())} with "
            "folders inside, but no train/"
        )
    return single


def _has_folders(folder: Path) -> bool:
    return any(entry.is_dir() for entry in folder.glob("*"))
