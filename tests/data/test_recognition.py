"""What a path is recognised as, and what a source says of a path that another reads."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
from PIL import Image

from cnnrun.data import DATASETS
from cnnrun.data.recognition import Recognised, as_yaml, recognise
from cnnrun.errors import DataError

IDX = struct.pack(">BBBBI4B", 0, 0, 8, 1, 4, 0, 1, 2, 3)


def picture(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(file)


def pictures(folder, *names):
    for name in names:
        picture(folder / name / "a.png")


def content(folder, name, data):
    (folder / name).write_bytes(data)


def archive(folder, name, mode):
    with tarfile.open(folder / name, mode) as tar:
        tar.addfile(tarfile.TarInfo("a"), io.BytesIO())


FOLDERS = {
    "classes": (lambda f: pictures(f, "cat", "dog"), "image_folder", {}),
    "splits": (lambda f: pictures(f, "train/cat", "train/dog", "val/cat"), "image_folder", {}),
    "pairs": (lambda f: pictures(f, "inputs", "targets"), "image_pairs", {}),
    "split pairs": (lambda f: pictures(f, "train/inputs", "train/targets"), "image_pairs", {}),
    "mnist": (lambda f: content(f, "train-images-idx3-ubyte.gz", b""), "idx", {}),
    "emnist": (
        lambda f: content(f, "emnist-letters-train-images-idx3-ubyte", b""),
        "idx",
        {"prefix": "emnist-letters", "transpose": True, "first_label": 1},
    ),
    "cifar10": (lambda f: content(f, "data_batch_1.bin", b""), "cifar", {}),
    "cifar100": (lambda f: content(f, "train.bin", b""), "cifar", {}),
}
FILES = {
    "a.npz": (lambda f: np.savez(f / "a.npz", x=[1]), "npz", {}),
    "a.csv": (lambda f: content(f, "a.csv", b"0,1,2,3,4\n1,2,3,4,5\n"), "csv", {}),
    "g.csv.gz": (lambda f: content(f, "g.csv.gz", gzip.compress(b"0,1\n1,2\n")), "csv", {}),
    "many.csv": (
        lambda f: content(f, "many.csv", b"file,a,b\nx.png,0,1\ny.png,1,1\n"),
        "csv",
        {"label": ["a", "b"]},
    ),
    "two.csv": (
        lambda f: content(f, "two.csv", b"x.png,0.5,1\ny.png,1,1\n"),
        "csv",
        {"label": [2, 3], "task": "regression"},
    ),
    "one.csv": (
        lambda f: content(f, "one.csv", b"file,age\nx.png,1.5\ny.png,2\n"),
        "csv",
        {"task": "regression"},
    ),
    "list.csv": (
        lambda f: content(f, "list.csv", b"file,kinds\nx.png,a|b\ny.png,\n"),
        "csv",
        {"task": "multi_label"},
    ),
    "train.csv": (
        lambda f: [content(f, f"{name}.csv", b"label,p\n0,3\n1,2\n") for name in ("train", "test")],
        "csv",
        {"test": "test.csv"},
    ),
}
FOREIGN = {
    "a.tar": (lambda f: archive(f, "a.tar", "w"), "an archive: unpack it"),
    "a.tar.gz": (lambda f: archive(f, "a.tar.gz", "w:gz"), "an archive: unpack it"),
    "a.npy": (lambda f: np.save(f / "a.npy", [1]), "one NumPy array: save images and"),
    "a.pkl": (lambda f: content(f, "a.pkl", pickle.dumps([1])), "a pickled file: it could run"),
    "a.h5": (lambda f: content(f, "a.h5", b"\x89HDF\r\n\x1a\n"), "an HDF5 file: save images"),
    "a.dcm": (lambda f: content(f, "a.dcm", bytes(128) + b"DICM"), "a DICOM file: save images"),
    "a.png": (lambda f: picture(f / "a.png"), "one image: give the folder of all images"),
    "x": (lambda f: content(f, "x", IDX), "an IDX file: idx takes its folder"),
}


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_folders(tmp_path, name):
    make, source, options = FOLDERS[name]
    make(tmp_path)
    known = recognise(tmp_path)
    assert known is not None
    assert (known.source, known.options) == (source, {"path": str(tmp_path), **options})


@pytest.mark.parametrize("name", sorted(FILES))
def test_files(tmp_path, name):
    make, source, options = FILES[name]
    make(tmp_path)
    expected = source, {"path": str(tmp_path / name), **options}
    assert recognise(tmp_path / name)[1:3] == expected
    assert recognise(tmp_path)[1:3] == expected  # the only one of its folder


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_what_no_source_reads(tmp_path, name):
    make, expected = FOREIGN[name]
    make(tmp_path)
    assert recognise(tmp_path / name).sentence.startswith(f"this is {expected}")


def test_a_folder_within_a_folder(tmp_path):
    pictures(tmp_path, "outer/inner/cat", "outer/inner/dog")
    assert recognise(tmp_path).options == {"path": str(tmp_path / "outer" / "inner")}


def test_of_several_sets_one_is_said(tmp_path):
    for name in ("train-images-idx3-ubyte", "emnist-digits-train-images-idx3-ubyte"):
        content(tmp_path, name, IDX)
    assert recognise(tmp_path).options == {"path": str(tmp_path), "prefix": ""}
    assert recognise(tmp_path / name).options["prefix"] == "emnist-digits"


@pytest.mark.parametrize("data", [b"", b"\0\0", b"PK\x03\x04", b"\x1f\x8b\x08", b"hello", b"\xff"])
def test_what_is_not_known(tmp_path, data):
    content(tmp_path, "x", data)
    assert recognise(tmp_path / "x") is None
    assert recognise(tmp_path / "none") is None
    assert recognise(tmp_path) is None


def test_images_without_classes(tmp_path):
    picture(tmp_path / "a.png")
    assert "list all of them with their labels in a CSV file" in recognise(tmp_path).sentence
    with pytest.raises(DataError, match="found none; this is a folder of images without classes"):
        DATASETS.get("image_folder")(str(tmp_path)).info(tmp_path)


@pytest.mark.parametrize("source", ["idx", "cifar", "csv", "npz", "image_folder", "image_pairs"])
def test_a_source_names_the_one_that_reads_a_path(tmp_path, source):
    for name, (make, right, _) in (FOLDERS | FILES).items():
        if right == source or (source == "image_folder" and "pairs" in name):
            continue  # inputs/ and targets/ may be classes
        folder = tmp_path / name
        folder.mkdir()
        make(folder)
        path = folder / name if name in FILES else folder
        with pytest.raises(DataError) as caught:
            DATASETS.get(source)(str(path)).info(tmp_path)
        assert f": use {right}: {{path: " in str(caught.value), (name, str(caught.value))


def test_options_are_written_as_yaml():
    values = {"path": "a/b-1.csv", "label": ["x y", 2], "prefix": "", "on": "yes", "t": True}
    assert as_yaml(values) == '{path: a/b-1.csv, label: ["x y", 2], prefix: "", on: "yes", t: true}'
    assert Recognised("x", "npz", {"path": "1"}).sentence == 'this is x: use npz: {path: "1"}'
