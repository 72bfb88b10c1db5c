"""Stops trainings with signals at random moments, resumes them, and compares the ends.

    python tools/kill_and_resume.py configs/lenet_mnist5k.yaml 20
    python tools/kill_and_resume.py configs/digits.yaml 100 --seed 7 train.epochs=2
    python tools/kill_and_resume.py configs/digits.yaml 20 --seeds 3 train.epochs=2

With --seeds it is a group of so many runs that is stopped and goes on as a whole.

Half of the signals are SIGKILL, the others SIGINT, SIGTERM and SIGHUP, from the start of the
program to its exit. A run that came to its end is held against an uninterrupted one, and another
begins. Exits with 1 if a run was stuck, differed from the other, or ended with an exit code
that does not fit how it was stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cnnrun

CLOCK = ("seconds", "samples_per_second")
SIGNALS = (signal.SIGKILL,) * 3 + (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FILES = ("weights.safetensors", "state.safetensors")


def main() -> int:
    parser = argparse.ArgumentParser(description="Stops trainings with signals; resumes them.")
    parser.add_argument("config")
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_intermixed_args()
    rng, ends, faults = random.Random(options.seed), Counter(), []
    group = ["--seeds", options.seeds] if options.seeds else []
    start = train(options.config, *options.overrides, *group, "--runs-dir")
    with tempfile.TemporaryDirectory() as folder:
        whole, stopped = Path(folder) / "whole", Path(folder) / "stopped"
        started = time.monotonic()
        subprocess.run([*start, whole], check=True, capture_output=True)
        length = time.monotonic() - started
        expected = outcome(whole)
        for _ in range(options.kills):
            runs = statuses(stopped)
            command = resuming(stopped) if runs else [*start, stopped]
            number = rng.choice(SIGNALS)
            code, error = signalled(command, number, rng.uniform(0, 1.1 * length))
            ends[f"{number.name}: exit {code}"] += 1
            after = statuses(stopped)
            if fault := wrong_end(number, code, after):
                faults.append(f"{number.name}, exit {code}, {after}: {error.strip()[-300:]}")
                print("WRONG:", fault, faults[-1])
            if after and after[-1] == "finished":
                faults += compared(stopped, expected, rng)
        while statuses(stopped) and statuses(stopped)[-1] != "finished":
            done = subprocess.run(resuming(stopped), capture_output=True, text=True)
            if done.returncode:
                faults.append(f"the last resume: {done.stderr}")
                break
        faults += compared(stopped, expected, rng)
    print(f"{options.kills} signals: " + ", ".join(f"{n} {end}" for end, n in sorted(ends.items())))
    print("\n".join(faults) or "every run came to the same weights, log and figures")
    return 1 if faults else 0


def train(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cnnrun", "train", "-q", *map(str, arguments)]


def resuming(runs: Path) -> list[str]:
    """Return the command that goes on with what is in a folder: a group, or else the last run."""
    groups = sorted(runs.glob("*-seeds-*/group.json"))
    return train("--resume", *(file.parent.name for file in groups), "--runs-dir", runs)


def signalled(command: list, number: int, delay: float) -> tuple[int, str]:
    """Run a command and send it a signal; return its exit code and what it wrote to stderr."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        error = process.communicate(timeout=delay)[1]
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        error = process.communicate()[1]
    return process.returncode, error.decode()


def statuses(runs: Path) -> list[str]:
    """Return the status of each run, as `cnnrun runs list` shows it; of a group only one.

    A group is finished when all its runs are, and else what the last run that is not was left as.
    """
    for file in runs.glob("*-seeds-*/group.json"):
        unfinished = {*cnnrun.load_group(file.parent).statuses.values()} - {"finished"}
        begun = [*(unfinished - {"missing"}), *(["interrupted"] if unfinished else [])]
        return begun[:1] or ["finished"]
    command = [sys.executable, "-m", "cnnrun", "runs", "list", "--json", "--runs-dir", runs]
    done = subprocess.run(command, check=True, capture_output=True)
    return [run["status"] for run in json.loads(done.stdout)["runs"]]


def wrong_end(number: int, code: int, runs: list[str]) -> str:
    """Return what is wrong with how a program ended; nothing if all is as it should be."""
    status = runs[-1] if runs else None
    if code == 0:
        return "" if status == "finished" else "exit 0 without a finished run"
    if code == 128 + number:
        return "" if status in ("interrupted", "stopped", None) else "interrupted, yet finished"
    if code != -number:  # of a signal that came before the program listened, or SIGKILL
        return "another exit code"
    if status == "finished" and number != signal.SIGKILL:
        return "stopped, yet finished"
    return "a record that says running" if status == "running" else ""


def compared(runs: Path, expected: dict, rng: random.Random) -> list[str]:
    """Compare the run in a folder with the uninterrupted one, and put it away."""
    if not runs.exists():
        return []
    came_out = outcome(runs)
    runs.rename(runs.with_name(f"compared-{rng.random()}"))
    return [f"{key} differs" for key in expected if came_out.get(key) != expected[key]]


def outcome(runs: Path) -> dict:
    """Return what does not depend on the clock of the runs in a folder."""
    folders = sorted(path.parent for path in runs.glob("[!.]*/run.json"))
    return {f"{path.name}: {key}": end for path in folders for key, end in outcome_of(path).items()}


def outcome_of(folder: Path) -> dict:
    record = json.loads((folder / "run.json").read_bytes())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "log": [without_clock(line) for line in lines],
        **{
            key: without_clock(record.get(key) or {})
            for key in ("final", "best", "test", "stopped_early")
        },
        "status": record["status"],
        "curves": (folder / "plots" / "curves.png").exists(),
        **{
            f"{which}/{name}": (folder / "checkpoints" / which / name).read_bytes()
            for which in ("last", "best")
            for name in FILES
        },
    }


def without_clock(figures: dict) -> dict:
    return {key: value for key, value in figures.items() if key not in CLOCK}


if __name__ == "__main__":
    sys.exit(main())
