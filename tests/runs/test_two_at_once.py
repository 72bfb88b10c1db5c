"""Two programs at once: two trainings have a folder each, and of two resumes one goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from experiments import TINY, log_of, weights_of

from cnnrun.runs import Run, list_runs


def both(folder: Path, *words: str) -> list[tuple[int, str]]:
    """Run a command twice at the same time; return exit code and messages of each."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", "cnnrun", *words, "--workers", "1", "--json"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [program.communicate(timeout=120)[1] for program in programs]
    return sorted(zip([program.returncode for program in programs], said, strict=True))


def test_two_trainings_have_a_folder_each_and_of_two_resumes_one_goes_on(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    trainings = both(tmp_path, "train", "tiny.yaml")
    assert [code for code, _ in trainings] == [0, 0], trainings
    first, second = list_runs(tmp_path / "runs")
    assert {first.name, second.name} == {"tiny-0001", "tiny-0002"}
    assert weights_of(first.folder) == weights_of(second.folder)
    assert log_of(first.folder) == log_of(second.folder)

    (done, _), (refused, message) = both(tmp_path, "train", "--resume", first.name, "--epochs=60")
    assert (done, refused) == (0, 2)
    # The other came while the first trained, or after it had done.
    assert "another process is training this run" in message or "all 60 epochs" in message
    run = Run(first.folder)
    assert [line["epoch"] for line in log_of(run.folder)] == list(range(1, 61))
    assert run.record["status"] == "finished"
    assert run.record["resumed"] == 1
