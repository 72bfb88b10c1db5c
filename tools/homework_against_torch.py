"""Counts which mistakes of the corpus in tests/homework cnnrun finds, and torch.autograd.gradcheck.

`python tools/homework_against_torch.py --seed 0` prints a table by family, and then what each check
misses. Tolerances are the defaults. `--right 200` counts false alarms on the right pairs instead,
at so many seeds. Needs PyTorch, but for `--right`.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from homework.as_torch import as_torch, draw_tensors
from homework.checked import report_on
from homework.entries import Mistake, Pair
from homework.mistakes import MISTAKES
from homework.pairs import PAIRS

from cnnrun.gradcheck.report.report import Report

BY_NAME = {mistake.name: mistake for mistake in MISTAKES}


@cache
def found_by_cnnrun(name: str, seed: int) -> Report:
    """Return cnnrun's report on a mistake."""
    return report_on(BY_NAME[name], seed)


def is_found(mistake: Mistake, seed: int) -> bool:
    return found_by_cnnrun(mistake.name, seed).verdict == "fail"


def is_located(mistake: Mistake, seed: int) -> bool:
    """Return whether the tensors that fail are the wrong ones, and no others."""
    rows = found_by_cnnrun(mistake.name, seed).rows
    wrong = {row.tensor for row in rows if row.verdict == "fail"}
    return wrong == set(mistake.guilty) or wrong == {"-"}  # what writes into arrays has no tensor


def is_named(mistake: Mistake, seed: int) -> bool:
    """Return whether the words on a tensor that fails say what kind of mistake it is."""
    rows = [row for row in found_by_cnnrun(mistake.name, seed).rows if row.verdict == "fail"]
    words = [str(text) for row in rows for text in (row.diagnosis, *row.findings)]
    return any(re.search(mistake.kind, text, re.IGNORECASE) for text in words)


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
    "found": is_found,
    "the tensors named": is_located,
    "the kind named": is_named,
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
    parser.add_argument("--right", type=int, metavar="SEEDS", help="count false alarms instead")
    options = parser.parse_args()
    if options.right:
        verdicts = [(p.name, s, report_on(p, s)) for s in range(options.right) for p in PAIRS]
        alarms = [f"{name} at seed {s}" for name, s, report in verdicts if not report.passed]
        print(f"{len(alarms)} false alarms in {len(verdicts)} checks", *alarms, sep="\n")
        return
    seed = options.seed
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
