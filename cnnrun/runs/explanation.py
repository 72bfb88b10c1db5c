"""The four steps of backpropagation for the network of a configuration, a run or a model."""

from __future__ import annotations

from pathlib import Path

from cnnrun.explain import Explanation, explain
from cnnrun.runs.networks import NetworkSource, open_network
from cnnrun.runs.preflight import check_images

__all__ = ["explain_network"]


def explain_network(
    source: NetworkSource,
    *,
    numbers: bool = False,
    samples: int = 4,
    checkpoint: str = "best",
    seed: int = 0,
    runs_dir: Path | str = "runs",
) -> Explanation:
    """Return the four steps of backpropagation for the layers of a network.

    Args:
        source: an experiment, a configuration file, a run, its name or folder, or a model.
        numbers: run it on its data in float64, and verify gradients.
        samples: images for that.
        checkpoint: which weights of a run: `best` or `last`.
        seed: of the choice of images and of the elements that are verified.
        runs_dir: where a run of that name is looked for.

    Raises:
        CnnrunError: there is no such network, or its data cannot be used.
        GradientError: a gradient differs from a finite difference.
    """
    opened = open_network(source, checkpoint, runs_dir)
    experiment = opened.experiment
    return explain(
        "backprop",
        network=opened.network,
        loss=experiment.loss,
        title=experiment.name,
        x=check_images(opened.data().train, samples, seed) if numbers else None,
        seed=seed,
    )
