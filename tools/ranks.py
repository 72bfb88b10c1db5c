"""Trains with every number of ranks and workers, and holds weights and optimizer state to the bit.

    python tools/ranks.py                  the table: networks x shards x ranks x workers
    python tools/ranks.py --kills 20       one network, stopped so many times, resumed by others

The images are made up, so that each training takes seconds. Half of the kills are SIGKILL, of a
random rank or of mpiexec, half SIGINT to mpiexec. Exits with 1 if any bit differs. Needs
`pip install 'cnnrun[mpi]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cnnrun.errors import RunError
from cnnrun.runs import list_runs

ROOT = Path(__file__).parents[1]
NETWORKS = ("lenet", "modern", "residual")
SHARDS = {4: 7, 7: 4}
"""Shards of a batch of 28, and the samples of each; an epoch's last batch has 18."""

COMMON = (
    "data.dataset={synthetic: {image_shape: [28, 28, 1], classes: 10, train_samples: 300, "
    "test_samples: 60}}",
    "train.batch_size=28",
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Trains with every number of ranks and workers.")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ranks", type=int, default=4, help="the most ranks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.kills:
            return kills(Path(folder), options.kills, options.ranks, random.Random(options.seed))
        return table(Path(folder), options.ranks)


def table(folder: Path, most: int) -> int:
    differing = 0
    print("network    shards  ranks  workers  SHA-256 of weights  of optimizer state")
    for network in NETWORKS:
        for shards, size in SHARDS.items():
            seen = set()
            for ranks in range(1, most + 1):
                for workers in (1, 2):
                    runs = folder / f"{network}-{shards}-{ranks}-{workers}"
                    words = [f"train.shard_size={size}", "train.epochs=2", "--workers", workers]
                    subprocess.run(
                        command(ranks, network, *words, "--runs-dir", runs),
                        check=True, capture_output=True,
                    )  # fmt: skip
                    digests = digests_of(runs)
                    seen.add(digests)
                    weights, state = (digest[:16] for digest in digests)
                    print(f"{network:9}  {shards:6}  {ranks:5}  {workers:7}  {weights:18}  {state}")
            differing += len(seen) - 1
    print("all the same" if not differing else f"{differing} differ")
    return 1 if differing else 0


def kills(folder: Path, count: int, most: int, rng: random.Random) -> int:
    settings = ("train.shard_size=7", "train.epochs=12")
    started = time.monotonic()
    subprocess.run(
        command(1, "lenet", *settings, "--workers", 1, "--runs-dir", folder / "whole"),
        check=True, capture_output=True,
    )  # fmt: skip
    length, expected = time.monotonic() - started, digests_of(folder / "whole")
    wrong = done = ended = 0
    while done < count or ranks_of(folder / f"run{ended}"):
        runs = folder / f"run{ended}"
        before, ranks = ranks_of(runs), rng.randint(1, most)
        what = ["--resume", "last"] if before else settings
        process = subprocess.Popen(
            command(ranks, None if before else "lenet", *what, "--workers", 1, "--runs-dir", runs),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        number, fate = rng.choice((signal.SIGKILL, signal.SIGINT)), "left alone"
        if done < count:
            time.sleep(rng.uniform(0.2, 1) * length)
            victims = [process.pid, *descendants(process.pid)]
            if process.poll() is None:
                os.kill(rng.choice(victims) if number == signal.SIGKILL else process.pid, number)
                fate = number.name
        try:
            _, error = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            print(f"{ranks} ranks, {fate}: hangs")
            return 1
        finished = is_finished(runs)
        done += fate != "left alone" and not finished
        print(f"{before or '-'} -> {ranks} ranks, {fate}, exit {process.returncode}", flush=True)
        if finished:
            wrong += digests_of(runs) != expected
            ended += 1
        elif process.returncode in (0, 1, 2, 70):
            print(error.decode())
            wrong += 1
    print(f"{done} runs stopped, {ended} came to their end, {wrong} of them differ or failed")
    return 1 if wrong else 0


def command(ranks: int, network: str | None, *words: object) -> list[str]:
    """Return what trains a network, or goes on with a run, with so many ranks."""
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec") or "mpiexec"
    launch = [mpiexec, "-n", str(ranks)] if ranks > 1 else []
    config = [str(ROOT / f"configs/{network}_mnist5k.yaml"), *COMMON] if network else []
    return [
        *launch, sys.executable, "-m", "cnnrun", "train", *config, *map(str, words), "--no-report",
    ]  # fmt: skip


def digests_of(runs: Path) -> tuple[str, str]:
    """Return the digests of the last weights and of the optimizer's state, of the only run."""
    (checkpoint,) = runs.glob("*/checkpoints/last")
    files = ("weights.safetensors", "state.safetensors")
    weights, state = (hashlib.sha256((checkpoint / file).read_bytes()) for file in files)
    return weights.hexdigest(), state.hexdigest()


def descendants(process: int) -> list[int]:
    """Return the processes that one has started, and those that they have."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [pid for child in map(int, children) for pid in (child, *descendants(child))]


def ranks_of(runs: Path) -> int:
    """Return how many ranks have last trained the run; 0 if there is none."""
    for run in list_runs(runs) if runs.exists() else []:
        return int((run.record.get("ranks") or {"size": 1})["size"])
    return 0


def is_finished(runs: Path) -> bool:
    """Return whether the run is, once nobody holds its lock: ranks end a moment after mpiexec."""
    for run in list_runs(runs) if runs.exists() else []:
        for _ in range(200):
            try:
                run.lock().release()
                return run.record["status"] == "finished"
            except RunError:
                time.sleep(0.05)
    return False


if __name__ == "__main__":
    sys.exit(main())
