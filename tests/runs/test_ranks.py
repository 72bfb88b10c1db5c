"""A run that several ranks train has the bits of one process. Here the ranks are threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from experiments import log_of, tiny, weights_of
from fellows import together

from cnnrun import launchers
from cnnrun.errors import ConfigError, DataError, DivergedError, WorkerError
from cnnrun.runs import (
    RankedTeam,
    StopRequest,
    environment,
    following,
    join_team,
    resume_run,
    start_run,
    team,
)
from cnnrun.runs.events import StepFinished

LARGE = ("train.batch_size=32", "train.log_every=3")
WAYS = {
    "normed": LARGE,
    "accumulated": (*LARGE, "train.accumulate=2", "train.shard_size=8", "network[1]=relu"),
    "regularised": (*LARGE, "optimizer={sgd: {learning_rate: 0.1, momentum: 0.9, clip_norm: 1}}"),
}


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(following, "GRACE", 0)


def train(folder, ranks, *overrides, resume=None, stop_after=None, stopped_by=0):
    """Train a run, or go on with one, together; return the first rank's session."""

    def work(fellow):
        mates, stop = RankedTeam(fellow), StopRequest()
        if fellow.rank == stopped_by and stop_after is not None:
            after_step, left = mates.after_step, iter(range(stop_after))

            def watched(right, told, stop):
                if next(left, None) is None:
                    stop.signal = 15
                return after_step(right, told, stop)

            mates.after_step = watched
        if not mates.is_leader:
            return following.follow(mates, stop, workers=1)
        if resume:
            session = resume_run(resume, workers=1, team=mates)
        else:
            session = start_run(tiny(folder, *overrides), folder / "runs", workers=1, team=mates)
        list(session.events(stop))
        return session, stop

    (session, stop), *codes = together(ranks, work)
    assert codes == [stop.exit_code if stop else 0] * (ranks - 1)
    return session


def files_of(run):
    """Return what a run's files say, without what depends on the clock."""
    return (
        weights_of(run.folder),
        weights_of(run.folder, "best"),
        (run.folder / "checkpoints" / "last" / "state.safetensors").read_bytes(),
        log_of(run.folder),
        run.layers.read_text(),
        run.digests.read_text(),
        run.record["test"],
    )


@pytest.mark.parametrize("ranks", [2, 3, 4])
@pytest.mark.parametrize("way", WAYS)
def test_a_run_has_the_bits_of_one_process(tmp_path, way, ranks):
    alone = start_run(tiny(tmp_path, *WAYS[way]), tmp_path / "alone", workers=1)
    list(alone)
    assert files_of(train(tmp_path, ranks, *WAYS[way]).run) == files_of(alone.run)


@pytest.mark.parametrize("stopped_by", [0, 1])
def test_a_run_that_was_stopped_goes_on_with_other_ranks(tmp_path, stopped_by):
    alone = start_run(tiny(tmp_path, *LARGE), tmp_path / "alone", workers=1)
    list(alone)
    session = train(tmp_path, 2, *LARGE, stop_after=4, stopped_by=stopped_by)
    assert session.status == "interrupted"
    assert session.trainer.progress.step == 5
    session = train(tmp_path, 3, resume=session.run)
    assert files_of(session.run)[:5] == files_of(alone.run)[:5]
    assert session.run.record["ranks"]["size"] == 3


def test_a_checkpoint_within_an_epoch_has_the_whole_state(tmp_path, monkeypatch):
    monkeypatch.setattr(team, "CHECKPOINT_SECONDS", 0)
    seen = []

    def work(fellow):
        mates = RankedTeam(fellow)
        if not mates.is_leader:
            return following.follow(mates, StopRequest(), workers=1)
        session = start_run(tiny(tmp_path, *LARGE), tmp_path / "runs", workers=1, team=mates)
        for event in session:
            if isinstance(event, StepFinished):
                state = json.loads((session.run.checkpoint("last") / "state.json").read_text())
                seen.append((state["progress"]["step"], event.step))
        return session

    together(2, work)
    assert all(saved == done for saved, done in seen)


def test_more_ranks_than_shards_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"4 shards, too few for 5 ranks; set train\.shard"):
        train(tmp_path, 5)
    assert not (tmp_path / "runs").exists()


def test_a_divergence_is_told_as_one_process_tells_it(tmp_path):
    changes = ("optimizer={sgd: {learning_rate: 1e30}}", *LARGE)
    told = []
    for attempt in (
        lambda: list(start_run(tiny(tmp_path, *changes), tmp_path / "alone", workers=1)),
        lambda: train(tmp_path, 2, *changes),
    ):
        with pytest.raises(DivergedError) as error:
            attempt()
        told.append(str(error.value))
    assert told[0] == told[1]


def test_other_data_on_a_rank_are_refused(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    data = session.trainer.data
    charter = session.trainer._charter()
    assert charter.data(session.experiment).sha256 == data.sha256
    changed = replace(charter, rows={**charter.rows, "test": "another"})
    with pytest.raises(DataError, match="the test split of this rank is"):
        changed.data(session.experiment)
    session.close()


def test_what_computes_otherwise_is_told_and_recorded(tmp_path, monkeypatch):
    surroundings = environment.environment()
    ranks = iter([{"cpu": "other"}, {}])

    def odd():
        return {**surroundings, **next(ranks, {})}

    monkeypatch.setattr(team, "environment", odd)
    record = train(tmp_path, 2).run.record["ranks"]
    assert record["size"] == 2
    assert record["workers"] == [1, 1]
    (difference,) = record["differences"]
    assert "cpu" in difference


def test_a_charter_names_each_difference():
    here = {"cpu": "a", "versions": {"numpy": "2", "numba": "1"}, "cpu_features": ["AVX", "SSE"]}
    there = {"cpu": "b", "versions": {"numpy": "3"}, "cpu_features": ["SSE"]}
    assert list(team._differences(there, here)) == [
        "cpu b, not a",
        "numpy 3, not 2",
        "no numba",
        "cpu_features that differ in AVX",
    ]
    assert not list(team._differences(here, here))


def test_a_process_is_a_rank_where_its_launcher_says_so(monkeypatch):
    for name in (*launchers.RANKS, *launchers.SIZES):
        monkeypatch.delenv(name, raising=False)
    assert not launchers.is_ranked()
    monkeypatch.setenv("PMIX_RANK", "0")
    assert launchers.is_ranked()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert not launchers.is_ranked()


def test_a_rank_without_mpi4py_is_told_what_to_install(monkeypatch):
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(WorkerError, match=r"pip install 'cnnrun\[mpi\]'"):
        join_team()


def test_one_process_imports_no_mpi4py():
    code = "import sys, cnnrun.runs; cnnrun.runs.join_team(); sys.exit('mpi4py' in sys.modules)"
    alone = {key: value for key, value in os.environ.items() if key not in launchers.RANKS}
    assert subprocess.run([sys.executable, "-c", code], env=alone, check=False).returncode == 0
