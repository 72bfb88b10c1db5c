"""Data sets by name: where they are looked for, and what is refused or said of other files."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from cnnrun.config import describe_data, dump_yaml, list_data, load_experiment
from cnnrun.data import DATASETS
from cnnrun.data.download import RemoteFile
from cnnrun.data.sources import named
from cnnrun.data.sources.medmnist import known_sets
from cnnrun.data.sources.mnist import DEBIAN, FILES
from cnnrun.errors import DataError

BREAST = Path(__file__).parents[3] / "shared" / "data" / "breastmnist.npz"
needs_breast = pytest.mark.skipif(not BREAST.is_file(), reason="needs shared/data/breastmnist.npz")
needs_debian = pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs dataset-fashion-mnist")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Give every test a home folder and a cache of its own, and no network."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("CNNRUN_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(named, "download", refuse)
    return tmp_path / "home"


def refuse(files, folder, what):
    raise DataError(f"{what} would be downloaded into {folder}")


def source(name, **options):
    return DATASETS.get(name)(**options)


def write_medmnist(path, flag, size=28, **arrays):
    """Write a file of the right sizes, all black and of class 0, but for `arrays`."""
    known = known_sets()[flag]
    shape = (size, size) + ((3,) if known.channels == 3 else ())
    columns = len(known.classes) if known.multi_label else 1
    content = {}
    for split, count in zip(("train", "val", "test"), known.samples, strict=True):
        content[f"{split}_images"] = np.zeros((count, *shape), np.uint8)
        content[f"{split}_labels"] = np.zeros((count, columns), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **content | arrays)


def write_idx(folder, packed=True):
    """Write the four files of MNIST, all black, the labels 0 to 9 in turn."""
    folder.mkdir(parents=True)
    for name, bytes_ in FILES.values():
        labels = "labels" in name
        count = bytes_ - 8 if labels else (bytes_ - 16) // 784
        header = bytes([0, 0, 8, 1 if labels else 3]) + count.to_bytes(4, "big")
        header += b"" if labels else (28).to_bytes(4, "big") * 2
        body = (np.arange(count) % 10).astype("u1").tobytes() if labels else bytes(784 * count)
        if packed:
            (folder / name).write_bytes(gzip.compress(header + body, 1))
        else:
            (folder / name.removesuffix(".gz")).write_bytes(header + body)


def test_the_table_of_facts_is_whole():
    sets = known_sets()
    assert len(sets) == 12
    assert sum(facts.multi_label for facts in sets.values()) == 1
    assert [flag for flag, facts in sets.items() if facts.binary] == [
        "pneumoniamnist",
        "breastmnist",
    ]
    digests = [digest for facts in sets.values() for digest in facts.md5.values()]
    assert len(set(digests)) == 48
    assert all(len(digest) == 32 for digest in digests)
    for facts in sets.values():
        assert set(facts.md5) == {"28", "64", "128", "224"}
        assert len(set(facts.classes)) == len(facts.classes)


@pytest.mark.parametrize("name", ["mnist", "chestmnist"])
def test_facts_need_no_files(name, tmp_path):
    info = source(name).info(tmp_path)
    assert info.image_shape == (28, 28, 1)
    assert (info.train_samples, info.classes) == {
        "mnist": (60_000, 10),
        "chestmnist": (78_468, 14),
    }[name]
    assert info.several_labels == (name == "chestmnist")


def test_what_is_nowhere_is_downloaded_into_the_cache(tmp_path):
    with pytest.raises(DataError, match=r"kmnist would be downloaded into .*cache.kmnist"):
        source("kmnist").load(tmp_path)


@pytest.mark.parametrize("name", ["mnist", "breastmnist"])
def test_what_is_missing_is_said_early(name, tmp_path):
    one_file = "train-images-idx3-ubyte.gz" if name == "mnist" else "breastmnist.npz"
    with pytest.raises(DataError, match=f"{name}: .* has no {one_file}"):
        source(name, path=".").info(tmp_path)
    with pytest.raises(DataError, match=f"{name}: .*none is no folder with {one_file}"):
        source(name, path="none").info(tmp_path)
    with pytest.raises(DataError, match=rf"put {one_file}.* into .*cache.*\(download: false"):
        source(name, download=False).info(tmp_path)


@pytest.mark.parametrize("place", ["cache/medmnist", "home/.medmnist", "given"])
def test_medmnist_is_looked_for_where_its_own_programs_put_it(place, tmp_path):
    write_medmnist(tmp_path / place / "retinamnist_64.npz", "retinamnist", 64)
    path = "given" if place == "given" else None
    data = source("retinamnist", path=path, size=64, download=False).load(tmp_path)
    assert data.train.images.shape == (1080, 64, 64, 3)
    assert len(data.val) == 120
    assert data.info.class_names == ("0", "1", "2", "3", "4")
    assert "repacked" in data.info.notes[0]


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    file, options = tmp_path / "breastmnist.npz", {"path": str(tmp_path)}
    write_medmnist(file, "breastmnist", 64)
    with pytest.raises(DataError, match=r"not breastmnist.*images 28x28x1.*but images 64x64x1"):
        source("breastmnist", **options).load(tmp_path)
    short = {"val_images": np.zeros((9, 28, 28), "u1"), "val_labels": np.zeros((9, 1), "u1")}
    write_medmnist(file, "breastmnist", **short)
    with pytest.raises(DataError, match="validation split has 9 samples, not 78"):
        source("breastmnist", **options).load(tmp_path)
    write_medmnist(file, "breastmnist", test_labels=np.full((156, 1), 2, "u1"))
    with pytest.raises(DataError, match=r"test_labels\[0\] is 2"):
        source("breastmnist", **options).load(tmp_path)


def test_the_published_file_is_known_by_its_digest(tmp_path, monkeypatch):
    write_medmnist(tmp_path / "breastmnist.npz", "breastmnist")
    digest = hashlib.md5((tmp_path / "breastmnist.npz").read_bytes()).hexdigest()
    monkeypatch.setitem(known_sets()["breastmnist"].md5, "28", digest)
    assert source("breastmnist", path=str(tmp_path)).load(tmp_path).info.notes == ()


@pytest.mark.parametrize("inner", ["", "mnist", "MNIST/raw"])
def test_mnist_is_found_as_other_programs_lay_it_out(inner, tmp_path):
    write_idx(tmp_path / "given" / inner, packed=inner != "mnist")
    data = source("mnist", path="given").load(tmp_path)
    assert data.train.images.shape == (60_000, 28, 28, 1)
    assert data.test.labels[:3].tolist() == [0, 1, 2]
    assert "not the published file" in data.info.notes[0]


def test_all_files_of_a_set_come_from_one_folder(tmp_path):
    write_idx(tmp_path / "cache" / "fashion_mnist")
    (tmp_path / "cache" / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert source("fashion_mnist").whereabouts(tmp_path) != str(
        tmp_path / "cache" / "fashion_mnist"
    )


@needs_debian
def test_debian_has_fashion_mnist(tmp_path):
    data = source("fashion_mnist", download=False).load(tmp_path)
    assert np.bincount(data.train.labels).tolist() == [6000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert data.info.class_names[data.test.labels[0]] == "Ankle boot"
    assert data.info.notes == ()  # compressed anew, but the same images


@needs_breast
def test_a_repack_is_accepted_and_said(tmp_path):
    shutil.copy(BREAST, tmp_path)
    config = tmp_path / "c.yaml"
    config.write_text(
        "data: {dataset: {breastmnist: {path: .}}, normalize: centered}\n"
        "network: [flatten, dense: {units: classes}]\n"
        "loss: softmax_cross_entropy\noptimizer: adam\ntrain: {epochs: 1}\n"
    )
    description = describe_data(config)
    assert description.samples == {"train": 546, "val": 78, "test": 156}
    assert description.class_names == ("malignant", "normal, benign")
    assert description.counts["test"] == (42, 114)
    assert "MedMNIST images, repacked" in description.notes[0]
    assert description.to_dict()["notes"] == list(description.notes)


def test_the_list_says_where_each_set_is(tmp_path):
    write_medmnist(tmp_path / "home" / ".medmnist" / "breastmnist.npz", "breastmnist")
    listed = {entry.name: entry for entry in list_data()}
    assert listed["breastmnist"].where == str(tmp_path / "home" / ".medmnist")
    assert listed["dermamnist"].where == "download from zenodo.org"
    assert listed["dermamnist"].licence == "CC BY-NC 4.0"
    assert listed["digits"].where == "bundled"
    assert listed["npz"].where == ""


def test_a_configuration_of_a_named_set_can_be_written_down(tmp_path):
    for dataset in ("mnist", "{mnist: {path: sets}}"):
        (tmp_path / "c.yaml").write_text(
            f"name: a\ndata: {{dataset: {dataset}}}\noptimizer: adam\n"
            "network: [flatten, dense: {units: classes}]\n"
        )
        (tmp_path / "sets").mkdir(exist_ok=True)
        for name, _ in FILES.values():
            (tmp_path / "sets" / name).touch()
        experiment = load_experiment(tmp_path / "c.yaml")
        (tmp_path / "d.yaml").write_text(dump_yaml(experiment))
        again = load_experiment(tmp_path / "d.yaml").data.dataset
        path = str(tmp_path / "sets") if "path" in dataset else None
        assert again == source("mnist", path=path)


def test_every_named_set_says_how_to_check_what_is_downloaded():
    for name in DATASETS:
        if isinstance(cls := DATASETS.get(name), type) and issubclass(cls, named.NamedSet):
            for file in cls().published():
                assert isinstance(file, RemoteFile)
                assert file.urls
                assert all(url.startswith("https://") for url in file.urls)
                assert len(file.digest) in (32, 64)
