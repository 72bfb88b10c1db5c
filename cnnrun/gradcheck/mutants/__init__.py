"""Planted mistakes: of the kind that a person makes in a backward by hand, and in what runs it."""

from cnnrun.gradcheck.mutants import activations, blocks, conditions, convolution, pooling
from cnnrun.gradcheck.mutants.catalogue import MUTANTS, Mutant
from cnnrun.gradcheck.mutants.execution import EXECUTION_MUTANTS, ExecutionMutant

__all__ = [
    "EXECUTION_MUTANTS",
    "MUTANTS",
    "ExecutionMutant",
    "Mutant",
    "activations",
    "blocks",
    "conditions",
    "convolution",
    "pooling",
]
