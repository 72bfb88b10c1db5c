"""What docs/data.md shows is what is said of such data."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import own_data
import pytest
import yaml
from shown_commands import commands_of
from typer.testing import CliRunner

from cnnrun.cli.app import app
from cnnrun.data import DATASETS
from cnnrun.errors import DataError

DOCUMENT = (Path(__file__).parents[1] / "docs/data.md").read_text("utf-8")
REFUSED = re.findall(r"```text\n(.*?)```", DOCUMENT, re.S)[-1].splitlines()


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Return a folder with the files that are shown."""
    folder = tmp_path_factory.mktemp("examples")
    own_data.make(folder)
    return folder


def test_the_commands_print_what_is_shown(examples, monkeypatch):
    monkeypatch.chdir(examples)
    shown = [command for command in commands_of("docs/data.md", DOCUMENT) if command.output]
    assert len(shown) == 8
    for command in shown:
        result = CliRunner().invoke(app, [*command.words])
        assert result.output == command.output.rstrip() + "\n"


@pytest.mark.parametrize("source", ["csv", "image_folder", "image_pairs", "idx", "cifar", "npz"])
def test_the_sources_read_what_is_shown(examples, source):
    shown = re.findall(rf"`{source}: ({{path: [^`]+}})`", DOCUMENT) or ["{path: kinds.csv}"]
    for options in shown:
        data = DATASETS.get(source)(**yaml.safe_load(options)).load(examples)
        assert len(data.train) > len(data.test)


def edited(file, line, change):
    lines = file.read_text().splitlines()
    lines[line - 1] = change(lines[line - 1])
    file.write_text("\n".join(lines))


def damages(folder):
    """Yield a source and its path, each after something has been damaged."""
    table, images = folder / "pixels.csv", folder / "mnist" / "train-images-idx3-ubyte.gz"
    edited(table, 17, lambda line: ",".join([*line.split(",")[:4], "abc", *line.split(",")[5:]]))
    yield "csv", "pixels.csv"
    edited(table, 17, lambda line: ",".join(line.split(",")[:-1]))
    yield "csv", "pixels.csv"
    (folder / "scans" / "1.png").rename(folder / "scans" / "one.png")
    yield "csv", "kinds.csv"
    yield "csv", "flags.csv"
    images.write_bytes(gzip.compress(gzip.decompress(images.read_bytes())[:18000]))
    yield "idx", "mnist"
    batch = folder / "cifar-10-batches-bin" / "test_batch.bin"
    batch.write_bytes(batch.read_bytes()[:100_000])
    yield "cifar", "cifar-10-batches-bin"
    yield "npz", "pictures"
    np.save(folder / "numbers.npy", [1])
    yield "idx", "numbers.npy"


def test_the_refusals_are_those_that_are_shown(tmp_path, monkeypatch):
    own_data.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    said = []
    for source, path in damages(tmp_path):
        with pytest.raises(DataError) as caught:
            DATASETS.get(source)(path).load(Path())
        said.append(str(caught.value))
    assert said == REFUSED
