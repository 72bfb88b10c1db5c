"""Softmax, alone and with cross entropy: every output depends on every input."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Build
from cnnrun.engine.layers import Softmax
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.explain.algebra import chained
from cnnrun.explain.document import Equation, Explanation, Matrix, Namer, Section, Takeaway, Terms
from cnnrun.explain.sizes import require_few
from cnnrun.explain.takeaways import drawn

__all__ = ["explain_softmax", "explain_softmax_cross_entropy"]

JACOBIAN = "Jacobian d{o}/d{x}: row i is the output, column j the input"


class _Softmax:
    """The lines of a softmax from the letter `x` to the letter `o`, through E and S."""

    def __init__(self, x: str, o: str, count: int) -> None:
        self.places = [(i,) for i in range(count)]
        self.x, self.o, self.e = (Namer(letter, (count,)) for letter in (x, o, "E"))

    def exponentials(self) -> Section:
        """Return each exponential, and their sum."""
        lines = [Equation(self.e(i), ((f"exp({self.x(i)})",),), index=i) for i in self.places]
        lines.append(Equation("S", tuple((self.e(i),) for i in self.places)))
        title = "Forward pass: the exponentials E and their sum S"
        formulas = [f"E_i = exp({self.x.letter}_i)", "S = sum over k of E_k"]
        return Section("exponentials", title, lines, formulas=formulas)

    def outputs(self, title: str) -> Section:
        """Return the probabilities."""
        lines = [Equation(self.o(i), ((f"{self.e(i)}/S",),), index=i) for i in self.places]
        o = self.o.letter
        return Section("output", title, lines, formulas=[f"{o}_i = E_i/S"], array=o)

    def local(self, i: tuple[int, ...], j: tuple[int, ...]) -> tuple[str, ...]:
        """Return the factors of the derivative of output i with respect to input j."""
        if i == j:
            return self.o(i), f"(1 - {self.o(i)})"
        return f"-{self.o(i)}", self.o(j)

    def jacobian(self, array: str = "") -> Section:
        """Return the derivative of every output with respect to every input."""
        lines = []
        for i in self.places:
            for j in self.places:
                steps: tuple[Terms, ...]
                if i == j:
                    steps = (((f"{self.e(i)}/S",), (f"-{self.e(i)}/S^2", self.e(i))),)
                else:
                    steps = (((f"-{self.e(i)}/S^2", self.e(j)),),)
                left = f"d{self.o(i)}/d{self.x(j)}"
                lines.append(Equation(left, (self.local(i, j),), index=i + j, steps=steps))
        x, o = self.x.letter, self.o.letter
        return Section(
            "local_gradient",
            f"Local gradients: the Jacobian d{o}/d{x}",
            lines,
            intro=f"By the quotient rule. [i = j] is 1 on the diagonal and 0 beside it: {x}_j acts "
            f"on its own {o}_j through E_j, and on every {o}_i through S.",
            formulas=[
                f"d{o}_i/d{x}_j = ([i = j] E_i S - E_i E_j)/S^2 = {o}_i ([i = j] - {o}_j)",
            ],
            array=array,
        )

    def matrix(self) -> Matrix:
        """Return the Jacobian."""
        rows = tuple(tuple(" ".join(self.local(i, j)) for j in self.places) for i in self.places)
        return Matrix(JACOBIAN.format(o=self.o.letter, x=self.x.letter), rows)

    def row(self) -> Matrix:
        """Return the loss gradient with respect to the inputs."""
        row = tuple(f"dL/d{self.x(i)}" for i in self.places)
        return Matrix(f"dL/d{self.x.letter}", (row,))


def explain_softmax(input: int = 3) -> Explanation:
    """Return the explanation of a softmax layer.

    Args:
        input: how many numbers come in.

    Raises:
        ConfigError: that is no size, or more than can be read.
    """
    count = require_few("input", input)
    s = _Softmax("X", "O", count)
    layer = Softmax(Softmax.Config(), (count,), Build(np.dtype(np.float64)))
    shared = Equation("c", tuple((f"dL/d{s.o(k)}", s.o(k)) for k in s.places))
    gradients = []
    for j in s.places:
        local = {s.o(k): s.local(k, j) for k in s.places}
        final = ((s.o(j), f"(dL/d{s.o(j)} - c)"),)
        gradients.append(chained(s.x(j), j, local, final))
    explanation = Explanation(f"Softmax of {count} numbers X", layer=layer)
    explanation.legend = [f"output O: {count} probabilities, which add up to 1"]
    explanation.sections = [
        s.exponentials(),
        s.outputs("Forward pass: the output O"),
        s.jacobian("dO/dX"),
        Section(
            "coupling",
            "What all inputs share: the error's mean c, weighted with the outputs",
            [shared],
            formulas=["c = sum over k of dL/dO_k * O_k"],
        ),
        Section(
            "input_gradient",
            "Loss gradient with respect to the input",
            gradients,
            intro="Every output carries its error to every input. In the sum, O_j stands before "
            "all terms; what is left is the own error less the weighted mean c of all errors.",
            formulas=[
                "dL/dX_j = sum over k of dL/dO_k * dO_k/dX_j = O_j (dL/dO_j - c)",
            ],
            array="X",
        ),
    ]
    error = Matrix("dL/dO", (tuple(f"dL/d{s.o(k)}" for k in s.places),))
    explanation.takeaways = drawn(
        Takeaway(
            "dL/dX = dL/dO * dO/dX",
            s.row(),
            "Product",
            (error, s.matrix()),
            (
                "each row and each column of the Jacobian adds up to 0: the outputs always add up "
                "to 1, and the same number added to all inputs changes nothing",
                "so the dL/dX_j add up to 0, too",
            ),
        )
    )
    explanation.notes = [
        "The engine subtracts the largest X from all of them before it takes exponentials, so that "
        "none can overflow; the quotients stay the same.",
        "With the loss softmax_cross_entropy, which contains a softmax, this layer is left out.",
    ]
    return explanation


def explain_softmax_cross_entropy(classes: int = 3) -> Explanation:
    """Return the explanation of softmax and cross entropy as one loss.

    Args:
        classes: how many scores there are.

    Raises:
        ConfigError: that is no size, or more than can be read.
    """
    count = require_few("classes", classes, least=2)
    s = _Softmax("z", "p", count)
    t = Namer("t", (count,))
    loss = Equation("L", tuple((f"-{t(k)}", f"log({s.o(k)})") for k in s.places))
    of_p = [Equation(f"dL/d{s.o(k)}", ((f"-{t(k)}/{s.o(k)}",),), index=k) for k in s.places]
    gradients = [_score_gradient(s, t, j) for j in s.places]
    explanation = Explanation(
        f"Softmax and cross entropy of {count} scores z", loss=SoftmaxCrossEntropy()
    )
    explanation.legend = [
        "z: the network's output, one score for each class; p: the classes' probabilities",
        "t: the target, 1 for the right class and 0 for the others; the t_k add up to 1",
    ]
    explanation.sections = [
        s.exponentials(),
        s.outputs("Forward pass: the probabilities p"),
        Section(
            "loss",
            "Forward pass: the loss L",
            [loss],
            formulas=["L = -sum over k of t_k log(p_k)"],
            array="L",
        ),
        Section(
            "probability_gradient",
            "Loss gradient with respect to the probabilities",
            of_p,
            formulas=["dL/dp_k = -t_k/p_k"],
        ),
        s.jacobian(),
        Section(
            "input_gradient",
            "Loss gradient with respect to the scores",
            gradients,
            intro="The p_k below the line meet the p_k of the Jacobian and cancel. What is left "
            "is as simple as it can be, since the t_k add up to 1.",
            formulas=["dL/dz_j = sum over k of dL/dp_k * dp_k/dz_j = p_j - t_j"],
            array="z",
        ),
    ]
    error = Matrix("dL/dp", (tuple(f"-{t(k)}/{s.o(k)}" for k in s.places),))
    explanation.takeaways = drawn(
        Takeaway(
            "dL/dz = dL/dp * dp/dz = p - t",
            s.row(),
            "Product",
            (error, s.matrix()),
            (
                "the error is negative for the right class, whose score rises, and positive for "
                "all others; it is never larger than 1",
                "it is the delta of the lecture's step 2 for this loss",
            ),
        )
    )
    explanation.notes = [
        "For a batch of N samples the loss is the mean over them, so that dL/dz = (p - t) / N.",
        "The engine computes log(p) as z less the logarithm of the sum S, with the largest z "
        "subtracted first; so it never takes the logarithm of 0. It computes p - t at once.",
    ]
    return explanation


def _score_gradient(s: _Softmax, t: Namer, j: tuple[int, ...]) -> Equation:
    """Return dL/dz of one score, from the chain rule step by step to p - t."""
    own = s.o(j)
    products, cancelled = [], []
    for k in s.places:
        if k == j:
            products.append((f"-{t(k)}/{s.o(k)}", own, f"(1 - {own})"))
            cancelled.append((f"-{t(k)}", f"(1 - {own})"))
        else:
            products.append((f"{t(k)}/{s.o(k)}", s.o(k), own))
            cancelled.append((t(k), own))
    together = (f"({' + '.join(t(k) for k in s.places)})", own), (f"-{t(j)}",)
    return Equation(
        f"dL/d{s.x(j)}",
        ((own,), (f"-{t(j)}",)),
        index=j,
        chain=tuple((f"dL/d{s.o(k)}", f"d{s.o(k)}/d{s.x(j)}") for k in s.places),
        steps=(tuple(products), tuple(cancelled), together),
    )
