"""`reproduce`: the same to the bit, or where two trainings part and why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import run as program
from experiments import TINY, tiny
from safetensors.numpy import load_file, save_file

import cnnrun
from cnnrun.runs import Run, StopRequest, resume_run, start_run
from cnnrun.runs.events import StepFinished
from cnnrun.runs.reproduction import first_parting, within_tolerance

ROOT = Path(__file__).parents[2]
PLUGIN = """
from cnnrun.engine import LAYERS, Layer

@LAYERS.register("times_again")
class Times(Layer):
    def forward(self, x, ctx):
        return 2 * x
    def backward(self, dy, ctx):
        return 2 * dy
"""


def kinds(result):
    return [cause.kind for cause in result.causes]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run on data of its own, digests at every step."""
    folder = tmp_path_factory.mktemp("home")
    images = np.random.default_rng(0).integers(0, 255, (100, 6, 6), np.uint8)
    np.savez(folder / "d.npz", images=images, labels=np.arange(100) % 3)
    before, _, after = TINY.partition("  dataset: ")
    text = f"{before}  dataset: {{npz: {{path: d.npz}}}}\n{after.partition(chr(10))[2]}"
    (folder / "c.yaml").write_text(text.replace("epochs: 4", "epochs: 2"))
    cnnrun.train(folder / "c.yaml", folder / "runs", workers=1, check_every=1)
    return folder


@pytest.fixture
def copy(home, tmp_path):
    """A copy of the folder, whose run may be changed."""
    shutil.copytree(home, tmp_path / "copy")
    run = Run(next((tmp_path / "copy" / "runs").iterdir()))
    return run.with_data_root(home, tmp_path / "copy")


def again(run, **options):
    return cnnrun.reproduce(run, run.folder.parent, workers=1, **options)


def test_a_run_repeats_to_the_bit_elsewhere_too(copy):
    result = again(copy)
    assert (result.verdict, result.exit_code, result.causes) == ("same", 0, ())
    assert result.predictions["samples"] == 0
    made = Run(Path(result.again))
    assert made.name == "tiny-again-0001"
    assert made.record["reproduces"] == {"run": copy.name, "verdict": "same"}
    assert made.digests.read_bytes() == copy.digests.read_bytes()
    assert cnnrun.load_run("last", copy.folder.parent).name == copy.name


def test_the_first_epochs_alone(copy):
    result = again(copy, epochs=1)
    assert (result.verdict, result.epochs) == ("same", 1)
    assert result.steps == copy.metrics[0]["step"]


def test_another_seed(copy):
    copy.config.write_text(copy.config.read_text().replace("seed: 3", "seed: 4"))
    result = again(copy)
    assert (result.verdict, result.exit_code, kinds(result)) == ("different", 1, ["seed"])
    assert (result.first["epoch"], result.first["step"]) == (1, 0)
    assert "it was 3, and is 4" in result.causes[0].text


def test_another_setting(copy):
    copy.config.write_text(copy.config.read_text().replace("rate: 0.2", "rate: 0.3"))
    result = again(copy)
    assert (result.verdict, kinds(result)) == ("different", ["configuration"])
    assert (result.first["step"], result.first["same_until"]) == (1, 0)


def test_a_pixel_of_the_data(copy):
    path = copy.folder.parents[1] / "d.npz"
    arrays = dict(np.load(path))
    arrays["images"][0, 0, 0] ^= 255
    np.savez(path, **arrays)
    result = again(copy)
    assert (result.verdict, kinds(result)) == ("different", ["data"])
    assert copy.record["dataset"]["sha256"][:12] in result.causes[0].text


def test_a_weight_of_the_checkpoint(copy):
    path = copy.checkpoint("last") / "weights.safetensors"
    weights = load_file(path)
    weights["00_conv2d/w"][0, 0, 0, 0] += 0.5
    save_file(weights, path)
    result = again(copy)
    assert (result.verdict, kinds(result)) == ("different", ["checkpoint"])
    assert result.weights == {"00_conv2d/w": pytest.approx(0.5)}
    manifest = copy.checkpoint("last") / "manifest.json"
    document = json.loads(manifest.read_text())
    import hashlib

    content = path.read_bytes()
    document["files"][path.name] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    manifest.write_text(json.dumps(document))
    result = again(copy)
    assert (result.verdict, kinds(result)) == ("different", ["checkpoint"])
    assert "digests.jsonl" in result.causes[0].text


def test_a_figure_of_the_log(copy):
    lines = copy.log.read_text().splitlines()
    changed = {**json.loads(lines[1]), "val_loss": 0.0}
    copy.log.write_text(f"{lines[0]}\n{json.dumps(changed)}\n")
    result = again(copy)
    assert (result.verdict, kinds(result), result.first["epoch"]) == ("different", ["log"], 2)


def test_missing_data_are_named_with_their_digest(copy):
    (copy.folder.parents[1] / "d.npz").unlink()
    result = again(copy)
    assert (result.verdict, result.exit_code, result.again) == ("cannot tell", 4, None)
    assert copy.record["dataset"]["sha256"] in result.reason
    assert "d.npz" in result.reason


def test_a_plugin_that_has_changed_or_is_missing(tmp_path):
    (tmp_path / "times.py").write_text(PLUGIN)
    text = TINY.replace("  - relu", "  - times_again\n  - relu").replace("epochs: 4", "epochs: 1")
    (tmp_path / "tiny.yaml").write_text(text)
    program("train", "tiny.yaml", "-q", "--plugin", "times.py", cwd=tmp_path)
    lacking = program("reproduce", "last", "-q", cwd=tmp_path, check=False)
    assert lacking.returncode == 4
    assert "times.py" in lacking.stdout
    (kept,) = (tmp_path / "runs" / "tiny-0001" / "plugins").iterdir()
    kept.write_text(PLUGIN.replace("2 * x", "3 * x"))
    done = program("reproduce", "last", "--plugin", "run", "--json", cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["verdict"] == "different"
    assert [cause["kind"] for cause in document["causes"]] == ["plugin"]
    assert "times.py" in document["causes"][0]["text"]


def test_stopped_and_extended_runs_repeat(tmp_path):
    def train(session, until=None):
        stop = StopRequest()
        for event in session.events(stop):
            if isinstance(event, StepFinished) and event.step == until:
                stop.signal = 2
        return session.run

    runs = tmp_path / "runs"
    run = train(start_run(tiny(tmp_path, "train.epochs=2"), runs, workers=1))
    run = train(resume_run(run, workers=1, epochs=3), until=13)
    result = cnnrun.reproduce(run, runs, workers=2)
    assert (result.verdict, result.steps) == ("same", 13), result
    run = train(resume_run(run, workers=1, epochs=4))
    result = cnnrun.reproduce(run, runs, workers=1)
    assert result.verdict == "same", result


def test_another_kernel_of_the_blas(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    shown = "import threadpoolctl, numpy; print(threadpoolctl.threadpool_info()[0]['architecture'])"

    def in_kernel(name, *words):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_CORETYPE": name}
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    if in_kernel("Haswell", "-c", shown).stdout == in_kernel("Sandybridge", "-c", shown).stdout:
        pytest.skip("OPENBLAS_CORETYPE changes nothing here")
    assert not in_kernel("Haswell", "-m", "cnnrun", "train", "tiny.yaml", "-q").returncode
    done = in_kernel("Sandybridge", "-m", "cnnrun", "reproduce", "last", "--json")
    document = json.loads(done.stdout)
    if document["verdict"] == "same":
        pytest.skip("both kernels give the same bits here")
    assert (done.returncode, document["verdict"]) == (0, "within tolerance")
    (cause,) = document["causes"]
    assert (cause["kind"], cause["rounds"]) == ("kernel", True)
    assert "it was Haswell, and is Sandybridge" in cause["text"]


def test_where_digests_part():
    one = {0: {"w": "a"}, 5: {"w": "b", "v": "c"}, 9: {"w": "d"}}
    assert first_parting(one, one) == (9, None, [])
    assert first_parting(one, {**one, 5: {"w": "b", "v": "x"}}) == (0, 5, ["v"])


def test_the_tolerance():
    def run(start, accuracy):
        return [
            {"train_loss": start, "val_accuracy": 0.5},
            {"train_loss": 0.1, "val_accuracy": accuracy},
        ]

    assert within_tolerance(run(1.0, 0.9), run(1.01, 0.915))
    assert not within_tolerance(run(1.0, 0.9), run(1.1, 0.9))
    assert not within_tolerance(run(1.0, 0.9), run(1.0, 0.93))
