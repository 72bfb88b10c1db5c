"""Whose process is lost: told by beats that do not change, on the watcher's own clock."""

from __future__ import annotations

import pytest

from cnnrun.sweeps.liveness import Watch
from cnnrun.sweeps.reconcile import is_superseded
from cnnrun.sweeps.trials import TrialView, counting, is_given_up


def trial(number=0, beat=None, status="running", attempt=0, **more):
    return TrialView(number, 0, attempt, status, None, {}, [], {}, beat, None, None,
                     more.get("is_mistake", False), False)  # fmt: skip


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_beat_that_stands_still_for_the_grace_is_a_lost_process(clock):
    watch = Watch(60.0, clock)
    beats = iter(range(100))
    for _ in range(6):
        assert watch.stale([trial(0, "same"), trial(1, str(next(beats))), trial(2)]) == []
        clock.now += 10.0
    assert watch.stale([trial(0, "same"), trial(1, str(next(beats))), trial(2)]) == []
    clock.now += 10.0
    assert watch.stale([trial(0, "same"), trial(1, str(next(beats))), trial(2)]) == [0, 2]


def test_time_in_which_the_watcher_did_not_look_does_not_count(clock):
    watch = Watch(60.0, clock)
    watch.stale([trial(0, "same")])
    clock.now += 3600.0  # it was frozen, or the storage away
    assert watch.stale([trial(0, "same")]) == []
    clock.now += 5.0
    assert watch.stale([trial(0, "other")]) == []


def test_only_running_trials_are_watched(clock):
    watch = Watch(1.0, clock)
    for _ in range(9):
        assert watch.stale([trial(0, "a", "waiting"), trial(1, "b", "finished")]) == []
        clock.now += 0.3


def test_which_trial_of_a_point_counts():
    lost, twin, retry = (
        trial(0, status="failed"),
        trial(1, status="superseded"),
        trial(2, status="running", attempt=1),
    )
    assert counting([lost, twin]) is lost
    assert counting([lost, twin, retry]) is retry
    done = trial(3, status="finished")
    assert counting([lost, retry, done, trial(4, status="finished")]) is done


def test_whose_place_another_trial_has():
    first, twin = trial(0, status="waiting"), trial(1)
    assert is_superseded(twin, [first, twin])
    assert not is_superseded(first, [first, twin])
    retry = trial(2, attempt=1)
    assert is_superseded(first, [first, retry])
    assert not is_superseded(retry, [first, retry])
    assert is_superseded(retry, [trial(3, status="pruned"), retry])


def test_when_a_point_is_given_up():
    lost = [trial(number, status="failed", attempt=number) for number in range(3)]
    assert not is_given_up(lost, 3)
    assert is_given_up(lost, 2)
    stopped = [trial(0, status="interrupted"), trial(1, status="superseded", attempt=1)]
    assert not is_given_up(stopped, 0)
    assert is_given_up([trial(0, status="failed", is_mistake=True)], 9)
