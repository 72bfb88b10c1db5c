"""The newest run is `last`, whatever the clock said when it was made."""

from __future__ import annotations

import os
import shutil

import pytest
from experiments import tiny

from cnnrun.errors import RunError
from cnnrun.runs import Run, find_run, list_runs, resume, train
from cnnrun.runs.claiming import claim_run
from cnnrun.runs.groups import claim_group, find_group, list_groups

IN_A_YEAR = (4_000_000_000, 4_000_000_000)


def made_in_the_future(runs, name: str = "early") -> Run:
    """Return a run that was made before the clock was set back by decades."""
    run = claim_run(runs, name, {"config.yaml": b""})
    os.utime(run.config, IN_A_YEAR)
    return run


def test_a_run_made_after_the_clock_was_set_back_is_last(tmp_path):
    names = [made_in_the_future(tmp_path).name]
    for name in ("z", "a", "m"):  # not the order of their names
        names.append(claim_run(tmp_path, name, {"config.yaml": b""}).name)
        assert find_run("last", tmp_path).name == names[-1]
    assert [run.name for run in list_runs(tmp_path)] == names


def test_a_run_of_that_name_is_the_newest_whatever_the_clock_says(tmp_path):
    made_in_the_future(tmp_path, "tiny")
    second = claim_run(tmp_path, "tiny", {"config.yaml": b""})
    assert find_run("tiny", tmp_path) == second


def test_a_folder_of_that_name_that_is_no_run_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    with pytest.raises(RunError, match="pictures: not a run"):
        find_run("pictures", tmp_path / "runs")
    run = claim_run(tmp_path / "runs", "pictures", {"config.yaml": b""})
    assert find_run("pictures", tmp_path / "runs") == run


def test_a_group_made_after_the_clock_was_set_back_is_last(tmp_path):
    early = claim_group(tiny(tmp_path, "name=z"), [0], tmp_path)
    os.utime(early.configuration, IN_A_YEAR)
    second = claim_group(tiny(tmp_path, "name=a"), [0], tmp_path)
    assert list_groups(tmp_path) == [early, second]
    assert find_group("last", tmp_path) == second
    second.configuration.unlink()
    assert list_groups(tmp_path) == [early]


def test_a_run_that_is_extended_is_last_as_it_is_where_the_clock_is_right(tmp_path):
    runs = tmp_path / "runs"
    run = train(tiny(tmp_path, "train.epochs=1"), runs, workers=1)
    made_in_the_future(runs)
    assert resume(run, epochs=2, workers=1) == find_run("last", runs)


def test_a_folder_from_elsewhere_has_the_time_of_its_copy(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    own = claim_run(here, "own", {"config.yaml": b""})
    foreign = made_in_the_future(there, "foreign")
    shutil.copytree(foreign.folder, here / foreign.name)  # with its times
    assert find_run("last", here).name == foreign.name
    assert claim_run(here, "own", {"config.yaml": b""}) == find_run("last", here) != own


def test_a_run_that_disappears_while_runs_are_listed_is_left_out(tmp_path, monkeypatch):
    kept, removed = (claim_run(tmp_path, name, {"config.yaml": b""}) for name in "ab")
    stat = type(kept.config).stat

    def stat_of(path, **options):
        if path == removed.config:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return stat(path, **options)

    monkeypatch.setattr(type(kept.config), "stat", stat_of)
    assert list_runs(tmp_path) == [kept]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_system_that_sets_no_times_still_trains(tmp_path, monkeypatch, allowed):
    made_in_the_future(tmp_path)

    def utime(path, **options):
        raise PermissionError(1, "Operation not permitted", str(path))

    if not allowed:
        monkeypatch.setattr(os, "utime", utime)
    new = claim_run(tmp_path, "new", {"config.yaml": b""})
    assert (find_run("last", tmp_path) == new) is allowed
