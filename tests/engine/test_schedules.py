"""Schedules against hand-worked factors."""

from __future__ import annotations

import json
import math

import pytest

from cnnrun.engine.schedules import (
    SCHEDULES,
    Clock,
    Constant,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    ReduceOnPlateau,
    Step,
)
from cnnrun.errors import OptionError


def factors(schedule, epochs=6, steps=2):
    total = int(epochs * steps)
    return [schedule.factor(Clock(s, steps, total), {}) for s in range(total)]


CASES = [
    (Constant(), [1] * 12),
    (Step(every_epochs=2, gamma=0.5), [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]),
    (MultiStep(epochs=(1, 4), gamma=0.1), [1, 1, *[0.1] * 6, *[0.01] * 4]),
    (Exponential(gamma=0.5), [2.0 ** -(s // 2) for s in range(12)]),
    (Cosine(), [(1 + math.cos(math.pi * s / 12)) / 2 for s in range(12)]),
    (Cosine(final_fraction=0.5), [0.75 + math.cos(math.pi * s / 12) / 4 for s in range(12)]),
    (ReduceOnPlateau(), [1] * 12),
    (Constant(warmup_epochs=2), [0.25, 0.5, 0.75, *[1] * 9]),
    (
        Cosine(warmup_epochs=1),
        [0.5, 1, *((1 + math.cos(math.pi * s / 10)) / 2 for s in range(10))],
    ),
]


@pytest.mark.parametrize(("schedule", "expected"), CASES)
def test_factors(schedule, expected):
    assert factors(schedule) == pytest.approx(expected, abs=1e-12)


def test_every_schedule_is_tested():
    assert {schedule.type_name for schedule, _ in CASES} | {"one_cycle"} == set(SCHEDULES)


def test_one_cycle_rises_to_the_base_rate_and_falls():
    cycle = OneCycle(rising=0.25, initial_fraction=0.1, final_fraction=0.01)
    found = factors(cycle, epochs=8)
    assert found[0] == pytest.approx(0.1)
    assert found[4] == pytest.approx(1.0)
    assert found[:5] == sorted(found[:5])
    assert found[4:] == sorted(found[4:], reverse=True)
    assert cycle.factor(Clock(16, 2, 16), {}) == pytest.approx(0.01)


def test_plateau_reduces_after_patience_and_remembers():
    schedule, memory = ReduceOnPlateau(gamma=0.5, patience=1, minimum_fraction=0.2), {}
    seen = []
    for loss in (1.0, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8):
        schedule.observe(loss, memory)
        seen.append(schedule.factor(Clock(0, 1, 1), memory))
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_plateau_never_takes_what_is_not_finite_for_the_best():
    schedule, memory = ReduceOnPlateau(gamma=0.5, patience=0), {}
    schedule.observe(math.nan, memory)
    assert json.loads(json.dumps(memory, allow_nan=False)) == {"waited": 0.0, "factor": 0.5}
    schedule.observe(1.0, memory)
    schedule.observe(math.inf, memory)
    assert memory == {"best": 1.0, "waited": 0.0, "factor": 0.25}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_warm_up_is_linear_and_meets_the_schedule(name):
    plain, warm = SCHEDULES.get(name)(), SCHEDULES.get(name)(warmup_epochs=1.5)
    own, found = factors(plain, epochs=9), factors(warm, epochs=9 + 1.5, steps=2)
    assert found[:3] == pytest.approx([own[0] * s / 3 for s in (1, 2, 3)])
    assert found[3:] == pytest.approx(own)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warm_up_longer_than_training_is_only_its_beginning(name):
    found = factors(SCHEDULES.get(name)(warmup_epochs=10), epochs=2)
    assert found == pytest.approx([found[0] * s for s in (1, 2, 3, 4)])


TORCH = [
    (Step(every_epochs=2, gamma=0.3), "StepLR", {"step_size": 2, "gamma": 0.3}),
    (
        MultiStep(epochs=(2, 3, 7), gamma=0.3),
        "MultiStepLR",
        {"milestones": [2, 3, 7], "gamma": 0.3},
    ),
    (Exponential(gamma=0.9), "ExponentialLR", {"gamma": 0.9}),
    (Cosine(), "CosineAnnealingLR", {"T_max": 12}),
    (Cosine(final_fraction=0.1), "CosineAnnealingLR", {"T_max": 12, "eta_min": 0.1}),
    (Constant(warmup_epochs=5), "LinearLR", {"start_factor": 0.2, "total_iters": 4}),
]


@pytest.mark.parametrize(("schedule", "name", "options"), TORCH)
def test_against_pytorch(schedule, name, options):
    optimizer, theirs = pytorchs(name, **options)
    for factor in factors(schedule, epochs=12, steps=1):
        assert factor == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12, abs=1e-15)
        optimizer.step()
        theirs.step()


def test_plateau_takes_a_small_improvement_for_none():
    schedule, memory = ReduceOnPlateau(gamma=0.5, patience=0, threshold=0.1), {}
    rates = []
    for loss in (10.0, 9.5, 8.9, 8.1, 7.9):
        schedule.observe(loss, memory)
        rates.append(schedule.factor(Clock(0, 1, 1), memory))
    assert rates == [1, 0.5, 0.5, 0.25, 0.25]  # 9.5 is within a tenth of 10, and 8.1 of 8.9


def test_plateau_against_pytorch():
    options = {"factor": 0.5, "patience": 2, "threshold": 0.01, "min_lr": 0.1}
    optimizer, theirs = pytorchs("ReduceLROnPlateau", **options)
    schedule, memory = ReduceOnPlateau(0, 0.5, 2, 0.01, 0.1), {}
    losses = [3, 2, 2.1, 1.99, 2, 2, 1.5, 1.4, 1.395, 1.39, *[1.388] * 20]
    for loss in losses:
        optimizer.step()
        theirs.step(loss)
        schedule.observe(loss, memory)
        found = schedule.factor(Clock(0, 1, 1), memory)
        assert found == pytest.approx(optimizer.param_groups[0]["lr"])
    assert found == 0.1


def pytorchs(name, **options):
    """Return an optimizer of rate 1 and one of PyTorch's schedulers for it."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return optimizer, getattr(torch.optim.lr_scheduler, name)(optimizer, **options)


def test_epochs_must_increase():
    with pytest.raises(OptionError, match="increase"):
        MultiStep(epochs=(3, 3))


@pytest.mark.parametrize("name", ["exponential", "step", "multistep"])
def test_a_factor_beyond_all_numbers_is_infinite(name):
    options = {"step": {"every_epochs": 1}, "multistep": {"epochs": tuple(range(1, 10))}}
    schedule = SCHEDULES.get(name)(gamma=1e300, **options.get(name, {}))
    assert schedule.factor(Clock(9, 1, 10), {}) == math.inf
