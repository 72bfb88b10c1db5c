"""The gradient check in Python: of layers and losses, of a configuration, or of a trained run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnrun.config import Experiment
from cnnrun.engine import LAYERS, LOSSES, Loss, Network
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import ConfigError
from cnnrun.foreign import open_foreign
from cnnrun.gradcheck import Check, Report, plan, plan_network
from cnnrun.gradcheck.selftest import mutant_report, run_mutants
from cnnrun.runs.folder import Run
from cnnrun.runs.model import Model
from cnnrun.runs.networks import NetworkSource, is_config_file, open_network
from cnnrun.runs.preflight import check_batch, check_images
from cnnrun.runs.weighing import weighed

__all__ = ["gradcheck"]

SAMPLES = 5


def gradcheck(
    subject: Any = None,
    x: Any = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    constants: Mapping[str, Any] | None = None,
    no_gradient: Sequence[str] = (),
    like: Any = None,
    layout: str | None = None,
    input_shape: Shape | None = None,
    loss: Loss | None = None,
    targets: Array | None = None,
    layers: Sequence[str] = (),
    samples: int | None = None,
    checkpoint: str = "best",
    seed: int = 0,
    budget: int | None = None,
    seconds: float | None = None,
    self_test: bool = False,
    on_progress: Callable[[Check, int], None] | None = None,
) -> Report:
    """Check gradients, and return the report that `cnnrun gradcheck` prints.

    Print the result, or let a notebook show it; `.raise_if_failed()` raises unless all is right.

    Args:
        subject: a layer or loss: itself, its class, its options or its registered name; a network;
            or a configuration file, an experiment, a run or a model, whose network is checked on
            its own data. None for every registered layer and loss. With `inputs`, a function
            written elsewhere.
        x: `(N, *input_shape)`, an input to check a layer or network at, besides random ones. With
            `inputs`, the function's backward; None for one that returns (value, gradients).
        inputs: of a function written elsewhere, by name: sizes, text such as `4x3x7x7`,
            `5x4:positive` or `10:0..9` for integers, or arrays.
        constants: what that function takes besides.
        no_gradient: those inputs for which its backward gives no gradient.
        like: the layer or loss that it should be: a name, text such as `conv2d: {stride: 2}`,
            options, a layer or a loss.
        layout: of its images, `NCHW` or `NHWC`; by default the one that fits.
        input_shape: of one sample, for a layer's class, options or name.
        loss: behind a network; softmax cross entropy or the squared error by default.
        targets: for `x`, as the loss takes them; random ones by default.
        layers: which ones of a network, as `--layers` names them, such as `["conv1", "3"]`; or,
            without a subject, which types. By default all.
        samples: images of its own data that a network is checked on, 5 by default.
        checkpoint: which weights of a run: `best` or `last`.
        seed: what all random numbers derive from.
        budget: the most forward passes; above it elements are sampled. A network has a budget by
            default, which follows from its size.
        seconds: the most time instead, as far as it can be told; which elements are then compared
            depends on the machine.
        self_test: check the checker instead: plant known mistakes, each of which must be found; of
            a right function written elsewhere, into its own backward.
        on_progress: called with the check and the forward passes done, first with none.

    Raises:
        ConfigError: nothing is known of how to build such a layer, or options do not go together.
        CnnrunError: a layer does not fit `input_shape`; a configuration, data or a run is wrong.
    """
    bounds: dict[str, Any] = {"budget": budget, "seconds": seconds}
    options: dict[str, Any] = {
        "x": x, "input_shape": input_shape, "loss": loss, "targets": targets,
        "layers": layers or None, "samples": samples,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    if inputs is not None:
        foreign = open_foreign(
            subject, x, inputs, constants, no_gradient=no_gradient, like=like, layout=layout
        )
        report = _run(foreign.plan(seed=seed, **bounds), on_progress)
        if not self_test or report.verdict == "fail":
            return report
        start = time.perf_counter()
        return mutant_report(foreign.mutants(seed), seed, time.perf_counter() - start)
    if self_test:
        _refuse({**given, "subject": subject} if subject is not None else given, what="the checker")
        start = time.perf_counter()
        return mutant_report(list(run_mutants(seed)), seed, time.perf_counter() - start)
    if isinstance(subject, Network):
        _refuse(given, "x", "loss", "targets", "layers", what="a network")
        check = plan_network(subject, **given, seed=seed, **bounds)
    elif isinstance(subject, Experiment | Run | Model | Path) or _is_file(subject):
        _refuse(given, "layers", "samples", what="a configuration or a run")
        check = _plan_with_data(subject, checkpoint, layers, samples or SAMPLES, seed, bounds)
    else:
        fitting = ("x", "input_shape") if subject is not None else ("layers",)
        _refuse(given, *fitting, what="layers and losses")
        check = plan(subject, x=x, input_shape=input_shape, names=layers, seed=seed, **bounds)
    return _run(check, on_progress)


def _run(check: Check, on_progress: Callable[[Check, int], None] | None) -> Report:
    """Run a check, telling how far it is."""
    if on_progress is not None:
        on_progress(check, 0)
    for passes in check.run():
        if on_progress is not None:
            on_progress(check, passes)
    return check.report()


def _is_file(subject: Any) -> bool:
    is_name = isinstance(subject, str) and subject not in LAYERS and subject not in LOSSES
    return is_name and is_config_file(subject)


def _refuse(given: Iterable[str], *fitting: str, what: str) -> None:
    """Raise unless the options given are among the fitting ones."""
    wrong = [name for name in given if name not in fitting]
    if wrong:
        raise ConfigError(f"{', '.join(wrong)}: no option of a check of {what}")


def _plan_with_data(
    source: NetworkSource,
    checkpoint: str,
    layers: Sequence[str],
    samples: int,
    seed: int,
    bounds: dict[str, Any],
) -> Check:
    """Return the check of a configuration's network, or of a run's with its weights."""
    opened = open_network(source, checkpoint)
    data, experiment = opened.data(), opened.experiment
    train = data.train
    return plan_network(
        opened.network,
        check_images(train, samples, seed),
        loss=weighed(experiment.loss, data),
        layers=layers,
        seed=seed,
        **bounds,
        batch=check_batch(train, experiment.train.batch_size, seed),
        shard_size=experiment.train.samples_per_shard,
    )
