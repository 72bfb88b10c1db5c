"""A dense layer, unit by unit: the equations behind steps 3 and 4 of the lecture's algorithm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrun.engine import Build
from cnnrun.engine.layers import Dense
from cnnrun.explain.algebra import gradient
from cnnrun.explain.bounds import choose_entries, require_small
from cnnrun.explain.document import (
    Equation,
    Explanation,
    Matrix,
    Namer,
    Section,
    Takeaway,
)
from cnnrun.explain.sizes import entry_of, require_sizes
from cnnrun.explain.takeaways import WIDEST_MATRIX

__all__ = ["explain_dense"]


def explain_dense(
    input: int = 3, units: int = 2, *, element: int | Sequence[int] | None = None
) -> Explanation:
    """Return the explanation of a dense layer with a bias.

    Args:
        input: numbers that come in.
        units: numbers that go out.
        element: of the one entry of each array to spell out, from 1.

    Raises:
        ConfigError: a size is not one, or there is too much to spell out.
    """
    element = entry_of(element)
    (inputs,), (units,) = require_sizes("input", input), require_sizes("units", units)
    layer = Dense(Dense.Config(units), (inputs,), Build(np.dtype(np.float64)))
    if element is None:
        require_small(inputs + 2 * units + inputs * units, 4 * inputs * units)
    x, o, b = (Namer(letter, (n,)) for letter, n in (("X", inputs), ("O", units), ("b", units)))
    w = Namer("W", (inputs, units))

    def output(unit: int) -> Equation:
        terms = [(x((i,)), w((i, unit))) for i in range(inputs)]
        return Equation(o((unit,)), (*terms, (b((unit,)),)), index=(unit,))

    outputs = [output(unit) for unit in range(units)]
    arrays = {
        "weight_gradient": ("weights", "W", w, (inputs, units)),
        "bias_gradient": ("bias", "b", b, (units,)),
        "input_gradient": ("input", "X", x, (inputs,)),
    }
    title = f"Dense layer from {inputs} inputs X to {units} outputs O"
    explanation = Explanation(title, layer=layer)
    explanation.legend = ["W_iu: input, unit; b_u: the bias of a unit"]
    chosen = [output(unit) for (unit,) in choose_entries((units,), element)]
    explanation.sections = [Section("output", "Forward pass: the output O", chosen, array="O")]
    for key, (word, letter, namer, shape) in arrays.items():
        wanted = [(namer(index), index) for index in choose_entries(shape, element)]
        title = f"Loss gradient with respect to the {word}"
        explanation.sections.append(Section(key, title, gradient(outputs, wanted), array=letter))
    if max(inputs, units) <= WIDEST_MATRIX:
        explanation.takeaways = _takeaways(inputs, units, x, o, w)
    explanation.notes = [
        "For a batch, dL/dW and dL/db add up over the samples: dL/dW = X^T dL/dO.",
    ]
    return explanation


def _takeaways(inputs: int, units: int, x: Namer, o: Namer, w: Namer) -> list[Takeaway]:
    """Return the lecture's steps 3 and 4 for this layer, as matrices."""
    error = Matrix("dL/dO", (tuple(f"dL/d{o((u,))}" for u in range(units)),))
    of_w = tuple(tuple(f"dL/d{w((i, u))}" for u in range(units)) for i in range(inputs))
    turned = tuple(tuple(w((i, u)) for i in range(inputs)) for u in range(units))
    column = tuple((x((i,)),) for i in range(inputs))
    return [
        Takeaway(
            "dL/dW = X^T dL/dO",
            Matrix("dL/dW", of_w),
            "Product",
            (Matrix("input X, as a column", column), error),
        ),
        Takeaway(
            "dL/dX = dL/dO W^T",
            Matrix("dL/dX", (tuple(f"dL/d{x((i,))}" for i in range(inputs)),)),
            "Product",
            (error, Matrix("weights W, transposed", turned)),
        ),
    ]
