"""`cnnrun inspect`, as a user meets it."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from command_line import run
from experiments import TINY
from PIL import Image


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspect")
    (folder / "tiny.yaml").write_text(TINY)
    run("train", "tiny.yaml", "-q", "--epochs", 2, cwd=folder)
    run("train", "tiny.yaml", "-q", "--epochs", 1, cwd=folder)
    return folder


class Page(HTMLParser):
    """Collects what a page shows and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.pictures, self.fetched, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "img":
            self.pictures.append(given)
        address = given.get("src") or given.get("href") or "#"
        if not address.startswith(("data:", "#")):
            self.fetched.append(address)

    def handle_data(self, data):
        self.text += data


def test_a_run(home):
    done = run("inspect", "tiny-0001", "--index", "3,1", cwd=home)
    folder = home / "runs/tiny-0001/inspect/test-3-1"
    assert "completeness error" in done.stdout
    assert str(folder.relative_to(home)) in done.stdout
    with np.load(folder / "maps.npz", allow_pickle=False) as maps:
        assert {"00_conv2d/x", "00_conv2d/dw", "00_conv2d/db", "attribution/saliency"} <= set(maps)
        assert maps["00_conv2d/x"].shape[0] == 2
        conv = maps["00_conv2d/w"]
        np.testing.assert_array_equal(maps["outputs"].shape[0], 2)
    rows = list(csv.DictReader((folder / "stats.csv").read_text().splitlines()))
    figures = next(row for row in rows if (row["layer"], row["tensor"]) == ("00_conv2d", "w"))
    assert float(figures["norm"]) == pytest.approx(np.linalg.norm(conv), rel=1e-6)
    assert float(figures["zeros"]) == 0
    report = json.loads((folder / "report.json").read_text())
    assert report["attribution"]["completeness_error"]
    page = Page((folder / "index.html").read_text("utf-8"))
    assert not page.fetched
    assert len(page.pictures) > 10
    assert all(picture["alt"] for picture in page.pictures)
    pictures = list(folder.glob("*.png"))
    assert len(pictures) + len(report["samples"]) == len(page.pictures)
    assert report["samples"][0].keys() >= {"true", "predicted", "probability"}
    assert 0 < report["samples"][0]["probability"] <= 1
    for path in pictures:
        with Image.open(path) as picture:
            assert 20 < picture.width <= 3000


def test_json_and_options(home):
    done = run(
        "inspect", "tiny-0001", "--class", 1, "--layers", "conv1", "--format", "safetensors",
        "--no-png", "--output", "out", "--json", cwd=home,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["schema_version"] == 1
    assert document["folder"] == "out"
    assert document["objective"] == "class score"
    assert [sample["class"] for sample in document["samples"]] == [1]
    assert {row["layer"] for row in document["layers"]} == {"00_conv2d"}
    assert not list((home / "out").glob("*.png"))
    from safetensors.numpy import load_file

    assert "00_conv2d/dy" in load_file(home / "out/maps.safetensors")


def test_a_configuration_and_an_image(home):
    done = run("inspect", "tiny.yaml", "--index", 0, "--no-png", cwd=home)
    assert "untrained" in done.stdout
    assert (home / "runs/untrained/tiny/inspect/test-0/report.json").exists()
    with np.load(home / "runs/untrained/tiny/inspect/test-0/maps.npz") as maps:
        height, width, channels = maps["00_conv2d/x"].shape[1:]
    mode = "L" if channels == 1 else "RGB"
    Image.new(mode, (width, height), 0).save(home / "black.png")
    done = run("inspect", "tiny-0001", "--image", "black.png", "--no-png", "--json", cwd=home)
    assert json.loads(done.stdout)["samples"][0]["label"] == "black.png"


@pytest.mark.parametrize(
    "arguments", [["--compare", "tiny-0002"], ["--checkpoint", "best,last"]], ids=str
)
def test_comparisons(home, arguments):
    folder = "-".join(arguments).strip("-").replace(",", "-")
    run("inspect", "tiny-0001", *arguments, "--output", folder, cwd=home)
    text = Page((home / folder / "index.html").read_text("utf-8")).text
    assert "and the difference" in text
    document = json.loads((home / folder / "report.json").read_text())
    assert len(document["compared"]["names"]) == 2
    assert document["compared"]["flow"]["layers"]
    assert all(name in text for name in document["compared"]["names"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "nosuch"),
        (["nosuch.yaml"], "no such file"),
        (["tiny-0001", "--index", "99999"], "the split has samples 0 to"),
        (["tiny-0001", "--index", "a"], "write it as 3,7 or 0-9"),
        (["tiny-0001", "--index", "0-500"], "the bound is 200 samples"),
        (["tiny-0001", "--class", "zebra"], "no such class; there are"),
        (["tiny-0001", "--layers", "conv9"], "no layer is called 'conv9'"),
        (["tiny-0001", "--kinds", "filter"], "did you mean filters"),
        (["tiny-0001", "--checkpoint", "first"], "not best, last or best,last"),
        (["tiny-0001", "--image", "nosuch.png"], "nosuch.png"),
        (["tiny-0001", "--image", "tiny.yaml"], "tiny.yaml"),
        (["tiny-0001", "--compare", "nosuch"], "nosuch"),
    ],
    ids=lambda value: str(value),
)
def test_wrong_usage_ends_with_2(home, arguments, words):
    done = run("inspect", *arguments, cwd=home, check=False)
    assert done.returncode == 2, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
