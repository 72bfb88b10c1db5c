"""Looks at a folder of image files: what is broken, of odd size, or named against its folder."""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnrun.data.checks.findings import Finding
from cnnrun.data.hidden import hidden
from cnnrun.data.images import SUFFIXES, ImageHeader, image_header, read_image
from cnnrun.data.sources import ImageFolder
from cnnrun.data.split_folders import split_named
from cnnrun.errors import DataError

__all__ = ["FolderSurvey", "check_folder", "sound_part", "survey_folder"]

ODD = 4
"""How many times more or fewer pixels an image of odd size has than the usual one."""
SHORTEST_NAME = 3
"""Letters of a class name that is looked for in names of files."""


@dataclass(frozen=True)
class FolderSurvey:
    """What is in a folder of images.

    Attributes:
        root: the folder.
        headers: by file, what its header tells; files are named from the root.
        broken: by file, why it cannot be read.
    """

    root: Path
    headers: dict[str, ImageHeader]
    broken: dict[str, str]


def survey_folder(root: Path, *, decode: bool) -> FolderSurvey:
    """Look at all image files below a folder; with `decode` at every pixel, else at headers."""
    headers, broken = {}, {}
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root)
        if file.suffix.lower() not in SUFFIXES or hidden(name) or not file.is_file():
            continue
        try:
            header = image_header(file)
            if decode:
                read_image(file, (header.height, header.width, header.channels))
            headers[name.as_posix()] = header
        except DataError as error:
            broken[name.as_posix()] = str(error).removeprefix(f"{file}: ")
    return FolderSurvey(root, headers, broken)


def check_folder(survey: FolderSurvey) -> list[Finding]:
    """Return what files are broken, of odd size, or in a folder that their name contradicts."""
    return [*_broken(survey), *_class_names(survey), *_file_names(survey), *_sizes(survey)]


@contextmanager
def sound_part(source: ImageFolder, survey: FolderSurvey) -> Iterator[ImageFolder]:
    """Give a source of the files that can be read, all brought to the size that most have.

    Raises:
        OSError: this system makes no links.
    """
    sizes = Counter((header.height, header.width) for header in survey.headers.values())
    usual = sizes.most_common(1)[0][0] if sizes else None
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / survey.root.resolve().name
        root.mkdir()
        for name in survey.headers:
            link = root / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((survey.root / name).resolve())
        yield replace(source, path=str(root), size=source.size or usual)


def _broken(survey: FolderSurvey) -> list[Finding]:
    if not survey.broken:
        return []
    count = len(survey.broken)
    details = tuple(f"{name}: {why}" for name, why in survey.broken.items())
    message = f"{count:,} file{'s' * (count != 1)} that cannot be read"
    return [Finding("error", "corrupt_files", message, count, details)]


def _sizes(survey: FolderSurvey) -> list[Finding]:
    """Tell of uneven sizes, and of images with far more or fewer pixels than the others."""
    by_size: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, header in survey.headers.items():
        by_size[header.height, header.width].append(name)
    if len(by_size) < 2:
        return []
    common = sorted(by_size.items(), key=lambda item: -len(item[1]))
    (height, width), usual = common[0]
    details = tuple(f"{h}x{w}: {len(names):,}, such as {names[0]}" for (h, w), names in common)
    message = (
        f"{len(by_size):,} sizes of images (height x width); {len(usual):,} of "
        f"{len(survey.headers):,} are {height}x{width}"
    )
    findings = [Finding("note", "uneven_sizes", message, len(by_size), details)]
    areas = {name: header.height * header.width for name, header in survey.headers.items()}
    middle = float(np.median([*areas.values()]))
    odd = [name for name, area in areas.items() if not middle / ODD <= area <= middle * ODD]
    if 0 < len(odd) <= len(areas) / 20:
        message = f"{len(odd):,} of an odd size: {ODD} times more or fewer pixels than the others"
        shown = tuple(
            f"{name}: {survey.headers[name].height}x{survey.headers[name].width}" for name in odd
        )
        findings.append(Finding("warning", "odd_sizes", message, len(odd), shown))
    return findings


def _class_names(survey: FolderSurvey) -> list[Finding]:
    """Tell of classes whose names differ by case, spaces or a plural only: likely one class."""
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    for name in (*survey.headers, *survey.broken):
        *folders, _ = name.split("/")
        if folders and not (len(folders) == 1 and split_named(folders[0])):
            alike[_plain(folders[-1])].setdefault(folders[-1], "/".join(folders))
    groups = [folders for folders in alike.values() if len(folders) > 1]
    if not groups:
        return []
    details = tuple(" and ".join(folders.values()) for folders in groups)
    count = sum(map(len, groups))
    message = f"{count} folders of classes whose names differ by case, spaces or a plural only"
    return [Finding("warning", "class_names", message, count, details)]


def _file_names(survey: FolderSurvey) -> list[Finding]:
    """Tell of files whose name has that of another class in it, and not that of their own."""
    folders = {name: name.split("/")[-2] for name in survey.headers if "/" in name}
    classes = {_plain(folder): folder for folder in folders.values()}
    details = []
    for name, folder in folders.items():
        words = {_plain(word) for word in re.findall(r"[^\W\d_]+", Path(name).stem)}
        others = [
            classes[word]
            for word in sorted(words & classes.keys())
            if len(word) >= SHORTEST_NAME and word != _plain(folder)
        ]
        if others and _plain(folder) not in words:
            details.append(f"{name}: named {others[0]}")
    if not details:
        return []
    message = f"{len(details):,} file{'s' * (len(details) != 1)} with the name of another class"
    return [Finding("warning", "file_names", message, len(details), tuple(details))]


def _plain(name: str) -> str:
    """Return a name without case, signs and a plural's s."""
    letters = re.sub(r"[\W_]+", "", name.casefold())
    return letters.removesuffix("s") if len(letters) > SHORTEST_NAME else letters
