"""Planted mistakes: of the kind that a person makes in a backward by hand, and in what runs it."""

from cnnrun.gradcheck.mutants import (
    activations,
    blocks,
    conditions,
    convolution,
    pooling,
    upsampling,
)
from cnnrun.gradcheck.mutants.catalogue import MUTANTS, Mutant
from cnnrun.gradcheck.mutants.execution import EXECUTION_MUTANTS, ExecutionMutant
from cnnrun.gradcheck.mutants.losses import LOSS_MUTANTS, LossMutant

__all__ = [
    "EXECUTION_MUTANTS",
    "LOSS_MUTANTS",
    "MUTANTS",
    "ExecutionMutant",
    "LossMutant",
    "Mutant",
    "activations",
    "blocks",
    "conditions",
    "convolution",
    "pooling",
    "upsampling",
]
