"""A mistake that a check came upon, in words, and the stages that mistakes are found by."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["NETWORK", "Finding", "Stage", "describe_crash", "written_apart"]

PACKAGE = Path(__file__).parents[2]

NETWORK = "network"
"""The layer name under which gradients through the whole network are reported."""

Stage = Literal["contract", "forward", "conditions", "exact", "elements", "conventions", "executed"]
"""What finds mistakes, in the order of the checks:

`contract`: the layer runs, again and again the same, with the right shapes and dtypes;
`forward`: a function written elsewhere computes what the layer does that it should be;
`conditions`: the same gradients in every situation that training makes, such as another shard;
`exact`: laws that hold without any differencing, such as linearity in the upstream gradient;
`elements`: numerical derivatives, of a layer alone or through the whole network;
`conventions`: what is agreed on where there is no derivative;
`executed`: a training step as it really runs, against the layers in float64.
"""


@dataclass(frozen=True)
class Finding:
    """A mistake.

    Attributes:
        layer: its full name.
        tensor: whose gradient is wrong; None where that is not the question.
        stage: what found it.
        message: what is wrong, in a sentence.
        index: of the worst element, if there is one.
        is_warning: whether it makes no gradient wrong, such as a forward that prints.
    """

    layer: str
    tensor: str | None
    stage: Stage
    message: str
    index: tuple[int, ...] | None = None
    is_warning: bool = False


def describe_crash(error: Exception) -> str:
    """Return an exception's kind, message, and the last line of the user's own code before it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if PACKAGE not in Path(frame.filename).parents
        and not {"numpy", "site-packages", "dist-packages"} & set(Path(frame.filename).parts)
    ]
    place = (own or frames)[-1:]
    where = "".join(f" at {Path(frame.filename).name}:{frame.lineno}" for frame in place)
    return f"{type(error).__name__}{where}: {error}"


def written_apart(one: float, other: float) -> tuple[str, str]:
    """Return two numbers with six digits, or with as many as it takes to see them differ."""
    for digits in range(6, 18):
        texts = f"{one + 0.0:.{digits}g}", f"{other + 0.0:.{digits}g}"  # never -0
        if texts[0] != texts[1]:
            break
    return texts
