"""Kills a training with SIGKILL at random moments, resumes it each time, and compares the end.

    python tools/kill_and_resume.py configs/lenet_mnist5k.yaml 20

Prints whether weights and metrics equal those of an uninterrupted run; exits with 1 if not.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLOCK = ("seconds", "samples_per_second")


def main(config: str, kills: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        started = time.monotonic()
        subprocess.run(train(config, "--runs-dir", whole), check=True, capture_output=True)
        length = time.monotonic() - started
        rng, command, done = random.Random(0), train(config, "--runs-dir", killed), 0
        while done < kills:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            until = time.monotonic() + rng.uniform(0.05, 2.5 * length / kills)
            while time.monotonic() < until or not list(killed.glob("*/config.yaml")):
                if process.poll() is not None:
                    break
                time.sleep(0.005)
            process.kill()
            error = process.communicate()[1].decode()
            if process.returncode != -9:
                print(f"ended by itself with {process.returncode} after {done} kills: {error}")
                break
            done += 1
            command = train("--resume", "--runs-dir", killed)
        finished = subprocess.run(command, capture_output=True, text=True)
        if finished.returncode and "epochs are done" not in finished.stderr:
            print(finished.stderr)
            return 1
        (one,), (other,) = whole.iterdir(), killed.iterdir()
        same = all(
            read(one / "checkpoints" / which / name) == read(other / "checkpoints" / which / name)
            for which in ("last", "best")
            for name in ("weights.safetensors", "state.safetensors")
        )
        same_log = log(one) == log(other)
        print(
            f"{done} kills: weights {'equal' if same else 'DIFFER'}, "
            f"metrics {'equal' if same_log else 'DIFFER'}"
        )
        return 0 if same and same_log else 1


def train(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cnnrun", "train", "-q", *map(str, arguments)]


def read(path: Path) -> bytes:
    return path.read_bytes()


def log(run: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in CLOCK} for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
