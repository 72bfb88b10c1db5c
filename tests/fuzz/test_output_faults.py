"""An evaluation, an inspection or a prediction that cannot be written says so and damages nothing.

Every operation on the disk fails once with ENOSPC, once with EIO, and is once the last before
SIGKILL. `CNNRUN_ALL_FAULTS=1` tries them all; else it is a sample, another part of which is taken
by `CNNRUN_FAULTS_FROM=n`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest
from experiments import tiny
from faulty_disk import FAULTS, Disk, killed
from PIL import Image
from trials import program

from cnnrun.runs import train

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

STRIDE = 1 if os.environ.get("CNNRUN_ALL_FAULTS") else 199
FIRST = int(os.environ.get("CNNRUN_FAULTS_FROM", 0)) % STRIDE
VERBS = {
    "evaluate": ("evaluate", "last"),
    "evaluate other data": ("evaluate", "last", "--data", "{synthetic: {image_shape: [6, 6, 1], "
                            "classes: 3, train_samples: 9, test_samples: 9}}"),
    "inspect": ("inspect", "last", "--kinds", "filters", "--steps", 1),
    "inspect as safetensors": ("inspect", "last", "--no-png", "--format", "safetensors",
                               "--steps", 1),
    "predict": ("predict", "last", "image.png", "--csv", "runs/table.csv"),
}  # fmt: skip
MADE = ("predictions", "plots", "inspect", "evaluations.json", "table.csv", ".lock")


@pytest.fixture(scope="module", params=VERBS)
def unhurt(request, tmp_path_factory):
    """A verb, a folder with a run of one epoch for which it was called, and what it did."""
    folder, words = tmp_path_factory.mktemp("trained"), VERBS[request.param]
    train(tiny(folder, "train.epochs=1"), folder / "runs", workers=1)
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(folder / "image.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(matplotlib.figure.Figure, "savefig", drawing)  # which writes nothing
        with Disk(folder / "runs").mounted() as disk:
            assert call(words) == 0
        yield words, folder, disk.done


def drawing(figure, file, **options) -> None:
    file.write(b"a picture")


def files_of(folder: Path) -> dict[str, bytes]:
    runs = folder / "runs"
    return {
        str(path.relative_to(runs)): path.read_bytes() for path in runs.rglob("*") if path.is_file()
    }


def is_made(name: str) -> bool:
    """Return whether a verb that reads a run may write this file."""
    return name.split("/", 1)[-1].startswith(MADE)


def call(words: tuple[object, ...]) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        program(*words)
    return end.value.code


@pytest.mark.parametrize("fault", FAULTS)
def test_files_are_replaced_whole_or_not_at_all(unhurt, tmp_path, monkeypatch, fault):
    words, folder, done = unhurt
    whole = files_of(folder)
    wrong = {}
    for at in range(FIRST or len(done) % STRIDE // 2, len(done), STRIDE):
        hurt = tmp_path / f"hurt-{at}"
        shutil.copytree(folder, hurt)
        for name in whole:
            if is_made(name):
                (hurt / "runs" / name).write_bytes(b"{}")  # an earlier one
        monkeypatch.chdir(hurt)
        faults = told(words, Disk(hurt / "runs", fault, at))
        for name, content in files_of(hurt).items():
            if name.rsplit("/", 1)[-1].startswith(".") and name.endswith(".new"):
                faults += [f"{name} is left"] if fault != "KILL" else []
            elif content not in ((whole[name], b"{}") if is_made(name) else (whole[name],)):
                faults.append(f"{name} is neither the old nor the new one")
        faults += ["not well afterwards"] if call(words) != 0 else []
        if faults:
            wrong[f"{at}: {done[at]}"] = faults
        shutil.rmtree(hurt)
    assert not wrong


def told(words: tuple[object, ...], disk: Disk) -> list[str]:
    """Run a verb on a disk that fails, and return what is wrong with how it ended."""

    def go() -> None:
        with disk.mounted():
            program(*words)

    if disk.fault == "KILL":
        return [] if killed(go) else ["not killed"]
    with pytest.raises(SystemExit) as end:
        go()
    # Syncing a folder may fail behind a rename, and asking for the lock may, without harm.
    return [] if end.value.code in (0, 2) else [f"exit {end.value.code}"]
