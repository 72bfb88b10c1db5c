"""CIFAR by name: the archive's files of known names and sizes are copied, and nothing else."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from cnnrun.data.sources import Cifar10, Cifar100, cifar_sets
from cnnrun.errors import DataError

RECORDS = {f"data_batch_{number}.bin": 2 for number in range(1, 6)} | {"test_batch.bin": 3}


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Let CIFAR-10 have 13 images, and a cache of its own."""
    monkeypatch.setenv("CNNRUN_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(cifar_sets, "SAMPLES", 10)
    monkeypatch.setattr(cifar_sets, "TEST_SAMPLES", 3)


def content(count):
    records = np.zeros((count, 3073), np.uint8)
    records[:, 0], records[:, 1] = range(count), 255  # labels, and the red of the first pixel
    return records.tobytes()


def write_archive(folder, monkeypatch, published=True):
    """Write an archive with the images, and with what must not be unpacked."""
    members = {name: content(count) for name, count in RECORDS.items()}
    others = {"../evil.bin": b"x", "readme.html": b"x", "more/data_batch_1.bin": content(9)}
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / Cifar10.archive.name, "w:gz") as archive:
        for name, body in (members | others).items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
        link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    if published:
        digest = hashlib.sha256((folder / Cifar10.archive.name).read_bytes()).hexdigest()
        monkeypatch.setattr(Cifar10, "archive", replace(Cifar10.archive, digest=digest))


@pytest.mark.parametrize("place", ["cache/cifar10", "given"])
def test_the_archive_is_read_and_kept(place, tmp_path, monkeypatch):
    write_archive(tmp_path / place, monkeypatch)
    cifar = Cifar10(path="given" if place == "given" else None, download=False)
    data = cifar.load(tmp_path)
    assert data.info == cifar.info(tmp_path) == cifar.facts()
    assert data.train.labels.tolist() == [0, 1] * 5
    assert data.test.images[0, 0, 0].tolist() == [255, 0, 0]
    copied = sorted(path.name for path in (tmp_path / "cache" / "cifar10").glob("*.bin"))
    assert copied == sorted(RECORDS)
    assert not list(tmp_path.rglob("evil*"))
    assert not list(tmp_path.rglob("readme*"))
    assert Cifar10(download=False).load(tmp_path).info.notes == ()


def test_an_archive_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    write_archive(tmp_path, monkeypatch, published=False)
    with pytest.raises(DataError, match=r"not the published archive of cifar10.*data_batch_1.bin"):
        Cifar10(path=".").load(tmp_path)
    assert not (tmp_path / "cache").exists()


def test_unpacked_files_are_taken_and_said(tmp_path):
    folder = tmp_path / "sets" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, count in RECORDS.items():
        (folder / name).write_bytes(content(count))
    data = Cifar10(path="sets").load(tmp_path)
    assert data.info.class_names[:2] == ("airplane", "automobile")
    assert "may be others" in data.info.notes[0]
    (folder / "test_batch.bin").write_bytes(content(4))
    with pytest.raises(DataError, match=r"3 to test.*but .* 4 to test"):
        Cifar10(path="sets").load(tmp_path)


def test_the_classes_of_cifar100_are_known():
    fine, coarse = (Cifar100(labels=kind).facts().class_names for kind in ("fine", "coarse"))
    assert (len(fine), len(coarse)) == (100, 20)
    assert list(fine) == sorted(fine)
    assert list(coarse) == sorted(coarse)
