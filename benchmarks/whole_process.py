"""Times a whole training, as a program, against the same job in PyTorch, in turn.

Wall time and peak memory with everything that a user waits for: imports, data, training,
validation, checkpoints, the final test. Memory is that of all processes of a program together,
where pages that they share count once; it is looked at 50 times a second, in a run of its own
because that takes time (Linux only).

    python benchmarks/whole_process.py [ROUNDS] [lenet_mnist5k|fashion_mnist] [EPOCHS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CONFIGS = HERE.parent / "configs"


def family(pid):
    """Return the process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def memory(pid):
    """Return the bytes of a program, all its processes together."""
    total = 0
    try:
        for member in family(pid):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
    except OSError:  # one of them has just ended
        pass
    return total


def measure(command, watch):
    """Run a program; return its seconds, or the most memory it had where it is watched."""
    started = time.perf_counter()
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    peak = 0
    while watch and program.poll() is None:
        peak = max(peak, memory(program.pid))
        time.sleep(0.02)
    program.communicate()
    assert program.returncode == 0, command
    return peak if watch else time.perf_counter() - started


def main(rounds, job="lenet_mnist5k", epochs="10"):
    """Run both in turn: for the time `rounds` times, then once to watch their memory."""
    seconds, peaks = {"cnnrun": [], "PyTorch": []}, {}
    for turn in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            ours = [sys.executable, "-m", "cnnrun", "train", str(CONFIGS / f"{job}.yaml")]
            ours += ["--epochs", epochs, "--runs-dir", folder]
            theirs = [sys.executable, str(HERE / "torch_training.py"), job, folder, epochs]
            for name, command in (("cnnrun", ours), ("PyTorch", theirs)):
                if turn < rounds:
                    seconds[name].append(measure(command, watch=False))
                else:
                    peaks[name] = measure(command, watch=True)
    for name, found in seconds.items():
        print(f"{name:8} {statistics.median(found):6.2f} s {peaks[name] / (1 << 20):7.1f} MiB")
    faster = statistics.median(t / o for o, t in zip(*seconds.values(), strict=True))
    smaller = peaks["cnnrun"] / peaks["PyTorch"]
    print(f"PyTorch's time over ours: {faster:.2f}; our memory over PyTorch's: {smaller:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, *sys.argv[2:])
