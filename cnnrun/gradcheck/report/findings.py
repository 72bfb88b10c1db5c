"""A mistake that a check found, in words."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cnnrun

__all__ = ["Finding", "Stage", "describe_crash"]

Stage = Literal["contract", "exact", "elements", "conventions", "network"]
"""What finds mistakes, in the order of the checks:

`contract`: the layer runs, again and again the same, with the right shapes and dtypes;
`exact`: laws that hold without any differencing, such as linearity in the upstream gradient;
`elements`: numerical derivatives; `conventions`: what is agreed on where there is no derivative;
`network`: the loss's gradient through all layers.
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
    """

    layer: str
    tensor: str | None
    stage: Stage
    message: str
    index: tuple[int, ...] | None = None


def describe_crash(error: Exception) -> str:
    """Return an exception's kind, message, and the last line of the user's own code it went by."""
    package = str(Path(cnnrun.__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(package) and "numpy" not in f.filename]
    place = (own or frames)[-1:]
    where = "".join(f" at {Path(frame.filename).name}:{frame.lineno}" for frame in place)
    return f"{type(error).__name__}{where}: {error}"
