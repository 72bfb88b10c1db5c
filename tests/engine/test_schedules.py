"""Schedules against hand-worked factors."""

from __future__ import annotations

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
    return [schedule.factor(Clock(s, steps, epochs * steps), {}) for s in range(epochs * steps)]


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


def test_epochs_must_increase():
    with pytest.raises(OptionError, match="increase"):
        MultiStep(epochs=(3, 3))
