"""Right layers and networks, at random options and on hard data: the checker finds nothing."""

from __future__ import annotations

import dataclasses
import random
from functools import partial

import numpy as np
from trials import Trials

import cnnrun
from cnnrun.engine import Build, Network
from cnnrun.engine import layers as of
from cnnrun.errors import CnnrunError
from cnnrun.gradcheck.points.cases import CASES

ACTIVATIONS = (
    of.ReLU.Config(), of.LeakyReLU.Config(0.1), of.ELU.Config(), of.GELU.Config(), of.SiLU.Config(),
    of.Sigmoid.Config(), of.Tanh.Config(), of.Softplus.Config(),
)  # fmt: skip
OPTIONS = {
    "stride": (1, 2, 3, (1, 2), (2, 1)), "dilation": (1, 2, (1, 2)), "use_bias": (True, False),
    "kernel_size": (1, 2, 3, (2, 3), (3, 1)), "filters": (1, 2, 4), "units": (1, 3, 6),
    "pool_size": (2, 3, (1, 2), (3, 2)), "padding": (0, 1, "same", "valid"), "groups": (1, 2),
    "rate": (0.0, 0.2, 0.7), "count_padding": (True, False), "depth_multiplier": (1, 2),
    "negative_slope": (0.0, 0.3), "alpha": (0.5, 2.0), "beta": (0.5, 3.0), "epsilon": (1e-5, 1e-2),
}  # fmt: skip


def hard_data(shape, trial: random.Random):
    """Return data as they come: of any size, off centre, on a dark ground, with a bright row."""
    rng = np.random.default_rng(trial.randrange(1 << 30))
    x = rng.standard_normal(shape) * trial.choice((1e-3, 0.3, 1.0, 1.0, 30.0, 1e3))
    x += trial.choice((0.0, 0.0, 1.0)) * np.abs(x).max()
    if trial.random() < 0.3:
        x = np.maximum(x, np.median(x)) - np.median(x)
    if trial.random() < 0.2:
        x[:, 0] *= 1e3
    if trial.random() < 0.2:
        x[-1] = x[0]
    if trial.random() < 0.2:
        x = np.round(4 * x / max(1e-9, np.abs(x).max())) / 4
    return x


def changed(config, trial: random.Random):
    """Return options of which some are others."""
    for field in dataclasses.fields(config):
        if field.name in OPTIONS and trial.random() < 0.5:
            try:
                config = dataclasses.replace(
                    config, **{field.name: trial.choice(OPTIONS[field.name])}
                )
            except CnnrunError:
                continue
    return config


def right_layer(trial: random.Random):
    """Return a layer that its options and an input fit, and data for it."""
    while True:
        case = trial.choice(CASES)
        shape = tuple(max(1, length + trial.randrange(-1, 4)) for length in case.input_shape)
        config = changed(case.config, trial)
        try:
            layer = config.layer(config, shape, Build(np.dtype(np.float64), 0, classes=4))
        except CnnrunError:
            continue
        return layer, hard_data((trial.choice((2, 3, 5)), *shape), trial)


def right_network(trial: random.Random):
    """Return a small network of one to four blocks."""
    configs: list = []
    for _ in range(trial.randrange(1, 4)):
        kind = trial.choice((of.Conv2D, of.DepthwiseConv2D, of.Residual, of.Concat))
        if kind in (of.Residual, of.Concat):
            body = (of.Conv2D.Config(3, 3, padding="same"), of.BatchNorm.Config())
            configs += [of.Conv2D.Config(3, 1), kind.Config(body)]
        elif kind is of.Conv2D:
            configs.append(changed(of.Conv2D.Config(3, 3, padding="same"), trial))
        else:
            configs.append(of.DepthwiseConv2D.Config(3, padding="same"))
        configs += trial.sample([of.BatchNorm.Config(), trial.choice(ACTIVATIONS)], 2)
        if trial.random() < 0.3:
            configs.append(trial.choice((of.MaxPool2D.Config(2), of.AvgPool2D.Config(2))))
    configs += [of.Flatten.Config(), trial.choice(ACTIVATIONS), of.Dense.Config(3)]
    return Network(configs, (trial.randrange(6, 10), trial.randrange(6, 10), trial.choice((1, 2))))


def test_right_layers_are_never_called_wrong():
    trials = Trials("right layers")
    for trial in trials.seeds(short=40):
        layer, x = right_layer(trial)
        seed = trial.randrange(1 << 30)
        trials.attempt(partial(judged, layer, x, seed), (layer, x.shape, seed))
    trials.judge()


def test_right_networks_are_never_called_wrong():
    trials = Trials("right networks")
    for trial in trials.seeds(short=6):
        try:
            network = right_network(trial)
        except CnnrunError:
            continue
        x = hard_data((4, *network.input_shape), trial)
        seed = trial.randrange(1 << 30)
        trials.attempt(partial(judged, network, x, seed), (network, x.shape, seed))
    trials.judge()


def judged(subject, x, seed) -> None:
    """Check something that is right."""
    report = cnnrun.gradcheck(subject, x, seed=seed, budget=1500)
    assert report.verdict != "fail", f"{report.guilty}\n{report.diagnosis}\n{report.findings[:3]}"
