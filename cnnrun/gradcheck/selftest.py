"""Checks the checker: it is run on layers with planted mistakes, and must find each of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.gradcheck.budget import Cost
from cnnrun.gradcheck.check import Check
from cnnrun.gradcheck.mutants import (
    EXECUTION_MUTANTS,
    LOSS_MUTANTS,
    MUTANTS,
    ExecutionMutant,
    LossMutant,
    Mutant,
)
from cnnrun.gradcheck.mutants.execution import mutant_network
from cnnrun.gradcheck.points.loss_planning import plan_loss
from cnnrun.gradcheck.points.plan import Plan
from cnnrun.gradcheck.points.planning import plan_layer
from cnnrun.gradcheck.report.findings import Stage
from cnnrun.gradcheck.report.report import Report
from cnnrun.gradcheck.report.rows import MutantResult
from cnnrun.gradcheck.stages.executed import ExecutedStep

__all__ = [
    "check_execution_mutant",
    "check_loss_mutant",
    "check_mutant",
    "mutant_report",
    "run_mutants",
]

STAGES: tuple[Stage, ...] = ("contract", "conditions", "exact", "elements", "conventions")


def run_mutants(seed: int = 0) -> Iterator[MutantResult]:
    """Check every planted mistake; yield what became of it."""
    for mutant in MUTANTS:
        yield check_mutant(mutant, seed)
    for wrong in LOSS_MUTANTS:
        yield check_loss_mutant(wrong, seed)
    for planted in EXECUTION_MUTANTS:
        yield check_execution_mutant(planted, seed)


def check_mutant(mutant: Mutant, seed: int = 0) -> MutantResult:
    """Return whether one planted mistake is found, by the stage that is meant to find it."""
    rng = np.random.default_rng([seed, 2])
    name = mutant.case.layer_name
    plan = plan_layer(mutant.build(seed), name, rng, samples=mutant.case.samples)
    return _result(mutant.name, name, mutant.stage, plan, seed)


def check_loss_mutant(mutant: LossMutant, seed: int = 0) -> MutantResult:
    """Return the same of a mistake in a loss."""
    name = mutant.loss.type_name
    plan = plan_loss(mutant.build(), np.random.default_rng([seed, 2]), name=name)
    return _result(mutant.name, name, mutant.stage, plan, seed)


def _result(mutant: str, layer: str, expected: Stage, plan: Plan, seed: int) -> MutantResult:
    """Return what a check of the planned points makes of a planted mistake."""
    check = Check(mutant, plan.points, seed=seed, findings=plan.findings)
    for _ in check.run():
        pass
    report = check.report()
    stages = {finding.stage for finding in report.findings}
    if any(row.count("wrong") for row in report.rows):
        stages.add("elements")
    found_by: list[str] = [stage for stage in STAGES if stage in stages]
    killed = expected in found_by
    return MutantResult(
        name=mutant,
        layer=layer,
        expected=expected,
        killed=killed,
        stage=expected if killed else next(iter(found_by), None),
        found_by=found_by,
        guilty=report.guilty.tensor if report.guilty else None,
        diagnosis=report.diagnosis,
    )


def check_execution_mutant(mutant: ExecutionMutant, seed: int = 0) -> MutantResult:
    """Return whether a mistake in what runs is found, and in the layer that it is planted in."""
    network, loss = mutant_network(seed), SoftmaxCrossEntropy()
    rng = np.random.default_rng([seed, 4])
    x = rng.standard_normal((16, *network.input_shape))
    labels = rng.integers(0, network.output_shape[0], len(x))
    with mutant.planted():
        findings = ExecutedStep(network, loss, x, labels, seed=seed).run().findings
    blamed = findings[0] if findings else None
    killed = blamed is not None and (not mutant.layers or blamed.layer in mutant.layers)
    return MutantResult(
        name=mutant.name,
        layer=mutant.layers[0].partition("_")[2] if mutant.layers else "all layers",
        expected="executed",
        killed=killed,
        stage="executed" if findings else None,
        found_by=["executed"] if findings else [],
        guilty=(blamed.tensor or blamed.layer) if blamed else None,
        diagnosis=blamed.message if blamed else None,
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
