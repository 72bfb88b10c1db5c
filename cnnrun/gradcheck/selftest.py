"""Checks the checker: it is run on layers with planted mistakes, and must find each of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrun.gradcheck.budget import Cost
from cnnrun.gradcheck.check import Check
from cnnrun.gradcheck.mutants import MUTANTS, Mutant
from cnnrun.gradcheck.points.planning import plan_layer
from cnnrun.gradcheck.report.findings import Stage
from cnnrun.gradcheck.report.report import Report
from cnnrun.gradcheck.report.rows import MutantResult

__all__ = ["check_mutant", "mutant_report", "run_mutants"]

STAGES: tuple[Stage, ...] = ("contract", "exact", "elements", "conventions")


def run_mutants(seed: int = 0) -> Iterator[MutantResult]:
    """Check every planted mistake; yield what became of it."""
    for mutant in MUTANTS:
        yield check_mutant(mutant, seed)


def check_mutant(mutant: Mutant, seed: int = 0) -> MutantResult:
    """Return whether one planted mistake is found, by the stage that is meant to find it."""
    rng = np.random.default_rng([seed, 2])
    name = mutant.case.layer_name
    plan = plan_layer(mutant.build(seed), name, rng, samples=mutant.case.samples)
    check = Check(mutant.name, plan.points, seed=seed, findings=plan.findings)
    for _ in check.run():
        pass
    report = check.report()
    stages = {finding.stage for finding in report.findings}
    if any(row.count("wrong") for row in report.rows):
        stages.add("elements")
    found_by: list[str] = [stage for stage in STAGES if stage in stages]
    killed = mutant.stage in found_by
    return MutantResult(
        name=mutant.name,
        layer=name,
        expected=mutant.stage,
        killed=killed,
        stage=mutant.stage if killed else next(iter(found_by), None),
        found_by=found_by,
        guilty=report.guilty.tensor if report.guilty else None,
        diagnosis=report.diagnosis,
    )


def mutant_report(mutants: list[MutantResult], seed: int, seconds: float) -> Report:
    """Return the report of a self-test."""
    return Report(
        title=f"{len(mutants)} planted mistakes",
        rows=[],
        findings=[],
        seed=seed,
        guilty=None,
        diagnosis=None,
        announced=Cost(0, 0.0),
        spent=Cost(0, seconds),
        mutants=mutants,
    )
