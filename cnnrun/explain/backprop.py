"""The lecture's four steps for the layers of a network: shapes, formulas, and numbers if wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from cnnrun.engine import Context, Layer, Loss, Network, Pass
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Array
from cnnrun.errors import GradientError
from cnnrun.explain.document import Explanation, Section, Statement
from cnnrun.explain.formulas import Rule, formulas_of, loss_rules
from cnnrun.gradcheck import plan_network
from cnnrun.gradcheck.points.networks import random_targets
from cnnrun.gradcheck.points.probes import STEP

if TYPE_CHECKING:
    from cnnrun.gradcheck import Report

__all__ = ["explain_backprop"]

LETTERS = {"x": "X", "y": "O", "dx": "dL/dX", "dy": "dL/dO"}

BUDGET = 6000
"""Forward passes of the verification; above it, elements of each tensor are sampled."""


def explain_backprop(
    network: Network, loss: Loss, title: str = "a network", *, x: Array | None = None, seed: int = 0
) -> Explanation:
    """Return the four steps of backpropagation for a network.

    Args:
        network: what is explained.
        loss: of the network's output.
        title: what to call the network.
        x: a batch `(N, *input_shape)`. With it every step shows norms, and gradients are verified.
        seed: of random targets and of the verification.

    Raises:
        GradientError: a gradient differs from its finite difference.
    """
    run = _Run(network, loss, x, seed) if x is not None else None
    layers = list(_walk(network.layers))
    value, delta = loss_rules(loss)
    explanation = Explanation(f"Backpropagation through {title}")
    explanation.legend = [
        "X, O: a layer's input and output; dL/dX, dL/dO: the loss gradients of them, which the "
        "lecture calls delta",
        "F or W and b: a layer's parameters, which the files of a run call w and b",
        f"input: {format_size(network.input_shape)}; {network.parameter_count:,} parameters",
    ]
    forward = [
        _stated(
            f"{name}, {format_size(layer.input_shape)} to {format_size(layer.output_shape)}",
            formulas_of(layer).forward,
            run.norms(name, "x", "y") if run else "",
        )
        for name, layer in layers
    ]
    output = [
        _stated("the loss", value, f"L = {run.loss:.6g}" if run else ""),
        _stated("its gradient", delta, f"|delta| = {_norm(run.delta):.6g}" if run else ""),
    ]
    backward = [
        _stated(
            f"{name}, {format_size(layer.output_shape)} to {format_size(layer.input_shape)}",
            formulas_of(layer).backward,
            run.norms(name, "dy", "dx") if run else "",
        )
        for name, layer in reversed(layers)
    ]
    gradients = [
        _stated(
            f"{name}/{parameter}, {format_size(array.shape)}",
            rule := formulas_of(layer).parameters[parameter],
            run.gradient(f"{name}/{parameter}", array, rule.formula) if run else "",
        )
        for name, layer in layers
        for parameter, array in layer.params.items()
    ]
    explanation.sections = [
        Section("feedforward", "Step 1: feedforward pass", statements=forward,
                intro="Every layer computes its output from that of the one before."),
        Section("output_error", "Step 2: the error of the output", statements=output,
                intro="t is the target, N the number of samples in the batch."),
        Section("backward", "Step 3: the error of every layer, from the last to the first",
                statements=backward,
                intro="Each layer turns the error of its output into that of its input, which is "
                "the error of the layer before. The lecture's formula is done by two layers here, "
                "the product and the activation.",
                formulas=["delta^(l) = ((W^(l+1))^T delta^(l+1)) * f'(z^(l))"]),
        Section("gradients", "Step 4: the gradients of the parameters", statements=gradients,
                intro="Each is the error of the layer's output with the layer's own input.",
                formulas=["dL/dW^(l) = delta^(l+1) (a^(l))^T", "dL/db^(l) = delta^(l+1)"]),
    ]  # fmt: skip
    if run:
        explanation.verified = run.verify()
    return explanation


class _Run:
    """One forward and backward pass of the network in float64, with the arrays of every layer."""

    def __init__(self, network: Network, loss: Loss, x: Array, seed: int) -> None:
        self.network, self.objective, self.seed = network.astype(np.float64), loss, seed
        self.x = np.array(x, np.float64)
        self.seen: dict[tuple[str, str], Array] = {}
        context = Context(Pass(training=True, seed=seed, step=STEP, observer=self._watch))
        y = self.network.forward(self.x, context)
        targets = random_targets(loss, y, np.random.default_rng(seed))
        self.loss, self.delta = loss(y, targets, len(y))
        self.network.backward(self.delta, context)
        self.gradients = {k: v.copy() for k, v in context.collect("gradients").items()}
        self.targets = targets

    def _watch(self, name: str, kind: str, array: Array) -> None:
        self.seen[name, kind] = array.copy()

    def norms(self, name: str, *kinds: str) -> str:
        """Return `|X| = 1.2, |O| = 0.7`."""
        return ", ".join(
            f"|{LETTERS[kind]}| = {_norm(self.seen[name, kind]):.6g}"
            for kind in kinds
            if (name, kind) in self.seen
        )

    def gradient(self, name: str, parameter: Array, formula: str) -> str:
        """Return the norms of a parameter's gradient, by the name in its formula, and of itself."""
        left = formula.partition(" = ")[0]
        of_it, it = (left, left.removeprefix("dL/d")) if formula else ("gradient", "parameter")
        return f"|{of_it}| = {_norm(self.gradients[name]):.6g}, |{it}| = {_norm(parameter):.6g}"

    def verify(self) -> str:
        """Check every gradient of the network, and return a sentence that says so."""
        check = plan_network(
            self.network, self.x, loss=self.objective, targets=self.targets, seed=self.seed,
            budget=BUDGET,
        )  # fmt: skip
        for _ in check.run():
            pass
        report: Report = check.report()
        if report.verdict == "fail":
            raise GradientError(report.summary())
        resolved = sum(row.count("right") for row in report.rows)
        return (
            f"{resolved:,} elements of {len(report.rows)} gradients agree with finite differences "
            "of the forward pass, in each layer alone and through the whole network"
        )


def _stated(name: str, rule: Rule, remark: str) -> Statement:
    return Statement(name, rule.formula, rule.words, remark)


def _walk(layers: dict[str, Layer], prefix: str = "") -> Iterator[tuple[str, Layer]]:
    for name, layer in layers.items():
        yield f"{prefix}{name}", layer
        yield from _walk(layer.children(), f"{prefix}{name}/")


def _norm(array: Array) -> float:
    return float(np.linalg.norm(array))
