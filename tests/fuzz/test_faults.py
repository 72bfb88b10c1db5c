"""Whatever fails, and whenever: a run is not there, or resumes to what it would have been.

Every operation on the disk, of a new run and of runs that go on, fails once with ENOSPC, once with
EIO, and is once the last before SIGKILL. `CNNRUN_ALL_FAULTS=1` tries them all, some minutes long;
else it is a sample, another part of which is taken by `CNNRUN_FAULTS_FROM=n`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.figure
import pytest
from experiments import log_of, tiny, weights_of
from faulty_disk import FAULTS, Disk, killed

from cnnrun.config import Plugin
from cnnrun.errors import CnnrunError
from cnnrun.runs import StopRequest, list_runs, resume, run_segments, start_run, train
from cnnrun.runs.comparison import summarize_run
from cnnrun.runs.events import EpochFinished, StepFinished, TrainingFinished

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

STRIDE = 1 if os.environ.get("CNNRUN_ALL_FAULTS") else 23
FIRST = int(os.environ.get("CNNRUN_FAULTS_FROM", 0)) % STRIDE
CLOCK = ("seconds", "samples_per_second")
OPTIONS = ("data.dataset.synthetic.train_samples=40", "schedule=constant", "train.epochs=2")


@dataclass(frozen=True)
class Case:
    """A run that stands somewhere, and what is tried to bring it to its end."""

    prepare: Callable[[Path], None]
    go_on: Callable[[Path], None]


def start(runs: Path) -> None:
    train(tiny(runs.parent, *OPTIONS), runs, workers=1)


def go_on(runs: Path) -> None:
    resume("last", runs, workers=1)


def extend(runs: Path) -> None:
    with plugin(b"b = 2"):
        resume("last", runs, workers=1, epochs=2)


@contextmanager
def plugin(source: bytes) -> Iterator[None]:
    """Make as if a plug-in of that content had been imported."""
    with pytest.MonkeyPatch.context() as patch:
        imported = Plugin("own.py", source)
        patch.setattr("cnnrun.config.plugins._loaded", {imported.sha256: imported})
        yield


def stopped_in_epoch_2(runs: Path) -> None:
    stop = StopRequest()
    for event in start_run(tiny(runs.parent, *OPTIONS), runs, workers=1).events(stop):
        if isinstance(event, StepFinished) and event.epoch == 1:
            stop.signal = 2


def left_after(kind: type, runs: Path) -> None:
    events = start_run(tiny(runs.parent, *OPTIONS), runs, workers=1).events()
    next(event for event in events if isinstance(event, kind))
    events.close()


def of_one_epoch(runs: Path) -> None:
    train(tiny(runs.parent, *OPTIONS, "train.epochs=1"), runs, workers=1)


CASES = {
    "new": Case(lambda runs: None, start),
    "stopped in an epoch": Case(stopped_in_epoch_2, go_on),
    "stopped between epochs": Case(lambda runs: left_after(EpochFinished, runs), go_on),
    "without its test": Case(lambda runs: left_after(TrainingFinished, runs), go_on),
    "with more epochs": Case(of_one_epoch, extend),
}


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Leave out what takes time and writes nothing: drawing, and asking git."""
    patch = pytest.MonkeyPatch()
    patch.setattr(
        matplotlib.figure.Figure, "savefig", lambda self, file, **options: file.write(b"a picture")
    )
    patch.setattr("cnnrun.runs.environment._git", lambda: None)
    with plugin(b"a = 1"):
        yield
    patch.undo()


def outcome(run) -> dict:
    """Return all that must not depend on what happened on the way."""
    record = run.record
    figures = {
        which: {key: value for key, value in record[which].items() if key not in CLOCK}
        for which in ("final", "best", "test")
    }
    return {
        "config": run.config.read_text(),
        "weights": [weights_of(run.folder, which) for which in ("last", "best")],
        "log": log_of(run.folder),
        "curves": (run.plots / "curves.png").read_bytes(),
        "status": record["status"],
        "parameters": record["parameters"],
        **figures,
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory, quick):
    folder = tmp_path_factory.mktemp("whole")
    start(folder / "runs")
    return outcome(list_runs(folder / "runs")[0])


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("case", CASES)
def test_a_run_is_not_there_or_comes_to_the_same_end(expected, tmp_path, case, fault):
    case, before = CASES[case], tmp_path / "before"
    before.mkdir()
    case.prepare(before / "runs")
    shutil.copytree(before, tmp_path / "unhurt")
    with Disk(tmp_path / "unhurt" / "runs").mounted() as disk:
        case.go_on(tmp_path / "unhurt" / "runs")
    stuck = {}
    for at in range(FIRST, len(disk.done), STRIDE):
        hurt = tmp_path / f"hurt-{at}"
        shutil.copytree(before, hurt)
        try:
            hit(case, hurt, fault, at)
            assert end_of(case, hurt / "runs") == expected
        except (AssertionError, CnnrunError, OSError, TypeError, LookupError, ValueError) as error:
            stuck[f"{at}: {disk.done[at]}"] = f"{type(error).__name__}: {str(error)[:300]}"
        shutil.rmtree(hurt)
    assert not stuck


def hit(case: Case, folder: Path, fault: str, at: int) -> None:
    """Go on with a run on a disk that fails; an error says what, as one of ours."""
    disk = Disk(folder / "runs", fault, at)

    def go_on() -> None:
        with disk.mounted():
            case.go_on(folder / "runs")

    if fault == "KILL":
        assert killed(go_on)
        return
    try:
        go_on()
    except CnnrunError as error:
        assert str(folder) in str(error)  # noqa: PT017


def end_of(case: Case, runs: Path) -> dict:
    """Bring what is left to its end, as a user would, and return what came of it."""
    statuses = [summarize_run(run)["status"] for run in list_runs(runs)]
    assert set(statuses) <= {"stopped", "failed", "interrupted", "finished"}
    if not statuses:
        start(runs)
    elif statuses != ["finished"] or list_runs(runs)[0].record["final"]["epoch"] < 2:
        (extend if case.go_on is extend else go_on)(runs)
    (run,) = list_runs(runs)
    segments = run_segments(run)
    assert segments[-1].file == run.config, "and the others are there"
    assert [len(segment.plugins) for segment in segments] == [1] * len(segments)
    return outcome(run)
