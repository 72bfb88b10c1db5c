"""Paths that the system does not take are refused like any that is not there."""

from __future__ import annotations

import pytest

import cnnrun
from cnnrun.data import DATASETS
from cnnrun.data.recognition import recognise
from cnnrun.errors import ConfigError, DataError

LONG = "x" * 5000


@pytest.mark.parametrize("source", ["cifar", "csv", "idx", "image_folder", "image_pairs", "npz"])
@pytest.mark.parametrize("path", [LONG, "a\0b", "loop"])
def test_a_path_that_the_system_does_not_take(tmp_path, source, path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError):
        DATASETS.get(source)(path).load(tmp_path)
    assert recognise(tmp_path / path) is None


def test_names_that_the_system_does_not_take(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text(f"{LONG},1\nx.png,2\n")
    for name, options in (
        ("csv", {"images": 1, "header": False}),
        ("csv", {"test": LONG}),
    ):
        with pytest.raises(DataError):
            DATASETS.get(name)("x.csv", **options).load(tmp_path)
    with pytest.raises(DataError):
        DATASETS.get("idx")(".", train_images=LONG, train_labels="a\0b").load(tmp_path)
    with pytest.raises(DataError):
        cnnrun.init_data(LONG)
    (tmp_path / "x.csv").write_text("0,7\n1,9\n" * 5)
    with pytest.raises(ConfigError):
        cnnrun.init_data("x.csv", LONG)
    with pytest.raises(ConfigError):
        cnnrun.init_experiment(LONG)
