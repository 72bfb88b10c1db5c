"""Says what a file or folder holds, and which source reads it: by names and first bytes alone."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from cnnrun.data.cifar_layout import CIFAR10, CIFAR100, PICKLED
from cnnrun.data.compressed import GZIP
from cnnrun.data.csv_recognition import recognised_csv
from cnnrun.data.hidden import hidden
from cnnrun.data.idx_file import IDX_NAME
from cnnrun.data.images import SUFFIXES
from cnnrun.data.split_folders import split_named
from cnnrun.errors import DataError

__all__ = ["Recognised", "hinting", "recognise"]

ARCHIVE = "unpack it, and give the folder"
ARRAYS = 'save images and labels as one .npz: numpy.savez("x.npz", images=images, labels=labels)'
PICKLE = "it could run code when it is read, and never is; " + ARRAYS
FOREIGN = (
    (b"\x93NUMPY", "one NumPy array", ARRAYS),
    (b"\x89HDF\r\n", "an HDF5 file", ARRAYS),
    (b"PAR1", "a Parquet file", ARRAYS),
    (b"MATLAB", "a MATLAB file", ARRAYS),
    (b"\x80\x02", "a pickled file", PICKLE),
    (b"\x80\x03", "a pickled file", PICKLE),
    (b"\x80\x04", "a pickled file", PICKLE),
    (b"\x80\x05", "a pickled file", PICKLE),
    (b"Rar!", "an archive", ARCHIVE),
    (b"7z\xbc\xaf", "an archive", ARCHIVE),
    (b"BZh", "an archive", ARCHIVE),
    (b"\xfd7zXZ", "an archive", ARCHIVE),
)
"""What no source reads, by its first bytes: what it is, and what to do."""
TABLES = (".csv", ".tsv", ".txt")
HEAD = 4096
MOST_ENTRIES = 20_000
PLAIN = re.compile(r"[A-Za-z_./~][\w./~-]*")


class Recognised(NamedTuple):
    """What a path is.

    Attributes:
        what: in words, such as "MNIST's files (IDX)".
        source: the name of the source that reads it; empty if none does.
        options: of the source.
        advice: what to do where no source reads it.
    """

    what: str
    source: str = ""
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    advice: str = ""

    @property
    def sentence(self) -> str:
        """What it is and what to do, as the end of a message."""
        if not self.source:
            return f"this is {self.what}: {self.advice}"
        return f"this is {self.what}: use {self.source}: {as_yaml(self.options)}"


def as_yaml(value: Any) -> str:
    """Return plain values as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, float):
        return f"{value:.17g}" if value.is_integer() else repr(value)
    plain = isinstance(value, str) and PLAIN.fullmatch(value)
    reserved = str(value).lower() in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
    return value if plain and not reserved else json.dumps(value, ensure_ascii=False)


@contextmanager
def hinting(path: Path, source: str) -> Iterator[None]:
    """Complete what `source` says of a path that it cannot read, if that is for another source."""
    try:
        yield
    except DataError as error:
        other = recognise(path)
        if other is None or other.source == source:
            raise
        raise DataError(f"{error}; {other.sentence}") from None


def recognise(path: Path) -> Recognised | None:
    """Return what a file or folder is; None if that is not known, or nothing is there.

    Where a folder has nothing but one that is known, that one is.
    """
    try:
        return _folder(path) if path.is_dir() else _file(path) if path.is_file() else None
    except Exception:  # zipfile, gzip and the system raise whatever a damaged file leads them to
        return None


def _folder(folder: Path) -> Recognised | None:
    entries = sorted(islice(folder.iterdir(), MOST_ENTRIES))
    folders = [entry for entry in entries if entry.is_dir() and not hidden(entry.name)]
    files = [entry for entry in entries if entry.is_file() and not hidden(entry.name)]
    names = {file.name for file in files}
    prefixes = {match["prefix"] for match in map(IDX_NAME.fullmatch, names) if match}
    if prefixes:
        return _idx(folder, min(prefixes), several=len(prefixes) > 1)
    for layout, title in ((CIFAR10, "CIFAR-10"), (CIFAR100, "CIFAR-100")):
        if names.intersection(layout.files):
            return Recognised(f"{title}, the binary version", "cifar", {"path": str(folder)})
    if names.intersection(PICKLED):
        advice = "it is pickled, and never loaded; take the 'binary version' (...-binary.tar.gz)"
        return Recognised("the 'python version' of CIFAR", advice=advice)
    if images := _images(folder, folders):
        return images
    tables = [file for file in files if _table(file)]
    train = [file for file in tables if file.name.startswith("train.")]
    for one in (tables, train, [file for file in files if file.suffix == ".npz"]):
        if len(one) == 1:
            return _file(one[0])
    if any(file.suffix.lower() in SUFFIXES for file in files):
        return Recognised(
            "a folder of images without classes",
            advice="put those of each class into a folder of its own, or list all of them with "
            "their labels in a CSV file",
        )
    return _folder(folders[0]) if len(folders) == 1 and not files else None


def _images(folder: Path, folders: list[Path]) -> Recognised | None:
    """Return what folders inside say of images: classes, splits of them, or pairs."""
    named = [entry for entry in folders if split_named(entry.name) == "train"]
    train = next((entry for entry in named if _subfolders(entry)), None)  # else a class: car, train
    if any(entry and _holds(entry, "inputs", "targets") for entry in (folder, train)):
        return Recognised("pairs of images", "image_pairs", {"path": str(folder)})
    inner = _subfolders(train) if train else folders
    if len([entry for entry in inner if _has_images(entry)]) >= 2:
        what = "images in a folder for each class"
        return Recognised(what, "image_folder", {"path": str(folder)})
    return None


def _subfolders(folder: Path) -> list[Path]:
    return [entry for entry in islice(folder.iterdir(), MOST_ENTRIES) if entry.is_dir()]


def _holds(folder: Path, *names: str) -> bool:
    return all((folder / name).is_dir() for name in names)


def _has_images(folder: Path) -> bool:
    return any(entry.suffix.lower() in SUFFIXES for entry in islice(folder.iterdir(), 1000))


def _idx(folder: Path, prefix: str, several: bool) -> Recognised:
    options: dict[str, Any] = {"path": str(folder)}
    if prefix or several:
        options["prefix"] = prefix
    if prefix.startswith("emnist"):  # whose images lie on their side
        options["transpose"] = True
    if prefix == "emnist-letters":
        options["first_label"] = 1
    return Recognised("MNIST's file format (IDX)", "idx", options)


def _file(path: Path) -> Recognised | None:
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    name = path.name
    if head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            inside = islice(archive.namelist(), MOST_ENTRIES)
            arrays = any(entry.endswith(".npy") for entry in inside)
        if arrays:
            return Recognised("a NumPy .npz file", "npz", {"path": str(path)})
        return Recognised("an archive", advice=ARCHIVE)
    if head.startswith(GZIP):
        with gzip.open(path) as expanded:
            head, name = expanded.read(HEAD), name.removesuffix(".gz")
    if head[257:262] == b"ustar":
        return Recognised("an archive", advice=ARCHIVE)
    for magic, what, advice in FOREIGN:
        if head.startswith(magic):
            return Recognised(what, advice=advice)
    if head[128:132] == b"DICM":
        return Recognised("a DICOM file", advice=ARRAYS)
    if head[:2] == b"\0\0" and len(head) > 4 and head[2:3] in b"\x08\x09\x0b\x0c\x0d\x0e":
        if match := IDX_NAME.fullmatch(path.name):
            return _idx(path.parent, match["prefix"], several=True)
        return Recognised("an IDX file", advice="idx takes its folder, and the files by name")
    if name in (*CIFAR10.files, *CIFAR100.files):
        return _folder(path.parent)
    if Path(name).suffix.lower() in SUFFIXES:
        return Recognised("one image", advice="give the folder of all images")
    if _table(path) and b"\0" not in head:
        what, options = recognised_csv(path)
        return Recognised(what, "csv", options)
    return None


def _table(path: Path) -> bool:
    return Path(path.name.removesuffix(".gz")).suffix.lower() in TABLES
