"""The language of sweeps: what is read, and what is said of mistakes."""

from __future__ import annotations

import pytest

from cnnrun.config.search import Choice, Integers, Reals, read_dimension
from cnnrun.config.source import Source, parse_source
from cnnrun.config.sweep_file import Hyperband, Median, parse_search, read_sweep
from cnnrun.errors import ConfigError

RATE = "optimizer.sgd.learning_rate"


def read(text: str):
    return read_sweep(parse_source(text, "s.yaml"), {"optimizer": {"sgd": {}}})


@pytest.mark.parametrize(
    ("value", "dimension"),
    [
        ([1, 2.5, "a", [3, 3]], Choice((1, 2.5, "a", [3, 3]))),
        ({"choice": [True, 1]}, Choice((True, 1))),
        ({"log": [1e-3, 1]}, Reals(1e-3, 1.0, True)),
        ({"uniform": [0, 0.5]}, Reals(0.0, 0.5, False)),
        ({"integer": [4, 32], "step": 8}, Integers(4, 28, 8)),
        ({"integer": [1, 3]}, Integers(1, 3, 1)),
    ],
)
def test_what_is_tried(value, dimension):
    assert read_dimension(value) == dimension


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1, "set it in base"),
        ([], "1 to 10,000 values, got 0"),
        ([1, 1], "1 is there twice"),
        ({"log": [0, 1]}, "numbers > 0"),
        ({"log": [1, 0.1]}, "from the smaller end"),
        ({"uniform": [1]}, "takes the two ends"),
        ({"uniform": [True, 2]}, "takes the two ends"),
        ({"uniform": [0, 1e39]}, "too large for float32"),
        ({"integer": [1, 2.5]}, "whole numbers"),
        ({"integer": [1, 5], "step": 0}, "step 0 is not a whole number >= 1"),
        ({"log": [1, 2], "step": 2}, "got log, step"),
        ({"choice": 3}, "a list of values"),
        ({}, "got nothing"),
    ],
)
def test_what_cannot_be_tried(value, words):
    with pytest.raises(ValueError, match=words):
        read_dimension(value)


def test_a_grid_and_a_number_of_trials():
    grid = read(f"base: b.yaml\nsearch:\n  {RATE}: [1, 2, 3]\n  train.epochs: [1, 2]\n")
    assert (grid.chosen_sampler, grid.points) == ("grid", 6)
    tpe = read(f"base: b.yaml\ntrials: 7\nsearch:\n  {RATE}: {{log: [1e-3, 0.5]}}\n")
    assert (tpe.chosen_sampler, tpe.points, tpe.grace) == ("tpe", 7, 60.0)


def test_pruner_and_objective():
    text = f"base: b.yaml\nsearch: {{{RATE}: [1, 2]}}\n"
    assert read(text + "pruner: hyperband\n").pruner == Hyperband()
    assert read(text + "pruner: {median: {warmup_epochs: 2}}\n").pruner == Median(2)
    assert read(text + "pruner: none\n").pruner is None
    assert read(text + "objective: {minimize: val_loss}\n").objective == "val_loss"
    assert read(text + "objective: accuracy\n").objective == "val_accuracy"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("search: {seed: [1, 2]}", "s.yaml:2:10: search.seed: cannot be varied; seeds: K"),
        ("search: {optimizer.sgd.learning_rat: [1, 2]}", "did you mean optimizer.sgd.learning_r"),
        ("search: {train.epochs: 3}", "s.yaml:2:24: search.train.epochs: 3 is not a list"),
        ("search: {train.epochs: {uniform: [1, 2]}}\nsampler: grid", "a grid needs values"),
        ("search: {train.epochs: [1, 2]}\nsampler: grid\ntrials: 3", "s.yaml:4:9: trials: a grid"),
        ("search: {train.epochs: [1, 2]}\nsampler: bayes", "'bayes' is not one of grid, random"),
        ("search: {train.epochs: [1, 2]}\nsampler: random", "trials must be given"),
        ("search: {train.epochs: [1, 2]}\npruner: medain", "did you mean median?"),
        (
            "search: {train.epochs: [1, 2]}\npruner: {median: {x: 1}}",
            "s.yaml:3:19: pruner.median.x",
        ),
        ("search: {train.epochs: [1, 2]}\nobjective: {maximize: val_loss}", "{minimize: val_loss}"),
        ("search: {train.epochs: [1, 2]}\nobjective: test_accuracy", "no metric is called"),
        ("search: {train.epochs: [1, 2]}\nretry: 3", "unknown option; did you mean retries?"),
        ("search: {}", "needs 'key: values'"),
    ],
)
def test_mistakes_have_a_place_and_advice(text, message):
    with pytest.raises(ConfigError) as error:
        read(f"base: b.yaml\n{text}\n")
    assert message in str(error.value)


def test_what_an_override_tries():
    assert parse_search(f"{RATE}=0.1,0.2") == (RATE, [0.1, 0.2])
    assert parse_search(f"{RATE}={{log: [1, 2]}}") == (RATE, {"log": [1, 2]})
    assert parse_search("network[0].conv2d.kernel_size=[3, 3], [5, 5]")[1] == [[3, 3], [5, 5]]
    for fixed in (f"{RATE}=0.1", "network[0].conv2d.kernel_size=[3, 3]", "a", f"{RATE}=", "x=[1"):
        assert parse_search(fixed) is None


def test_a_range_may_be_as_large_as_numbers_go():
    text = f"base: b.yaml\nsearch: {{{RATE}: {{integer: [0, 9223372036854775807]}}}}\n"
    with pytest.raises(ConfigError, match=r"points; the limit is 10,000"):
        read(text)
    assert read(text + "trials: 3\n").points == 3


def test_a_plan_that_was_stored_is_read_without_a_file():
    tree = {"base": "b.yaml", "search": {RATE: [1, 2]}, "objective": "val_loss"}
    assert read_sweep(Source("name", tree)).points == 2
