"""Whether several workers are slower than one, told by clocks that the tests set."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Build, Executor, Network, Pace
from cnnrun.engine.execution.pace import CLEAR, TRIED, WARM_UP, WATCHED, Slowdown
from cnnrun.engine.execution.shared_memory import can_fork
from cnnrun.engine.layers import Dense, Dropout
from cnnrun.engine.losses import SoftmaxCrossEntropy

needs_fork = pytest.mark.skipif(not can_fork(), reason="no process can be forked here")


class Hands:
    """A clock that is put forward by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def watched(together, own, computing, *, rounds=WARM_UP + WATCHED):
    """Return a pace that has watched rounds of two shards, and its clock."""
    hands = Hands()
    pace = Pace(hands, hands)
    for _ in range(rounds):
        pace.note_round(together, own, computing, 2)
    return pace, hands


def tried(pace, hands, together, alone):
    """Try the steps that a pace asks for; return the numbers of workers, in their order."""
    asked = []
    while not pace.is_known:
        with pace.step(4) as workers:
            asked.append(workers)
            hands.now += alone if workers == 1 else together
    return asked


@pytest.mark.parametrize(
    ("together", "own", "computing", "pays"),
    [
        (1.1, 1.0, 1.0, True),
        (1.5, 1.0, 0.8, True),
        (1.6, 1.0, 1.0, False),  # the others are late
        (1.1, 1.0, 0.5, False),  # somebody else has the processor
    ],
)
def test_nothing_is_tried_where_watching_shows_that_workers_pay(together, own, computing, pays):
    pace, _ = watched(together, own, computing)
    assert pace.is_known == pays
    assert pace.slowdown() is None
    with pace.step(4) as first, pace.step(4) as second:
        assert (first, second) == (4, 4), "the first trial has all workers, too"


def test_rounds_that_warm_up_do_not_count():
    pace, _ = watched(9.0, 1.0, 0.1, rounds=WARM_UP)
    for _ in range(WATCHED - 1):
        pace.note_round(1.0, 1.0, 1.0, 2)
    assert not pace.is_known
    pace.note_round(1.0, 1.0, 1.0, 2)
    assert pace.is_known


@pytest.mark.parametrize(
    ("together", "alone", "slow"), [(2.0, 1.0, True), (CLEAR - 0.01, 1.0, False), (1.0, 2.0, False)]
)
def test_steps_are_tried_in_turn(together, alone, slow):
    pace, hands = watched(3.0, 1.0, 0.5)
    assert tried(pace, hands, together, alone) == [4, 1] * TRIED
    expected = Slowdown(pytest.approx(together), pytest.approx(alone))
    assert pace.slowdown() == (expected if slow else None)


def test_a_hiccup_does_not_decide():
    pace, hands = watched(3.0, 1.0, 0.5)
    with pace.step(4):
        hands.now += 100
    tried(pace, hands, 1.0, 1.0)
    assert pace.slowdown() is None


def train(pace):
    """Return the outputs and gradients of some steps, and what the pace was told of rounds."""
    network = Network([Dense.Config(6), Dropout.Config(0.5), Dense.Config(3)], (4,), Build())
    x = np.random.default_rng(0).standard_normal((10, 4)).astype(np.float32)
    bits = []
    with Executor(
        network, SoftmaxCrossEntropy(), workers=2, shard_size=3, purpose="training", pace=pace
    ) as executor:
        for step in range(WARM_UP + WATCHED + 2 * TRIED):
            result = executor.step(x, np.arange(10) % 3, seed=0, step=step)
            bits.append([result.outputs.tobytes(), *map(bytes, result.gradients.values())])
    return bits


@needs_fork
def test_trying_does_not_change_a_bit():
    hands = Hands()  # which stands still, so that nothing pays for sure
    pace = Pace(hands, lambda: -hands.now)
    pace._is_trying = True
    assert train(pace) == train(None)
    assert pace.is_known


@needs_fork
def test_a_round_is_timed_from_its_beginning_to_its_end():
    class Noted(Pace):
        told = []  # noqa: RUF012

        def note_round(self, *figures):
            self.told.append(figures)

    ticks = iter(range(10_000))
    train(Noted(lambda: next(ticks), iter(range(0, 90_000, 5)).__next__))
    assert Noted.told[:2] == [(3, 1, 5, 2.0), (3, 1, 5, pytest.approx(4 / 3))]
