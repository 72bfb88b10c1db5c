"""The 2D sets of MedMNIST, by their flags: medical images, split for everybody alike."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from cnnrun.data.dataset import DATASETS, Dataset, DatasetInfo
from cnnrun.data.download import RemoteFile
from cnnrun.data.sources.named import Files, NamedSet, home_folder
from cnnrun.data.sources.npz import Npz
from cnnrun.errors import DataError

__all__ = ["MedMnist", "MedMnistFacts"]

FACTS = Path(__file__).with_suffix(".toml")
URL = "https://zenodo.org/records/10519652/files/{}?download=1"
Size = Literal[28, 64, 128, 224]


@dataclass(frozen=True)
class MedMnistFacts:
    """What is known of a set.

    Attributes:
        flag: what it is called in file names and configurations.
        title: what it is called in papers.
        about: what the images show.
        task: as MedMNIST's own evaluator distinguishes them.
        channels: 1 for grey images, 3 for those in colour.
        samples: of train, val and test.
        licence: of the images.
        classes: their names, in the order of the labels.
        md5: of the file with images of each size.
        published: AUC and accuracy of a ResNet-18 at 28x28, where they are known.
    """

    flag: str
    title: str
    about: str
    task: str
    channels: int
    samples: tuple[int, int, int]
    licence: str
    classes: tuple[str, ...]
    md5: dict[str, str]
    published: dict[str, float] | None = None

    @property
    def multi_label(self) -> bool:
        """Whether an image has several labels, or none."""
        return self.task.startswith("multi-label")

    @property
    def binary(self) -> bool:
        """Whether there are two classes, of which the second has a score."""
        return self.task == "binary-class"


@cache
def known_sets() -> dict[str, MedMnistFacts]:
    """Return all sets by flag."""
    document: dict[str, Any] = tomllib.loads(FACTS.read_text("utf-8"))
    for flag, facts in document.items():
        facts.update(flag=flag, samples=tuple(facts["samples"]), classes=tuple(facts["classes"]))
    return {flag: MedMnistFacts(**facts) for flag, facts in document.items()}


@dataclass(frozen=True)
class MedMnist(NamedSet):
    """A set of MedMNIST; `size` is the height and width of its images."""

    size: Size = 28

    known: ClassVar[MedMnistFacts]
    cache_name = "medmnist"
    repacked = "not the official file, but MedMNIST images, repacked"

    @property
    def file_name(self) -> str:
        """The name of its file, without the suffix, as MedMNIST's own programs build it."""
        return self.known.flag + ("" if self.size == 28 else f"_{self.size}")

    def facts(self) -> DatasetInfo:
        known, (train, _, test) = self.known, self.known.samples
        shape = (self.size, self.size, known.channels)
        several = known.multi_label
        task: Literal["multi_label", "classification"] = (
            "multi_label" if several else "classification"
        )
        return DatasetInfo(known.flag, shape, known.classes, train, test, several, task)

    def published(self) -> tuple[RemoteFile, ...]:
        name, known = f"{self.file_name}.npz", self.known
        labels = 8 * len(known.classes)
        one = self.size**2 * known.channels + labels
        maximum = sum(known.samples) * one + (1 << 20)  # a file is never larger than its arrays
        return (RemoteFile(name, (URL.format(name),), known.md5[str(self.size)], maximum),)

    def usual_folders(self) -> tuple[Path, ...]:
        return (home_folder() / ".medmnist",)

    def read(self, files: Files) -> Dataset:
        (path,) = files.values()
        data = Npz(str(path), class_names=self.known.classes).load(Path())
        held = 0 if data.val is None else len(data.val)
        if held != self.known.samples[1]:
            raise DataError(
                f"{path}: not {self.known.flag}: its validation split has {held:,} samples, not "
                f"{self.known.samples[1]:,}"
            )
        return data


for _flag, _known in known_sets().items():
    _about = f"{_known.about}, {sum(_known.samples):,} images, {len(_known.classes)} classes"
    DATASETS.register(_flag)(
        type(
            _known.title,
            (MedMnist,),
            {
                "__doc__": f"{_known.title} of MedMNIST: {_about}; `size` is 28, 64, 128 or 224.",
                "__module__": __name__,
                "known": _known,
                "summary": f"{_about} (MedMNIST)",
                "licence": _known.licence,
            },
        )
    )
