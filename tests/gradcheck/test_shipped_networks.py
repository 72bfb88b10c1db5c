"""Mistakes in what runs, planted in the shipped networks, are found in the layer they are in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnnrun.config import build_network, load_experiment
from cnnrun.data import prepare
from cnnrun.engine.execution import program
from cnnrun.engine.kernels import accelerated
from cnnrun.gradcheck.mutants import EXECUTION_MUTANTS
from cnnrun.gradcheck.stages.executed import ExecutedStep

CONFIGS = Path(__file__).parents[2] / "configs"
NAMED = {mutant.name: mutant for mutant in EXECUTION_MUTANTS}
OFF_BY_A_ROW = [name for name in NAMED if "a row off" in name]


def executed(name, seed=0):
    experiment = load_experiment(CONFIGS / f"{name}.yaml")
    data = prepare(experiment.data, experiment.seed, experiment.base)
    images, targets = data.train.batch(np.arange(seed, seed + 8))
    network = build_network(experiment, data.info)
    return network, ExecutedStep(network, experiment.loss, images, targets, seed=seed)


@pytest.fixture(params=["lenet_mnist5k", "modern_mnist5k"])
def shipped(request):
    return executed(request.param)


def test_they_are_right(shipped):
    assert not shipped[1].run().findings


@pytest.mark.parametrize("percent", ["10%", "0.1%"])
def test_winograds_filter_gradient(shipped, percent):
    network, step = shipped
    by_winograd = list(program.Program.of(network).methods)
    with NAMED[f"Winograd's filter gradient {percent} off"].planted():
        findings = step.run().findings
    wrong = [(finding.layer, finding.tensor) for finding in findings]
    assert wrong == [(layer, "w") for layer in reversed(by_winograd)]


def test_a_relu_that_is_moved_wrongly(shipped, monkeypatch):
    network, step = shipped
    first = next(name for name in network.layers if "relu" in name)

    def moved(network, orders, methods):
        order = list(enumerate(network.layers))
        place = [name for _, name in order].index(first)
        order[place - 1], order[place] = order[place], order[place - 1]
        orders[""] = order

    rewrite = program.Rewrite("wrong", "a mistake", moved)
    monkeypatch.setattr(program, "REWRITES", (*program.REWRITES, rewrite))
    (finding,) = step.run().findings
    order = list(network.layers)
    assert finding.layer in (first, order[order.index(first) - 1])
    assert "in this order" in finding.message


def test_a_worker_that_adds_its_shard_twice(shipped):
    with NAMED["a worker adds its shard twice"].planted():
        (finding,) = shipped[1].run().findings
    assert "2 workers give other bits than one" in finding.message


@pytest.mark.parametrize("name", OFF_BY_A_ROW)
def test_a_kernel_that_is_a_row_off(shipped, name, monkeypatch):
    if "compiled" not in name:
        monkeypatch.setattr(accelerated, "kernels", lambda: None)
    with NAMED[name].planted():
        findings = shipped[1].run().findings
    kind = "max_pool2d" if "pooling" in name else "relu"
    assert findings
    assert {finding.layer.partition("_")[2] for finding in findings} == {kind}
