"""Measures the four benchmark networks at three batch sizes against PyTorch; prints Markdown.

    python benchmarks/ruler.py [seconds]

Every figure is a median over so many seconds (2 by default), ours and PyTorch's two memory layouts
in turn; see `cnnrun bench --help`. With `CNNRUN_KERNELS=numpy`, compiled kernels are left alone.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

NETWORKS = ("lenet", "mnist_example", "cifar_small", "digits_tiny")
BATCHES = (32, 64, 256)
CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "bench"


def measure(network: str, seconds: str) -> dict:
    """Return what `cnnrun bench --json` says about a network."""
    command = [
        *(sys.executable, "-m", "cnnrun", "bench", str(CONFIGS / f"{network}.yaml"), "--quiet"),
        *("--batch", ",".join(map(str, BATCHES)), "--against", "torch", "--json"),
        *("--seconds", seconds),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print a table of the twelve cells, their geometric mean, and what it was measured with."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else "2"
    ratios = []
    print("| network | batch | ours, ms | PyTorch | channels last | ratio | of limit | differs |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for network in NETWORKS:
        found = measure(network, seconds)
        for cell in found["results"]:
            ratios.append(cell["ratio"])
            torch = cell["torch_ms"]
            print(
                f"| {network} | {cell['batch']} | {cell['step_ms']:.2f} | {torch['default']:.2f} "
                f"| {torch['channels_last']:.2f} | {cell['ratio']:.2f} "
                f"| {cell['gemm_limit_share']:.0%} | {cell['max_relative_difference']:.0e} |",
                flush=True,
            )
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"\nGeometric mean of the ratios {mean:.2f}, smallest {min(ratios):.2f}.")
    print("; ".join(f"{key} {value}" for key, value in found["machine"].items() if value))


if __name__ == "__main__":
    main()
