"""Says why it is not known what a file or folder holds: damaged, empty, or more than one thing."""

from __future__ import annotations

import codecs
import gzip
import zipfile
from itertools import islice
from pathlib import Path

from cnnrun.data.compressed import GZIP
from cnnrun.data.hidden import hidden
from cnnrun.data.npz_file import NpzFile
from cnnrun.errors import DataError, shortened

__all__ = ["why_unrecognised"]

READ = (".npz", ".csv", ".tsv", ".csv.gz", ".tsv.gz")
MOST_ENTRIES = 1000
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ZIP = b"PK\x03\x04"


def why_unrecognised(path: Path) -> str | None:
    """Return what stands in the way of knowing what a path holds; None if nothing is to be seen."""
    try:
        return _folder(path) if path.is_dir() else _file(path)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _folder(folder: Path) -> str | None:
    names = sorted(entry.name for entry in islice(folder.iterdir(), MOST_ENTRIES))
    if not names:
        return "an empty folder"
    several = [name for name in names if name.lower().endswith(READ) and not hidden(name)]
    if len(several) > 1:
        listed = shortened(", ".join(several))
        return f"a folder of several files that could be read: {listed}; give one of them"
    return None


def _file(path: Path) -> str | None:
    if not path.is_file():  # to open a pipe could take for ever
        return "a pipe or a device; data are read from files and folders"
    with path.open("rb") as stream:
        head = stream.read(4)
    if not head:
        return "an empty file"
    if head.startswith(UTF16):
        return "text in UTF-16; save it as UTF-8"
    if head.startswith(GZIP):
        return _damaged_gzip(path)
    if path.suffix.lower() == ".npz" or head == ZIP:
        return _damaged_npz(path, begun=head == ZIP)
    return None


def _damaged_gzip(path: Path) -> str | None:
    try:
        with gzip.open(path) as expanded:
            expanded.read(4096)
    except (OSError, EOFError, ValueError) as error:
        return f"not a readable .gz file ({error})"
    return None


def _damaged_npz(path: Path, *, begun: bool) -> str | None:
    if not zipfile.is_zipfile(path):
        if not begun:
            return "not a NumPy .npz file, whatever its name says"
        size = f"{path.stat().st_size:,}"
        return f"begins as an .npz file, but its end is missing (it has {size} bytes); copy it anew"
    try:
        NpzFile(path)
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")
    return None
