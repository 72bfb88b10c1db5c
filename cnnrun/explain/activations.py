"""ReLU and sigmoid: functions of each number alone, whose error meets the function's slope."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Build, Layer
from cnnrun.engine.layers import ReLU, Sigmoid
from cnnrun.explain.algebra import chained
from cnnrun.explain.document import Equation, Explanation, Matrix, Namer, Section, Takeaway
from cnnrun.explain.sizes import require_few
from cnnrun.explain.takeaways import drawn

__all__ = ["explain_activation"]

INTROS = {
    "relu": "[X_i > 0] is 1 where X_i is positive and 0 elsewhere, at 0 too. An output depends on "
    "its own input alone: all dO_i/dX_j of different numbers are 0.",
    "sigmoid": "The slope follows from the output alone, and is at most 1/4. An output depends on "
    "its own input alone: all dO_i/dX_j of different numbers are 0.",
}
NOTES = {
    "relu": [
        "Where X_i is not positive, no error comes through. A unit for which this is so at every "
        "sample has a gradient of 0 and no longer learns: a dead unit.",
    ],
    "sigmoid": [
        "Where X_i is far from 0, O_i is nearly 0 or 1 and the slope nearly 0: the unit is "
        "saturated, and hardly any error comes through.",
    ],
}


def explain_activation(kind: str, input: int = 4) -> Explanation:
    """Return the explanation of an activation layer.

    Args:
        kind: `relu` or `sigmoid`.
        input: how many numbers come in.

    Raises:
        ConfigError: that is no size, or more than can be read.
    """
    count = require_few("input", input)
    build = Build(np.dtype(np.float64))
    layer: Layer
    if kind == "relu":
        layer = ReLU(ReLU.Config(), (count,), build)
    else:
        layer = Sigmoid(Sigmoid.Config(), (count,), build)
    x, o = Namer("X", (count,)), Namer("O", (count,))
    places = [(i,) for i in range(count)]
    outputs, slopes, gradients = [], [], []
    for place in places:
        own, out = x(place), o(place)
        local, slope = f"d{out}/d{own}", _slope(kind, own, out)
        if kind == "relu":
            outputs.append(Equation(out, ((own,), ("0",)), "max", place))
            slopes.append(Equation(local, ((slope,),), index=place * 2))
        else:
            outputs.append(Equation(out, ((f"1/(1 + exp(-{own}))",),), index=place))
            steps = (((f"exp(-{own})/(1 + exp(-{own}))^2",),),)
            slopes.append(Equation(local, ((out, f"(1 - {out})"),), index=place * 2, steps=steps))
        gradients.append(chained(own, place, {out: (slope,)}))
    word = "ReLU" if kind == "relu" else "Sigmoid"
    forward, local = FORMULAS[kind]
    explanation = Explanation(f"{word} of {count} numbers X", layer=layer)
    explanation.legend = [f"output O: {count} numbers"]
    explanation.sections = [
        Section("output", "Forward pass: the output O", outputs, formulas=[forward], array="O"),
        Section(
            "local_gradient",
            "Local gradients: the slope at each number",
            slopes,
            intro=INTROS[kind],
            formulas=[local],
            array="dO/dX",
        ),
        Section(
            "input_gradient",
            "Loss gradient with respect to the input",
            gradients,
            intro="Each error is multiplied by the slope at its number.",
            formulas=["dL/dX_i = dL/dO_i * dO_i/dX_i"],
            array="X",
        ),
    ]
    jacobian = tuple(
        tuple(_slope(kind, x(j), o(j)) if i == j else "0" for j in places) for i in places
    )
    explanation.takeaways = drawn(
        Takeaway(
            "dL/dX = dL/dO * dO/dX",
            Matrix("dL/dX", (tuple(f"dL/d{x(place)}" for place in places),)),
            "Product",
            (
                Matrix("dL/dO", (tuple(f"dL/d{o(place)}" for place in places),)),
                Matrix("Jacobian dO/dX: row i is the output, column j the input", jacobian),
            ),
            (
                "only the diagonal is not 0, so the product is number by number: the error times "
                "f'(z), as in steps 2 and 3 of the lecture",
            ),
        )
    )
    explanation.notes = NOTES[kind]
    return explanation


FORMULAS = {
    "relu": ("O_i = max(X_i, 0)", "dO_i/dX_i = [X_i > 0]"),
    "sigmoid": (
        "O_i = 1/(1 + exp(-X_i))",
        "dO_i/dX_i = exp(-X_i)/(1 + exp(-X_i))^2 = O_i (1 - O_i)",
    ),
}


def _slope(kind: str, own: str, out: str) -> str:
    return f"[{own} > 0]" if kind == "relu" else f"{out} (1 - {out})"
