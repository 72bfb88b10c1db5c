"""Trains configurations with several seeds, and prints the mean and the range of their accuracy.

python tools/accuracy_over_seeds.py configs/digits.yaml configs/lecture.yaml --seeds 5
"""

from __future__ import annotations

import argparse
import tempfile

import cnnrun


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", metavar="CONFIG")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    for config in options.configs:
        accuracies = []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                run = cnnrun.train(
                    cnnrun.load_experiment(config, [f"seed={seed}"]), runs_dir=folder
                )
                accuracies.append(100 * run.record["test"]["accuracy"])
        mean = sum(accuracies) / len(accuracies)
        each = ", ".join(f"{accuracy:.2f}" for accuracy in accuracies)
        print(
            f"{config}: mean {mean:.1f}%, {min(accuracies):.1f} to {max(accuracies):.1f} ({each})",
            flush=True,
        )


if __name__ == "__main__":
    main()
