"""Groups of runs: one configuration with several seeds, stopped and resumed as a whole."""

from __future__ import annotations

import json
import shutil
from statistics import fmean, stdev

import pytest
from experiments import log_of, tiny, weights_of
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.errors import ConfigError, RunError
from cnnrun.runs import StopRequest, remove_runs
from cnnrun.statistics import mean_interval

SHORT = "train.epochs=2"


def outcome(group):
    return {seed: (weights_of(run.folder), log_of(run.folder)) for seed, run in group.runs.items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a finished group of three seeds."""
    folder = tmp_path_factory.mktemp("seeds")
    group = cnnrun.train_seeds(tiny(folder, SHORT), 3, folder / "runs", workers=1)
    assert group.name == "tiny-seeds-0001"
    return folder


def test_a_group_is_of_ordinary_runs(home):
    group = cnnrun.load_group("tiny-seeds", home / "runs")
    assert {seed: run.name for seed, run in group.runs.items()} == {
        seed: f"tiny-seed{seed}-0001" for seed in range(3)
    }
    alone = cnnrun.train(tiny(home, SHORT, "seed=2"), home / "alone", workers=2)
    assert weights_of(alone.folder) == weights_of(group.runs[2].folder)
    assert group.runs[1].record["group"] == group.name
    values = [run.record["test"]["accuracy"] for run in group.runs.values()]
    spread = group.figures["accuracy"]
    assert (spread.mean, spread.std) == (fmean(values), stdev(values))
    assert spread.interval == mean_interval(values, (0, 1))
    assert "tiny-seeds-0001" in group._repr_html_()


@pytest.mark.parametrize("events", [1, 8, 17, 27])
def test_a_group_that_is_stopped_anywhere_goes_on_to_the_same_bits(home, tmp_path, events):
    whole, stop, seen = cnnrun.load_group("last", home / "runs"), StopRequest(), []

    def count(event):
        seen.append(event)
        if len(seen) == events:
            stop.signal = 2

    experiment = tiny(tmp_path, SHORT)
    group = cnnrun.train_seeds(
        experiment, [0, 1, 2], tmp_path / "runs", workers=1, on_event=count, stop=stop
    )
    assert "finished" not in list(group.statuses.values())[-1]
    resumed = cnnrun.resume_seeds("last", tmp_path / "runs", workers=1)
    assert resumed.to_dict()["status"] == "finished"
    assert outcome(resumed) == outcome(whole)


def test_a_group_takes_more_seeds_and_leaves_finished_runs_alone(home, tmp_path):
    group = cnnrun.train_seeds(tiny(tmp_path, SHORT), 1, tmp_path / "runs", workers=1)
    before = group.runs[0].record_file.read_bytes()
    more = cnnrun.resume_seeds(group, seeds=[0, 5], workers=1)
    assert more.seeds == (0, 5)
    assert list(more.runs) == [0, 5]
    assert group.runs[0].record_file.read_bytes() == before
    assert cnnrun.load_group("last", tmp_path / "runs") == more


def test_a_seed_that_diverges_leaves_the_others(tmp_path):
    experiment = tiny(tmp_path, SHORT, "optimizer={sgd: {learning_rate: 1.0e+38}}")
    group = cnnrun.train_seeds(experiment, 2, tmp_path / "runs", workers=1)
    assert set(group.statuses.values()) == {"diverged"}
    assert group.figures == {}


def test_a_group_of_which_the_data_or_a_plugin_changed_says_so(home, tmp_path):
    shutil.copytree(home / "runs", tmp_path / "runs")
    group = cnnrun.load_group("tiny-seeds", tmp_path / "runs")
    assert group.notes == ()
    for run, digit in zip(group.runs.values(), "abc", strict=False):
        record = run.record
        record["dataset"]["sha256"] = digit * 64
        record["segments"][0]["plugins"] = [{"name": "mine.py", "sha256": digit * 64}]
        run.record_file.write_text(json.dumps(record))
    assert [note.split("the same ")[1] for note in group.notes] == [
        "data, nor ",
        "source of the plug-in mine.py",
    ]
    assert group.to_dict()["notes"] == [*group.notes]
    shown = invoke("runs", "show", str(group.folder)).stdout
    assert all(note in shown for note in group.notes)


@pytest.mark.parametrize("seeds", [[], [0, 0], [-1]])
def test_seeds_that_cannot_be(tmp_path, seeds):
    with pytest.raises(ConfigError, match="different whole numbers"):
        cnnrun.train_seeds(tiny(tmp_path), seeds, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_group_that_is_not_there_or_damaged(home, tmp_path):
    with pytest.raises(RunError, match="the latest: tiny-seeds-0001"):
        cnnrun.load_group("other", home / "runs")
    for content in ("[]", "{", '{"seeds": ["a"]}', '{"seeds": []}'):
        folder = tmp_path / "runs" / "x-seeds-0001"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "group.json").write_text(content)
        with pytest.raises(RunError, match=r"group.json: damaged"):
            cnnrun.load_group("x-seeds-0001", tmp_path / "runs")


def test_a_group_is_removed_whole_and_is_no_run(tmp_path):
    runs = tmp_path / "runs"
    cnnrun.train_seeds(tiny(tmp_path, "train.epochs=1"), 2, runs, workers=1)
    alone = cnnrun.train(tiny(tmp_path, "train.epochs=1"), runs, workers=1)
    for name in ("tiny-seeds-0001", "tiny-seeds", runs / "tiny-seeds-0001"):
        with pytest.raises(RunError, match="a group of runs; name one of them"):
            cnnrun.load_run(str(name), runs)
    names = ["tiny-seed0-0001", "tiny-seed1-0001", "tiny-seeds-0001"]
    assert remove_runs(["tiny-seeds"], runs) == names
    assert [path.name for path in runs.iterdir()] == [alone.name]


def invoke(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_the_command_line_trains_shows_and_resumes_a_group(tmp_path, monkeypatch):
    tiny(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = invoke("train", "tiny.yaml", SHORT, "--seeds", "0,4", "--workers", "1", "-q")
    assert result.exit_code == 0, result.output
    for word in ("tiny-seed4-0001", "mean", "standard deviation", "95% interval"):
        assert word in result.stdout
    shown = result.stdout
    result = invoke("train", "--resume", "tiny-seeds", "--workers", "1", "--json")
    document = json.loads(result.stdout)
    assert (document["status"], document["seeds"]) == ("finished", [0, 4])
    assert document["figures"]["accuracy"].keys() == {"mean", "std", "interval"}
    assert "tiny-seeds-0001" in invoke("runs", "list").stdout
    assert invoke("runs", "show", "tiny-seeds").stdout == shown
    assert json.loads(invoke("runs", "show", "tiny-seeds", "--json").stdout) == document
    lines = invoke("runs", "show", "tiny-seeds", "--csv").stdout.splitlines()
    assert lines[0] == "seed,run,status,accuracy,loss"
    assert len(lines) == 3
    listed = json.loads(invoke("runs", "list", "--json").stdout)["runs"]
    assert {row["group"] for row in listed} == {"tiny-seeds-0001"}
    assert ",tiny-seeds-0001," in invoke("runs", "list", "--csv").stdout
    result = invoke("train", "--resume", "tiny-seed4", "--epochs", "3", "--workers", "1")
    assert "of tiny-seeds-0001; all of it: cnnrun train --resume tiny-seeds-0001" in result.stderr
    assert cnnrun.load_group("last").runs[4].record["final"]["epoch"] == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tiny.yaml", "--seeds", "0"], "1 to 1000"),
        (["tiny.yaml", "--seeds", "a"], "such as 5"),
        (["tiny.yaml", "--seeds", "1,1"], "different whole numbers"),
        (["tiny.yaml", "--seeds", "2", "--gradcheck"], "single run"),
        (["tiny.yaml", "--seeds", "2", "seed=4"], "exclude each other"),
        (["--seeds", "2"], "configuration file"),
        (["--resume", "last", "--seeds", "2"], "no group of runs"),
        (["tiny.yaml", "--resume", "last", "--seeds", "2"], "own configuration"),
    ],
)
def test_wrong_seeds_are_refused(tmp_path, monkeypatch, arguments, says):
    tiny(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = invoke("train", *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split()) + str(result.exception)
    assert not list(tmp_path.glob("runs/*"))
