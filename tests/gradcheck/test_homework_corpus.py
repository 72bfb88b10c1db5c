"""The corpus of homework is what it says: plain central differences tell its right from its wrong.

No checker of ours is used here: what is measured on the corpus must not be what vouches for it.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from homework.mistakes import MISTAKES
from homework.pairs import PAIRS

STEP, AGREES = 1e-5, 1e-6


def numeric(pair, inputs, name, upstream):
    """Return the central differences of `sum(upstream * outputs)` by one input."""

    def objective():
        copies = {key: array.copy() for key, array in inputs.items()}
        outputs, _ = pair.run(copies)
        return sum(np.sum(dy * y) for dy, y in zip(upstream, outputs, strict=True))

    slopes = np.empty(inputs[name].shape)
    for index in np.ndindex(slopes.shape):
        middle = inputs[name][index]
        inputs[name][index] = middle + STEP
        above = objective()
        inputs[name][index] = middle - STEP
        slopes[index] = (above - objective()) / (2 * STEP)
        inputs[name][index] = middle
    return slopes


def agree(gradient, slopes):
    if not isinstance(gradient, np.ndarray) or gradient.dtype != np.float64:
        return False
    scale = max(1, np.max(np.abs(slopes)))
    return gradient.shape == slopes.shape and np.allclose(gradient, slopes, 0, AGREES * scale)


def disagreements(pair, seed):
    """Return the tensors that are answered wrongly, or that are written into.

    Forward runs on other numbers before and in between, as it does in a training.
    """
    inputs, rng = pair.draw(seed), np.random.default_rng([seed, 1])
    pair.run(pair.draw(seed + 1))
    given = {name: array.copy() for name, array in inputs.items()}
    outputs, cache = pair.run(given)
    guilty = {name for name in given if not np.array_equal(given[name], inputs[name])}
    pair.run(pair.draw(seed + 2))
    upstream = [np.array(rng.normal(size=np.shape(y))) for y in outputs]
    taken = [dy.copy() for dy in upstream]
    gradients = pair.gradients(taken, cache)
    if not all(map(np.array_equal, taken, upstream)):
        guilty.add("dout")
    return guilty | {
        name
        for name, gradient in gradients.items()
        if not agree(gradient, numeric(pair, inputs, name, upstream))
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_right_pairs_are_right(pair):
    assert not disagreements(pair, seed=4)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_in_the_tensors_it_names_and_nowhere_else(mistake):
    assert disagreements(mistake, seed=4) == set(mistake.guilty)


def test_the_corpus_is_large_and_its_entries_are_told_apart():
    names = [entry.name for entry in (*PAIRS, *MISTAKES)]
    assert len(MISTAKES) >= 60
    assert len(set(names)) == len(names)
    assert {mistake.family for mistake in MISTAKES} == {pair.family for pair in PAIRS}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_names_its_tensors_in_order_and_its_kind(mistake):
    order = [*mistake.inputs, "dout"]
    assert list(mistake.guilty) == sorted(mistake.guilty, key=order.index)
    assert mistake.guilty
    assert re.compile(mistake.kind).pattern
