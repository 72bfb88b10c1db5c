"""Prints, as JSON, what is known of each JAX function.

That is: which gradients differ from those that JAX derives itself, which should, and whether its
own check of gradients fails. It is a process of its own, since JAX warns every process that
imported it and forks.
"""

from __future__ import annotations

import json

import jax
import numpy as np
from jax.test_util import check_grads

from homework.jax_rules import Rule
from homework.wrong_in_jax import RIGHT, WRONG


def draw(rule: Rule) -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    return [rng.normal(size=shape) for shape in rule.inputs.values()]


def guilty(rule: Rule) -> list[str]:
    """Return the arguments whose gradient by the rule is wrong, at random numbers."""
    arguments = draw(rule)
    y, backward = jax.vjp(rule.function, *arguments)
    _, derived = jax.vjp(rule.plain, *arguments)
    dy = np.random.default_rng(5).normal(size=y.shape)
    pairs = zip(rule.inputs, backward(dy), derived(dy), strict=True)
    return [name for name, claimed, right in pairs if not np.allclose(claimed, right, 0, 1e-9)]


def fails_check_grads(rule: Rule) -> bool:
    """Return whether `jax.test_util.check_grads` fails, with its own tolerance."""
    try:
        check_grads(rule.function, draw(rule), order=1, modes=["rev"])
    except AssertionError:
        return True
    return False


if __name__ == "__main__":
    rules = {"right": RIGHT, "wrong": WRONG}
    rows = {
        name: [[r.name, guilty(r), r.guilty, fails_check_grads(r)] for r in some]
        for name, some in rules.items()
    }
    print(json.dumps(rows))
