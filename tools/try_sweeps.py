"""Tries sweeps with several processes, kills and freezes them, and counts what came of each point.

    python tools/try_sweeps.py FOLDER URL... [--points 150] [--kills 17]

For each storage: `--points` trials by four processes; then a sweep whose processes are killed
(SIGKILL) in mid-trial, before the first beat, between the end of a trial and its retry, and after
the last epoch, `--kills` times in all. Every point must be finished exactly once, with the weights
of a training that nobody disturbed. A PostgreSQL server must be there already.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from cnnrun.runs import Run
from cnnrun.sweeps import find_sweep, start_sweep, sweep
from cnnrun.sweeps.attempt import Attempt
from cnnrun.sweeps.liveness import Heart
from cnnrun.sweeps.study import Sweep
from cnnrun.sweeps.worker import work

CONFIGURATION = """\
name: tiny
data:
  dataset: {synthetic: {image_shape: [6, 6, 1], classes: 3, train_samples: 90, test_samples: 30}}
network: [{conv2d: {filters: 4, kernel_size: 3}}, relu, flatten, {dense: {units: classes}}]
optimizer: {adam: {learning_rate: 0.01}}
train: {epochs: 4, batch_size: 16}
"""
MOMENTS = ("mid-trial", "before the first beat", "before the retry", "after the last epoch")
LIKELY = {"mid-trial": 0.08, "before the first beat": 0.3, "before the retry": 0.5,
          "after the last epoch": 0.3}  # fmt: skip
PROCESSES = 4


def die_at(moment: str, seed: int) -> None:
    """Let this process kill itself at a moment, now and then."""
    draw = random.Random(seed)

    def maybe_die(cls: type, name: str, is_now=lambda *words: True) -> None:
        original = getattr(cls, name)

        def call(self, *words):
            if is_now(*words) and draw.random() < LIKELY[moment]:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(self, *words)

        setattr(cls, name, call)

    if moment == "mid-trial":
        maybe_die(Attempt, "_report")
    elif moment == "before the first beat":
        maybe_die(Heart, "begin")
    elif moment == "before the retry":
        maybe_die(Sweep, "queue", lambda point, attempt, *_: attempt > 0)
    else:
        maybe_die(Sweep, "tell", lambda number, state, *_: state == "COMPLETE")


def worker(url: str, name: str, moment: str, seed: int) -> None:
    """Join a sweep, as `cnnrun sweep join` does, and die now and then."""
    if moment:
        die_at(moment, seed)
    work(find_sweep(name, storage=url), Path("runs"), workers=1)


def points_of(count: int) -> list[str]:
    rates = ",".join(f"{0.001 * (1 + number):.3f}" for number in range(count))
    return [f"optimizer.adam.learning_rate={rates}"]


def count(name: str, url: str, expected: int) -> dict:
    """Return how often each point was finished, and by how many trials and folders."""
    trials = find_sweep(name, storage=url).trials()
    finished = Counter(trial.point for trial in trials if trial.status == "finished")
    once = sum(number == 1 for number in finished.values())
    return {
        "points": expected,
        "finished once": once,
        "twice": sum(number > 1 for number in finished.values()),
        "lost": expected - len(finished),
        "trials": len(trials),
        "of no point": sum(trial.point is None for trial in trials),
    }


def weights(name: str, url: str) -> dict[int, str]:
    """Return a digest of the weights of each point's finished run."""
    digests = {}
    for trial in find_sweep(name, storage=url).trials():
        if trial.status == "finished":
            folder = Run(Path(trial.runs[-1]["folder"])).checkpoint("last")
            content = (folder / "weights.safetensors").read_bytes()
            digests[trial.point] = hashlib.sha256(content).hexdigest()
    return digests


def kill(url: str, kills: int, points: int) -> dict:
    """Carry out a sweep whose processes are killed so many times."""
    words, options = points_of(points), {"grace": 1.5, "retries": 1000}
    start_sweep("tiny.yaml", words, storage=url, name="killed", **options)
    killed: Counter = Counter()
    running: list[tuple[str, subprocess.Popen]] = []
    started, seed = time.monotonic(), 0
    while True:
        for moment, process in [one for one in running if one[1].poll() is not None]:
            running.remove((moment, process))
            if process.returncode == -signal.SIGKILL:
                killed[moment] += 1
            elif process.returncode:
                raise RuntimeError(f"a process ended with {process.returncode}")
        if not running and sum(killed.values()) and is_over(url):
            break
        while len(running) < PROCESSES and not is_over(url):
            moments = [m for m in MOMENTS if killed[m] < -(-kills // len(MOMENTS))]
            moment = moments[seed % len(moments)] if sum(killed.values()) < kills else ""
            seed += 1
            words = ["worker", url, "killed", moment, str(seed)]
            running.append((moment, subprocess.Popen([sys.executable, __file__, *words])))
        time.sleep(0.05)
    return {
        **count("killed", url, points),
        "killed": dict(killed),
        "seconds": round(time.monotonic() - started, 1),
    }


def is_over(url: str) -> bool:
    from cnnrun.sweeps import status_of

    return status_of(find_sweep("killed", storage=url)).state == "finished"


def main() -> None:
    if sys.argv[1:2] == ["worker"]:
        worker(*sys.argv[2:5], int(sys.argv[5]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--kills", type=int, default=17)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(given.folder)
    Path("tiny.yaml").write_text(CONFIGURATION)
    some = 40
    sweep("tiny.yaml", points_of(some), name="undisturbed", workers=1,
          storage="sqlite:///undisturbed.db")  # fmt: skip
    undisturbed = weights("undisturbed", "sqlite:///undisturbed.db")
    for url in given.urls:
        kind = url.partition(":")[0]
        started = time.monotonic()
        sweep("tiny.yaml", [*points_of(given.points), "train.epochs=1"], name="many",
              storage=url, jobs=PROCESSES, workers=1)  # fmt: skip
        figures = {**count("many", url, given.points),
                   "folders": len([*Path("runs").glob("many-*")]),
                   "seconds": round(time.monotonic() - started, 1)}  # fmt: skip
        print(kind, json.dumps(figures), flush=True)
        for folder in Path("runs").glob("many-*"):
            subprocess.run(["rm", "-r", str(folder)], check=True)
        if given.kills:
            figures = kill(url, given.kills, some)
            same = sum(undisturbed[p] == digest for p, digest in weights("killed", url).items())
            print(kind, json.dumps({**figures, "same weights": same}), flush=True)
            for folder in Path("runs").glob("killed-*"):
                subprocess.run(["rm", "-r", str(folder)], check=True)


if __name__ == "__main__":
    main()
