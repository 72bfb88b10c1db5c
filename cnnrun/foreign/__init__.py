"""Gradients of functions that were written elsewhere: pairs of functions, PyTorch, JAX, programs.

Each is seen as arrays in, arrays out, and gradients back (`function.py`); from there on the stages
of `cnnrun.gradcheck` check it as they check a layer.
"""

from cnnrun.foreign.function import ForeignFunction
from cnnrun.foreign.inputs import Input
from cnnrun.foreign.pairs import PairFunction
from cnnrun.foreign.planning import plan_function
from cnnrun.foreign.subjects import Foreign, open_foreign
from cnnrun.foreign.tables import open_pair, pair_function

__all__ = [
    "Foreign",
    "ForeignFunction",
    "Input",
    "PairFunction",
    "open_foreign",
    "open_pair",
    "pair_function",
    "plan_function",
]
