"""Data sets known by name: looked for where they usually lie, else downloaded once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from cnnrun.data.dataset import Dataset, DatasetInfo, DatasetSource, resolve_path
from cnnrun.data.download import RemoteFile, cache_folder, digest_of, download
from cnnrun.errors import DataError

__all__ = ["Files", "NamedSet", "home_folder"]

Files = Mapping[str, Path]
"""From the names that a set's files are published under to where they are."""


def home_folder() -> Path:
    """Return the user's home folder; `~` itself where there is none."""
    return Path(os.path.expanduser("~"))


@dataclass(frozen=True)
class NamedSet(DatasetSource):
    """`path` is a folder that has the files, and then the only place that is looked at.

    Otherwise they are looked for in the cache and where other programs put them, and downloaded
    into the cache unless `download` is false.
    """

    path: str | None = None
    download: bool = True

    cache_name: ClassVar[str] = ""
    """What that folder is called, if it has not the set's own name."""
    repacked: ClassVar[str] = "not the published file, bit for bit"
    """What to say of files with other digests."""

    def facts(self) -> DatasetInfo:
        """Return what is known of the set without its files."""
        raise NotImplementedError

    def published(self) -> tuple[RemoteFile, ...]:
        """Return the files as they are published."""
        raise NotImplementedError

    def read(self, files: Files) -> Dataset:
        """Return the data of its files.

        Raises:
            DataError: they are damaged, or not what their names say.
        """
        raise NotImplementedError

    def files_in(self, folder: Path) -> Files | None:
        """Return its files in a folder, if it has them all, compressed or not."""
        files = {
            file.name: path
            for file in self.published()
            for path in (folder / file.name, folder / file.name.removesuffix(".gz"))
            if path.is_file()
        }
        return files if len(files) == len(self.published()) else None

    def notes(self, files: Files) -> tuple[str, ...]:
        """Return what to say of files that are not the published ones, bit for bit."""
        other = [
            files[file.name].name
            for file in self.published()
            if not _is_published(files[file.name], file)
        ]
        return (f"{', '.join(other)}: {self.repacked}",) if other else ()

    def usual_folders(self) -> tuple[Path, ...]:
        """Return where other programs put its files."""
        return ()

    def inner_folders(self) -> tuple[str, ...]:
        """Return the folders that other programs make for it within one that they are given."""
        return ()

    def info(self, base: Path) -> DatasetInfo:
        if (self.path is not None or not self.download) and not self._located(base):
            raise self._missing(base)
        return self.facts()

    def load(self, base: Path) -> Dataset:
        files = self._located(base)
        if files is None:
            if self.path is not None or not self.download:
                raise self._missing(base)
            download(self.published(), self.cache(), self.type_name)
            files = {file.name: self.cache() / file.name for file in self.published()}
        data, facts = self.read(files), self.facts()
        self._compare(data, facts, next(iter(files.values())))
        return replace(data, info=replace(facts, notes=self.notes(files)))

    def whereabouts(self, base: Path) -> str:
        if files := self._located(base):
            return str(next(iter(files.values())).parent)
        hosts = {urlsplit(file.urls[0]).hostname or "" for file in self.published()}
        return f"download from {', '.join(sorted(hosts))}"

    def cache(self) -> Path:
        """Return the folder of the cache that its files are in."""
        return cache_folder() / (self.cache_name or self.type_name)

    def _folders(self, base: Path) -> list[Path]:
        """Return where its files are looked for, in order."""
        if self.path is None:
            return [self.cache(), *self.usual_folders()]
        given = resolve_path(self.path, base)
        return [given, *(given / inner for inner in self.inner_folders())]

    def _located(self, base: Path) -> Files | None:
        """Return its files, from the first folder that has them all."""
        there = (self.files_in(folder) for folder in self._folders(base))
        return next(filter(None, there), None)

    def _missing(self, base: Path) -> DataError:
        names = ", ".join(file.name for file in self.published())
        if self.path is not None:
            folder = resolve_path(self.path, base)
            kind = "has no" if folder.is_dir() else "is no folder with"
            return DataError(f"{self.type_name}: {folder} {kind} {names}")
        looked = ", ".join(map(str, self._folders(base)))
        return DataError(
            f"{self.type_name}: put {names} into {self.cache()}, or name a folder that has it "
            f"with path (download: false, and it is not in {looked})"
        )

    def _compare(self, data: Dataset, facts: DatasetInfo, path: Path) -> None:
        """Refuse data that have other sizes than the set."""
        train, test = facts.train_samples, facts.test_samples
        known = (*facts.image_shape, train, test, facts.classes)
        there = (*data.info.image_shape, len(data.train), len(data.test), data.info.classes)
        if there != known:
            said = "images {}x{}x{}, {:,} to train and {:,} to test, {} classes"
            raise DataError(
                f"{path.parent}: not {self.type_name}, which has {said.format(*known)}, but "
                f"{said.format(*there)}"
            )


def _is_published(path: Path, file: RemoteFile) -> bool:
    """Return whether a file, or what it holds if it is compressed, is known bit for bit."""
    if digest_of(path, file.digest) in (file.digest, file.unpacked):
        return True
    compressed = path.suffix == ".gz" and file.unpacked is not None
    return compressed and digest_of(path, file.digest, unpacked=True) == file.unpacked
