"""Checks a run's own gradients before it is trained, and keeps the report in the run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine.types import Array
from cnnrun.errors import GradientError
from cnnrun.gradcheck import Check, Report, plan_network
from cnnrun.runs.files import write_json
from cnnrun.runs.session import Session

__all__ = ["check_batch", "check_gradients", "check_images"]

SECONDS = 10.0
"""The check is planned to take about this long at most."""

IMAGES = 4


def check_images(samples: Samples, count: int, seed: int) -> Array:
    """Return some images of a split, `(N, H, W, C)`, normalised but not augmented."""
    count = min(count, len(samples))
    indices = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    images, _ = samples.batch(np.sort(indices))
    return images.copy()


def check_batch(samples: Samples, count: int, seed: int) -> tuple[Array, Array]:
    """Return some images and their targets as a step of training gets them, but not augmented."""
    count = min(count, len(samples))
    indices = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    images, targets = samples.batch(indices)
    return images.copy(), targets.copy()


def check_gradients(
    session: Session, on_progress: Callable[[Check, int], None] | None = None
) -> Report:
    """Check the network of a run that has not begun, write `gradcheck.json`, and note the verdict.

    Args:
        session: the run.
        on_progress: called with the check and the forward passes done, first with none.

    Raises:
        GradientError: a gradient is wrong; the run has failed then.
    """
    experiment, run = session.experiment, session.run
    check = plan_network(
        session.trainer.network,
        check_images(session.data.train, IMAGES, experiment.seed),
        loss=experiment.loss,
        seed=experiment.seed,
        seconds=SECONDS,
        batch=check_batch(session.data.train, experiment.train.batch_size, experiment.seed),
        shard_size=experiment.train.samples_per_shard,
    )
    if on_progress is not None:
        on_progress(check, 0)
    for passes in check.run():
        if on_progress is not None:
            on_progress(check, passes)
    report = check.report()
    write_json(run.folder / "gradcheck.json", report.to_dict())
    session.record.note(gradcheck={"verdict": report.verdict, "summary": report.summary()})
    if report.verdict == "fail":
        session.record.end("failed", report.summary())
        session.close()
        raise GradientError(
            f"{report.summary()}\nnothing was trained; {run.folder}/gradcheck.json says more"
        )
    return report
