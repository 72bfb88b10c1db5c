"""Batch normalisation of one channel: three ways from each input to the loss, and three terms."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Build
from cnnrun.engine.layers import BatchNorm
from cnnrun.explain.algebra import gradient
from cnnrun.explain.document import Equation, Explanation, Matrix, Namer, Section, Takeaway
from cnnrun.explain.sizes import require_few
from cnnrun.explain.takeaways import drawn

__all__ = ["explain_batch_norm"]


def explain_batch_norm(samples: int = 4) -> Explanation:
    """Return the explanation of batch normalisation, in training.

    Args:
        samples: of the batch.

    Raises:
        ConfigError: that is no size, less than two, or more than can be read.
    """
    count = require_few("samples", samples, least=2)
    layer = BatchNorm(BatchNorm.Config(), (1,), Build(np.dtype(np.float64)))
    lines = _Lines(count)
    explanation = Explanation(
        f"Batch normalisation of one channel over {count} samples X", layer=layer
    )
    explanation.legend = [
        f"X_n: the value of sample n, of N = {count}; O_n: the output",
        "mu, V: mean and variance of the batch; s: the deviation; h_n: the normalised value",
        f"gamma, beta: the parameters; epsilon = {layer.config.epsilon:g}",
    ]
    explanation.sections = [*lines.forward(), *lines.parameters(), *lines.backward()]
    explanation.takeaways = drawn(lines.takeaway())
    explanation.notes = [
        "Of images, every position of a channel counts as a sample, and every channel has a mean, "
        "a variance, a gamma and a beta of its own.",
        "When a trained network is used, mean and variance are constants that were collected "
        "during training. Then only the first of the three ways from an input is left.",
    ]
    return explanation


class _Lines:
    """The equations for a batch of some size."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.places = [(n,) for n in range(count)]
        self.x, self.h, self.o = (Namer(letter, (count,)) for letter in "XhO")
        self.share = f"1/{count}"
        self.outputs = [
            Equation(self.o(n), (("gamma", self.h(n)), ("beta",)), index=n) for n in self.places
        ]

    def forward(self) -> list[Section]:
        """Return statistics, normalised values and outputs."""
        x = self.x
        mean = Equation("mu", tuple((self.share, x(n)) for n in self.places))
        variance = Equation("V", tuple((self.share, f"({x(n)} - mu)^2") for n in self.places))
        deviation = Equation("s", (("sqrt(V + epsilon)",),))
        normalised = [Equation(self.h(n), ((f"({x(n)} - mu)/s",),)) for n in self.places]
        return [
            Section(
                "statistics",
                "Forward pass: the batch's mean, variance and deviation",
                [mean, variance, deviation],
                formulas=[
                    "mu = 1/N sum over n of X_n",
                    "V = 1/N sum over n of (X_n - mu)^2",
                    "s = sqrt(V + epsilon)",
                ],
            ),
            Section(
                "normalised",
                "Forward pass: the normalised values h",
                normalised,
                formulas=["h_n = (X_n - mu)/s"],
            ),
            Section(
                "output",
                "Forward pass: the output O",
                self.outputs,
                formulas=["O_n = gamma h_n + beta"],
                array="O",
            ),
        ]

    def parameters(self) -> list[Section]:
        """Return the gradients of gamma and beta."""
        words = {"gamma": "dL/dO_n * h_n", "beta": "dL/dO_n"}
        return [
            Section(
                f"{name}_gradient",
                f"Loss gradient with respect to {name}",
                gradient(self.outputs, [(name, ())]),
                formulas=[f"dL/d{name} = sum over n of {product}"],
                array=name,
            )
            for name, product in words.items()
        ]

    def backward(self) -> list[Section]:
        """Return the gradients on the way back, from h to X."""
        h, x = self.h, self.x
        of_h = gradient(self.outputs, [(h(n), n) for n in self.places])
        of_variance = Equation(
            "dL/dV",
            tuple((f"-dL/d{h(n)}", f"{h(n)}/(2 s^2)") for n in self.places),
            chain=tuple((f"dL/d{h(n)}", f"d{h(n)}/dV") for n in self.places),
            steps=(tuple((f"-dL/d{h(n)}", f"({x(n)} - mu)/(2 s^3)") for n in self.places),),
        )
        of_mean = Equation(
            "dL/dmu",
            tuple((f"-dL/d{h(n)}", "1/s") for n in self.places),
            chain=(
                *((f"dL/d{h(n)}", f"d{h(n)}/dmu") for n in self.places),
                ("dL/dV", "dV/dmu"),
            ),
        )
        errors = [f"dL/d{self.o(n)}" for n in self.places]
        means = [
            Equation("A", tuple((self.share, error) for error in errors)),
            Equation(
                "B",
                tuple(
                    (self.share, error, h(n)) for error, n in zip(errors, self.places, strict=True)
                ),
            ),
        ]
        return [
            Section(
                "normalised_gradient",
                "Loss gradient with respect to the normalised values",
                of_h,
                formulas=["dL/dh_n = dL/dO_n * gamma"],
            ),
            Section(
                "variance_gradient",
                "Loss gradient with respect to the variance",
                [of_variance],
                intro="The variance acts on every h_n.",
                formulas=["dh_n/dV = -(X_n - mu)/(2 s^3) = -h_n/(2 s^2)"],
            ),
            Section(
                "mean_gradient",
                "Loss gradient with respect to the mean",
                [of_mean],
                intro="The mean acts on every h_n, and on the variance; but the distances from the "
                "mean add up to 0, so nothing goes that way.",
                formulas=["dh_n/dmu = -1/s", "dV/dmu = -2/N sum over n of (X_n - mu) = 0"],
            ),
            Section(
                "means",
                "Two means of the error, one weighted with h",
                means,
                formulas=[
                    "A = 1/N sum over n of dL/dO_n",
                    "B = 1/N sum over n of dL/dO_n * h_n",
                ],
            ),
            Section(
                "input_gradient",
                "Loss gradient with respect to the input",
                [self._of_input(n) for n in self.places],
                intro="Three ways lead from X_n to the loss: its own h_n, the variance and the "
                "mean. With the two means above they come to three terms: the own error, less the "
                "errors' mean, less their share along h.",
                formulas=[
                    "dL/dX_n = dL/dh_n * dh_n/dX_n + dL/dV * dV/dX_n + dL/dmu * dmu/dX_n",
                    "dL/dX_n = gamma/s (dL/dO_n - A - h_n B)",
                ],
                array="X",
            ),
        ]

    def _of_input(self, n: tuple[int, ...]) -> Equation:
        x, h, error = self.x(n), self.h(n), f"dL/d{self.o(n)}"
        three_ways = (
            (f"dL/d{h}", "1/s"),
            ("dL/dV", f"2/{self.count}", f"({x} - mu)"),
            ("dL/dmu", self.share),
        )
        return Equation(
            f"dL/d{x}",
            (("gamma/s", error), ("-gamma/s", "A"), ("-gamma/s", h, "B")),
            index=n,
            chain=((f"dL/d{h}", f"d{h}/d{x}"), ("dL/dV", f"dV/d{x}"), ("dL/dmu", f"dmu/d{x}")),
            steps=(three_ways,),
        )

    def takeaway(self) -> Takeaway:
        """Return the whole backward pass as one product."""
        h, count = self.h, self.count
        rows = tuple(
            tuple(
                f"({count - 1} - {h(i)}^2)/{count}" if i == j else f"-(1 + {h(i)} {h(j)})/{count}"
                for j in self.places
            )
            for i in self.places
        )
        errors = (tuple(f"gamma/s dL/d{self.o(n)}" for n in self.places),)
        return Takeaway(
            "dL/dX_j = gamma/s sum over i of dL/dO_i ([i = j] - (1 + h_i h_j)/N)",
            Matrix("dL/dX", (tuple(f"dL/d{self.x(n)}" for n in self.places),)),
            "Product",
            (
                Matrix("errors dL/dO times gamma/s", errors),
                Matrix("what is left of an error at i for the input at j", rows),
            ),
            (
                "each column adds up to 0: the same error at all outputs moves no input, since O "
                "stays as it is when the same number is added to all X",
                "errors in proportion to h move almost nothing, since O stays as it is when all X "
                "are spread; only epsilon keeps it from being nothing at all",
            ),
        )
