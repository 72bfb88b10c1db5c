"""The command line as a user meets it: the real program, its output and its exit codes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from broken_configs import BROKEN, GOOD
from command_line import run
from experiments import TINY, log_of, weights_of
from typer.testing import CliRunner

from cnnrun.cli.app import app

SLOW = TINY.replace("train_samples: 90", "train_samples: 900").replace("epochs: 4", "epochs: 8")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a configuration and one finished run of it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "tiny.yaml").write_text(TINY)
    done = run("train", "tiny.yaml", cwd=folder)
    (folder / "train.txt").write_text(done.stdout)
    (folder / "train.err").write_text(done.stderr)
    return folder


def invoke(*arguments, home, monkeypatch):
    monkeypatch.chdir(home)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def document(*arguments, home, monkeypatch):
    """Return the JSON document that a verb prints, after checking that there is nothing else."""
    result = invoke(*arguments, "--json", home=home, monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["schema_version"] == 1
    return found


def test_train_ends_with_a_table_and_the_test_accuracy(home):
    out, err = (home / "train.txt").read_text(), (home / "train.err").read_text()
    assert "test accuracy" in out
    assert "runs/tiny-0001" in out
    assert out.count("%") >= 8
    assert "\x1b" not in out + err, "no colours where there is no terminal"
    assert [line.split()[0] for line in err.splitlines()] == ["run", *["epoch"] * 4]
    folder = home / "runs/tiny-0001"
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files >= {
        "config.yaml", "run.json", "metrics.jsonl", "results.csv", "plots/curves.png",
        *(f"checkpoints/{which}/{name}" for which in ("last", "best")
          for name in ("weights.safetensors", "state.safetensors", "state.json", "manifest.json")),
    }  # fmt: skip


def test_train_json(home, tmp_path):
    done = run(
        "train", home / "tiny.yaml", "--json", "--epochs", 1, "--name", "other", cwd=tmp_path
    )
    found = json.loads(done.stdout)
    assert found.keys() >= {
        "schema_version", "run", "status", "epochs", "steps", "parameters", "seconds", "final",
        "best",
    }  # fmt: skip
    assert (found["status"], found["epochs"], found["steps"]) == ("finished", 1, 5)
    assert found["run"] == "runs/other-0001"
    record = json.loads((tmp_path / "runs/other-0001/run.json").read_text())
    assert record["test"] == {"checkpoint": "best", **found["test"]}
    measured = run("evaluate", "other", "--json", cwd=tmp_path)
    assert json.loads(measured.stdout)["accuracy"] == found["test"]["accuracy"]
    assert done.stderr == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_does_not_change_the_weights(home, tmp_path, workers):
    run("train", home / "tiny.yaml", "--workers", workers, "-q", cwd=tmp_path)
    assert weights_of(tmp_path / "runs/tiny-0001") == weights_of(home / "runs/tiny-0001")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_run_resumes_to_the_same_end(tmp_path, number, code):
    (tmp_path / "slow.yaml").write_text(SLOW)
    program = [
        sys.executable,
        "-m",
        "cnnrun",
        "train",
        "slow.yaml",
        "--name",
        "slow",
        "--workers",
        "1",
    ]
    process = subprocess.Popen(
        program, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    folder = tmp_path / "runs/slow-0001"
    deadline = time.monotonic() + 60
    while not (folder / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert b"--resume slow-0001" in err
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert len(log_of(folder)) < 8
    done = run("train", "--resume", "--epochs", 8, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["epochs"] == 8
    whole = run("train", "slow.yaml", "--name", "whole", "-q", cwd=tmp_path)
    assert whole.stderr == ""
    assert weights_of(folder) == weights_of(tmp_path / "runs/whole-0001")
    assert log_of(folder) == log_of(tmp_path / "runs/whole-0001")


def test_divergence_ends_with_3(home, tmp_path):
    done = run("train", home / "tiny.yaml", "optimizer.adam.learning_rate=1e30", "network[1]=relu",
               cwd=tmp_path, check=False)  # fmt: skip
    assert done.returncode == 3
    assert "not finite" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "runs/tiny-0001/run.json").read_text())["status"] == "diverged"


@pytest.mark.parametrize("broken", BROKEN, ids=lambda b: b.name)
def test_a_broken_configuration_leaves_no_run(tmp_path, monkeypatch, broken):
    (tmp_path / "x.yaml").write_text(broken.text)
    result = invoke("train", "x.yaml", home=tmp_path, monkeypatch=monkeypatch)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert not (tmp_path / "runs").exists()


def test_an_error_is_a_message_and_never_a_traceback(tmp_path):
    (tmp_path / "x.yaml").write_text(GOOD.replace("filters: 4", "filters: 0"))
    done = run("train", "x.yaml", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: x.yaml:7:23: network[0].conv2d.filters: 0 is not")
    debug = run("train", "x.yaml", "--debug", cwd=tmp_path, check=False)
    assert "Traceback" in debug.stderr


def test_evaluate(home, monkeypatch):
    found = document("evaluate", "last", home=home, monkeypatch=monkeypatch)
    assert (found["checkpoint"], found["split"], found["samples"]) == ("best", "test", 30)
    matrix = np.array(found["confusion_matrix"])
    assert matrix.shape == (3, 3)
    assert matrix.sum() == 30
    assert found["accuracy"] == pytest.approx(np.trace(matrix) / 30)
    figures = {"precision", "recall", "f1", "auc"}
    intervals = {f"{figure}_interval" for figure in figures}
    assert found["per_class"][1].keys() == {"class", "support"} | figures | intervals
    low, high = found["accuracy_interval"]
    assert low < found["accuracy"] < high
    folder = home / "runs/tiny-0001"
    assert (folder / "plots/confusion_matrix.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    assert len(rows) == 30
    assert sum(row["true"] == row["predicted"] for row in rows) == np.trace(matrix)
    assert sum(float(rows[0][f"p_{name}"]) for name in "012") == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_evaluate_prints_tables(home, monkeypatch, split):
    result = invoke("evaluate", "tiny", "--split", split, "--checkpoint", "last",
                    home=home, monkeypatch=monkeypatch)  # fmt: skip
    assert result.exit_code == 0
    assert "confusion matrix" in result.stdout
    assert f"last weights, {split} split" in result.stdout


def test_evaluate_other_data(home, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 255, (40, 6, 6), np.uint8), np.arange(40) % 3
    np.savez(tmp_path / "d.npz", images=images, labels=labels)
    found = document(
        "evaluate", "last", "--data", tmp_path / "d.npz", home=home, monkeypatch=monkeypatch
    )
    assert found["samples"] == 40, "a file without splits is measured whole"
    np.savez(tmp_path / "d.npz", images=images[:, :5], labels=labels)
    result = invoke(
        "evaluate", "last", "--data", tmp_path / "d.npz", home=home, monkeypatch=monkeypatch
    )
    assert "(5, 6, 1)" in result.stderr


def test_every_evaluation_has_files_of_its_own(home, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    pictures = {"images": rng.integers(0, 255, (9, 6, 6), np.uint8), "labels": np.arange(9) % 3}
    np.savez(tmp_path / "others.npz", **pictures)
    document("evaluate", "last", home=home, monkeypatch=monkeypatch)
    folder = home / "runs/tiny-0001"
    first = (folder / "predictions.csv").read_bytes()
    ways = {
        "-val-best": ["--split", "val"],
        "-test-last": ["--checkpoint", "last"],
        "-others.npz-best": ["--data", tmp_path / "others.npz"],
    }
    for suffix, options in ways.items():
        result = invoke("evaluate", "last", *options, home=home, monkeypatch=monkeypatch)
        assert result.exit_code == 0, result.output
        assert f"predictions{suffix}.csv" in result.stderr
        assert (folder / f"predictions{suffix}.csv").exists()
        assert (folder / f"plots/confusion_matrix{suffix}.png").exists()
    assert "others.npz, 9 samples" in result.stdout
    assert "test split" not in result.stdout
    assert (folder / "predictions.csv").read_bytes() == first


def test_other_data_are_normalised_as_in_training(home, tmp_path, monkeypatch):
    """The run's own test images, given as a file, are measured to the same figures."""
    from cnnrun.config import load_experiment

    data = load_experiment(home / "tiny.yaml").data.dataset.load(home)
    images = data.test.images / np.float32(data.test.maximum)
    np.savez(tmp_path / "own.npz", images=images, labels=data.test.labels)
    own = document("evaluate", "last", home=home, monkeypatch=monkeypatch)
    again = document("evaluate", "last", "--data", tmp_path / "own.npz", home=home,
                     monkeypatch=monkeypatch)  # fmt: skip
    # The file is cut into a training and a test part and put together again, in another order.
    assert again["accuracy"] == own["accuracy"]
    assert again["loss"] == pytest.approx(own["loss"], rel=1e-5)


def test_a_check_of_the_last_run_writes_into_the_run_it_checked(home, tmp_path, monkeypatch):
    """Another run may be started while the check goes on."""
    import shutil

    from cnnrun.runs import gradient_check

    shutil.copytree(home / "runs/tiny-0001", tmp_path / "runs/tiny-0001")
    gradcheck = gradient_check.gradcheck

    def check_while_another_run_starts(*arguments, **options):
        shutil.copytree(tmp_path / "runs/tiny-0001", tmp_path / "runs/tiny-0002")
        return gradcheck(*arguments, **options)

    monkeypatch.setattr(gradient_check, "gradcheck", check_while_another_run_starts)
    result = invoke("gradcheck", "last", "--budget", 500, home=tmp_path, monkeypatch=monkeypatch)
    assert "all gradients are right" in result.stdout
    assert (tmp_path / "runs/tiny-0001/gradcheck.json").exists()
    assert not (tmp_path / "runs/tiny-0002/gradcheck.json").exists()


def test_predict(home, tmp_path, monkeypatch):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.fromarray(np.full((6, 6), 128, np.uint8)).save(path)
    found = document("predict", "last", path, home=home, monkeypatch=monkeypatch)
    (prediction,) = found["predictions"]
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert prediction["class"] == max(
        prediction["probabilities"], key=prediction["probabilities"].get
    )
    Image.fromarray(np.full((9, 6), 128, np.uint8)).save(path)
    result = invoke("predict", "last", path, home=home, monkeypatch=monkeypatch)
    assert "9x6" in result.stderr
    assert (
        invoke("predict", "last", path, "--resize", home=home, monkeypatch=monkeypatch).exit_code
        == 0
    )


def test_summary(home, monkeypatch):
    found = document("summary", "tiny.yaml", home=home, monkeypatch=monkeypatch)
    conv, norm, *_, dense = found["layers"]
    assert conv == {
        "name": "00_conv2d", "type": "conv2d", "output_shape": [4, 4, 4],
        "parameters": 40, "multiply_adds": 576, "activation_bytes": 256,
    }  # fmt: skip
    assert (norm["parameters"], dense["parameters"]) == (8, 64 * 3 + 3)
    assert found["parameters"] == 40 + 8 + 195
    assert found["multiply_adds"] == 576 + 192
    assert "total" in invoke("summary", "tiny.yaml", home=home, monkeypatch=monkeypatch).stdout


def test_runs(home, monkeypatch):
    (row,) = document("runs", "list", home=home, monkeypatch=monkeypatch)["runs"]
    assert row["name"] == "tiny-0001"
    assert row["status"] == "finished"
    shown = document("runs", "show", "last", home=home, monkeypatch=monkeypatch)
    assert len(shown["metrics"]) == 4
    for arguments in (["runs", "list", "--csv"], ["runs", "show", "last", "--csv"]):
        table = list(
            csv.reader(invoke(*arguments, home=home, monkeypatch=monkeypatch).stdout.splitlines())
        )
        assert {len(line) for line in table} == {len(table[0])}
    assert "tiny-0001" in invoke("runs", "show", "last", home=home, monkeypatch=monkeypatch).stdout
    result = invoke("runs", "list", "--sort", "colour", home=home, monkeypatch=monkeypatch)
    assert result.exit_code == 2


def test_runs_compare_shows_only_what_differs(home, tmp_path, monkeypatch):
    for changes in ([], ["seed=8", "network[0].conv2d.filters=5"]):
        run("train", home / "tiny.yaml", *changes, "--epochs", 1, "-q", cwd=tmp_path)
    found = document(
        "runs", "compare", "tiny-0001", "tiny-0002", home=tmp_path, monkeypatch=monkeypatch
    )
    assert found["settings"] == {"network[0].conv2d.filters": [4, 5], "seed": [3, 8]}
    assert len(found["results"]["val_loss"]) == 2
    result = invoke("runs", "compare", "tiny-0001", home=tmp_path, monkeypatch=monkeypatch)
    assert result.exit_code == 2


def test_config_show_is_a_configuration(home, tmp_path, monkeypatch):
    text = invoke(
        "config", "show", "tiny.yaml", "seed=5", home=home, monkeypatch=monkeypatch
    ).stdout
    (tmp_path / "shown.yaml").write_text(text)
    again = invoke("config", "show", "shown.yaml", home=tmp_path, monkeypatch=monkeypatch)
    assert again.stdout == text
    assert "seed: 5" in text
    assert (
        document("config", "show", "tiny.yaml", home=home, monkeypatch=monkeypatch)["config"][
            "seed"
        ]
        == 3
    )
    schema = invoke("config", "schema", home=home, monkeypatch=monkeypatch).stdout
    assert json.loads(schema)["$schema"].startswith("http://json-schema.org/draft-07")


def test_data(home, monkeypatch):
    names = [
        d["name"] for d in document("data", "list", home=home, monkeypatch=monkeypatch)["datasets"]
    ]
    assert {"digits", "mnist5k", "npz", "image_folder"} <= set(names)
    found = document("data", "info", "digits", home=home, monkeypatch=monkeypatch)
    assert found["image_shape"] == [8, 8, 1]
    assert sum(part["samples"] for part in found["splits"].values()) == 1797
    assert invoke("data", "info", "tiny.yaml", home=home, monkeypatch=monkeypatch).exit_code == 0
    assert "digits" in invoke("data", "info", "digit", home=home, monkeypatch=monkeypatch).stderr


def test_init_writes_a_configuration_that_trains(tmp_path):
    run("init", "mine.yaml", cwd=tmp_path)
    done = run("train", "mine.yaml", "--epochs", 1, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["status"] == "finished"
    again = run("init", "mine.yaml", cwd=tmp_path, check=False)
    assert again.returncode == 2
    assert "--force" in again.stderr
    run("init", "mine.yaml", "--force", cwd=tmp_path)


VERBS = [
    [], ["train"], ["evaluate"], ["predict"], ["summary"], ["init"], ["runs"], ["runs", "list"],
    ["runs", "show"], ["runs", "compare"], ["config"], ["config", "show"], ["config", "schema"],
    ["data"], ["data", "list"], ["data", "info"], ["data", "export"],
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help(verb, home, monkeypatch):
    result = invoke(*verb, "--help", home=home, monkeypatch=monkeypatch)
    assert result.exit_code == 0
    if len(verb) == 2 or verb in (["train"], ["evaluate"], ["predict"], ["summary"], ["init"]):
        assert f"Example: cnnrun {' '.join(verb)}" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["evaluate", "nothing"], "no run is called"),
        (["train"], "give a configuration file"),
        (["train", "--resume", "nothing"], "no run is called"),
        (["train", "none.yaml"], "no such file"),
        (["train", "none.yaml", "--resume"], "--resume takes"),
        (["fly"], "No such command"),
        (["summary", "tiny.yaml", "--plugin", "none.py"], "no such Python file"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path, arguments, says):
    (tmp_path / "tiny.yaml").write_text(TINY)
    done = run(*arguments, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_finished_run_is_not_resumed_without_more_epochs(home):
    done = run("train", "--resume", "tiny", cwd=home, check=False)
    assert done.returncode == 2
    assert "--epochs" in done.stderr


def test_a_reader_that_goes_away_is_no_error(home):
    program = f"{sys.executable} -m cnnrun config show tiny.yaml | head -n 1"
    done = subprocess.run(program, shell=True, cwd=home, capture_output=True, text=True)
    assert done.stderr == ""


def test_importing_the_package_is_light(tmp_path):
    code = "import sys, cnnrun; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"typer", "click", "rich", "pydantic", "matplotlib", "numpy", "tqdm"}
    assert not heavy & set(loaded.stdout.split())


def test_help_imports_nothing_heavy():
    code = "import sys, cnnrun.cli.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "pydantic", "matplotlib", "PIL", "yaml"} & set(loaded.stdout.split())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(home, tmp_path):
    tmp_path.chmod(0o500)
    done = run("train", home / "tiny.yaml", "--runs-dir", tmp_path / "r", cwd=home, check=False)
    assert done.returncode == 2
    assert "cannot create a run" in done.stderr
