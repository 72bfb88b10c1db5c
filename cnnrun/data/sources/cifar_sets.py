"""CIFAR-10 and CIFAR-100 by name; of their archive, files of known names and sizes are copied."""

from __future__ import annotations

import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from cnnrun.data.dataset import DATASETS, Dataset, DatasetInfo
from cnnrun.data.download import RemoteFile, digest_of
from cnnrun.data.http import unwritable
from cnnrun.data.sources.cifar import CIFAR10, CIFAR100, Cifar, Labels, Layout
from cnnrun.data.sources.named import Files, NamedSet
from cnnrun.errors import DataError

__all__ = ["Cifar10", "Cifar100"]

URL = "https://www.cs.toronto.edu/~kriz/{}"
SAMPLES, TEST_SAMPLES = 50_000, 10_000
LICENCE = "none stated"
CHUNK = 1 << 20


@dataclass(frozen=True)
class _CifarSet(NamedSet):
    """Its archive as it is published, or the files of it that have images."""

    layout: ClassVar[Layout]
    archive: ClassVar[RemoteFile]
    unpacks_to: ClassVar[str]

    def label_names(self) -> tuple[Labels, str]:
        """Return which labels are meant, and the names of their classes in a line."""
        raise NotImplementedError

    def facts(self) -> DatasetInfo:
        names = tuple(self.label_names()[1].split())
        return DatasetInfo(self.type_name, (32, 32, 3), names, SAMPLES, TEST_SAMPLES)

    def published(self) -> tuple[RemoteFile, ...]:
        return (self.archive,)

    def files_in(self, folder: Path) -> Files | None:
        files = {name: folder / name for name in self.layout.files}
        if all(path.is_file() for path in files.values()):
            return files
        return super().files_in(folder)

    def inner_folders(self) -> tuple[str, ...]:
        return (self.unpacks_to,)

    def read(self, files: Files) -> Dataset:
        packed = files.get(self.archive.name)
        folder = self._unpacked(packed) if packed else next(iter(files.values())).parent
        return Cifar(str(folder.absolute()), self.label_names()[0]).load(Path())

    def notes(self, files: Files) -> tuple[str, ...]:
        folder = next(iter(files.values())).parent
        if self.archive.name in files or folder == self.cache():  # that was checked before
            return ()
        return (f"{folder}: unpacked files, which may be others than those of the archive",)

    def _unpacked(self, archive: Path) -> Path:
        """Copy the files with images from the archive into the cache; return their folder.

        Raises:
            DataError: the archive is not the published one, or there is no room for them.
        """
        if digest_of(archive, self.archive.digest) != self.archive.digest:
            raise DataError(
                f"{archive}: not the published archive of {self.type_name} (its SHA-256 or MD5 is "
                f"not {self.archive.digest}); put that, or {', '.join(self.layout.files)}, there"
            )
        folder = self.cache()
        per_file = {
            name: SAMPLES // len(self.layout.train) * self.layout.record
            for name in self.layout.train
        } | {self.layout.test: TEST_SAMPLES * self.layout.record}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive, "r:gz") as packed:
                for member in packed:
                    name = Path(member.name).name
                    stream = packed.extractfile(member) if member.isreg() else None
                    if stream and member.size == per_file.get(name):
                        _copy(stream, folder / name)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise DataError(f"{archive}: cannot be read ({error})") from None
        except OSError as error:
            raise unwritable(folder, error) from None
        return folder


def _copy(stream: IO[bytes], target: Path) -> None:
    """Write a file that is whole as soon as it has its name."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            while chunk := stream.read(CHUNK):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


@DATASETS.register("cifar10")
@dataclass(frozen=True)
class Cifar10(_CifarSet):
    """CIFAR-10: photographs 32x32, 50,000 to train and 10,000 to test (Krizhevsky 2009)."""

    summary = "CIFAR-10: 60,000 photographs 32x32, 10 classes"
    licence = LICENCE
    layout = CIFAR10
    archive = RemoteFile(
        "cifar-10-binary.tar.gz",
        (URL.format("cifar-10-binary.tar.gz"),),
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        170_052_171,
    )
    unpacks_to = "cifar-10-batches-bin"

    def label_names(self) -> tuple[Labels, str]:
        return "fine", "airplane automobile bird cat deer dog frog horse ship truck"


@DATASETS.register("cifar100")
@dataclass(frozen=True)
class Cifar100(_CifarSet):
    """CIFAR-100: photographs 32x32, 500 to train and 100 to test of each class (Krizhevsky 2009).

    `labels` says whether its 100 fine or its 20 coarse classes are meant.
    """

    labels: Labels = "fine"

    summary = "CIFAR-100: 60,000 photographs 32x32, 100 or 20 classes"
    licence = LICENCE
    layout = CIFAR100
    archive = RemoteFile(
        "cifar-100-binary.tar.gz",
        (URL.format("cifar-100-binary.tar.gz"),),
        "03b5dce01913d631647c71ecec9e9cb8",
        1 << 28,
    )
    unpacks_to = "cifar-100-binary"

    def label_names(self) -> tuple[Labels, str]:
        return self.labels, FINE if self.labels == "fine" else COARSE


FINE = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""
COARSE = """
aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
household_furniture insects large_carnivores large_man-made_outdoor_things
large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates
people reptiles small_mammals trees vehicles_1 vehicles_2
"""
