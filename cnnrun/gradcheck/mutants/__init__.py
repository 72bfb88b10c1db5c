"""Planted mistakes, each the kind that a person makes in a backward by hand."""

from cnnrun.gradcheck.mutants import activations, blocks, convolution, pooling
from cnnrun.gradcheck.mutants.catalogue import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant", "activations", "blocks", "convolution", "pooling"]
