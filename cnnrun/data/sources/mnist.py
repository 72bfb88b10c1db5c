"""MNIST and the sets that were made to take its place: 70,000 grey images 28x28 in ten classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cnnrun.data.dataset import DATASETS, Dataset, DatasetInfo
from cnnrun.data.download import RemoteFile
from cnnrun.data.sources.idx import Idx
from cnnrun.data.sources.named import Files, NamedSet

__all__ = ["FashionMnist", "Kmnist", "Mnist"]

FILES = {
    "train_images": ("train-images-idx3-ubyte.gz", 47_040_016),
    "train_labels": ("train-labels-idx1-ubyte.gz", 60_008),
    "test_images": ("t10k-images-idx3-ubyte.gz", 7_840_016),
    "test_labels": ("t10k-labels-idx1-ubyte.gz", 10_008),
}
"""By option of `idx`: the name of the file, and how many bytes it has when it is expanded."""
SLACK = 1 << 16  # a compressed file is hardly larger than what it holds

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts that set, compressed anew."""


@dataclass(frozen=True)
class _MnistLike(NamedSet):
    """Four files under MNIST's names; digests are in the order of FILES."""

    classes: ClassVar[tuple[str, ...]]
    mirrors: ClassVar[tuple[str, ...]]
    digests: ClassVar[tuple[str, str, str, str]]
    unpacked: ClassVar[tuple[str | None, ...]] = (None,) * 4  # not known of every set
    torchvision: ClassVar[str]

    def facts(self) -> DatasetInfo:
        return DatasetInfo(self.type_name, (28, 28, 1), self.classes, 60_000, 10_000)

    def published(self) -> tuple[RemoteFile, ...]:
        return tuple(
            RemoteFile(
                name,
                tuple(mirror + name for mirror in self.mirrors),
                digest,
                size + SLACK,
                unpacked,
            )
            for (name, size), digest, unpacked in zip(
                FILES.values(), self.digests, self.unpacked, strict=True
            )
        )

    def inner_folders(self) -> tuple[str, ...]:
        return (self.type_name, f"{self.torchvision}/raw")

    def read(self, files: Files) -> Dataset:
        named: dict[str, Any] = {
            option: str(files[name].absolute()) for option, (name, _) in FILES.items()
        }
        return Idx(path=".", class_names=self.classes, **named).load(Path())


@DATASETS.register("mnist")
@dataclass(frozen=True)
class Mnist(_MnistLike):
    """MNIST: handwritten digits, 60,000 to train and 10,000 to test."""

    summary = "MNIST: 70,000 handwritten digits 28x28, 10 classes"
    licence = "CC BY-SA 3.0"
    classes = tuple("0123456789")
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    digests = (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )
    torchvision = "MNIST"


@DATASETS.register("fashion_mnist")
@dataclass(frozen=True)
class FashionMnist(_MnistLike):
    """Fashion-MNIST: clothes, 60,000 to train and 10,000 to test (Xiao et al. 2017)."""

    summary = "Fashion-MNIST: 70,000 images of clothes 28x28, 10 classes"
    licence = "MIT"
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    mirrors = (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    )
    digests = (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )
    unpacked = (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    )
    torchvision = "FashionMNIST"

    def usual_folders(self) -> tuple[Path, ...]:
        return (DEBIAN,)


@DATASETS.register("kmnist")
@dataclass(frozen=True)
class Kmnist(_MnistLike):
    """Kuzushiji-MNIST: cursive hiragana, 60,000 to train and 10,000 to test (Clanuwat 2018)."""

    summary = "Kuzushiji-MNIST: 70,000 cursive hiragana 28x28, 10 classes"
    licence = "CC BY-SA 4.0"
    classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    mirrors = ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    digests = (
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )
    torchvision = "KMNIST"
