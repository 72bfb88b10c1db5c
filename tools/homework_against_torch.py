"""Counts which mistakes of the corpus in tests/homework torch.autograd.gradcheck finds.

`python tools/homework_against_torch.py --seed 0` prints a table by family, and then what each check
misses. Tolerances are the defaults. Needs PyTorch.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from homework.as_torch import as_torch, draw_tensors
from homework.entries import Mistake, Pair
from homework.mistakes import MISTAKES


def passes_torch(pair: Pair, seed: int, *, fast: bool) -> bool:
    """Return whether torch.autograd.gradcheck has nothing to say."""
    import torch

    torch.manual_seed(seed)  # of the directions that the fast mode draws
    try:
        with warnings.catch_warnings(action="ignore"):
            torch.autograd.gradcheck(as_torch(pair).apply, draw_tensors(pair, seed), fast_mode=fast)
    except Exception:  # a mistake, or the engine's word on a gradient of another shape
        return False
    return True


CHECKS: dict[str, Callable[[Mistake, int], bool]] = {
    "torch, slow": lambda mistake, seed: not passes_torch(mistake, seed, fast=False),
    "torch, fast": lambda mistake, seed: not passes_torch(mistake, seed, fast=True),
}
"""Whether a mistake is found, by who looks for it."""


def table(answers: dict[str, dict[str, bool]], mistakes: Sequence[Mistake]) -> str:
    """Return the counts by family as Markdown; `answers` has a row for each check."""
    lines = ["| family | mistakes | " + " | ".join(answers) + " |"]
    lines.append("|---|---:|" + "---:|" * len(answers))
    groups = {m.family: [n.name for n in mistakes if n.family == m.family] for m in mistakes}
    for family, names in (groups | {"all": [m.name for m in mistakes]}).items():
        counts = [sum(answer[name] for name in names) for answer in answers.values()]
        lines.append(f"| {family} | {len(names)} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    answers = {
        check: {mistake.name: finds(mistake, seed) for mistake in MISTAKES}
        for check, finds in CHECKS.items()
    }
    print(table(answers, MISTAKES))
    for check, answer in answers.items():
        print(
            f"\n{check} misses: " + (", ".join(n for n, hit in answer.items() if not hit) or "none")
        )


if __name__ == "__main__":
    main()
