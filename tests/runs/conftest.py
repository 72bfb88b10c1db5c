"""A run that may be changed, for the tests of `reproduce`."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from experiments import TINY

import cnnrun
from cnnrun.runs import Run


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory):
    """A folder with a run on data of its own, digests at every step."""
    folder = tmp_path_factory.mktemp("trained_folder")
    images = np.random.default_rng(0).integers(0, 255, (100, 6, 6), np.uint8)
    np.savez(folder / "d.npz", images=images, labels=np.arange(100) % 3)
    before, _, after = TINY.partition("  dataset: ")
    text = f"{before}  dataset: {{npz: {{path: d.npz}}}}\n{after.partition(chr(10))[2]}"
    (folder / "c.yaml").write_text(text.replace("epochs: 4", "epochs: 2"))
    cnnrun.train(folder / "c.yaml", folder / "runs", workers=1, check_every=1)
    return folder


@pytest.fixture
def copied(trained_folder, tmp_path):
    """A copy of the folder, whose run may be changed."""
    shutil.copytree(trained_folder, tmp_path / "copy")
    run = Run(next((tmp_path / "copy" / "runs").iterdir()))
    return run.with_data_root(trained_folder, tmp_path / "copy")
