"""The configuration that `init --data` writes fits the data, and trains."""

from __future__ import annotations

import gzip
import os

import numpy as np
import pytest
from command_line import run as program
from PIL import Image

import cnnrun
from cnnrun.errors import ConfigError, DataError

RNG = np.random.default_rng(0)


def picture(file, shape=(9, 8)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, shape, np.uint8)).save(file)
    return file


def classes(folder, shape=(9, 8)):
    for index in range(24):
        picture(folder / "pictures" / ("cat", "dog")[index % 2] / f"{index}.png", shape)
    return "pictures"


def uneven(folder):
    classes(folder)
    picture(folder / "pictures" / "dog" / "x.png", (20, 30, 3))
    return "pictures"


def large(folder):
    return classes(folder, (96, 384))


def listing(folder, header, *columns):
    rows = zip(*columns, strict=True)
    lines = [",".join(map(str, (picture(folder / f"{i}.png").name, *row))) for i, row in
             enumerate(rows)]  # fmt: skip
    (folder / "list.csv").write_text("\n".join([header, *lines]))
    return "list.csv"


def labels(folder):
    return listing(folder, "file,old,male", [0, 1, 1] * 8, [1, 0, 1] * 8)


def numbers(folder):
    return listing(folder, "file,age", [0.5, 1, 2.5] * 8)


def pairs(folder):
    for index in range(24):
        picture(folder / "pairs" / "inputs" / f"{index}.png")
        picture(folder / "pairs" / "targets" / f"{index}.png", (18, 16))
    return "pairs"


def pixels(folder):
    table = np.column_stack([np.arange(24) % 3, RNG.integers(0, 256, (24, 4))])
    np.savetxt(folder / "pixels.csv", table, "%d", ",")
    return "pixels.csv"


def few(folder):
    for index in range(4):
        picture(folder / "few" / ("cat", "dog")[index % 2] / "train" / f"{index}.png")
        for split in ("train", "test"):
            picture(folder / "few" / split / ("cat", "dog")[index % 2] / f"{index}.png")
    return "few"


def arrays(low, high, kind, labels=tuple([0, 1, 2] * 8)):
    def make(folder):
        images = RNG.uniform(low, high, (24, 6, 5)).astype(kind)
        images[0, 0, :2] = low, high
        np.savez(folder / "x.npz", images=images, labels=np.array(labels))
        return "x.npz"

    make.__name__ = f"{kind} from {low} to {high}"
    return make


CASES = {
    classes: ("images 9x8x1, 2 classes (cat, dog), 18 train / 2 val / 4 test", "softmax"),
    uneven: ("images 64x64x3, 2 classes (cat, dog), ", "size: [64, 64]"),
    large: ("images 24x96x1, 2 classes", "size: [24, 96]"),
    labels: ("2 labels, several an image (old, male), ", "binary_cross_entropy"),
    numbers: ("numbers to be learnt (age), ", "loss: mse"),
    pairs: ("images of 18x16x1 to be learnt, ", "kernel_size: 2, stride: 2"),
    pixels: ("images 2x2x1, 3 classes (0, 1, 2), ", "csv: {path: "),
    arrays(0, 255, "uint8"): ("images 6x5x1, 3 classes (0, 1, 2), ", "npz: {path: x.npz}"),
    arrays(0, 3299, "uint16"): ("3 classes", "maximum: 4095}"),
    arrays(0, 300, "int32"): ("3 classes", "maximum: 1023}"),
    arrays(0, 1, "float32"): ("3 classes", "npz: {path: x.npz}"),
    arrays(0, 255, "float32"): ("3 classes", "maximum: 255}"),
    arrays(-1024, 3071, "int16"): ("3 classes", "range: [-1024, 3071]}"),
    arrays(-1, 0.5, "float64"): ("3 classes", "range: [-1, 1]}"),
    arrays(0, 70000, "uint32"): ("3 classes", "range: [0, 70000]}"),
    arrays(0, 255, "uint8", np.arange(24.0)): ("numbers to be learnt (target 1)", "regression}"),
    arrays(0, 255, "uint8", np.eye(3)[[0, 1, 2] * 8] * 7): (
        "(target 1, target 2, target 3)",
        "mse",
    ),
    arrays(0, 4000, "int16", RNG.integers(0, 4000, (24, 6, 5))): (
        "images of 6x5x1 to be learnt",
        "task: image, maximum: 4095}",
    ),
    few: ("2 classes (cat, dog), 4 train / 4 test", "validation: 0  "),
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_the_configuration_fits_the_data(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    said, written = CASES[make]
    start = cnnrun.init_data(make(tmp_path), "x.yaml")
    assert said in start.description
    assert written in start.file.read_text()
    assert max(map(len, start.file.read_text().splitlines()[7:])) <= 100
    experiment = cnnrun.load_experiment("x.yaml")
    assert experiment.data.dataset.info(tmp_path) == start.info
    assert cnnrun.load_experiment(start.file, ["train.epochs=1"]).train.epochs == 1


@pytest.mark.parametrize(
    ("data", "said", "written"),
    [
        ("digits", "images 8x8x1, 10 classes", "    digits: {}\n"),
        ("{npz: {path: x.npz, axes: NCHW}}", "images 5x3x6", "npz: {path: x.npz, axes: NCHW}"),
        ("{npz: {path: x.npz, range: [0, 200]}}", "images 6x5x3", "x.npz, range: [0, 200]}"),
    ],
)
def test_a_data_set_by_name_or_with_options(tmp_path, monkeypatch, data, said, written):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", images=RNG.integers(0, 300, (24, 6, 5, 3)), labels=[0, 1, 2] * 8)
    start = cnnrun.init_data(data, "x.yaml")
    assert said in start.description
    assert written.rstrip("}\n") in start.file.read_text()
    assert cnnrun.load_experiment("x.yaml").data.dataset.info(tmp_path) == start.info


def test_a_wrong_option_of_a_data_set_is_told_as_in_a_configuration():
    with pytest.raises(ConfigError, match=r"--data:1:21: npz\.rang: .*did you mean range"):
        cnnrun.init_data("{npz: {path: x.npz, rang: [0, 1]}}", "x.yaml")


def test_what_was_written_trains(tmp_path):
    classes(tmp_path)
    said = program("init", "--data", "pictures", cwd=tmp_path).stderr
    assert "pictures: images in a folder for each class, images 9x8x1" in said
    program("config", "show", "experiment.yaml", cwd=tmp_path)
    program("train", "experiment.yaml", "--epochs", "1", cwd=tmp_path)
    assert (tmp_path / "runs" / "experiment-0001" / "plots" / "curves.png").is_file()


def test_paths_are_relative_to_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classes(tmp_path)
    (tmp_path / "configs").mkdir()
    file = cnnrun.init_data("pictures", "configs/x.yaml").file
    assert "image_folder: {path: ../pictures}" in file.read_text()
    assert cnnrun.load_experiment(file).data.dataset.path == "../pictures"
    file = cnnrun.init_data(tmp_path / "pictures", "configs/y.yaml").file
    assert f"path: {tmp_path.as_posix()}/pictures" in file.read_text()


def test_a_name_does_not_leave_its_comment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a\nseed: 7", "b"):
        for index in range(9):
            picture(tmp_path / "x\nname: evil" / name / f"{index}.png")
    file = cnnrun.init_data("x\nname: evil", "x.yaml").file
    experiment = cnnrun.load_experiment(file)
    assert (experiment.seed, experiment.name) == (0, "x")


def test_what_cannot_be_begun_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="nothing: no such file or folder"):
        cnnrun.init_data("nothing", "x.yaml")
    (tmp_path / "x.yaml").write_text("seed: 0")
    with pytest.raises(DataError, match=r"not known by its names .* what is read: cifar, csv, idx"):
        cnnrun.init_data("x.yaml", "y.yaml")
    with pytest.raises(ConfigError, match=r"x\.yaml exists; --force"):
        cnnrun.init_data("nothing", "x.yaml")
    classes(tmp_path)
    (tmp_path / "pictures" / "cat" / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"cat.0.png: not an image of a known kind"):
        cnnrun.init_data("pictures", "y.yaml")
    assert not (tmp_path / "y.yaml").exists()


def test_the_shown_command_can_be_typed_and_an_unread_folder_is_named(tmp_path):
    pictures = tmp_path / "my pictures"
    for split in ("train", "more"):
        for index in range(24):
            picture(pictures / split / ("cat", "dog")[index % 2] / f"{index}.png")
    said = program("init", "--data", "my pictures", "my start.yaml", cwd=tmp_path).stderr
    assert "cnnrun train 'my start.yaml'" in said
    assert "more/ is not read: it has the same folders as train/" in said
    assert "cnnrun train 'my start.yaml'" in (tmp_path / "my start.yaml").read_text()


def unknown(folder, name):
    """Make what is called so: nothing that could be trained on."""
    path = folder / name
    np.savez(folder / "whole.npz", images=np.zeros((9, 4, 4), np.uint8), labels=np.arange(9) % 3)
    contents = {
        "cut.npz": (folder / "whole.npz").read_bytes()[:300],
        "named.npz": b"label,1x1\n",
        "utf16.csv": "label,a,b\n1,2,3\n".encode("utf-16"),
        "cut.csv.gz": gzip.compress(RNG.bytes(300))[:50],
    }
    if name == "pipe.csv":
        os.mkfifo(path)
    elif name.startswith("folder"):
        path.mkdir()
        for table in ("a.csv", "b.csv") if name == "folder of tables" else ():
            (path / table).write_text("file,label")
    else:
        path.write_bytes(contents.get(name, b""))
    return path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cut.npz", r"begins as an \.npz file, but its end is missing \(it has 300 bytes\)"),
        ("named.npz", r"not a NumPy \.npz file"),
        ("utf16.csv", "text in UTF-16; save it as UTF-8"),
        ("cut.csv.gz", r"not a readable \.gz file"),
        ("empty.csv", "an empty file"),
        ("folder", "an empty folder"),
        ("folder of tables", r"a folder of several files that could be read: a\.csv, b"),
        ("pipe.csv", "a pipe or a device"),
    ],
)
def test_why_something_is_not_known(tmp_path, name, says):
    with pytest.raises(DataError, match=f"{name}: {says}"):
        cnnrun.init_data(unknown(tmp_path, name), tmp_path / "x.yaml")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: [*rows[:5], "1,2", *rows[5:]], "x.csv:6: 2 columns, the first line has 17"),
        (lambda rows: [f"{row},5" for row in rows], "17 columns of pixels are no square"),
        (lambda rows: rows[:1], "x.csv: "),
        (lambda rows: [f"0,{row.split(',', 1)[1]}" for row in rows], "one class only"),
        (lambda rows: [f",{row.split(',', 1)[1]}" for row in rows], "'' is no label"),
    ],
)
def test_what_is_wrong_with_pixels_is_said(tmp_path, change, says):
    rows = [",".join(map(str, [i % 3, *range(i, i + 16)])) for i in range(30)]
    (tmp_path / "x.csv").write_text("\n".join(change(rows)))
    with pytest.raises(DataError, match=says) as caught:
        cnnrun.init_data(tmp_path / "x.csv", tmp_path / "x.yaml")
    assert "size is for" not in str(caught.value)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("place", ["scans", "."])
def test_names_of_image_files_may_lack_their_suffix(tmp_path, header, place):
    rows = [f"{index},{'ab'[index % 2] if header else index % 2}" for index in range(24)]
    for index in range(24):
        picture(tmp_path / place / f"{index}.png")
    (tmp_path / "x.csv").write_text("\n".join((["id,kind"] if header else []) + rows))
    start = cnnrun.init_data(tmp_path / "x.csv", tmp_path / "x.yaml")
    assert (start.info.image_shape, start.info.classes) == ((9, 8, 1), 2)
    data = cnnrun.load_experiment(tmp_path / "x.yaml").load_data()
    for file, image, label in zip(data.test.files, data.test.images, data.test.labels, strict=True):
        name = tmp_path / place / file.split("/")[-1]
        np.testing.assert_array_equal(image[..., 0], Image.open(name))
        assert label == int(name.stem) % 2
