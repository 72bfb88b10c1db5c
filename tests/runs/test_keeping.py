"""Runs are tagged, packed and removed; what is being trained or is no run stays."""

from __future__ import annotations

import json
import os
import zipfile

import numpy as np
import pytest
from experiments import tiny
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.errors import ConfigError, RunError
from cnnrun.runs import export_run, remove_runs, tag_run
from cnnrun.runs.keeping import tags_of


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The working directory, with two runs."""
    monkeypatch.chdir(tmp_path)
    short = ("train.epochs=1", "schedule.cosine.warmup_epochs=0")
    for _ in range(2):
        cnnrun.train(tiny(tmp_path, *short))
    return tmp_path


def invoke(*arguments, answer="", code=0):
    result = CliRunner().invoke(app, ["runs", *map(str, arguments)], input=answer)
    assert result.exit_code == code, result.output
    return result


def names(home):
    return sorted(path.name for path in (home / "runs").iterdir())


def test_tags_are_listed_and_select(home):
    invoke("tag", "tiny-0001", "baseline", "slow")
    invoke("tag", "tiny-0002", "slow")
    listed = json.loads(invoke("list", "--tag", "slow", "--json").stdout)["runs"]
    assert [row["tags"] for row in listed] == [["baseline", "slow"], ["slow"]]
    shown = invoke("list", "--tag", "slow", "--tag", "baseline").stdout
    assert "tiny-0001" in shown
    assert "baseline slow" in shown
    assert "tiny-0002" not in shown
    assert invoke("list", "--csv").stdout.splitlines()[0].endswith(",tags")
    invoke("tag", "tiny-0001", "baseline", "--remove")
    assert "no runs in runs with the tag baseline" in invoke("list", "--tag", "baseline").stdout


def test_a_tag_is_one_word_and_only_one_that_is_there_is_taken(home):
    run = cnnrun.load_run("last")
    for tag in ("two words", "", "-x", "a" * 41, "../x"):
        with pytest.raises(ConfigError, match="letters, digits"):
            tag_run(run, [tag])
    with pytest.raises(ConfigError, match="has no tag 'fast'; its tags: none"):
        tag_run(run, remove=["fast"])


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"tags": 3}', '{"tags": [3]}', "{}", pytest.param("[" * 100_000, id="deep")],
)
def test_damaged_tags_are_named(home, content):
    run = cnnrun.load_run("last")
    (run.folder / "tags.json").write_text(content)
    with pytest.raises(RunError, match=r"tags\.json: damaged"):
        tags_of(run)
    assert "damaged" in invoke("list").stdout


def test_runs_are_removed_after_a_yes(home):
    assert "Remove tiny-0001?" in invoke("rm", "tiny-0001", answer="n\n", code=1).output
    invoke("rm", "tiny-0001", code=1)  # nobody answers
    assert names(home) == ["tiny-0001", "tiny-0002"]
    invoke("rm", "tiny-0001", "runs/tiny-0001", answer="y\n")
    assert names(home) == ["tiny-0002"]
    assert "removed tiny-0002" in invoke("rm", "last", "--yes").stdout
    assert names(home) == []


def test_none_is_removed_when_one_is_being_trained(home):
    lock = cnnrun.load_run("tiny-0002").lock()
    result = invoke("rm", "tiny-0001", "tiny-0002", "--yes", code=2)
    assert "is training this run" in result.stderr
    lock.release()
    assert names(home) == ["tiny-0001", "tiny-0002"]


def test_what_is_not_a_run_of_the_folder_stays(home):
    project = home / "project"
    project.mkdir()
    (project / "config.yaml").write_text("mine")
    with pytest.raises(RunError, match="not in runs"):
        remove_runs(["project"])
    with pytest.raises(RunError, match=r"has no run\.json"):
        remove_runs(["project"], home)
    with pytest.raises(RunError, match="no run is called"):
        remove_runs(["tiny-0001", "nothing"])
    if os.name != "nt":
        (home / "runs/linked").symlink_to(home / "runs/tiny-0001")
        with pytest.raises(RunError):
            remove_runs(["linked"])
    assert (project / "config.yaml").exists()
    assert {"tiny-0001", "tiny-0002"} <= set(names(home))


def test_an_exported_run_predicts_elsewhere(home):
    run = cnnrun.load_run("tiny-0001")
    if os.name != "nt":
        (home / "secret").write_text("outside")
        (run.folder / "link").symlink_to(home / "secret")
    tag_run(run, ["kept"])
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 1), np.uint8)
    expected = run.model().predict(images)
    invoke("export", "tiny-0001", "-o", "packed.zip")
    assert [path.name for path in home.iterdir() if "packed" in path.name] == ["packed.zip"]
    remove_runs(["tiny-0001"])
    with zipfile.ZipFile("packed.zip") as archive:
        assert all(name.startswith("tiny-0001/") for name in archive.namelist())
        assert not any(name.endswith(("link", ".lock")) for name in archive.namelist())
        archive.extractall(home / "elsewhere")
    unpacked = cnnrun.load_run("tiny-0001", home / "elsewhere")
    assert tags_of(unpacked) == ["kept"]
    assert unpacked.metrics
    np.testing.assert_array_equal(unpacked.model().predict(images), expected)


def test_an_export_that_cannot_be_written_leaves_nothing(home):
    run = cnnrun.load_run("last")
    with pytest.raises(RunError, match="lies in the run itself"):
        export_run(run, run.folder / "own.zip")
    with pytest.raises(RunError, match="cannot be packed"):
        export_run(run, home / "missing/own.zip")
    (home / "old.zip").write_text("old")
    lock = run.lock()
    with pytest.raises(RunError, match="is training this run"):
        export_run(run, home / "old.zip")
    lock.release()
    assert (home / "old.zip").read_text() == "old"
