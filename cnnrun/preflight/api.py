"""The preflight in Python: of a configuration, or of a run that has not begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from cnnrun.config import Experiment, build_network, load_experiment
from cnnrun.data import prepare
from cnnrun.errors import ConfigError, PreflightError
from cnnrun.gradcheck import plan_network
from cnnrun.preflight.case import Case
from cnnrun.preflight.costs import measure_costs
from cnnrun.preflight.passes import (
    check_apart,
    check_flow,
    check_inputs,
    check_layers,
    check_loss,
)
from cnnrun.preflight.result import Preflight, Row
from cnnrun.preflight.trainings import Trainings
from cnnrun.runs import Session
from cnnrun.runs.files import write_json
from cnnrun.runs.preflight import check_images

__all__ = ["check", "check_run"]

IMAGES = 2
FEWEST_PASSES, MOST_PASSES = 300, 2000
WORK = 4e9
"""Multiply-adds that the gradient check is planned for; elements are sampled to keep it."""


def check(
    subject: Experiment | Path | str,
    overrides: Sequence[str] = (),
    *,
    plugins: Sequence[Path | str] = (),
    on_check: Callable[[str], None] | None = None,
) -> Preflight:
    """Look at a configuration before it is trained: what would keep it from learning.

    Everything is computed on networks of its own, with the configuration's seed; nothing is
    written.

    Args:
        subject: an experiment or a configuration file.
        overrides: changes of a file, such as `train.epochs=3`.
        plugins: Python files that register what it names.
        on_check: told the name of each check before it is made.

    Raises:
        CnnrunError: the configuration cannot be read, or the data cannot be used.
    """
    if isinstance(subject, Experiment):
        experiment = subject
    else:
        try:
            experiment = load_experiment(subject, overrides, plugins)
        except ConfigError as error:
            refused = _refused(Path(subject), overrides, plugins, error)
            if refused is None:
                raise
            return refused
    data = prepare(experiment.data, experiment.seed, experiment.base)
    return _check(Case(experiment, data), on_check)


def check_run(session: Session, on_check: Callable[[str], None] | None = None) -> Preflight:
    """Check a run that has not begun, write `check.json`, and note the verdict in its record.

    Args:
        session: the run.
        on_check: told the name of each check before it is made.

    Raises:
        PreflightError: a check failed; the run has failed then.
    """
    result = _check(Case(session.experiment, session.data), on_check)
    file = session.run.folder / "check.json"
    write_json(file, result.to_dict())
    verdict = "pass" if result.passed else "fail"
    session.record.note(check={"verdict": verdict, "summary": result.summary()})
    try:
        result.raise_if_failed()
    except PreflightError as error:
        session.record.end("failed", result.summary())
        session.close()
        raise PreflightError(f"{error}\nnothing was trained; {file} says more") from None
    return result


def _refused(
    path: Path, overrides: Sequence[str], plugins: Sequence[Path | str], error: ConfigError
) -> Preflight | None:
    """Return what stands against settings that can be read and built, but make no sense."""
    try:
        experiment = load_experiment(path, overrides, plugins, check_network=False)
        build_network(experiment)
    except Exception:
        return None
    advice = "change that, and check again: nothing else was looked at"
    row = Row("settings", "fail", str(error), advice)
    return Preflight(experiment.name, (row,), experiment.seed)


def _check(case: Case, on_check: Callable[[str], None] | None) -> Preflight:
    trainings = Trainings(case)
    checks: dict[str, Callable[[], Row]] = {
        "inputs": lambda: check_inputs(case),
        "first loss": lambda: check_loss(case),
        "layers": lambda: check_layers(case),
        "samples apart": lambda: check_apart(case),
        "gradient flow": lambda: check_flow(case),
        "gradients": lambda: _check_gradients(case),
        "one batch by heart": trainings.check_batch,
        "images matter": trainings.check_blank,
        "held-out images": trainings.check_held_out,
        "cost": lambda: measure_costs(case),
    }
    return Preflight(case.experiment.name, tuple(_rows(checks, on_check)), case.experiment.seed)


def _rows(
    checks: dict[str, Callable[[], Row]], on_check: Callable[[str], None] | None
) -> Iterator[Row]:
    """Make the checks, on one thread of the BLAS: so small products lose time on several."""
    with threadpool_limits(1, user_api="blas"):
        for name, made in checks.items():
            if on_check is not None:
                on_check(name)
            started = time.perf_counter()
            row = made()
            yield replace(row, seconds=round(time.perf_counter() - started, 3))


def _check_gradients(case: Case) -> Row:
    """Hold the gradients against differences, within a small budget."""
    seed = case.experiment.seed
    network = case.network()
    passes = WORK / (IMAGES * max(1, network.multiply_adds()))
    planned = plan_network(
        network,
        check_images(case.data.train, IMAGES, seed),
        loss=case.loss,
        seed=seed,
        budget=int(np.clip(passes, FEWEST_PASSES, MOST_PASSES)),
    )
    for _ in planned.run():
        pass
    report = planned.report()
    status: Literal["pass", "fail", "note"] = (
        "note" if report.verdict == "unresolved" else report.verdict
    )
    advice = "" if report.passed else "cnnrun gradcheck CONFIG shows every tensor"
    return Row("gradients", status, report.summary(), advice)
